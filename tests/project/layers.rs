//! The layers of `docs/ARCHITECTURE.md`, held true: who may use whom, who may say what, how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up: a layer uses those before its own; those in one row do not know each other.
const LAYERS: [&[&str]; 5] = [&["domain"], &["store", "auth"], &["actors"], &["http", "gateway", "load"], &["app"]];
/// What every layer may use.
const SHARED: [&str; 10] = [
    "error",
    "client_address",
    "config",
    "descriptors",
    "memory",
    "origin",
    "patience",
    "rate_limit",
    "telemetry",
    "wire",
];
const LINES_MAX: usize = 400;

/// What only some files may say, and which.
const ONLY: [(&str, &[&str]); 14] = [
    ("include_str!(\"../../sql", &["src/store/"]),
    ("tokio_postgres::", &["src/store/", "src/config.rs", "src/actors/writer/"]),
    ("ServerAccess::decide", &["src/actors/registry/", "src/domain/access.rs"]),
    ("ChannelAccess::decide", &["src/actors/registry/", "src/domain/access.rs"]),
    ("Caller::known", &["src/actors/registry/", "src/domain/access.rs"]),
    (".unwrap()", &[]),
    (".expect(", &[]),
    ("panic!", &[]),
    ("unreachable!", &[]),
    ("todo!", &[]),
    ("unimplemented!", &[]),
    // A code that is not in the table of `src/error/codes.rs`.
    ("code: \"", &[]),
    ("\"code\": \"", &[]),
    // The way around `crate::`.
    ("super::super::", &[]),
];

pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    // A module's tests may stand in a file of their own.
    files.filter(|path| !path.ends_with("tests.rs")).collect()
}

/// A file's code: without its tests, without comments.
pub fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = code.split("#[cfg(test)]\npub(crate) mod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The modules of this crate that some code names: `crate::store`, `crate::{http, store::Db}`.
fn uses(code: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let names = code.split("crate::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(name).collect(),
        None => vec![name(rest)],
    });
    names.collect()
}

#[test]
fn no_layer_uses_one_above_it_or_beside_it() {
    for path in sources(Path::new("src")) {
        let name = path.strip_prefix("src").expect("below src").components().next().expect("a name");
        let own = name.as_os_str().to_str().expect("text").trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).expect("text");
        for used in uses(&code(&text)).iter().filter(|used| **used != own && !SHARED.contains(&used.as_str())) {
            let Some(below) = layer(used) else { continue };
            let allowed = match layer(&own) {
                Some(own) => below < own,
                // `error` names what `domain` refuses; `config` names what `auth` can sign with.
                None => SHARED.contains(&own.as_str()) && below <= 1,
            };
            assert!(allowed || own == "main", "{} uses {used}", path.display());
        }
    }
}

#[test]
fn what_only_some_may_say_nobody_else_says() {
    for path in sources(Path::new("src")) {
        let text = fs::read_to_string(&path).expect("text");
        for (words, allowed) in ONLY {
            let may = allowed.iter().any(|place| path.starts_with(place));
            assert!(may || !code(&text).contains(words), "{} says `{words}`", path.display());
        }
    }
}

#[test]
fn every_file_can_be_read_in_one_go() {
    let files = ["src", "tests", "benches"].iter().flat_map(|folder| sources(Path::new(folder)));
    // A lock file is cargo's to read.
    for path in files.filter(|path| !path.ends_with("Cargo.lock")) {
        let lines = fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
}
