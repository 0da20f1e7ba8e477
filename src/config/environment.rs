//! Where settings come from: the process's environment, then `.env` in the working folder.

use super::{ConfigError, NAMES, Result, bad};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

/// What is logged; it is read by itself, for it has to work before all others.
pub const LOG: &str = "RUST_LOG";
/// These are never told.
const SECRETS: [&str; 4] = ["DATABASE_URL", "NATS_URL", "SECRET_KEY", "SECRET_KEY_PREVIOUS"];
const FILE: &str = ".env";
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Every setting that is set, and what looks like one.
#[derive(Debug, Default)]
pub struct Environment {
    values: HashMap<&'static str, String>,
    unknown: Vec<Unknown>,
}

/// A name that is no setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// As it was written.
    pub name: String,
    /// What may have been meant.
    pub meant: Option<&'static str>,
}

impl Environment {
    /// Reads the environment and the `.env` of the working folder; the first wins.
    ///
    /// # Errors
    /// When a value is not UTF-8, or a line of the file cannot be read. No value is repeated: it may be a secret.
    pub fn load() -> Result<Self> {
        let file = match std::fs::read(Path::new(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return bad(FILE, error),
        };
        Self::read(std::env::vars_os(), &file)
    }

    fn read(variables: impl Iterator<Item = (OsString, OsString)>, file: &[u8]) -> Result<Self> {
        let mut environment = Self::default();
        for (name, value) in variables {
            let Some(name) = name.to_str() else { continue };
            match known(name) {
                Some(name) => {
                    let value = value.into_string().or_else(|_| bad(name, "is not UTF-8"))?;
                    environment.values.insert(name, value);
                }
                // Most variables are not ours: only what is nearly one of ours is told.
                None => environment.unknown.extend(
                    almost(name, 1)
                        .filter(|_| name.len() > 5)
                        .map(|meant| Unknown { name: name.to_owned(), meant: Some(meant) }),
                ),
            }
        }
        environment.read_file(file)?;
        environment.values.retain(|_, value| !value.trim().is_empty());
        Ok(environment)
    }

    fn read_file(&mut self, file: &[u8]) -> Result<()> {
        let file = file.strip_prefix("\u{feff}".as_bytes()).unwrap_or(file);
        let mut lines = HashMap::new();
        for (line, number) in file.split(|byte| *byte == b'\n').zip(1..) {
            let at = |problem: &str| ConfigError { name: FILE, problem: format!("line {number}: {problem}") };
            let line = std::str::from_utf8(line).map_err(|_| at("it is not UTF-8"))?.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once('=').ok_or_else(|| at("write it as NAME=value"))?;
            let name = name.strip_prefix("export ").unwrap_or(name).trim();
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(at("write it as NAME=value"));
            }
            let value = unquoted(value.trim()).ok_or_else(|| at("the quote is not closed"))?;
            if let Some(earlier) = lines.insert(name.to_owned(), number) {
                return Err(at(&format!("{name} is set already, on line {earlier}")));
            }
            match known(name) {
                Some(name) => drop(self.values.entry(name).or_insert_with(|| value.to_owned())),
                None => self.unknown.push(Unknown { name: name.to_owned(), meant: almost(name, 2) }),
            }
        }
        Ok(())
    }

    /// A setting's value; `None` where it is unset or empty.
    pub fn get(&self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    /// Names that are no settings: all of the file's, and those of the environment that are nearly one.
    pub fn unknown(&self) -> &[Unknown] {
        &self.unknown
    }

    /// What is set, for the log, in the order of `docs/SETTINGS.md`: secrets without their values.
    pub fn told(&self) -> String {
        let told = |name: &&'static str| {
            let value = self.values.get(name)?;
            Some(if SECRETS.contains(name) { format!("{name} (set)") } else { format!("{name}={value}") })
        };
        NAMES.iter().chain([&LOG]).filter_map(told).collect::<Vec<_>>().join(", ")
    }

    /// What is to be logged, if it is said.
    ///
    /// # Errors
    /// When it is nothing that would be understood: then nothing would be logged.
    pub fn log(&self) -> Result<Option<String>> {
        let Some(text) = self.get(LOG) else { return Ok(None) };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let is_level = |level: &str| LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known));
            let is_good = match part.rsplit_once('=') {
                Some((target, level)) => !target.is_empty() && is_level(level),
                None => is_level(part) || part == "madang" || part.contains("::"),
            };
            if !is_good {
                return bad(
                    LOG,
                    format!("`{part}` is neither a level ({}) nor a part with one, as madang=info", LEVELS.join(", ")),
                );
            }
        }
        Ok(Some(text))
    }
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.iter().chain([&LOG]).find(|known| **known == name).copied()
}

/// The setting whose name is nearest, if it is no more than so many letters away.
fn almost(name: &str, letters: usize) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    let bare = name.strip_prefix("MADANG_").map(str::to_owned).unwrap_or(name);
    let away = |known: &&str| strsim::levenshtein(known, &bare);
    NAMES.into_iter().min_by_key(away).filter(|known| away(known) <= letters)
}

/// A value as it stands, or what is between its quotes.
fn unquoted(value: &str) -> Option<&str> {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value.strip_prefix(quote)?.strip_suffix(quote),
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    fn of(file: &str) -> Result<Environment> {
        Environment::read(std::iter::empty(), file.as_bytes())
    }

    #[test]
    fn values_of_the_file_stand_as_they_are() {
        let file = "\u{feff}# mine\r\n\r\nTRUSTED_PROXIES=10.0.0.0/8, ::1\r\nSECRET_KEY=a$b`c\\d#e\r\nexport PORT = 1\nHOST=\"::1\"\nDATA_DIR=' a b '\nWORKERS=\n";
        let environment = of(file).expect("good");
        for (name, value) in [
            ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("SECRET_KEY", "a$b`c\\d#e"),
            ("PORT", "1"),
            ("HOST", "::1"),
            ("DATA_DIR", " a b "),
        ] {
            assert_eq!(environment.get(name).as_deref(), Some(value));
        }
        assert_eq!((environment.get("WORKERS"), environment.unknown()), (None, &[][..]));
        let told = environment.told();
        assert!(told.starts_with("SECRET_KEY (set), HOST=::1, PORT=1"), "{told}");
    }

    #[test]
    fn the_environment_wins_and_what_is_not_utf_8_is_named() {
        let variable = |name: &str, value: &[u8]| (OsString::from(name), OsString::from_vec(value.to_vec()));
        let variables = [variable("PORT", b"2"), variable("OTHER", b"\xff")];
        let environment = Environment::read(variables.into_iter(), b"PORT=1\nHOST=::1").expect("good");
        assert_eq!((environment.get("PORT"), environment.get("HOST")), (Some("2".into()), Some("::1".into())));
        let error = Environment::read([variable("DATABASE_URL", b"postgresql://\xff")].into_iter(), b"");
        assert_eq!(error.expect_err("not UTF-8").to_string(), "DATABASE_URL: is not UTF-8");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_never_repeated() {
        for (file, says) in [
            ("PORT=1\ncanary", ".env: line 2: write it as NAME=value"),
            ("=canary", ".env: line 1: write it as NAME=value"),
            ("a canary=1", ".env: line 1: write it as NAME=value"),
            ("SECRET_KEY='canary", ".env: line 1: the quote is not closed"),
            ("PORT=1\n\nPORT=canary", ".env: line 3: PORT is set already, on line 1"),
        ] {
            assert_eq!(of(file).expect_err(file).to_string(), says);
        }
        let error = Environment::read(std::iter::empty(), b"PORT=1\nHOST=\xff").expect_err("not UTF-8");
        assert_eq!(error.to_string(), ".env: line 2: it is not UTF-8");
    }

    #[test]
    fn unknown_names_are_told_with_what_may_have_been_meant() {
        let unknown = |name: &str, meant| Unknown { name: name.to_owned(), meant };
        let environment = of("RATE_LIMITS=off\nPOSTGRES_PASSWORD=x\nMADANG_PORT=1\n").expect("good");
        assert_eq!(
            environment.unknown(),
            [
                unknown("RATE_LIMITS", Some("RATE_LIMIT")),
                unknown("POSTGRES_PASSWORD", None),
                unknown("MADANG_PORT", Some("PORT")),
            ]
        );
        let variables = ["RATE_LIMITS", "HOME", "HOSTS", "PATH"].map(|name| (name.into(), "x".into()));
        let environment = Environment::read(variables.into_iter(), b"").expect("good");
        assert_eq!(environment.unknown(), [unknown("RATE_LIMITS", Some("RATE_LIMIT"))]);
    }

    #[test]
    fn what_would_log_nothing_is_refused() {
        for good in ["info", "WARN,madang=debug", "madang", "off", "warn,madang::http=trace, actix_web=error"] {
            assert!(of(&format!("RUST_LOG={good}")).and_then(|environment| environment.log()).is_ok(), "{good}");
        }
        for bad in ["verbose", "madang=lodu", "warn,debugg", "=info", "madang="] {
            let error = of(&format!("RUST_LOG={bad}")).and_then(|environment| environment.log()).expect_err(bad);
            assert_eq!(error.name, "RUST_LOG");
        }
    }
}
