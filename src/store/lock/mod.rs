//! A node's lock on its database: one node on a database, or several that know of each other ([`Sharing`]), never one of each.
//!
//! It is PostgreSQL's, of a session: it lasts as long as its connection, and is told apart from a dead node's by what that connection
//! says every [`BEAT_EVERY`]. Whoever finds it held by one that speaks leaves; by one that says nothing for
//! [`SILENT_MAX`](taking::SILENT_MAX) (its machine is gone, or stopped), ends that one's connection. Every other connection of a node is
//! opened only while its lock is held ([`open`](super::open)), and a node that begins ends what another has left: so a node that has lost
//! its lock changes nothing any more, whatever it believes.
//!
//! Each start writes a number of its own into `node_lock` before it changes anything else, over the connection of the lock itself. Who
//! takes the lock back after it was lost, and finds another number, does not go on: what it remembers has been changed by somebody else.
//!
//! Where the database is on several hosts, the lock is the first to follow it: with a new holding all other connections are made anew.
//! On another history (a standby was promoted, a backup restored) something may have been lost: the node reads again what it
//! remembers, and writes nothing until it has.
//!
//! Where the connection is there and no answer comes (a standby that commits wait for is away), the lock is still held: reads go on, and
//! nothing is changed ([`holding`]).

use super::backends::{self, EarlierError};
use super::node_lock;
use super::open::Opened;
use super::requirements::Unfit;
use super::target::Target;
use crate::patience::timeout;
use holding::State;
use std::pin::pin;
use std::time::Duration;
use taking::{answered, check, config, first_connection, holder, is_ours, wait_for};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_postgres::{Client, Config};

mod holding;
mod taking;

pub(super) use holding::Lock;

/// Names the lock among others in the same database.
pub(super) const KEY: i64 = 0x6d61_6461_6e67_0001;
const BEAT_EVERY: Duration = Duration::from_secs(1);
const BEAT_MAX: Duration = Duration::from_secs(3);
const CONNECT_MAX: Duration = Duration::from_secs(2);
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(320);
/// Questions whether a change could be made, on their way.
const PROBES_MAX: usize = 16;

/// Why a node may not use its database.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// No connection within 10 s.
    #[error("no connection to PostgreSQL: {0}; check DATABASE_URL and that the database runs")]
    Connect(String),
    /// It is not as Madang needs it.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// An earlier node has left something behind.
    #[error(transparent)]
    Earlier(#[from] EarlierError),
    /// Another node has it.
    #[error(
        "another node uses this database: {0}; stop that node, give this one a database of its own (DATABASE_URL), or start every node \
         of this database with CLUSTER=on"
    )]
    Taken(String),
    /// Another node has it for itself.
    #[error(
        "another node uses this database for itself alone: {0}; start that one with CLUSTER=on as well, or stop it, or give this one a \
         database of its own (DATABASE_URL)"
    )]
    TakenAlone(String),
    /// Another node has had it, and may have gone again.
    #[error(
        "another node has served this database while this one stood still or was cut off, so what this one remembers of it is no longer \
         true; start it again"
    )]
    Served,
    /// A fault of ours.
    #[error("the task that keeps the lock on the database has failed; start again, and report the log")]
    Unkept,
}

/// Whether a node has its database for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// No other node uses it.
    Alone,
    /// Others may, each of which knows that.
    Shared,
}

impl Sharing {
    fn taken(self, by: String) -> LockError {
        match self {
            Self::Alone => LockError::Taken(by),
            Self::Shared => LockError::TakenAlone(by),
        }
    }
}

/// Asks for all that is remembered of the database to be read again; answered when it has been.
pub type ReadAgain = oneshot::Sender<()>;

/// The lock of this node; dropped, it is let go.
pub struct NodeLock {
    sharing: Sharing,
    number: i64,
    name: String,
    release: oneshot::Sender<()>,
    /// Until it is known how it ended.
    kept: Option<JoinHandle<Option<LockError>>>,
}

impl NodeLock {
    /// Takes the lock of a database that is as it has to be, and ends what an earlier node has left there; answers how connections are
    /// opened under it, and who asks for what is remembered to be read again.
    ///
    /// # Errors
    /// One line that says what to do.
    pub async fn take(
        target: &Target,
        sharing: Sharing,
    ) -> Result<(Target, Self, mpsc::Receiver<ReadAgain>), LockError> {
        let config = config(target);
        let name = config.get_application_name().unwrap_or_default().to_owned();
        let opened = first_connection(target, &config).await?;
        check(&opened.client).await?;
        wait_for(&opened.client, sharing).await?;
        // Before anything else: it may hold locks, and what is still open writes.
        backends::end_earlier(&opened.client, sharing == Sharing::Alone).await?;
        let number = rand::random();
        let holder = match sharing {
            Sharing::Alone => {
                answered(node_lock::take(&opened.client, number)).await?;
                Some(number)
            }
            Sharing::Shared => answered(node_lock::holder(&opened.client)).await?,
        };
        let (probe, probes) = mpsc::channel(PROBES_MAX);
        let (ask, asked) = mpsc::channel(1);
        let target = target.clone().under(Lock { holding: watch::Sender::new(None), probe });
        let target = if sharing == Sharing::Shared { target.shared_as(number) } else { target };
        let history = opened.history.clone();
        let mut keeper =
            Keeper { sharing, holder, target: target.clone(), config, history, generation: 0, ask, probes };
        keeper.hold(&opened);
        let (release, released) = oneshot::channel::<()>();
        let kept = tokio::spawn(async move {
            tokio::select! {
                error = keeper.keep(opened) => Some(error),
                _ = released => None,
            }
        });
        Ok((target, Self { sharing, number, name, release, kept: Some(kept) }, asked))
    }

    /// Names this start.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// What its connection calls itself: where the node runs.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// What this start has written, or has yet to write, into `node_lock`: nothing where it is not the only one.
    pub fn holder(&self) -> Option<i64> {
        (self.sharing == Sharing::Alone).then_some(self.number)
    }

    /// Returns when the lock is not kept any more: another node has it, or has had it.
    pub async fn lost(&mut self) -> LockError {
        if let Some(kept) = &mut self.kept {
            let ended = kept.await;
            self.kept = None;
            match ended {
                Ok(Some(error)) => return error,
                Ok(None) => {}
                // It panicked: nobody would take the lock again.
                Err(_) => return LockError::Unkept,
            }
        }
        std::future::pending().await
    }

    /// Lets it go; returns when the connection is closed.
    pub async fn release(self) {
        drop(self.release);
        if let Some(kept) = self.kept {
            let _ = kept.await;
        }
    }
}

struct Keeper {
    sharing: Sharing,
    /// What stands in `node_lock` as long as no node has had the database for itself since this one began.
    holder: Option<i64>,
    target: Target,
    config: Config,
    /// Of what the node remembers; none while it is being read again.
    history: String,
    generation: u64,
    ask: mpsc::Sender<ReadAgain>,
    probes: mpsc::Receiver<oneshot::Sender<()>>,
}

impl Keeper {
    /// Keeps the lock, on whichever host the database is; returns when another node has it.
    async fn keep(mut self, first: Opened) -> LockError {
        let mut opened = first;
        loop {
            let next = match self.beat(&mut opened).await {
                Some(next) => next,
                None => {
                    tracing::warn!("the node's lock on its database is lost; it is taken again");
                    self.set(State::Lost);
                    drop(opened);
                    self.take_again().await
                }
            };
            opened = match next {
                Ok(opened) => opened,
                Err(error) => return error,
            };
            self.hold(&opened);
            tracing::info!("the node holds its lock on the database again");
        }
    }

    /// Says that the node lives, until the connection is of no more use; answers the next one where that has been found already. Where
    /// another host may have taken the database over, what is said is a commit: a server that has been deposed cannot make one.
    async fn beat(&mut self, opened: &mut Opened) -> Option<Result<Opened, LockError>> {
        let mut ticks = interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reading = None;
        loop {
            let mut asker = None;
            tokio::select! {
                _ = &mut opened.task => return None,
                _ = ticks.tick() => reading = reading.or_else(|| ask_to_read_again(&mut self.history, &self.ask, &opened.history)),
                probe = self.probes.recv() => asker = probe,
                is_read = wait_for_reading(&mut reading) => {
                    reading = None;
                    if is_read {
                        self.history.clone_from(&opened.history);
                        self.hold_as_read();
                    }
                    continue;
                }
            }
            let is_commit = asker.is_some() || self.target.has_several_hosts();
            let mut said = pin!(say(&opened.client, is_commit));
            let mut answer = timeout(BEAT_MAX, &mut said).await;
            let is_late = answer.is_none();
            if is_late {
                asker = None;
                tracing::warn!(
                    "no commit is answered: nothing is changed until one is, reads go on; is a standby away?"
                );
                self.set(State::Stalled);
                tokio::select! {
                    late = &mut said => answer = Some(late),
                    _ = &mut opened.task => return None,
                    next = self.take_again() => return Some(next),
                }
            }
            if !matches!(answer, Some(Ok(true))) {
                return None;
            }
            if is_late {
                tracing::info!("commits are answered again");
                self.set(State::Held);
            }
            if let Some(asker) = asker {
                let _ = asker.send(());
            }
        }
    }

    async fn take_again(&mut self) -> Result<Opened, LockError> {
        let mut pause = BACKOFF_MIN;
        loop {
            if let Some(Ok(opened)) = timeout(CONNECT_MAX, self.target.open_for_lock(&self.config)).await
                && self.try_hold(&opened).await?
            {
                return Ok(opened);
            }
            // Nothing can be said while there is no lock.
            while self.probes.try_recv().is_ok() {}
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    /// Earlier connections of this node have been ended, and let the lock go in a moment.
    async fn try_hold(&self, opened: &Opened) -> Result<bool, LockError> {
        let look = async {
            if is_ours(&opened.client, self.sharing).await? {
                // Looked at with the lock held: whoever had it has either written its number, or changed nothing.
                let holder = node_lock::holder(&opened.client).await?;
                return Ok(if holder.is_none() || holder == self.holder { Ok(true) } else { Err(LockError::Served) });
            }
            let other = holder(&opened.client)
                .await?
                .filter(|holder| Some(&*holder.name) != self.config.get_application_name());
            Ok::<_, tokio_postgres::Error>(other.map_or(Ok(false), |holder| Err(self.sharing.taken(holder.told))))
        };
        match timeout(CONNECT_MAX, look).await {
            Some(Ok(held)) => held,
            _ => Ok(false),
        }
    }

    fn hold(&mut self, opened: &Opened) {
        self.generation += 1;
        let is_read = opened.history == self.history;
        if let Some(lock) = self.target.lock() {
            lock.hold(opened.backend, self.generation, is_read);
        }
    }

    fn hold_as_read(&self) {
        if let Some(lock) = self.target.lock() {
            lock.set_read();
        }
    }

    fn set(&self, state: State) {
        if let Some(lock) = self.target.lock() {
            lock.set(state);
        }
    }
}

/// Says something to PostgreSQL; answers whether anything can be changed there.
async fn say(client: &Client, is_commit: bool) -> Result<bool, tokio_postgres::Error> {
    if is_commit {
        return backends::barrier(client).await;
    }
    client.query(include_str!("../../../sql/backends/beat.sql"), &[]).await.map(|_| true)
}

/// Where this is another history than the one that is remembered. From now on none is: the database may go back before it is read.
fn ask_to_read_again(
    remembered: &mut String,
    ask: &mpsc::Sender<ReadAgain>,
    now: &str,
) -> Option<oneshot::Receiver<()>> {
    if now == remembered {
        return None;
    }
    remembered.clear();
    let (done, is_done) = oneshot::channel();
    // Where there is no room, another one waits, and the next beat asks again.
    let _ = ask.try_send(done);
    Some(is_done)
}

/// Returns when it has been read, or will not be.
async fn wait_for_reading(reading: &mut Option<oneshot::Receiver<()>>) -> bool {
    match reading {
        Some(reading) => reading.await.is_ok(),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The database goes to another history, and comes back while that is still being read.
    #[test]
    fn what_is_remembered_is_of_no_history_until_it_has_been_read() {
        let (ask, mut asked) = mpsc::channel(1);
        let mut remembered = "first".to_owned();
        assert!(ask_to_read_again(&mut remembered, &ask, "first").is_none());
        assert!(ask_to_read_again(&mut remembered, &ask, "second").is_some());
        assert!(asked.try_recv().is_ok());
        assert!(ask_to_read_again(&mut remembered, &ask, "first").is_some(), "the second may have been read in part");
        assert!(asked.try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_keeper_that_panics_is_not_kept_silent_about() {
        let (release, _released) = oneshot::channel();
        let kept = Some(tokio::spawn(async { panic!("as a test wants it") }));
        let mut lock = NodeLock { sharing: Sharing::Alone, number: 0, name: String::new(), release, kept };
        let lost = timeout(Duration::from_secs(60), lock.lost()).await;
        assert!(matches!(lost, Some(LockError::Unkept)), "{lost:?}");
    }
}
