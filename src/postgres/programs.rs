//! Where PostgreSQL's programs are. Looks, never installs.

use super::error::EmbeddedError;
use super::log::reason;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest version supported.
const MINIMUM: u32 = 13;

/// Parent, start of the name (a version follows it) and what lies below: Debian, the PostgreSQL project's RPMs, Alpine,
/// Homebrew (Apple, Intel, Linux), Postgres.app.
const FAMILIES: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A folder that holds `initdb` and `postgres` of one version.
#[derive(Debug)]
pub(super) struct Programs {
    pub folder: PathBuf,
    pub major: u32,
}

impl Programs {
    /// The programs in `bin_dir`, or else the first on this machine that fit: of version `wanted` where a cluster
    /// exists already, else of any version we support.
    pub fn find(bin_dir: Option<&Path>, wanted: Option<(&Path, u32)>) -> Result<Self, EmbeddedError> {
        if let Some(folder) = bin_dir {
            if !holds_both(folder) {
                return Err(EmbeddedError::WrongBinDir(folder.to_owned()));
            }
            return Self::in_folder(folder.to_owned())?.fitting(wanted);
        }
        let mut misfit = None;
        for source in [on_path, by_pg_config, in_known_folders] {
            for folder in source().into_iter().filter(|folder| holds_both(folder)) {
                match Self::in_folder(folder).and_then(|programs| programs.fitting(wanted)) {
                    Ok(programs) => return Ok(programs),
                    Err(error) => misfit = misfit.or(Some(error)),
                }
            }
        }
        Err(misfit.unwrap_or(EmbeddedError::NoPrograms))
    }

    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    fn in_folder(folder: PathBuf) -> Result<Self, EmbeddedError> {
        let folder = folder.canonicalize().unwrap_or(folder);
        let program = folder.join("postgres");
        let output = match Command::new(&program).arg("--version").env("LC_ALL", "C").output() {
            Ok(output) => output,
            Err(error) => return Err(EmbeddedError::BrokenProgram { program, output: error.to_string() }),
        };
        if let Some(major) = major_version(&String::from_utf8_lossy(&output.stdout)) {
            return Ok(Self { folder, major });
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(EmbeddedError::BrokenProgram { program, output: format!("{}, {}", output.status, reason(&said)) })
    }

    fn fitting(self, wanted: Option<(&Path, u32)>) -> Result<Self, EmbeddedError> {
        if self.major < MINIMUM {
            return Err(EmbeddedError::TooOld { path: self.folder, found: self.major, minimum: MINIMUM });
        }
        match wanted {
            Some((path, cluster)) if cluster != self.major => Err(EmbeddedError::OtherVersion {
                path: path.to_owned(),
                cluster,
                programs: self.folder,
                found: self.major,
            }),
            _ => Ok(self),
        }
    }
}

/// `postgres (PostgreSQL) 15.12 (Debian 15.12-0+deb12u2)` is 15; so is `15beta1`.
fn major_version(text: &str) -> Option<u32> {
    let number = text.split_once(") ")?.1;
    let digits = number.find(|c: char| !c.is_ascii_digit()).map_or(number, |end| &number[..end]);
    digits.parse().ok()
}

fn holds_both(folder: &Path) -> bool {
    folder.join("initdb").is_file() && folder.join("postgres").is_file()
}

fn on_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn by_pg_config() -> Vec<PathBuf> {
    let Ok(output) = Command::new("pg_config").arg("--bindir").output() else { return Vec::new() };
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if folder.is_empty() { Vec::new() } else { vec![PathBuf::from(folder)] }
}

/// Newest version first within each family.
fn in_known_folders() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (parent, prefix, child) in FAMILIES {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        let mut versions: Vec<(u32, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let version = name.strip_prefix(prefix)?.trim_start_matches('@').parse().unwrap_or(0);
                Some((version, entry.path().join(child)))
            })
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        found.extend(versions.into_iter().map(|(_, folder)| folder));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.12 (Debian 15.12-0+deb12u2)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(major_version("something else"), None);
    }
}
