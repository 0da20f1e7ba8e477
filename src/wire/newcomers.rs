//! Connections whose client is nobody yet: how many there may be at once. A silent one, and one whose head does not end, hold a place
//! and their buffers until their time is over; who has shown a good token, or become a socket, holds none.

use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections of nobody that the node reads from.
pub const NEWCOMERS_MAX: usize = 8_192;
/// As long as a further one waits for a place, unread; then it is closed.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The places of a node; cheap to clone.
#[derive(Clone)]
pub struct Newcomers(Arc<Semaphore>);

/// A place, given back when it is dropped.
#[derive(Debug)]
pub struct Newcomer(#[allow(dead_code)] OwnedSemaphorePermit);

impl Default for Newcomers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(NEWCOMERS_MAX)))
    }
}

impl Newcomers {
    /// Waits for a place.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn enter(&self) -> io::Result<Newcomer> {
        match tokio::time::timeout(WAIT_MAX, Arc::clone(&self.0).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Newcomer(permit)),
            Ok(Err(_)) | Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
