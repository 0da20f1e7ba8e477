//! Brings the schema up to date, one node at a time: refinery has no lock of its own, so an advisory lock is held.

use super::db::session_config;
use super::fault::chain;
use super::target::Target;
use std::time::Duration;

mod embedded {
    refinery::embed_migrations!("sql/migrations");
}

/// Names the lock among others in the same database: "madang" in ASCII.
const LOCK: i64 = 0x6d61_6461_6e67;
/// PostgreSQL that is only just starting is waited for as long.
const CONNECT_ATTEMPTS: u32 = 50;
const CONNECT_PAUSE: Duration = Duration::from_millis(200);

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
    let mut attempt = 1;
    let (mut client, connection) = loop {
        match config.connect(target.tls()).await {
            Ok(connected) => break connected,
            // A wrong password or name does not get better by waiting.
            Err(error)
                if attempt >= CONNECT_ATTEMPTS || error.code().is_some_and(|code| !code.code().starts_with("57")) =>
            {
                return Err(MigrateError::Connect(chain(&error)));
            }
            Err(_) => attempt += 1,
        }
        tokio::time::sleep(CONNECT_PAUSE).await;
    };
    let connection = actix_rt::spawn(connection);
    let failed = |error: tokio_postgres::Error| MigrateError::Migrate(chain(&error));
    // Released with the connection, whatever happens.
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await.map_err(failed)?;
    embedded::migrations::runner()
        .run_async(&mut client)
        .await
        .map_err(|error| MigrateError::Migrate(error.to_string()))?;
    drop(client);
    let _ = connection.await;
    Ok(())
}
