//! What has become of messages, as far as anybody has been told: their edits, and their end.

use std::collections::{BTreeMap, HashMap};

/// What has become of one message.
#[derive(Debug, Default)]
pub struct Fate {
    /// Where its edits are, and the number of the one that was told live there; 0 if only replays told of it.
    pub edits: BTreeMap<i64, u32>,
    /// The highest number of an edit that anybody was told.
    pub last_told: u32,
    /// Where its deletion is; 0 if nobody has been told.
    pub deleted_seq: i64,
    /// Which of all deletions that became known it was, from 1; 0 if it is not known to be deleted.
    buried: u64,
}

/// Of all messages of a channel that were changed.
#[derive(Debug, Default)]
pub struct Fates {
    messages: HashMap<i64, Fate>,
    buried: u64,
}

impl Fates {
    /// What has become of a message, if anything.
    pub fn of(&self, id: i64) -> Option<&Fate> {
        self.messages.get(&id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Fate)> {
        self.messages.iter().map(|(id, fate)| (*id, fate))
    }

    /// How many deletions are known.
    pub fn buried(&self) -> u64 {
        self.buried
    }

    /// Somebody was told an edit.
    pub fn edit(&mut self, id: i64, seq: i64, number: u32, is_live: bool) {
        let fate = self.messages.entry(id).or_default();
        let told_live = fate.edits.entry(seq).or_default();
        if is_live {
            *told_live = number;
        }
        fate.last_told = fate.last_told.max(number);
    }

    /// Somebody was told a message with the text of an edit.
    pub fn tell(&mut self, id: i64, number: u32) {
        let fate = self.messages.entry(id).or_default();
        fate.last_told = fate.last_told.max(number);
    }

    /// A message is known to be gone; answers where its edits are, if that is news.
    pub fn bury(&mut self, id: i64, deleted_seq: Option<i64>) -> Option<Vec<i64>> {
        let fate = self.messages.entry(id).or_default();
        fate.deleted_seq = deleted_seq.unwrap_or(fate.deleted_seq);
        if fate.buried > 0 {
            return None;
        }
        self.buried += 1;
        fate.buried = self.buried;
        Some(fate.edits.keys().copied().collect())
    }

    /// Whether a text of this message at `seq` may be told on a connection that began when so many deletions were known.
    pub fn may_have_text(&self, id: i64, seq: i64, known: u64) -> bool {
        self.of(id).is_none_or(|fate| {
            (fate.buried == 0 || fate.buried > known) && (fate.deleted_seq == 0 || seq < fate.deleted_seq)
        })
    }
}

#[cfg(test)]
mod tests;
