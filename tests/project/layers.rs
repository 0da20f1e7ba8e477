//! The layers of `docs/ARCHITECTURE.md`, held true: who may use whom, who may say what, how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up: a module uses those before its own; those in one row do not know each other. The first row serves all.
const LAYERS: [&[&str]; 11] = [
    &["memory", "patience", "telemetry", "times", "websocket", "net::client_address", "net::origin"],
    &["domain"],
    &["limits"],
    &["error"],
    &["net"],
    &["auth", "store", "postgres"],
    &["config"],
    &["actors"],
    &["http", "sockets"],
    &["app"],
    &["main"],
];
const LINES_MAX: usize = 400;

/// What only some files may say, and which.
const ONLY: [(&str, &[&str]); 8] = [
    ("include_str!(\"../../sql", &["src/store/"]),
    ("tokio_postgres::", &["src/store/", "src/postgres/", "src/config.rs", "src/actors/writer/"]),
    ("ServerAccess::decide", &["src/actors/registry/", "src/domain/access.rs", "src/domain/access/"]),
    ("ChannelAccess::decide", &["src/actors/registry/", "src/domain/access.rs", "src/domain/access/"]),
    ("Caller::known", &["src/actors/registry/", "src/domain/access.rs", "src/domain/access/"]),
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

/// Where the last of a path's parts that has a row stands: `net::origin::OriginError`, `net`, `store::users`.
fn layer(path: &str) -> Option<usize> {
    let names = path.match_indices("::").map(|(end, _)| &path[..end]).chain([path]);
    let row = |name: &str| LAYERS.iter().position(|row| row.contains(&name));
    names.filter_map(row).last()
}

/// What some code names of this crate: `crate::{http, store::Db}` are `http` and `store::Db`.
fn uses(code: &str) -> Vec<String> {
    code.split("crate::").skip(1).flat_map(paths).collect()
}

/// The paths that a text begins with: one, or a list in braces.
fn paths(text: &str) -> Vec<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
    let (stem, rest) = (name.trim_end_matches(':'), &text[name.len()..]);
    let Some(list) = rest.strip_prefix('{') else { return vec![stem.to_owned()] };
    let (mut depth, mut parts) = (1, vec![String::new()]);
    for c in list.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match (c, depth) {
            (_, 0) => break,
            (',', 1) => parts.push(String::new()),
            (c, _) => parts.last_mut().expect("one is there").push(c),
        }
    }
    let below = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()).flat_map(paths);
    below.map(|path| format!("{name}{path}").trim_end_matches("::self").to_owned()).collect()
}

/// The module that a file is: `src/net/mod.rs` is `net`, `src/net/tls.rs` is `net::tls`.
fn module(path: &Path) -> String {
    let path = path.strip_prefix("src").expect("below src").with_extension("");
    let names = path.iter().map(|name| name.to_str().expect("text")).filter(|name| *name != "mod");
    names.collect::<Vec<_>>().join("::")
}

/// Each module, and what it names of this crate.
fn modules() -> BTreeMap<String, Vec<String>> {
    let read = |path: PathBuf| (module(&path), uses(&code(&fs::read_to_string(&path).expect("text"))));
    sources(Path::new("src")).into_iter().map(read).collect()
}

#[test]
fn no_layer_uses_one_above_it_or_beside_it() {
    for (own, used) in modules() {
        let row = layer(&own).filter(|_| own != "lib");
        for used in used {
            let top = |path: &str| LAYERS[layer(path).expect("it has a row")].iter().any(|name| own.starts_with(name));
            match (row, layer(&used)) {
                (Some(row), Some(below)) => assert!(below < row || below == row && top(&used), "{own} uses {used}"),
                (None, _) => assert!(own == "lib", "{own} has no row"),
                (_, None) => panic!("{own} uses {used}, which has no row"),
            }
        }
    }
}

#[test]
fn no_file_needs_itself_by_way_of_others() {
    let modules = modules();
    let file = |path: &str| {
        let names = path.match_indices("::").map(|(end, _)| &path[..end]).chain([path]);
        names.filter(|name| modules.contains_key(*name)).last().map(str::to_owned)
    };
    for own in modules.keys() {
        let (mut seen, mut next) = (BTreeSet::new(), vec![own.clone()]);
        while let Some(module) = next.pop() {
            for used in modules[&module].iter().filter_map(|used| file(used)).filter(|used| *used != module) {
                assert!(used != *own, "{own} needs {module}, which needs {own}");
                if seen.insert(used.clone()) {
                    next.push(used);
                }
            }
        }
    }
}

#[test]
fn what_only_some_may_say_nobody_else_says() {
    for path in ["src", "crates"].iter().flat_map(|folder| sources(Path::new(folder))) {
        let text = fs::read_to_string(&path).expect("text");
        for (words, allowed) in ONLY {
            let may = allowed.iter().any(|place| path.starts_with(place));
            assert!(may || !code(&text).contains(words), "{} says `{words}`", path.display());
        }
    }
}

#[test]
fn every_file_can_be_read_in_one_go() {
    let files = ["src", "crates", "tests", "benches"].iter().flat_map(|folder| sources(Path::new(folder)));
    // A lock file is cargo's to read.
    for path in files.filter(|path| !path.ends_with("Cargo.lock")) {
        let lines = fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
}
