//! What stands at the top of the project.

use std::process::Command;

/// Every file and folder there, and nothing else: what a tool has left behind is no part of the project.
const TOP: [&str; 26] = [
    ".ci",
    ".env.example",
    ".gitignore",
    ".rustfmt.toml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.ko.md",
    "README.md",
    "SECURITY.md",
    "assets",
    "benches",
    "build.rs",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "examples",
    "ops",
    "sql",
    "src",
    "tests",
    "web",
];

#[test]
fn nothing_else_stands_at_the_top() {
    // Where the project came without its history, nothing says what belongs to it.
    let Ok(listed) = Command::new("git").args(["ls-files", "-z"]).current_dir(env!("CARGO_MANIFEST_DIR")).output()
    else {
        return;
    };
    let listed = String::from_utf8(listed.stdout).expect("names in UTF-8");
    let strays: Vec<&str> = listed
        .split('\0')
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.is_empty() && !TOP.contains(name))
        .collect();
    assert!(strays.is_empty(), "{strays:?}: put them where they belong, or remove them");
}
