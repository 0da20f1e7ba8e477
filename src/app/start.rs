//! What a start has to do with its database.

use super::StartError;
use crate::error::{Error, Result};
use crate::store::migrate::migrate;
use crate::store::{Target, backends};
use std::time::{Duration, Instant};

/// As long as the start waits for the database to answer, once it has been connected to.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Before it is asked once more.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Everything that has to be done to a database before it is served.
pub(super) async fn prepare(database: &Target, number: Option<i64>) -> std::result::Result<(), StartError> {
    migrate(database).await?;
    Ok(backends::forget_earlier(database, number).await?)
}

/// Asks the database until it answers, for as long as a start waits for it: a machine that is busy takes its time to open connections.
pub(super) async fn patiently<T>(ask: impl AsyncFn() -> Result<T>) -> Result<T> {
    let until = Instant::now() + ANSWER_MAX;
    loop {
        match ask().await {
            Err(Error::Unavailable) if Instant::now() < until => tokio::time::sleep(ASK_AGAIN_AFTER).await,
            answer => return answer,
        }
    }
}
