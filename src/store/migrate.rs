//! Brings the schema up to date, one node at a time: refinery has no lock of its own, so an advisory lock is held.

use super::backends::told;
use super::db::{MIGRATE_NAME, session_config};
use super::fault::causes;
use super::open::Opened;
use super::target::Target;
use crate::patience::timeout;
use std::error::Error;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::{DbError, SqlState};

mod embedded {
    refinery::embed_migrations!("sql/migrations");
}

/// Names the lock among others in the same database: "madang" in ASCII.
const LOCK: i64 = 0x6d61_6461_6e67;
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// As long as it waits for whoever holds a lock, in milliseconds.
const LOCK_MAX_MS: u64 = 10_000;
/// As long as nothing is said of it.
const QUIET_MAX: Duration = Duration::from_secs(10);

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection within 10 s.
    #[error("no connection to PostgreSQL: {0}; check DATABASE_URL and that the database runs")]
    Connect(String),
    /// Somebody else has a lock for too long.
    #[error(
        "the schema could not be brought up to date, because others hold locks in the database: {0}; end them, then start again"
    )]
    Locked(String),
    /// The database refused a statement.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(String),
}

/// Runs what is missing of `sql/migrations`.
///
/// # Errors
/// One line that says what to do. How long a migration runs has no bound, but it is told; how long it waits for a lock has one.
pub async fn migrate(target: &Target) -> Result<(), MigrateError> {
    let config = session_config(target.config(), MIGRATE_NAME, 0, LOCK_MAX_MS);
    let opened = timeout(CONNECT_MAX, target.open(&config)).await;
    let opened = opened.ok_or_else(|| MigrateError::Connect("no answer in time".into()))?;
    let Opened { mut client, task, .. } = opened.map_err(|error| MigrateError::Connect(error.to_string()))?;
    let still_there = async {
        loop {
            tokio::time::sleep(QUIET_MAX).await;
            tracing::warn!("the schema is still being brought up to date");
        }
    };
    let migrated = tokio::select! {
        migrated = run(&mut client) => migrated,
        () = still_there => Ok(()),
    };
    if let Err(error) = migrated {
        let error = error.as_ref();
        return Err(match has_waited(error) {
            true => MigrateError::Locked(in_the_way(&client).await),
            false => MigrateError::Migrate(causes(error)),
        });
    }
    drop(client);
    let _ = task.await;
    Ok(())
}

async fn run(client: &mut Client) -> Result<(), Box<dyn Error>> {
    // Released with the connection, whatever happens.
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await?;
    embedded::migrations::runner().run_async(client).await?;
    Ok(())
}

fn has_waited(error: &(dyn Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.any(|error| error.downcast_ref::<DbError>().is_some_and(|db| *db.code() == SqlState::LOCK_NOT_AVAILABLE))
}

/// Who has locks that were waited for.
async fn in_the_way(client: &Client) -> String {
    let look = client.query(include_str!("../../sql/backends/in_the_way.sql"), &[&LOCK]);
    match timeout(CONNECT_MAX, look).await {
        Some(Ok(rows)) if !rows.is_empty() => rows.iter().map(told).collect::<Vec<_>>().join(", "),
        _ => "they have gone meanwhile".into(),
    }
}
