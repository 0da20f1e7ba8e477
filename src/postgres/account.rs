//! The user that PostgreSQL's programs run as. PostgreSQL refuses root, so root hands them to `postgres`, else `nobody`;
//! a cluster that exists keeps its owner. Everyone else runs them as themselves.
//!
//! The standard library drops root's supplementary groups when `uid()` is set, so nothing of root's reaches the programs.

use super::error::EmbeddedError;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Where programs, libraries, locales and time zones are, for systems that keep them in places of their own.
const INHERITED: [&str; 5] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LOCALE_ARCHIVE", "TZDIR"];

/// Prints the first of its arguments that the user may not pass through or run.
const FIRST_CLOSED: &str = r#"for path; do test -x "$path" || { printf %s "$path"; exit 1; }; done"#;

/// Who runs the programs.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    gid: u32,
    /// We are root and must become this user.
    switch: bool,
}

impl Account {
    /// The user for the cluster in `cluster`, which may not exist yet. `data_dir` must exist.
    pub fn choose(data_dir: &Path, cluster: &Path) -> Result<Self, EmbeddedError> {
        let me = effective_uid(data_dir)?;
        let owner = fs::metadata(cluster).ok().map(|m| (m.uid(), m.gid()));
        match owner {
            Some((uid, gid)) if me == 0 && uid != 0 => Ok(Self { name: user_name(uid), uid, gid, switch: true }),
            Some((uid, _)) if uid != me => {
                Err(EmbeddedError::NotOurs { path: cluster.to_owned(), owner: user_name(uid) })
            }
            _ if me == 0 => Self::for_root(),
            _ => Ok(Self { name: user_name(me), uid: me, gid: 0, switch: false }),
        }
    }

    fn for_root() -> Result<Self, EmbeddedError> {
        let users = passwd();
        ["postgres", "nobody"]
            .iter()
            .find_map(|wanted| users.iter().find(|user| user.name == *wanted && user.uid != 0))
            .map(|user| Self { name: user.name.clone(), uid: user.uid, gid: user.gid, switch: true })
            .ok_or(EmbeddedError::NoAccount)
    }

    /// Whether the programs run as another user than we do.
    pub fn is_other_user(&self) -> bool {
        self.switch
    }

    /// A command of this user: without a terminal, in its own process group so that Ctrl-C reaches only us, and with
    /// nothing of our environment but what programs need to run; our secrets and `PG…` variables stay with us.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").process_group(0).stdin(Stdio::null()).env_clear().env("LC_ALL", "C");
        command.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives `path` to this user.
    pub fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        if !self.switch {
            return Ok(());
        }
        lchown(path, Some(self.uid), Some(self.gid)).map_err(|source| EmbeddedError::Folder {
            action: "hand over to PostgreSQL",
            path: path.to_owned(),
            source,
        })
    }

    /// Checks that this user can get to each of `targets`, by asking the kernel as that user.
    pub async fn check_reach(&self, targets: &[&Path]) -> Result<(), EmbeddedError> {
        if !self.switch {
            return Ok(());
        }
        let mut way: Vec<&Path> = Vec::new();
        for target in targets {
            let mut steps: Vec<&Path> = target.ancestors().collect();
            steps.reverse();
            way.extend(steps);
        }
        let shell = "/bin/sh";
        let output = self.command(shell).args(["-c", FIRST_CLOSED, "sh"]).args(way).output().await;
        let output = output.map_err(|source| self.spawn_error(Path::new(shell), source))?;
        if output.status.success() {
            return Ok(());
        }
        let path = String::from_utf8_lossy(&output.stdout).into_owned();
        Err(EmbeddedError::Unreachable { user: self.name.clone(), path })
    }

    /// The error for a program that did not start.
    pub fn spawn_error(&self, program: &Path, source: io::Error) -> EmbeddedError {
        let as_user = if self.switch { format!(" as user {}", self.name) } else { String::new() };
        EmbeddedError::Spawn { program: program.to_owned(), as_user, source }
    }
}

struct User {
    name: String,
    uid: u32,
    gid: u32,
}

fn passwd() -> Vec<User> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(User { name, uid, gid })
        })
        .collect()
}

fn user_name(uid: u32) -> String {
    let known = passwd().into_iter().find(|user| user.uid == uid);
    known.map_or_else(|| format!("user {uid}"), |user| user.name)
}

/// Our effective user, without a system call of our own: Linux says it in `/proc`, elsewhere a new file shows it.
fn effective_uid(data_dir: &Path) -> Result<u32, EmbeddedError> {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        if let Some(uid) = line.and_then(|ids| ids.split_whitespace().nth(1)).and_then(|uid| uid.parse().ok()) {
            return Ok(uid);
        }
    }
    let probe: PathBuf = data_dir.join(format!("whoami-{}", std::process::id()));
    let uid = fs::File::create(&probe).and_then(|file| file.metadata()).map(|metadata| metadata.uid());
    let _ = fs::remove_file(&probe);
    uid.map_err(|source| EmbeddedError::Folder { action: "write to", path: data_dir.to_owned(), source })
}
