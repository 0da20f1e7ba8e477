//! A primary and its standby: two PostgreSQL of the test's own, which it kills, stops and promotes as an operator's tools would.

use super::node::{Signal, data_folder};
use rustix::process::{Pid, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;
const POLL: Duration = Duration::from_millis(20);

pub struct Pair {
    folder: PathBuf,
    pub primary: Cluster,
    pub standby: Cluster,
}

/// One PostgreSQL.
pub struct Cluster {
    data: PathBuf,
    pub port: u16,
    /// Where its socket is.
    pub folder: PathBuf,
    running: Option<Child>,
}

/// PostgreSQL does not run as root.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The folder of its programs: the newest of Debian's, else whatever the path leads to.
fn programs() -> PathBuf {
    if let Ok(folder) = std::env::var("PG_BIN_DIR") {
        return folder.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    version.map_or_else(PathBuf::new, |version| format!("/usr/lib/postgresql/{version}/bin").into())
}

fn command(program: &str) -> Command {
    unprivileged(&programs().join(program))
}

/// A program that does not run as root.
pub fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

fn run(program: &str, arguments: &[&str]) {
    let output = command(program).args(arguments).current_dir("/").output().expect("it runs");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn url(port: u16, database: &str) -> String {
    format!("postgresql://madang@127.0.0.1:{port}/{database}?connect_timeout=5")
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port()
}

impl Pair {
    /// A primary whose commits wait for the standby if `is_synchronous`.
    pub async fn start(is_synchronous: bool) -> Self {
        let folder = data_folder();
        if is_root() {
            let owned = Command::new("chown").arg("postgres").arg(&folder).status().expect("chown runs");
            assert!(owned.success());
        }
        let primary = Cluster::fresh(&folder, "primary").await;
        let mut standby = Cluster::new(&folder, "standby");
        let (from, into) = (primary.port.to_string(), standby.data.to_str().expect("text").to_owned());
        run(
            "pg_basebackup",
            &["-D", &into, "-h", "127.0.0.1", "-p", &from, "-U", "madang", "-R", "-X", "stream", "-c", "fast"],
        );
        standby.start_again().await;
        let pair = Self { folder, primary, standby };
        pair.caught_up().await;
        if is_synchronous {
            pair.primary.sql("alter system set synchronous_standby_names = '*'").await;
            pair.primary.sql("select pg_reload_conf()").await;
            let is_synchronous = "select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum')";
            pair.primary.until(is_synchronous).await;
        }
        pair
    }

    /// Both, with the one that is named first tried first.
    pub fn url(&self, first: &Cluster, second: &Cluster) -> String {
        format!("postgresql://madang@127.0.0.1:{},127.0.0.1:{}/madang?sslmode=disable", first.port, second.port)
    }

    /// A cluster of its own, into which the primary's database is restored from a dump.
    pub async fn restored(&self) -> Cluster {
        let restored = Cluster::fresh(&self.folder, "restored").await;
        let dump = self.folder.join("dump.sql");
        let dump = dump.to_str().expect("text");
        let of = |cluster: &Cluster| cluster.port.to_string();
        run("pg_dump", &["-h127.0.0.1", "-p", &of(&self.primary), "-Umadang", "-f", dump, "madang"]);
        run("psql", &["-h127.0.0.1", "-p", &of(&restored), "-Umadang", "-q", "-f", dump, "madang"]);
        restored
    }

    /// Waits until the standby has everything.
    pub async fn caught_up(&self) {
        self.primary
            .until("select count(*) from pg_stat_replication where replay_lsn = pg_current_wal_lsn() and state = 'streaming'")
            .await;
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.primary.kill();
        self.standby.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Cluster {
    fn new(folder: &Path, name: &str) -> Self {
        Self { data: folder.join(name), port: free_port(), folder: folder.to_owned(), running: None }
    }

    /// One that runs, with an empty database.
    async fn fresh(folder: &Path, name: &str) -> Self {
        let mut fresh = Self::new(folder, name);
        let data = fresh.data.to_str().expect("text");
        run("initdb", &["-D", data, "-U", "madang", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        fresh.start_again().await;
        fresh.sql("create database madang").await;
        fresh
    }

    /// Starts it, also after it was killed.
    pub async fn start_again(&mut self) {
        let port = format!("-p{}", self.port);
        let folder = self.folder.to_str().expect("text");
        let settings = [
            "-h127.0.0.1",
            "-k",
            folder,
            "-cfsync=off",
            "-cmax_wal_senders=4",
            "-cwal_level=replica",
            "-chot_standby=on",
        ];
        let data = self.data.to_str().expect("text");
        let mut postgres = command("postgres");
        let postgres = postgres.args(["-D", data, &port]).args(settings).current_dir("/");
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.data.with_extension("log")).expect("a log");
        postgres.stdout(Stdio::null()).stderr(log);
        let start = async {
            loop {
                let running = self.running.insert(postgres.spawn().expect("PostgreSQL starts"));
                // While it was away, somebody's connection may have had its port: it ends then, and is started again.
                while running.try_wait().expect("it can be asked").is_none() {
                    let url = url(self.port, "postgres");
                    if tokio_postgres::connect(&url, NoTls).await.is_ok() {
                        return;
                    }
                    tokio::time::sleep(POLL).await;
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, start).await.expect("it answers");
    }

    /// A connection, as soon as it answers.
    async fn connect(&self, database: &str) -> Client {
        let url = url(self.port, database);
        let connect = async {
            loop {
                match tokio_postgres::connect(&url, NoTls).await {
                    Ok((client, connection)) => {
                        tokio::spawn(connection);
                        return client;
                    }
                    Err(_) => tokio::time::sleep(POLL).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, connect).await.expect("it answers")
    }

    pub async fn sql(&self, statement: &str) {
        self.connect("postgres").await.batch_execute(statement).await.expect("good SQL");
    }

    /// The one number that a query of the node's database answers.
    pub async fn count(&self, query: &str) -> i64 {
        self.connect("madang").await.query_one(query, &[]).await.expect("good SQL").get(0)
    }

    /// Waits until a query answers more than 0.
    pub async fn until(&self, query: &str) {
        let found = async {
            while self.count(query).await == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never: {query}"));
    }

    /// Makes the standby the primary.
    pub async fn promote(&self) {
        let promote = "select pg_promote(wait_seconds => 60)";
        let is_promoted: bool = self.connect("postgres").await.query_one(promote, &[]).await.expect("an answer").get(0);
        assert!(is_promoted, "the standby did not become the primary in time");
    }

    /// Its machine dies: every process at once.
    pub fn kill(&mut self) {
        if self.running.is_some() {
            self.signal_all(Signal::KILL);
            let _ = self.running.take().map(|mut child| child.wait());
        }
    }

    /// Its machine hangs.
    pub fn pause(&self) {
        self.signal_all(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Its processes are no group: each is one of its own.
    fn signal_all(&self, signal: Signal) {
        for pid in self.processes() {
            let _ = kill_process(pid, signal);
        }
    }

    fn processes(&self) -> Vec<Pid> {
        let postmaster = self.running.as_ref().expect("it runs").id();
        let mut found = vec![postmaster];
        for entry in std::fs::read_dir("/proc").expect("it is there").flatten() {
            let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
            let parent = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.split_whitespace().nth(1))
                .and_then(|pid| pid.parse().ok());
            if parent == Some(postmaster) {
                found.extend(stat.split(' ').next().and_then(|pid| pid.parse::<u32>().ok()));
            }
        }
        found.into_iter().filter_map(|pid| Pid::from_raw(pid as i32)).collect()
    }

    /// Ends one process as the kernel's out-of-memory killer would; PostgreSQL starts anew then.
    pub async fn kill_backend(&self, named: &str) {
        let client = self.connect("madang").await;
        let sql = "select pid from pg_stat_activity where application_name = $1";
        let pid: i32 = client.query_one(sql, &[&named]).await.expect("one").get(0);
        let _ = kill_process(Pid::from_raw(pid).expect("a process"), Signal::KILL);
        while !client.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
