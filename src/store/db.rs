//! The pool behind HTTP calls and the registry's loads. The writers have connections of their own.
//!
//! Bounds: [`HOMES`] times [`HOME_SIZE`] connections and those of `pool.rs`, [`STATEMENT_TIMEOUT_MS`] for a statement;
//! past any of them the answer is [`Error::Unavailable`].

use super::backends;
use super::fault::{Fault, client_error, fault};
use super::pool::{AffinePools, Connection};
use super::target::Target;
use crate::domain::backend::Backend;
use crate::error::{Error, Result};
use crate::patience::timeout;
use deadpool_postgres::BuildError;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Row, Statement};

/// Pools for calls, and connections in each. A thread has one of the pools for its home.
const HOMES: usize = 4;
const HOME_SIZE: usize = 4;
/// As long as a statement may run, in milliseconds.
const STATEMENT_TIMEOUT_MS: u64 = 5_000;
/// As long as the deletion of a server may run, in milliseconds: its cascade reaches every member.
const CASCADE_TIMEOUT_MS: u64 = 120_000;
const CASCADE_POOL_SIZE: usize = 2;
/// As often as a statement is sent that PostgreSQL asks to send again.
const ATTEMPTS: u32 = 4;

/// What our connections call themselves, but for that of the lock: the next node finds by these names what this one has left.
pub(super) const APPLICATION_NAMES: [&str; 5] = [CALLS_NAME, CASCADES_NAME, WRITER_NAME, MIGRATE_NAME, START_NAME];
const CALLS_NAME: &str = "madang";
const CASCADES_NAME: &str = "madang cascade";
/// A writer's.
pub const WRITER_NAME: &str = "madang writer";
pub(super) const MIGRATE_NAME: &str = "madang migrate";
pub(super) const START_NAME: &str = "madang start";

/// Behind the names of connections of a node that shares its database stands which node it is: this, and its number.
pub(super) const MARK: char = '@';

/// Parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A handle to the pool; cheap to clone.
#[derive(Clone)]
pub struct Db {
    target: Target,
    calls: Arc<AffinePools>,
    cascades: Arc<AffinePools>,
    /// As long as a change waits for the lock of the database.
    wait_max: Duration,
}

/// What a statement does, and so which connection it has and whether it may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Changes nothing, and has a connection to itself.
    Read,
    /// Changes nothing, and shares a connection with others that are as quick.
    LookUp,
    /// Changes something.
    Change,
    /// Deletes a server, with all its memberships.
    Cascade,
}

/// Every statement finds what it wants by an index. PostgreSQL is told so: left to guess, it plans anew for each call, which
/// takes as long as a page of history, and for a quiet channel may go through everybody else's messages.
const PLANNING: &str =
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c jit=off";

/// A connection whose machine is gone ends at the server's side too, with the locks that it has.
const KEEPALIVES: &str = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3";

/// What every connection of ours is configured with: no wait without an end, and commits that are on disk.
pub fn session_config(
    base: &Config,
    application_name: &str,
    statement_timeout_ms: u64,
    lock_timeout_ms: u64,
) -> Config {
    let mut config = base.clone();
    let options = base.get_options().unwrap_or_default();
    let mark = base.get_application_name().filter(|name| name.starts_with(MARK));
    config
        .application_name(mark.map_or_else(|| application_name.to_owned(), |mark| format!("{application_name} {mark}")))
        .connect_timeout(Duration::from_secs(1))
        .keepalives_idle(Duration::from_secs(10))
        .tcp_user_timeout(Duration::from_secs(5))
        .options(format!(
            "{options} {PLANNING} {KEEPALIVES} -c synchronous_commit=on -c statement_timeout={statement_timeout_ms} \
             -c lock_timeout={lock_timeout_ms}"
        ));
    config
}

impl Db {
    /// The pools over `config`, for whose connections a statement waits for `wait_max`; none is made yet.
    ///
    /// # Errors
    /// When the pools' own settings contradict each other.
    pub fn new(target: &Target, wait_max: Duration) -> Result<Self, BuildError> {
        let pools = |name, timeout_ms, homes, size| {
            let config = session_config(target.config(), name, timeout_ms, STATEMENT_TIMEOUT_MS);
            AffinePools::new(target, &config, homes, size, wait_max).map(Arc::new)
        };
        Ok(Self {
            target: target.clone(),
            wait_max,
            calls: pools(CALLS_NAME, STATEMENT_TIMEOUT_MS, HOMES, HOME_SIZE)?,
            cascades: pools(CASCADES_NAME, CASCADE_TIMEOUT_MS, 1, CASCADE_POOL_SIZE)?,
        })
    }

    /// Whether a change could be made now.
    ///
    /// # Errors
    /// When it could not.
    pub async fn ping(&self) -> Result<()> {
        self.read("select 1", &[]).await?;
        self.commits_are_answered().await
    }

    async fn commits_are_answered(&self) -> Result<()> {
        if self.target.can_commit().await { Ok(()) } else { Err(Error::Unavailable) }
    }

    /// Closes every connection; later calls are refused.
    pub fn close(&self) {
        self.calls.close();
        self.cascades.close();
    }

    /// The rows of a statement that changes nothing: sent again where a connection turns out to be dead.
    pub(super) async fn read(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>> {
        self.attempt(Work::Read, sql, async |client, statement| client.query(statement, params).await).await
    }

    /// The rows of a statement that finds what it reads by key: it shares a connection with others of its kind.
    pub(super) async fn look_up(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>> {
        self.attempt(Work::LookUp, sql, async |client, statement| client.query(statement, params).await).await
    }

    /// The one row that a key names.
    pub(super) async fn look_up_one(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>> {
        Ok(self.look_up(sql, params).await?.into_iter().next())
    }

    /// The first row that a change returns. Not sent again after a lost connection: it may have taken effect.
    pub(super) async fn write(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>> {
        let rows = self.attempt(Work::Change, sql, async |client, statement| client.query(statement, params).await);
        Ok(rows.await?.into_iter().next())
    }

    /// How many rows a change reached.
    pub(super) async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64> {
        self.attempt(Work::Change, sql, async |client, statement| client.execute(statement, params).await).await
    }

    /// How many rows a deletion reached whose cascade may take long, as that of a large server does; two run at once.
    pub(super) async fn execute_cascade(&self, sql: &'static str, params: Params<'_>) -> Result<u64> {
        self.attempt(Work::Cascade, sql, async |client, statement| client.execute(statement, params).await).await
    }

    /// Ends processes of PostgreSQL, as soon as commits are answered; answers which of them are not gone yet. What the others have left
    /// can be read then, and is safe.
    ///
    /// # Errors
    /// When the database does not answer: nothing is known then.
    pub async fn end_backends(&self, wanted: &[Backend]) -> Result<Vec<Backend>> {
        self.target.ready().await;
        self.commits_are_answered().await?;
        let left = self.end_now(wanted).await?;
        self.commits_are_answered().await?;
        Ok(left)
    }

    async fn end_now(&self, wanted: &[Backend]) -> Result<Vec<Backend>> {
        let lease = self.calls.lease().await?;
        let client = &lease.connection().ok_or(Error::Unavailable)?.client;
        let watch = lease.watch();
        let look = backends::end_and_wait(client, wanted);
        let looked = timeout(Duration::from_millis(STATEMENT_TIMEOUT_MS), look).await;
        watch.end();
        match looked {
            Some(Ok(left)) => Ok(left),
            Some(Err(_)) | None => {
                lease.discard();
                Err(Error::Unavailable)
            }
        }
    }

    async fn attempt<T>(
        &self,
        work: Work,
        sql: &'static str,
        run: impl AsyncFn(&Client, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        // PostgreSQL ends the statement itself; this is for a database that no longer answers at all.
        let limit = Duration::from_millis(work.timeout_ms() + 1_000);
        // A change without an answer costs its connection. What waits for a connection waits for the lock as long.
        if work.is_change() && timeout(self.wait_max, self.target.ready()).await.is_none() {
            return Err(Error::Unavailable);
        }
        for attempt in 1.. {
            let lease = match work {
                Work::LookUp => self.calls.share().await?,
                Work::Read | Work::Change => self.calls.lease().await?,
                Work::Cascade => self.cascades.lease().await?,
            };
            let Connection { client, backend, .. } = lease.connection().ok_or(Error::Unavailable)?;
            let is_sent = Cell::new(false);
            let watch = lease.watch();
            let outcome = timeout(limit, async {
                let statement = client.prepare_cached(sql).await?;
                is_sent.set(true);
                run(client, &statement).await
            });
            let outcome = outcome.await;
            watch.end();
            let error = match outcome {
                Some(Ok(value)) => return Ok(value),
                Some(Err(error)) => Some(error),
                None => None,
            };
            let fault = error.as_ref().map_or(Fault::Lost, fault);
            if fault == Fault::Unfit {
                lease.discard();
            }
            if fault == Fault::Lost {
                // The server says goodbye before the client knows that it is closed.
                lease.discard();
                if is_sent.get() && work.is_change() {
                    tracing::warn!(pid = backend.pid(), "it is not known yet whether a change took effect");
                    return Err(Error::InDoubt(*backend));
                }
            }
            // What has had no answer in time had all the time that there is.
            let is_worth_it = matches!(fault, Fault::Retry | Fault::Unfit)
                || (fault == Fault::Lost && error.is_some() && !work.is_change());
            if attempt >= ATTEMPTS || !is_worth_it {
                return Err(error.as_ref().map_or(Error::Unavailable, client_error));
            }
        }
        Err(Error::Unavailable)
    }
}

impl Work {
    fn timeout_ms(self) -> u64 {
        if self == Self::Cascade { CASCADE_TIMEOUT_MS } else { STATEMENT_TIMEOUT_MS }
    }

    fn is_change(self) -> bool {
        matches!(self, Self::Change | Self::Cascade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the database's own default is: what is acknowledged is on disk.
    #[test]
    fn every_connection_commits_to_disk_whatever_else_is_asked_of_it() {
        let mut base = Config::new();
        base.options("-c synchronous_commit=off");
        let config = session_config(&base, "madang", 5_000, 200);
        let options = config.get_options().unwrap_or_default();
        let last = options.rsplit("synchronous_commit=").next().unwrap_or_default();
        assert!(last.starts_with("on "), "{options}");
    }
}
