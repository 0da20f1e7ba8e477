//! The private PostgreSQL of a server without `DATABASE_URL`: found, made once, started on a unix socket, kept alive,
//! stopped with us.
//!
//! Owns the processes and the files under `DATA_DIR` that PostgreSQL needs. Does not own what is in the database
//! (`migrate`, the table modules), does not install PostgreSQL, and gives up nothing for speed: `fsync` is on.
//!
//! A thread of its own, with a runtime of its own, starts the server and starts it again when it dies; so it is bound
//! to no caller's runtime and no busy worker delays it. It ends by [`Embedded::stop`], by dropping the [`Embedded`], and,
//! through its watchdog, with the process itself, also by SIGKILL.

mod account;
mod cluster;
mod data_dir;
mod error;
mod guarded;
mod log;
mod postmaster;
mod programs;
mod supervisor;

pub use error::EmbeddedError;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use tokio::sync::oneshot;

/// A running private PostgreSQL. Dropping it begins to stop the server; [`Embedded::stop`] also waits for that.
#[derive(Debug)]
pub struct Embedded {
    socket_folder: PathBuf,
    postmaster: Arc<AtomicU32>,
    /// Never sent on: its closing is the order to stop.
    stop: oneshot::Sender<Infallible>,
    ended: oneshot::Receiver<Result<(), EmbeddedError>>,
}

/// What the launcher's thread tells once the server answers.
struct Started {
    socket_folder: PathBuf,
    postmaster: Arc<AtomicU32>,
}

impl Embedded {
    /// How to connect to the database `madang`. Stays valid when the server is restarted.
    #[must_use]
    pub fn config(&self) -> tokio_postgres::Config {
        postmaster::config(&self.socket_folder, "madang")
    }

    /// A command that opens the database in a terminal.
    #[must_use]
    pub fn url_for_humans(&self) -> String {
        let folder = self.socket_folder.display().to_string();
        let plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
        let quoted = if folder.chars().all(plain) { folder } else { format!("'{folder}'") };
        format!("psql -h {quoted} -U madang madang")
    }

    /// The process id of the server that was started last. Another one follows when that one dies.
    #[must_use]
    pub fn postmaster_pid(&self) -> u32 {
        self.postmaster.load(Ordering::Acquire)
    }

    /// Disconnects all clients and stops the server, within 5 s: after 3 s without a final checkpoint, then by SIGKILL.
    ///
    /// # Errors
    /// When it had to be killed.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        drop(self.stop);
        self.ended.await.unwrap_or(Err(EmbeddedError::LauncherGone))
    }
}

/// Starts PostgreSQL in `data_dir`, with the programs in `bin_dir` or else those found on this machine.
///
/// Dropping the future stops what was started.
///
/// # Errors
/// Each says in one line what to do.
pub async fn start(data_dir: &Path, bin_dir: Option<&Path>) -> Result<Embedded, EmbeddedError> {
    let (stop, stopped) = oneshot::channel();
    let (started, start) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let (data_dir, bin_dir) = (data_dir.to_owned(), bin_dir.map(Path::to_owned));
    let launcher_failed = |source| EmbeddedError::Spawn {
        program: PathBuf::from("the launcher of PostgreSQL"),
        as_user: String::new(),
        source,
    };
    let body = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime
            .map_err(launcher_failed)
            .and_then(|runtime| runtime.block_on(supervisor::run(&data_dir, bin_dir.as_deref(), started, stopped)));
        let _ = end.send(result);
    };
    thread::Builder::new().name("postgres".to_owned()).spawn(body).map_err(launcher_failed)?;
    match start.await {
        Ok(Started { socket_folder, postmaster }) => Ok(Embedded { socket_folder, postmaster, stop, ended }),
        Err(_) => match ended.await {
            Ok(Err(error)) => Err(error),
            _ => Err(EmbeddedError::LauncherGone),
        },
    }
}
