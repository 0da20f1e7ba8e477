//! The statements: PostgreSQL understands each against the schema, and the code uses each.

#[path = "../api/support/database.rs"]
mod database;

use madang::store::messages::COLUMNS;
use std::fs;
use std::path::{Path, PathBuf};
use tokio_postgres::SimpleQueryMessage;

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

/// Whoever reads messages takes their columns by place.
#[tokio::test]
async fn statements_that_read_messages_answer_their_columns_in_one_order() {
    let client = database::connect(&database::fresh_database().await).await;
    for name in ["after", "before", "events", "newest", "tail", "written_by"] {
        let sql = fs::read_to_string(format!("sql/messages/{name}.sql")).expect("text");
        let statement = client.prepare(&sql).await.expect("it is understood");
        let columns: Vec<&str> = statement.columns().iter().map(|column| column.name()).collect();
        assert!(columns.starts_with(&COLUMNS), "{name}: {columns:?}");
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

/// Statements that read all of something.
const WHOLE: [&str; 8] = [
    "prune.sql",
    "trust_append.sql",
    "last_id.sql",
    "without_looks.sql",
    "nodes/list.sql",
    "rights/head.sql",
    "rights/applied.sql",
    "write_batches/prune_earlier.sql",
];

/// Plans are made once, when tables may be small, and kept for as long as a connection lives.
#[tokio::test]
async fn every_statement_probes_indexes_even_if_it_was_planned_on_small_tables() {
    let client = database::connect(&database::fresh_database().await).await;
    let few = "insert into users (username, email, hashed_password) values ('mina', 'mina@example.com', '');
        with made as (insert into servers (name, owner_id) values ('Courtyard', 1) returning id)
            insert into user_servers (user_id, server_id) select 1, id from made;
        insert into channels (name, server_id) select 'general', 1 from generate_series(1, 100);
        insert into messages (channel_id, author_id, content, seq, created_at, updated_at)
            select 1, 1, 'hello', n, now(), now() from generate_series(1, 100) n;
        insert into auth_sessions (user_id, password_version, expires_at, token_family, token_hash)
            select 1, 0, now(), sha256(n::text::bytea), '' from generate_series(1, 100) n;
        analyze";
    client.batch_execute(few).await.expect("they are written");
    let planning = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_bitmapscan = off";
    client.batch_execute(planning).await.expect("it is set");
    for path in statements() {
        let name = path.display();
        let sql = fs::read_to_string(&path).expect("text");
        // The ledger is small, and pruning looks at all of it; PostgreSQL's own catalogue is not ours; the last of all is the
        // first from behind; the index of names that were not compared yet has nothing else; there are as many nodes as machines.
        if WHOLE.iter().any(|whole| path.ends_with(whole)) {
            continue;
        }
        let parameters = client.prepare(&sql).await.expect("it is understood").params().len();
        client.batch_execute(&format!("deallocate all; prepare planned as {sql}")).await.expect("it is understood");
        let nulls = if parameters > 0 { format!("({})", vec!["null"; parameters].join(", ")) } else { String::new() };
        let explained = client.simple_query(&format!("explain (format json) execute planned {nulls}")).await;
        let plan = explained.expect("it is planned").into_iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => serde_json::from_str::<serde_json::Value>(row.get(0)?).ok(),
            _ => None,
        });
        let plan = plan.expect("a plan");
        each_node(&plan[0]["Plan"], &mut |node| {
            assert_ne!(node["Node Type"], "Seq Scan", "{name}: {node:#}");
            if node.get("Index Name").is_some() {
                assert!(node.get("Index Cond").is_some(), "{name} reads a whole index: {node:#}");
            }
        });
    }
}

fn each_node(node: &serde_json::Value, look: &mut impl FnMut(&serde_json::Value)) {
    look(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        each_node(child, look);
    }
}
