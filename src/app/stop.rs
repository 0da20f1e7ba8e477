//! The steps of a stop.

use super::StartError;
use crate::actors::relay::{Completion, Relays};
use crate::store::lock::NodeLock;
use std::io;
use std::time::Duration;
use tokio::task::JoinHandle;

/// The parts of a stop once it serves nobody any more, together with PostgreSQL's under 10 s.
pub(super) const WRITES_MAX: Duration = Duration::from_millis(1_500);
/// The time of the last writes is in it.
pub(super) const SOCKETS_MAX: Duration = Duration::from_millis(2_500);
pub(super) const CALLS_MAX: Duration = Duration::from_secs(2);

/// Why the node stops without having been told to; `None` where its server has just ended.
pub(super) async fn failure(server: &mut JoinHandle<io::Result<()>>, lock: &mut NodeLock) -> Option<StartError> {
    tokio::select! {
        ended = server => {
            let error = ended.map_err(io::Error::other).and_then(|ended| ended).err();
            error.map(|error| StartError::Other(error.to_string()))
        }
        error = lock.lost() => Some(error.into()),
    }
}

/// Ends the sockets that are there, one after another over this time. Who comes meanwhile is served as before: a client may have no
/// other node to go to, and a balancer takes its time to learn that this one is leaving.
pub(super) async fn drain(relays: &Relays, over: Duration) {
    let (completion, mut drained) = Completion::awaited();
    relays.all().iter().for_each(|relay| relay.drain(over, completion.clone()));
    drop(completion);
    tokio::join!(tokio::time::sleep(over), drained.recv());
}

pub(super) async fn all_closed(relays: &Relays) {
    for relay in relays.all() {
        while matches!(relay.open_sockets().await, Some(1..)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
