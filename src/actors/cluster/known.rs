//! What the tasks of a node know of the others.

use crate::actors::bus::Bus;
use crate::actors::lease::Lease;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::atomic::AtomicI64;
use tokio::sync::Notify;

/// See the module.
pub struct Known {
    pub lease: Lease,
    /// This node's number.
    pub id: AtomicI64,
    /// Something has been changed: what others have changed is looked at now.
    pub changed: Notify,
    pub bus: Bus,
    others: Mutex<Others>,
    have_applied: Notify,
}

/// The other nodes, as the bus knows them.
#[derive(Default)]
struct Others {
    nodes: HashSet<i64>,
    /// How much of what has been changed each has said to have applied, in which history of the database.
    applied: HashMap<i64, (u64, i64)>,
}

impl Known {
    pub fn new(bus: Bus) -> Self {
        let (changed, others, have_applied) = Default::default();
        Self { lease: Lease::over(), id: AtomicI64::new(0), changed, bus, others, have_applied }
    }

    /// These are the other nodes now.
    pub fn meet(&self, nodes: HashSet<i64>) {
        let mut others = self.others.lock();
        others.applied.retain(|node, _| nodes.contains(node));
        others.nodes = nodes;
    }

    /// Whether it is one of them.
    pub fn knows(&self, node: i64) -> bool {
        self.others.lock().nodes.contains(&node)
    }

    /// A node has applied everything up to an entry.
    pub fn has_applied(&self, node: i64, history: u64, upto: i64) {
        self.others.lock().applied.insert(node, (history, upto));
        self.have_applied.notify_waiters();
    }

    /// Returns when these nodes have said that they have applied everything up to an entry.
    pub async fn have_applied(&self, nodes: &[i64], upto: i64) {
        loop {
            let mut more = pin!(self.have_applied.notified());
            // From here on nothing is missed that is said.
            more.as_mut().enable();
            if self.all_have_applied(nodes, upto) {
                return;
            }
            more.await;
        }
    }

    fn all_have_applied(&self, nodes: &[i64], upto: i64) -> bool {
        let Some(now) = self.bus.history() else { return false };
        let others = self.others.lock();
        let has = |node| others.applied.get(node).is_some_and(|(history, applied)| *history == now && *applied >= upto);
        nodes.iter().all(has)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn what_a_node_has_applied_counts_in_the_history_in_which_it_said_so() {
        let known = Known::new(Bus::to_be_connected());
        known.bus.set_history(Some(1));
        known.meet(HashSet::from([7, 8]));
        let have = async |upto| {
            tokio::time::timeout(Duration::from_millis(1), known.have_applied(&[7, 8], upto)).await.is_ok()
        };
        known.has_applied(7, 1, 5);
        assert!(!have(5).await, "8 has said nothing");
        known.has_applied(8, 1, 6);
        assert!(have(5).await && !have(6).await);
        known.bus.set_history(Some(2));
        assert!(!have(5).await, "another history has other entries");
        known.has_applied(7, 2, 5);
        known.has_applied(8, 2, 5);
        assert!(have(5).await);
        known.meet(HashSet::from([7]));
        assert!(!known.knows(8) && !have(5).await, "8 is gone");
    }
}
