//! A PostgreSQL of the test's own, and a proxy before it for the node.

use super::node::{data_folder, furnished_folder};
use super::proxy::Proxy;
use madang::postgres::{self, Embedded};
use std::path::PathBuf;
use std::time::Duration;
use tokio_postgres::NoTls;

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;

/// See the module.
pub struct Scene {
    pub folder: PathBuf,
    pub database: Embedded,
    pub proxy: Proxy,
    /// A connection of the test's own, past the proxy.
    pub client: tokio_postgres::Client,
}

impl Scene {
    /// With the tables that a node has made.
    pub async fn start() -> Self {
        Self::start_in(furnished_folder()).await
    }

    /// With nothing in the database.
    pub async fn start_empty() -> Self {
        Self::start_in(data_folder()).await
    }

    async fn start_in(folder: PathBuf) -> Self {
        let database = postgres::start(&folder, None).await.expect("PostgreSQL starts");
        let proxy = Proxy::start(folder.join("postgres-run/.s.PGSQL.5432")).await;
        let (client, connection) = database.config().connect(NoTls).await.expect("it runs");
        tokio::spawn(connection);
        Self { folder, database, proxy, client }
    }

    pub async fn count(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.expect("a count").get(0)
    }

    /// Waits until there are no such rows: what follows `from`.
    pub async fn until_none(&self, rows: &str) {
        let wait = async {
            while self.count(&format!("select count(*) from {rows}")).await > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("for ever there: {rows}"));
    }

    /// A setting that was read again takes effect a little later.
    pub async fn until_commits_wait(&self) {
        loop {
            let (client, connection) = self.database.config().connect(NoTls).await.expect("it runs");
            tokio::spawn(connection);
            let commit = "select pg_logical_emit_message(true, 'test', '')";
            let probe = tokio::spawn(async move { client.batch_execute(commit).await });
            while !probe.is_finished() {
                if self.count("select count(*) from pg_stat_activity where wait_event = 'SyncRep'").await > 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Which process of PostgreSQL holds the node's lock, as soon as one does.
    pub async fn lock_holder(&self) -> i64 {
        let look = async {
            loop {
                let sql = "select pid::bigint from pg_locks where locktype = 'advisory' and granted and classid = 1835099233 \
                    and objid = 1852243969";
                if let Some(row) = self.client.query_opt(sql, &[]).await.expect("good SQL") {
                    return row.get(0);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("a node takes its lock")
    }

    pub async fn writer(&self) -> String {
        let sql = "select pid::text from pg_stat_activity where application_name = 'madang writer'";
        self.client.query_one(sql, &[]).await.expect("one").get(0)
    }

    pub async fn stop(self) {
        self.database.stop().await.expect("it stops");
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}
