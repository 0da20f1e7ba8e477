//! Connections whose client is nobody yet: how many there may be at once. A silent one, and one whose head does not end, hold a place
//! and their buffers until their time is over; who has shown a good token, or become a socket, holds none.
//!
//! Bounds: [`NEWCOMERS_MAX`] for the node and [`PER_NETWORK_MAX`] for a network; further ones wait unread for [`WAIT_MAX`], then they
//! are closed. This machine's own addresses are nobody's: a proxy stands there.

use crate::limits::household;
use crate::patience::timeout;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections of nobody that the node reads from.
pub const NEWCOMERS_MAX: usize = 8_192;
/// Those of one network; a trusted proxy elsewhere keeps fewer.
pub const PER_NETWORK_MAX: usize = 512;
/// As long as a further one waits for a place, unread.
const WAIT_MAX: Duration = Duration::from_secs(5);

type Networks = Arc<Mutex<HashMap<IpAddr, (Arc<Semaphore>, usize)>>>;

/// The places of a node; cheap to clone.
#[derive(Clone)]
pub struct Newcomers {
    all: Arc<Semaphore>,
    networks: Networks,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub struct Newcomer {
    _all: OwnedSemaphorePermit,
    _of_network: Option<(OwnedSemaphorePermit, InNetwork)>,
}

/// Counts who is in a network or waits there, so that it is forgotten with the last one.
#[derive(Debug)]
struct InNetwork(Networks, IpAddr);

impl Default for Newcomers {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(NEWCOMERS_MAX)), networks: Networks::default() }
    }
}

impl Newcomers {
    /// Waits for a place.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn enter(&self, peer: IpAddr) -> io::Result<Newcomer> {
        let places = async {
            let of_network = if peer.to_canonical().is_loopback() { None } else { Some(self.in_network(peer).await?) };
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Newcomer { _all: all, _of_network: of_network })
        };
        let places = timeout(WAIT_MAX, places).await;
        places.flatten().ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    async fn in_network(&self, peer: IpAddr) -> Option<(OwnedSemaphorePermit, InNetwork)> {
        let network = household(peer);
        let places = {
            let mut networks = self.networks.lock();
            let (places, count) =
                networks.entry(network).or_insert_with(|| (Arc::new(Semaphore::new(PER_NETWORK_MAX)), 0));
            *count += 1;
            Arc::clone(places)
        };
        let counted = InNetwork(Arc::clone(&self.networks), network);
        Some((places.acquire_owned().await.ok()?, counted))
    }
}

impl Drop for InNetwork {
    fn drop(&mut self) {
        let mut networks = self.0.lock();
        if let Some((_, count)) = networks.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                networks.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Instant;

    #[actix_web::test]
    async fn a_network_has_so_many_places_and_waits_for_more_and_others_do_not() {
        let newcomers = Newcomers::default();
        let (here, there) = (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));
        let mut held = Vec::new();
        for _ in 0..PER_NETWORK_MAX {
            held.push(newcomers.enter(here).await.expect("there is room"));
        }
        let waits = tokio::time::timeout(Duration::from_millis(50), newcomers.enter(here)).await;
        assert!(waits.is_err(), "it waits for its place");
        assert!(newcomers.enter(there).await.is_ok());
        held.pop();
        assert!(newcomers.enter(here).await.is_ok());
        drop(held);
        assert!(newcomers.networks.lock().is_empty());
    }

    #[actix_web::test]
    async fn a_node_has_so_many_places_and_who_waits_for_one_in_vain_is_told_in_time() {
        let newcomers = Newcomers::default();
        let proxy = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut held = Vec::new();
        for _ in 0..NEWCOMERS_MAX {
            held.push(newcomers.enter(proxy).await.expect("there is room"));
        }
        let began = Instant::now();
        let refused = newcomers.enter(proxy).await.expect_err("there is no room");
        assert!(refused.kind() == io::ErrorKind::TimedOut && began.elapsed() >= WAIT_MAX);
        held.pop();
        assert!(newcomers.enter(proxy).await.is_ok());
    }
}
