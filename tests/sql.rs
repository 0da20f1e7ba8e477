//! The statements: PostgreSQL understands each against the schema, and the code uses each.

#[path = "api/support/database.rs"]
mod database;

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.extension().is_some_and(|is| is == ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn statements() -> Vec<PathBuf> {
    let statements = files(Path::new("sql"), "sql");
    statements.into_iter().filter(|path| !path.starts_with("sql/migrations")).collect()
}

#[tokio::test]
async fn postgresql_understands_every_statement() {
    let client = database::connect(&database::fresh_database().await).await;
    let statements = statements();
    assert!(statements.len() > 15, "{statements:?}");
    for path in statements {
        let sql = fs::read_to_string(&path).expect("text");
        if let Err(error) = client.prepare(&sql).await {
            panic!("{}: {}", path.display(), error.as_db_error().map_or(error.to_string(), ToString::to_string));
        }
    }
}

#[test]
fn every_statement_is_used() {
    let sources: Vec<String> =
        files(Path::new("src"), "rs").iter().map(|path| fs::read_to_string(path).expect("text")).collect();
    let used: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next()))
        .filter_map(|path| path.find("sql/").and_then(|at| path.get(at..)))
        .collect();
    for path in statements() {
        assert!(used.contains(&path.to_str().expect("text")), "nothing uses {}", path.display());
    }
}
