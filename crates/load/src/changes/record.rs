//! What was sent of changes in a channel, and what of it was answered. It is as large as their number: the log is held against all of it.

use super::{Change, EMOJI};
use std::collections::{HashMap, HashSet};

/// The edits of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// How many were sent.
    pub sent: u32,
    /// How many were answered: all of those sent, or all but the last.
    pub answered: u32,
}

/// A change that is made at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// By whom.
    pub user_id: i64,
    /// Whether it was answered.
    pub is_answered: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Record {
    edits: HashMap<i64, Edits>,
    /// For (message, user, emoji): whether it was answered.
    reactions: HashMap<(i64, i64, usize), bool>,
    deletions: HashMap<i64, Once>,
    /// Messages of which the node has said that they are not there.
    absent: HashSet<i64>,
}

impl Record {
    /// A change is on its way.
    pub fn send(&mut self, change: &Change, user_id: i64) {
        match change {
            Change::Edit(message) => self.edits.entry(message.id).or_default().sent = message.edits,
            Change::Reaction(id, emoji) => drop(self.reactions.insert((*id, user_id, *emoji), false)),
            Change::Deletion(message) => {
                self.deletions.insert(message.id, Once { user_id, is_answered: false });
            }
        }
    }

    /// The node has said that a change is made.
    pub fn answer(&mut self, change: &Change, user_id: i64) {
        match change {
            Change::Edit(message) => self.edits.entry(message.id).or_default().answered = message.edits,
            Change::Reaction(id, emoji) => drop(self.reactions.insert((*id, user_id, *emoji), true)),
            Change::Deletion(message) => {
                self.deletions.insert(message.id, Once { user_id, is_answered: true });
            }
        }
    }

    /// The node has said that there is no such message.
    pub fn is_absent(&mut self, id: i64) {
        self.absent.insert(id);
    }

    /// An emoji that a user has not given to a message yet; none of a message whose deletion was sent.
    pub fn unused_emoji(&self, id: i64, user_id: i64) -> Option<usize> {
        let is_unused = |emoji: &usize| !self.reactions.contains_key(&(id, user_id, *emoji));
        (!self.deletions.contains_key(&id)).then(|| (0..EMOJI.len()).find(is_unused))?
    }

    /// The messages that were edited.
    pub fn edits(&self) -> impl Iterator<Item = (i64, Edits)> + '_ {
        self.edits.iter().map(|(id, edits)| (*id, *edits))
    }

    /// The reactions: message, user, emoji, and whether it was answered.
    pub fn reactions(&self) -> impl Iterator<Item = (i64, i64, &'static str, bool)> + '_ {
        self.reactions.iter().map(|((id, user, emoji), is_answered)| {
            (*id, *user, EMOJI.get(*emoji).copied().unwrap_or_default(), *is_answered)
        })
    }

    /// The messages whose deletion was sent.
    pub fn deletions(&self) -> impl Iterator<Item = (i64, Once)> + '_ {
        self.deletions.iter().map(|(id, once)| (*id, *once))
    }

    /// The messages that the node has called absent.
    pub fn absent(&self) -> impl Iterator<Item = i64> + '_ {
        self.absent.iter().copied()
    }
}
