//! The processes of PostgreSQL that serve our connections.
//!
//! A statement that was sent runs however late its process comes to it: a process may be stopped, and a proxy may keep what it
//! took. No timeout of ours or of PostgreSQL's runs until then. So whether a statement can still run is not a question of time:
//! it cannot once its process has gone from `pg_stat_activity`, which it leaves after its last transaction.

use super::db::{APPLICATION_NAMES, START_NAME};
use super::fault::chain;
use super::node_lock;
use super::open::Opened;
use super::target::Target;
use super::write_batches;
use crate::domain::backend::Backend;
use crate::patience::timeout;
use std::future::Future;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, Row};

/// As long as the processes of an earlier node may take to end.
const EARLIER_MAX: Duration = Duration::from_secs(30);
/// As long as a process is waited for that ends a lost batch; then the claim has to hold alone.
const ENDING_MAX: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// As long as one statement of a start may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// As long as the ledger of earlier nodes may take to be forgotten, in milliseconds.
const FORGET_MAX_MS: u64 = 30_000;
const NO_ANSWER: &str = "no answer in time";

/// Why a node may not begin yet.
#[derive(Debug, thiserror::Error)]
pub enum EarlierError {
    /// PostgreSQL does not answer.
    #[error("the connections of an earlier node could not be looked for: {0}; check that the database runs")]
    Database(String),
    /// They are another role's.
    #[error(
        "connections of an earlier node are another role's, which this one may not end ({0}); end them or start with that role, or \
         `grant pg_signal_backend` to this one, then start again"
    )]
    Foreign(String),
    /// They do not end.
    #[error(
        "connections of an earlier node do not end (PostgreSQL's processes {0}), and what they were sent may still be carried out; \
         end these processes or restart PostgreSQL, then start again"
    )]
    Running(String),
    /// What an earlier node has left may still be lost.
    #[error("no commit is answered in time; is a standby away that commits wait for? Bring it back, then start again")]
    Unanswered,
}

pub(super) fn of(row: &Row) -> Backend {
    Backend::new(row.get("pid"), row.get("backend_start"))
}

/// Who has a connection, for whoever has to look for them.
pub(super) fn told(row: &Row) -> String {
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let name = text("application_name").unwrap_or_default();
    let address = text("address").unwrap_or_else(|| "the database's own machine".into());
    let role = text("role").unwrap_or_default();
    format!("`{name}`, connected from {address} as {role} (PostgreSQL's process {})", row.get::<_, i32>("pid"))
}

/// Ends processes, but for those that wait for a standby; answers which of them are not gone yet.
pub(super) async fn end(client: &Client, backends: &[Backend]) -> Result<Vec<Backend>, Error> {
    let pids: Vec<i32> = backends.iter().map(Backend::pid).collect();
    let starts: Vec<OffsetDateTime> = backends.iter().map(Backend::started_at).collect();
    let rows = client.query(include_str!("../../sql/backends/end.sql"), &[&pids, &starts]).await?;
    Ok(rows.iter().map(of).collect())
}

/// Ends processes and waits until they are gone; answers which are not after [`ENDING_MAX`].
pub async fn end_and_wait(client: &Client, backends: &[Backend]) -> Result<Vec<Backend>, Error> {
    let until = Instant::now() + ENDING_MAX;
    loop {
        let left = end(client, backends).await?;
        if left.is_empty() || Instant::now() >= until {
            return Ok(left);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until everything that can be seen now is as safe as what is acknowledged; answers whether anything can be changed there.
pub(super) async fn barrier(client: &Client) -> Result<bool, Error> {
    let row = client.query_one(include_str!("../../sql/backends/barrier.sql"), &[]).await?;
    Ok(!row.get::<_, bool>("is_read_only"))
}

/// Ends what an earlier node has left on the database, over the connection that holds the lock: nothing of it can come any more then. What
/// is of nodes that share the database is ended `with_shared`, where none of them is alive.
///
/// # Errors
/// When it does not end, or PostgreSQL does not answer.
pub(super) async fn end_earlier(client: &Client, with_shared: bool) -> Result<(), EarlierError> {
    let until = Instant::now() + EARLIER_MAX;
    loop {
        let names: &[&str] = &APPLICATION_NAMES;
        let rows = answered(
            ANSWER_MAX,
            client.query(include_str!("../../sql/backends/end_earlier.sql"), &[&names, &with_shared]),
        )
        .await?;
        if rows.is_empty() {
            break;
        }
        if Instant::now() >= until {
            let pids: Vec<String> = rows.iter().map(|row| row.get::<_, i32>("pid").to_string()).collect();
            return Err(EarlierError::Running(pids.join(", ")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    // An end shows what waited for a standby: nothing of it is served before the standby has it.
    let safe = timeout(ANSWER_MAX, barrier(client)).await.ok_or(EarlierError::Unanswered)?;
    safe.map(drop).map_err(|error| EarlierError::Database(chain(&error)))
}

/// Notes whose the database is now (`node_lock`), where the lock was taken before the schema had a place for it and it is this node's alone, and forgets the ledger of
/// earlier nodes, which have been ended.
///
/// # Errors
/// When PostgreSQL does not answer.
pub async fn forget_earlier(target: &Target, number: Option<i64>) -> Result<(), EarlierError> {
    let config = super::db::session_config(target.config(), START_NAME, FORGET_MAX_MS, FORGET_MAX_MS);
    let opened = timeout(CONNECT_MAX, target.open(&config)).await;
    let opened = opened.ok_or_else(|| EarlierError::Database(NO_ANSWER.into()))?;
    let Opened { client, task, .. } = opened.map_err(|error| EarlierError::Database(error.to_string()))?;
    if let Some(number) = number {
        answered(ANSWER_MAX, node_lock::take(&client, number)).await?;
    }
    let forgotten = write_batches::prune_old(&client);
    answered(Duration::from_millis(FORGET_MAX_MS + 1_000), forgotten).await?;
    drop(client);
    let _ = task.await;
    Ok(())
}

async fn answered<T>(within: Duration, statement: impl Future<Output = Result<T, Error>>) -> Result<T, EarlierError> {
    let answer = timeout(within, statement).await;
    let answer = answer.ok_or_else(|| EarlierError::Database(NO_ANSWER.into()))?;
    answer.map_err(|error| match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => EarlierError::Foreign(chain(&error)),
        _ => EarlierError::Database(chain(&error)),
    })
}
