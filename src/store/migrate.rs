//! Brings the schema up to date, one node at a time: refinery has no lock of its own, so an advisory lock is held.

use super::db::session_config;
use super::fault::{causes, chain};
use super::open::Opened;
use super::target::Target;
use crate::patience::timeout;
use std::time::Duration;

mod embedded {
    refinery::embed_migrations!("sql/migrations");
}

/// Names the lock among others in the same database: "madang" in ASCII.
const LOCK: i64 = 0x6d61_6461_6e67;
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection within 10 s.
    #[error("no connection to PostgreSQL: {0}; check DATABASE_URL and that the database runs")]
    Connect(String),
    /// The database refused a statement.
    #[error("the schema could not be brought up to date: {0}")]
    Migrate(String),
}

/// Runs what is missing of `sql/migrations`.
pub async fn migrate(target: &Target) -> Result<(), MigrateError> {
    let config = session_config(target.config(), "madang migrate", 0, 0);
    let opened = timeout(CONNECT_MAX, target.open(&config)).await;
    let opened = opened.ok_or_else(|| MigrateError::Connect("no answer in time".into()))?;
    let Opened { mut client, task, .. } = opened.map_err(|error| MigrateError::Connect(error.to_string()))?;
    let failed = |error: tokio_postgres::Error| MigrateError::Migrate(chain(&error));
    // Released with the connection, whatever happens.
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    embedded::migrations::runner()
        .run_async(&mut client)
        .await
        .map_err(|error| MigrateError::Migrate(causes(&error)))?;
    drop(client);
    let _ = task.await;
    Ok(())
}
