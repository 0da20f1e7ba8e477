//! The node under test: a process of its own on a fixed port, so that clients can come back; killed and started again on
//! the same data.

use super::process_node::{Signal, signal};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_postgres::NoTls;

/// Below the ports that systems give to outgoing connections: a client that knocks at such a port while nobody listens
/// can be connected to itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

const LAST_WORDS_LINES: usize = 12;

pub struct Node {
    folder: PathBuf,
    /// Which of how many.
    place: (usize, usize),
    ways: Ways,
    port: u16,
    child: Child,
    is_ready: Arc<AtomicBool>,
    pub restarts: Arc<AtomicU64>,
}

/// What a node reaches.
pub struct Ways {
    /// Its PostgreSQL, if that is not its own.
    pub database: Option<String>,
    /// The bus, where there is one.
    pub bus: Option<String>,
}

impl Node {
    /// Starts a node in `folder`, with a PostgreSQL of its own there or with one that runs.
    pub fn start(folder: &Path, ways: Ways, place: (usize, usize)) -> Self {
        let first = PORTS.start + rand::random::<u16>() % (PORTS.end - PORTS.start);
        let mut candidates = (first..PORTS.end).chain(PORTS.start..first);
        let port = candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free");
        let is_ready = Arc::default();
        let child = spawn(folder, &ways, port, place, &is_ready);
        Self { child, folder: folder.to_owned(), place, ways, port, is_ready, restarts: Arc::default() }
    }

    pub fn start_again(&mut self) {
        self.is_ready = Arc::default();
        self.restarts.fetch_add(1, Ordering::SeqCst);
        self.child = spawn(&self.folder, &self.ways, self.port, self.place, &self.is_ready);
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How it ended after its start was complete, if it did: nothing that befalls PostgreSQL is a reason.
    pub fn ended_by_itself(&mut self) -> Option<ExitStatus> {
        let ended = self.child.try_wait().expect("it is our child");
        ended.filter(|_| self.is_ready.load(Ordering::Relaxed))
    }

    /// How it ended. May be dropped and called again.
    pub async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.expect("it ends")
    }

    /// Kills it; returns when it is gone.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Stops it as an operator would.
    pub async fn stop(mut self) {
        self.signal(Signal::TERM);
        assert!(self.ended().await.success(), "a stop is orderly");
    }

    fn signal(&self, number: Signal) {
        if let Some(pid) = self.child.id() {
            signal(&pid.to_string(), number);
        }
    }

    /// Kills PostgreSQL's first process, where there is one.
    pub fn kill_postmaster(&self) -> bool {
        let cluster = data_in(&self.folder).join("postgres").canonicalize().unwrap_or_default();
        let file = std::fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
        let Some(pid) = file.lines().next().map(str::trim).filter(|pid| !pid.is_empty()) else { return false };
        // The number in a stale file is the node's, or anybody's.
        let works_there = match std::fs::read(format!("/proc/{pid}/cmdline")) {
            Ok(line) => line.split(|byte| *byte == 0).any(|word| word == cluster.as_os_str().as_encoded_bytes()),
            Err(_) => !Path::new("/proc/self").exists() && self.child.id().is_some_and(|own| own.to_string() != pid),
        };
        if works_there {
            signal(pid, Signal::KILL);
        }
        works_there
    }

    /// The node stands still for so long, with everything that it holds.
    pub async fn pause(&self, length: Duration) {
        self.signal(Signal::STOP);
        tokio::time::sleep(length).await;
        self.signal(Signal::CONT);
    }

    /// Signals the process that serves the writer, where there is one; answers which.
    pub async fn signal_writer_backend(&self, number: Signal) -> Option<String> {
        let (client, connection) = self.database().connect(NoTls).await.ok()?;
        let connection = tokio::spawn(connection);
        let sql = "select pid::text from pg_stat_activity where application_name like 'madang writer%' order by random() limit 1";
        let found = client.query_opt(sql, &[]).await.ok().flatten();
        connection.abort();
        let pid: String = found?.get(0);
        signal(&pid, number);
        Some(pid)
    }

    /// The way into its database, past the node.
    pub fn database(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(data_in(&self.folder).join("postgres-run")).user("madang").dbname("madang");
        config
    }

    /// The end of its complaints.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(said(&self.folder, self.place.0)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains(r#""level":"INFO""#)).collect();
        lines[lines.len().saturating_sub(LAST_WORDS_LINES)..].join("\n")
    }
}

/// Where PostgreSQL's files are, whoever started it.
pub fn data_in(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn said(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("node{number}.log"))
}

fn spawn(folder: &Path, ways: &Ways, port: u16, (number, count): (usize, usize), is_ready: &Arc<AtomicBool>) -> Child {
    let log = File::options().create(true).append(true).open(said(folder, number)).expect("it can be written to");
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    match &ways.database {
        Some(url) => command.env("DATABASE_URL", url).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        None => command.env_remove("DATABASE_URL").env_remove("SECRET_KEY").env("DATA_DIR", data_in(folder)),
    };
    match &ways.bus {
        Some(url) => command.env("NATS_URL", url),
        None => command.env_remove("NATS_URL"),
    };
    let mut child = command
        .env("CLUSTER", if count > 1 { "on" } else { "off" })
        .env("PORT", port.to_string())
        .env("BCRYPT_COST", "4")
        .env("RATE_LIMIT", "off")
        .env("ACCESS_TOKEN_EXPIRE_MINUTES", "525600")
        .env("RUST_LOG", "warn,madang=info")
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .expect("the node starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
    let is_ready = Arc::clone(is_ready);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            is_ready.fetch_or(line.starts_with("API"), Ordering::Relaxed);
        }
    });
    child
}
