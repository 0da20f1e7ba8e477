//! Which nodes say that they live.

use crate::store::nodes::NodeRow;
use os::clock::since_boot;
use std::collections::HashMap;
use std::time::Duration;

/// A node that says nothing for so long, by the clock of who listens, is removed. Its lease was over long before.
pub const SILENT_MAX: Duration = Duration::from_secs(10);
/// Who has not listened for longer knows nothing of what others have said meanwhile: their silence begins anew.
const DEAF_MAX: Duration = Duration::from_secs(3);

/// What has been heard of nodes.
#[derive(Default)]
pub struct Members {
    heard: HashMap<i64, Heard>,
    looked_at: Duration,
}

/// What was heard last of a node, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub id: i64,
    pub beat: i64,
    since: Duration,
}

impl Members {
    /// Takes note of what nodes say; answers which of them have said something since the last look.
    pub fn look(&mut self, nodes: &[NodeRow]) -> Vec<i64> {
        self.look_at(nodes, since_boot())
    }

    /// Those that have been silent for too long.
    pub fn silent(&self) -> Vec<Heard> {
        self.silent_at(since_boot())
    }

    fn look_at(&mut self, nodes: &[NodeRow], now: Duration) -> Vec<i64> {
        self.heard.retain(|id, _| nodes.iter().any(|node| node.id == *id));
        if now.saturating_sub(std::mem::replace(&mut self.looked_at, now)) > DEAF_MAX {
            self.heard.values_mut().for_each(|heard| heard.since = now);
        }
        let mut spoken = Vec::new();
        for node in nodes {
            let fresh = Heard { id: node.id, beat: node.beat, since: now };
            let heard = self.heard.entry(node.id).or_insert(fresh);
            if heard.beat != node.beat {
                *heard = fresh;
                spoken.push(node.id);
            }
        }
        spoken
    }

    fn silent_at(&self, now: Duration) -> Vec<Heard> {
        self.heard.values().filter(|heard| now.saturating_sub(heard.since) >= SILENT_MAX).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: i64, beat: i64) -> NodeRow {
        let (writers, key_proof, host) = Default::default();
        NodeRow { id, origin: id, writers, beat, protocol: 1, key_proof, host, now_s: 0.0 }
    }

    fn silent(members: &Members, now: Duration) -> Vec<(i64, i64)> {
        members.silent_at(now).iter().map(|heard| (heard.id, heard.beat)).collect()
    }

    #[test]
    fn who_says_nothing_for_too_long_is_silent_and_who_says_something_is_not() {
        let at = Duration::from_secs;
        let mut members = Members::default();
        assert!(members.look_at(&[node(1, 5), node(2, 9)], at(100)).is_empty(), "nothing is known of before");
        for second in 101..110 {
            let said = members.look_at(&[node(1, second), node(2, 9)], at(second as u64));
            assert_eq!((said, members.silent_at(at(second as u64)).len()), (vec![1], 0));
        }
        assert_eq!(silent(&members, at(110)), [(2, 9)]);
        members.look_at(&[node(1, 110)], at(111));
        assert!(silent(&members, at(116)).is_empty(), "it is gone");
    }

    /// The database was away for all: none could say anything, and the first that is back does not take the others for dead.
    #[test]
    fn who_could_not_listen_waits_once_more() {
        let at = Duration::from_secs;
        let mut members = Members::default();
        members.look_at(&[node(1, 5)], at(100));
        members.look_at(&[node(1, 5)], at(120));
        assert!(silent(&members, at(120)).is_empty());
        (121..=129).for_each(|second| drop(members.look_at(&[node(1, 5)], at(second))));
        assert!(silent(&members, at(129)).is_empty());
        assert_eq!(silent(&members, at(130)), [(1, 5)]);
    }
}
