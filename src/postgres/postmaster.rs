//! One run of the PostgreSQL server: started with our settings, waited for until it answers, stopped.

use super::cluster;
use super::data_dir::DataDir;
use super::error::EmbeddedError;
use super::guarded::Guarded;
use super::log::Log;
use super::programs::Programs;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

/// What must hold whatever stands in `postgresql.conf`: commits are on disk, nobody comes in by the network, and the log
/// is the one file that we bound.
const SETTINGS: [&str; 14] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "port=5432",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_connections=200",
    "shared_buffers=128MB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "logging_collector=off",
    "log_checkpoints=off",
    "log_destination=stderr",
];

/// The first wait between two attempts to connect. It grows with the time that has passed, to [`POLL_MAX`]: each attempt
/// costs a server that is busy recovering a process and a line in its log.
const POLL_MIN: Duration = Duration::from_millis(5);
const POLL_MAX: Duration = Duration::from_millis(250);
/// One attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(5);
/// As long as the server may stay silent.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// As long as it may say that it is starting up: replaying the log after a crash is work that must not be cut short.
const RECOVERY_LIMIT: Duration = Duration::from_secs(600);
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// What each run of the server needs.
#[derive(Debug)]
pub(super) struct Launch {
    pub data_dir: DataDir,
    pub programs: Programs,
    pub log: Log,
    pub socket_folder: PathBuf,
}

/// What PostgreSQL says of backends that have outlived their server.
const LEFTOVER: &str = "pre-existing shared memory block";
/// As long as they are waited for, and before each further try.
const LEFTOVER_MAX: Duration = Duration::from_secs(15);
const LEFTOVER_PAUSE: Duration = Duration::from_millis(100);

/// A running server.
#[derive(Debug)]
pub(super) struct Postmaster {
    process: Guarded,
}

impl Launch {
    /// Starts the server and waits until the application's database answers. The backends of one that was killed may
    /// outlive it for a moment; PostgreSQL does not start beside them.
    pub async fn start(&self) -> Result<Postmaster, EmbeddedError> {
        let started = Instant::now();
        loop {
            match self.start_once().await {
                Err(EmbeddedError::Exited { said, .. })
                    if said.contains(LEFTOVER) && started.elapsed() < LEFTOVER_MAX =>
                {
                    tracing::warn!("processes of an earlier PostgreSQL are still ending; waiting for them");
                    tokio::time::sleep(LEFTOVER_PAUSE).await;
                }
                // Not by itself: somebody killed it, as the kernel does where memory is short.
                Err(EmbeddedError::Exited { killed: true, .. }) if started.elapsed() < LEFTOVER_MAX => {
                    tracing::warn!("PostgreSQL was killed while it was starting; starting it again");
                    tokio::time::sleep(LEFTOVER_PAUSE).await;
                }
                result => return result,
            }
        }
    }

    async fn start_once(&self) -> Result<Postmaster, EmbeddedError> {
        cluster::stop_orphan(&self.data_dir).await?;
        self.data_dir.socket_folder()?;
        self.log.bound();
        let log_start = self.log.len();
        let program = self.programs.postgres();
        let mut command = self.data_dir.account.command(&program);
        command.arg("-D").arg(self.data_dir.cluster());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let mut sockets = OsString::from("unix_socket_directories=");
        sockets.push(&self.socket_folder);
        command.arg("-c").arg(sockets);
        command.stdout(self.log.open()?).stderr(self.log.open()?);
        self.data_dir.account.own(self.log.path())?;
        let mut process = Guarded::spawn(&self.data_dir.account, &program, &mut command)?;
        match self.wait_until_ready(&mut process, log_start).await {
            Ok(()) => Ok(Postmaster { process }),
            Err(error) => {
                let _ = process.stop(&self.data_dir.account).await;
                Err(error)
            }
        }
    }

    async fn wait_until_ready(&self, process: &mut Guarded, log_start: u64) -> Result<(), EmbeddedError> {
        let started = Instant::now();
        let mut last_report = started;
        loop {
            let (reason, limit) = match attempt(&self.socket_folder).await {
                Attempt::Ready => return Ok(()),
                Attempt::Failed(error) => return Err(error),
                Attempt::Recovering => ("it is replaying its log after a crash".to_owned(), RECOVERY_LIMIT),
                Attempt::Silent(reason) => (reason, SILENCE_LIMIT),
            };
            let said = || self.log.reason(log_start);
            let log = || self.log.path().to_owned();
            if let Ok(Some(status)) = process.try_wait() {
                let killed = status.signal().is_some();
                return Err(EmbeddedError::Exited { status: status.to_string(), killed, said: said(), log: log() });
            }
            if started.elapsed() > limit {
                return Err(EmbeddedError::NotReady { seconds: limit.as_secs(), reason, said: said(), log: log() });
            }
            if last_report.elapsed() > REPORT_EVERY {
                last_report = Instant::now();
                let waited = started.elapsed().as_secs();
                tracing::info!(seconds = waited, %reason, last = said(), "waiting for PostgreSQL");
            }
            tokio::time::sleep((started.elapsed() / 20).clamp(POLL_MIN, POLL_MAX)).await;
        }
    }
}

impl Postmaster {
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits for the server's end. May be dropped and called again.
    pub async fn wait(&mut self, launch: &Launch) -> std::io::Result<ExitStatus> {
        self.process.wait(&launch.data_dir.account).await
    }

    /// Fast shutdown: clients are disconnected, what is committed stays.
    pub async fn stop(self, launch: &Launch) -> Result<(), EmbeddedError> {
        self.process.stop(&launch.data_dir.account).await.map(drop)
    }
}

/// How to connect to `database` through the socket in `folder`. What is wrong with a statement is told to the client and
/// stays out of the log, with the personal data that it may quote.
pub(super) fn config(folder: &Path, database: &str) -> Config {
    let mut config = Config::new();
    // A unix socket has no TLS: asking for it would cost each connection a round trip.
    config.host_path(folder).user("madang").dbname(database).ssl_mode(SslMode::Disable);
    config.options("-c log_min_messages=log");
    config
}

enum Attempt {
    Ready,
    Recovering,
    Silent(String),
    Failed(EmbeddedError),
}

async fn attempt(folder: &Path) -> Attempt {
    let connected = match run(folder, "madang", "select 1").await {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_DATABASE) => {
            match run(folder, "postgres", "create database madang").await {
                // Another session of the same start cannot exist, so every refusal is final.
                Err(error) if error.code().is_some() => return Attempt::Failed(EmbeddedError::CreateDatabase(error)),
                other => other,
            }
        }
        other => other,
    };
    match connected {
        Ok(()) => Attempt::Ready,
        Err(error) if error.code() == Some(&SqlState::CANNOT_CONNECT_NOW) => Attempt::Recovering,
        Err(error) => Attempt::Silent(error.to_string()),
    }
}

async fn run(folder: &Path, database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let mut config = config(folder, database);
    let (client, connection) = config.connect_timeout(ATTEMPT).connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let result = client.batch_execute(sql).await;
    connection.abort();
    result
}
