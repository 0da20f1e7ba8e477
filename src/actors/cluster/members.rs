//! Which nodes say that they live.

use crate::store::nodes::NodeRow;
use os::clock::since_boot;
use std::collections::HashMap;
use std::time::Duration;

/// A node that says nothing for so long, by the clock of who listens, is removed. Its lease was over long before.
pub const SILENT_MAX: Duration = Duration::from_secs(10);

/// What has been heard of nodes.
#[derive(Default)]
pub struct Members(HashMap<i64, Heard>);

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
        self.0.retain(|id, _| nodes.iter().any(|node| node.id == *id));
        let mut spoken = Vec::new();
        for node in nodes {
            let fresh = Heard { id: node.id, beat: node.beat, since: now };
            let heard = self.0.entry(node.id).or_insert(fresh);
            if heard.beat != node.beat {
                *heard = fresh;
                spoken.push(node.id);
            }
        }
        spoken
    }

    fn silent_at(&self, now: Duration) -> Vec<Heard> {
        self.0.values().filter(|heard| now.saturating_sub(heard.since) >= SILENT_MAX).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: i64, beat: i64) -> NodeRow {
        let (writers, key_proof, host) = Default::default();
        NodeRow { id, origin: id, writers, beat, protocol: 1, key_proof, host, now_s: 0.0 }
    }

    #[test]
    fn who_says_nothing_for_too_long_is_silent_and_who_says_something_is_not() {
        let at = Duration::from_secs;
        let mut members = Members::default();
        assert!(members.look_at(&[node(1, 5), node(2, 9)], at(100)).is_empty(), "nothing is known of before");
        assert_eq!(members.look_at(&[node(1, 6), node(2, 9)], at(106)), [1]);
        assert!(members.silent_at(at(109)).is_empty());
        let silent = members.silent_at(at(110));
        assert_eq!(silent.iter().map(|heard| (heard.id, heard.beat)).collect::<Vec<_>>(), [(2, 9)]);
        members.look_at(&[node(1, 6)], at(111));
        assert_eq!(members.silent_at(at(116)).iter().map(|heard| heard.id).collect::<Vec<_>>(), [1]);
    }
}
