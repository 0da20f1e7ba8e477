//! A node on a PostgreSQL of this program's own: rows can be put in by SQL, and each one's CPU can be read.

use super::client::{Account, Api};
use super::node::{Node, cpu_of, data_folder};
use madang::postgres::{self, Embedded};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

pub struct Site {
    folder: PathBuf,
    database: Embedded,
    pub client: Client,
    pub node: Node,
    pub api: Api,
    pub account: Account,
    http: reqwest::Client,
}

impl Site {
    /// `name` is the account's.
    pub async fn start(name: &str) -> Self {
        let folder = data_folder();
        let database = postgres::start(&folder, None).await.expect("PostgreSQL starts");
        let node = Node::start_on(&url(&folder)).await;
        let (client, connection) = database.config().connect(NoTls).await.expect("PostgreSQL runs");
        tokio::spawn(connection);
        let api = Api::new(&node.url);
        let account = api.account(name).await;
        Self { folder, database, client, node, api, account, http: reqwest::Client::new() }
    }

    /// Where another node finds the same database.
    pub fn url(&self) -> String {
        url(&self.folder)
    }

    /// What a call answers.
    pub async fn get(&self, path: &str) -> String {
        let call = self.http.get(format!("{}{path}", self.node.url)).bearer_auth(&self.account.token);
        let answer = call.send().await.expect("an answer").error_for_status().expect("200");
        answer.text().await.expect("text")
    }

    /// The CPU time of the processes that PostgreSQL keeps for the node's connections; they live as long as those.
    pub async fn backends_cpu(&self) -> Duration {
        let query =
            "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()";
        let rows = self.client.query(query, &[]).await.expect("it lists them");
        rows.iter().map(|row| cpu_of(u32::try_from(row.get::<_, i32>(0)).expect("a process id"))).sum()
    }

    pub async fn stop(self) {
        drop(self.client);
        self.node.stop().await;
        self.database.stop().await.expect("it stops");
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn url(folder: &Path) -> String {
    let host = folder.join("postgres-run").display().to_string().replace('/', "%2F");
    format!("postgresql://madang@{host}/madang?sslmode=disable")
}
