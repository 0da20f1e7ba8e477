//! The life of the launcher's thread: prepare, start, start again whenever the server dies, stop.

use super::Started;
use super::cluster;
use super::data_dir::DataDir;
use super::error::EmbeddedError;
use super::log::Log;
use super::postmaster::{Launch, Postmaster};
use super::programs::Programs;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// The first wait before a restart; the dead server's backends need a moment to notice.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// A server that lived this long is restarted without the wait that earlier failures had earned.
const STABLE: Duration = Duration::from_secs(5);
const LOG_CHECK: Duration = Duration::from_secs(60);
/// PostgreSQL itself looks once a minute whether its folder is there, and goes on in files that nobody finds again.
const FOLDER_CHECK: Duration = Duration::from_secs(2);

/// Runs PostgreSQL until `stop` closes.
pub(super) async fn run(
    data_dir: &Path,
    bin_dir: Option<&Path>,
    started: oneshot::Sender<Started>,
    mut stop: oneshot::Receiver<Infallible>,
) -> Result<(), EmbeddedError> {
    // Dropped half way, each step leaves its process to the watchdog.
    let (launch, postmaster) = tokio::select! {
        biased;
        _ = &mut stop => return Ok(()),
        first = async {
            let launch = prepare(data_dir, bin_dir).await?;
            let postmaster = launch.start().await?;
            Ok::<_, EmbeddedError>((launch, postmaster))
        } => first?,
    };
    let pid = Arc::new(AtomicU32::new(postmaster.pid()));
    let _ = started.send(Started { socket_folder: launch.socket_folder.clone(), postmaster: Arc::clone(&pid) });
    let result = match supervise(&launch, postmaster, &pid, &mut stop).await {
        Some(postmaster) => postmaster.stop(&launch).await,
        // It was being restarted; the watchdog stops it, and this waits for that.
        None => cluster::stop_orphan(&launch.data_dir).await,
    };
    let _ = std::fs::remove_dir(&launch.socket_folder);
    result
}

/// Everything that is done once.
async fn prepare(data_dir: &Path, bin_dir: Option<&Path>) -> Result<Launch, EmbeddedError> {
    let data_dir = DataDir::claim(data_dir)?;
    let version = cluster::version(&data_dir)?;
    let path = data_dir.cluster();
    let programs = Programs::find(bin_dir, version.map(|major| (path.as_path(), major)))?;
    let targets = [data_dir.path(), &programs.initdb(), &programs.postgres()];
    data_dir.account.check_reach(&targets).await?;
    cluster::remove_unfinished(&data_dir);
    if version.is_none() {
        tracing::debug!(path = %path.display(), postgresql = programs.major, "making a new database");
        cluster::create(&data_dir, &programs).await?;
    }
    let socket_folder = data_dir.socket_folder()?;
    let log = Log::new(data_dir.log());
    Ok(Launch { data_dir, programs, log, socket_folder })
}

/// Keeps the server alive. Returns when told to stop, with the server if there is one.
async fn supervise(
    launch: &Launch,
    mut postmaster: Postmaster,
    pid: &AtomicU32,
    stop: &mut oneshot::Receiver<Infallible>,
) -> Option<Postmaster> {
    let mut backoff = BACKOFF_MIN;
    let (mut log_check, mut folder_check) = (interval(LOG_CHECK), interval(FOLDER_CHECK));
    log_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    folder_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut folder = Folder::default();
    loop {
        let born = Instant::now();
        let end = loop {
            tokio::select! {
                biased;
                _ = &mut *stop => return Some(postmaster),
                end = postmaster.wait(launch) => break Some(end),
                _ = log_check.tick() => launch.log.bound(),
                _ = folder_check.tick() => if !folder.is_there(launch) { break None },
            }
        };
        match end {
            Some(end) => {
                let how = end.map_or_else(|error| error.to_string(), |status| status.to_string());
                tracing::error!(pid = postmaster.pid(), how, "PostgreSQL ended by itself; starting it again");
            }
            // It would go on acknowledging what is lost.
            None => drop(postmaster.stop(launch).await),
        }
        if born.elapsed() > STABLE {
            backoff = BACKOFF_MIN;
        }
        postmaster = tokio::select! {
            biased;
            _ = &mut *stop => return None,
            again = restart(launch, &mut folder, &mut backoff) => again,
        };
        pid.store(postmaster.pid(), Ordering::Release);
        tracing::info!(pid = postmaster.pid(), "PostgreSQL is back");
    }
}

/// Whether the data is where it was.
#[derive(Default)]
struct Folder {
    is_gone: bool,
}

impl Folder {
    /// Says when it is gone, and when it is back.
    fn is_there(&mut self, launch: &Launch) -> bool {
        let path = launch.data_dir.cluster();
        let is_gone = matches!(path.join("PG_VERSION").try_exists(), Ok(false));
        if is_gone && !self.is_gone {
            tracing::error!(
                path = %path.display(),
                "the database's folder is gone from DATA_DIR: nothing can be saved; put it back (is a disk not mounted?), or stop \
                 Madang and start it anew"
            );
        }
        if !is_gone && self.is_gone {
            tracing::info!(path = %path.display(), "the database's folder is back");
        }
        self.is_gone = is_gone;
        !is_gone
    }
}

async fn restart(launch: &Launch, folder: &mut Folder, backoff: &mut Duration) -> Postmaster {
    loop {
        sleep(*backoff).await;
        *backoff = (*backoff * 2).min(BACKOFF_MAX);
        if !folder.is_there(launch) {
            continue;
        }
        match launch.start().await {
            Ok(postmaster) => return postmaster,
            Err(error) => tracing::error!(%error, "PostgreSQL does not start; trying again"),
        }
    }
}
