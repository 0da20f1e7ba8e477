//! The pool behind HTTP calls and the registry's loads. The writers have connections of their own.
//!
//! Bounds: [`HOMES`] times [`HOME_SIZE`] connections and those of `pool.rs`, [`STATEMENT_TIMEOUT_MS`] for a statement;
//! past any of them the answer is [`Error::Unavailable`].

use super::fault::{Fault, client_error, fault};
use super::pool::Homes;
use super::target::Target;
use crate::error::{Error, Result};
use deadpool_postgres::{BuildError, Object};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};

/// Pools for calls, and connections in each. A thread has one of the pools for its home.
const HOMES: usize = 4;
const HOME_SIZE: usize = 4;
/// As long as a statement may run, in milliseconds.
const STATEMENT_TIMEOUT_MS: u64 = 5_000;
/// As long as a deletion may run, in milliseconds: its cascade reaches every message of a server.
const CASCADE_TIMEOUT_MS: u64 = 120_000;
const CASCADE_POOL_SIZE: usize = 2;
/// As often as a statement is sent that PostgreSQL asks to send again.
const ATTEMPTS: u32 = 4;

/// Parameters of a statement.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A handle to the pool; cheap to clone.
#[derive(Clone)]
pub struct Db {
    calls: Arc<Homes>,
    cascades: Arc<Homes>,
}

/// How a statement has its connection.
#[derive(Clone, Copy)]
enum Manner {
    Alone,
    Shared,
}

/// Every statement finds what it wants by an index. PostgreSQL is told so: left to guess, it plans anew for each call, which
/// takes as long as a page of history, and for a quiet channel may go through everybody else's messages.
const PLANNING: &str =
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c jit=off";

/// What every connection of ours is configured with: no wait without an end, and commits that are on disk.
pub fn session_config(
    base: &Config,
    application_name: &str,
    statement_timeout_ms: u64,
    lock_timeout_ms: u64,
) -> Config {
    let mut config = base.clone();
    let options = base.get_options().unwrap_or_default();
    config
        .application_name(application_name)
        .connect_timeout(Duration::from_secs(1))
        .keepalives_idle(Duration::from_secs(10))
        .tcp_user_timeout(Duration::from_secs(5))
        .options(format!(
            "{options} {PLANNING} -c synchronous_commit=on -c statement_timeout={statement_timeout_ms} \
             -c lock_timeout={lock_timeout_ms}"
        ));
    config
}

impl Db {
    /// As long as a statement may still be running after its connection was lost.
    pub const STATEMENT_MAX: Duration = Duration::from_millis(STATEMENT_TIMEOUT_MS + 1_000);
    /// The same for a deletion.
    pub const CASCADE_MAX: Duration = Duration::from_millis(CASCADE_TIMEOUT_MS + 1_000);

    /// The pools over `config`; no connection is made yet.
    ///
    /// # Errors
    /// When the pools' own settings contradict each other.
    pub fn new(target: &Target) -> Result<Self, BuildError> {
        let pools = |name, timeout_ms, homes, size| {
            let config = session_config(target.config(), name, timeout_ms, STATEMENT_TIMEOUT_MS);
            Homes::new(&target.with(config), homes, size).map(Arc::new)
        };
        Ok(Self {
            calls: pools("madang", STATEMENT_TIMEOUT_MS, HOMES, HOME_SIZE)?,
            cascades: pools("madang cascade", CASCADE_TIMEOUT_MS, 1, CASCADE_POOL_SIZE)?,
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.read("select 1", &[]).await.map(drop)
    }

    /// Closes every connection; later calls are refused.
    pub fn close(&self) {
        self.calls.close();
        self.cascades.close();
    }

    /// The rows of a statement that changes nothing: sent again where a connection turns out to be dead.
    pub(super) async fn read(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>> {
        let again = |fault| matches!(fault, Fault::Retry | Fault::Lost);
        self.attempt(&self.calls, Manner::Alone, STATEMENT_TIMEOUT_MS, again, async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        })
        .await
    }

    /// The rows of a statement that finds what it reads by key: it shares a connection with others of its kind.
    pub(super) async fn look_up(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>> {
        let again = |fault| matches!(fault, Fault::Retry | Fault::Lost);
        self.attempt(&self.calls, Manner::Shared, STATEMENT_TIMEOUT_MS, again, async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        })
        .await
    }

    /// The one row that a key names.
    pub(super) async fn look_up_one(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>> {
        Ok(self.look_up(sql, params).await?.into_iter().next())
    }

    /// The first row that a change returns. Not sent again after a lost connection: it may have taken effect.
    pub(super) async fn write(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>> {
        let rows = self.attempt(&self.calls, Manner::Alone, STATEMENT_TIMEOUT_MS, is_retry, async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, params).await
        });
        Ok(rows.await?.into_iter().next())
    }

    /// How many rows a change reached.
    pub(super) async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64> {
        self.attempt(&self.calls, Manner::Alone, STATEMENT_TIMEOUT_MS, is_retry, async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, params).await
        })
        .await
    }

    /// How many rows a deletion reached whose cascade may take long; two run at once.
    pub(super) async fn execute_cascade(&self, sql: &'static str, params: Params<'_>) -> Result<u64> {
        self.attempt(&self.cascades, Manner::Alone, CASCADE_TIMEOUT_MS, is_retry, async |client| {
            client.execute(sql, params).await
        })
        .await
    }

    async fn attempt<T>(
        &self,
        pool: &Homes,
        manner: Manner,
        timeout_ms: u64,
        again: fn(Fault) -> bool,
        work: impl AsyncFn(&Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        // PostgreSQL ends the statement itself; this is for a database that no longer answers at all.
        let limit = Duration::from_millis(timeout_ms + 1_000);
        for attempt in 1.. {
            let lease = match manner {
                Manner::Alone => pool.lease().await?,
                Manner::Shared => pool.share().await?,
            };
            let client = lease.connection().ok_or(Error::Unavailable)?;
            let watch = lease.watch();
            let outcome = tokio::time::timeout(limit, work(client)).await;
            watch.end();
            let error = match outcome {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => {
                    lease.discard();
                    return Err(Error::Unavailable);
                }
            };
            let fault = fault(&error);
            if fault == Fault::Lost {
                // The server says goodbye before the client knows that it is closed.
                lease.discard();
            }
            if attempt >= ATTEMPTS || !again(fault) {
                return Err(client_error(&error));
            }
        }
        Err(Error::Unavailable)
    }
}

fn is_retry(fault: Fault) -> bool {
    fault == Fault::Retry
}
