//! One PostgreSQL cluster for the run, and a fresh, migrated database for each test.
//!
//! The cluster is the product's own embedded one. It ends with this process, by its watchdog; the folder that it leaves
//! is removed by the next run.

use madang::postgres::{self, Embedded};
use madang::store::migrate::migrate;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls};

const FOLDER: &str = "madang-tests-";
const GONE: &str = "madang-gone-tests-";
const TEMPLATE: &str = "madang_template";

static CLUSTER: LazyLock<Embedded> = LazyLock::new(|| {
    // A thread of its own: the first test's runtime is busy with that test.
    let start = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        tokio::task::LocalSet::new().block_on(&runtime, start_cluster())
    };
    std::thread::spawn(start).join().expect("PostgreSQL starts")
});
static DATABASES: AtomicU32 = AtomicU32::new(0);

async fn start_cluster() -> Embedded {
    // Hundreds of databases, whose removal nobody waits for: what is left of them at the end is for the next run.
    std::thread::spawn(remove_folders_of_earlier_runs);
    let cluster = postgres::start(&folder_of(std::process::id()), None).await.expect("PostgreSQL starts");
    let mut template = cluster.config();
    connect(&template).await.batch_execute(&format!("create database {TEMPLATE}")).await.expect("a template");
    template.dbname(TEMPLATE);
    migrate(&template.clone().into()).await.expect("the schema is made");
    cluster
}

/// A new database with the schema and nothing in it.
pub async fn fresh_database() -> Config {
    let mut config = CLUSTER.config();
    let name = format!("t_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let create = format!("create database {name} template {TEMPLATE}");
    connect(&config).await.batch_execute(&create).await.expect("a database for the test");
    config.dbname(&name);
    config
}

/// A connection of the test's own; it closes when the client is dropped.
pub async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("PostgreSQL answers");
    tokio::spawn(connection);
    client
}

fn folder_of(process: u32) -> PathBuf {
    std::env::temp_dir().join(format!("{FOLDER}{process}"))
}

/// A folder whose lock nobody holds has lost its process. It has another name before it is removed: what only half of it is left of, and
/// perhaps no lock, is removed as well.
fn remove_folders_of_earlier_runs() {
    let folders = |start: &'static str| {
        let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
        entries.filter(move |entry| entry.file_name().to_string_lossy().starts_with(start)).map(|entry| entry.path())
    };
    let own = folder_of(std::process::id());
    for folder in folders(FOLDER).filter(|folder| *folder != own) {
        let lock = File::open(folder.join("lock"));
        let name = folder.file_name().unwrap_or_default().to_string_lossy().replace(FOLDER, GONE);
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::rename(&folder, folder.with_file_name(name));
        }
    }
    for folder in folders(GONE) {
        let _ = fs::remove_dir_all(folder);
    }
}
