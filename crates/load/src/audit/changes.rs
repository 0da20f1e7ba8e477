//! A channel's changes as its log has them at the end, held against what was sent, what was answered and what sockets were told.

use crate::changes::{EMOJI, Record};
use crate::checks::{Checks, Rule};
use crate::ledger::{EntryKind, Incoming, Ledger};
use crate::payload::Said;
use std::collections::{HashMap, HashSet};

/// A message as the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    /// With its text, after so many edits.
    Text(u32),
    Tombstone,
}

/// An edit as the log has it.
#[derive(Clone, Copy, Debug)]
struct Edit {
    seq: i64,
    /// The number that its text has: the last one's.
    number: u32,
}

/// See the module.
pub struct ChangesInLog<'a> {
    channel_id: i64,
    checks: &'a Checks,
    /// Messages that have been edited or deleted.
    made: HashMap<i64, Made>,
    edits: HashMap<i64, Vec<Edit>>,
    /// Where a reaction is: message, user, which of [`EMOJI`].
    reactions: HashMap<(i64, i64, usize), Vec<i64>>,
    deletions: HashMap<i64, Vec<i64>>,
    skipped: u64,
}

impl<'a> ChangesInLog<'a> {
    /// Nothing has been read yet.
    pub fn new(channel_id: i64, checks: &'a Checks) -> Self {
        Self {
            channel_id,
            checks,
            made: HashMap::new(),
            edits: HashMap::new(),
            reactions: HashMap::new(),
            deletions: HashMap::new(),
            skipped: 0,
        }
    }

    /// Takes the next entry of the log; `is_whole` where nobody else changes anything.
    pub fn take(&mut self, event: &Incoming<'_>, is_whole: bool) {
        let (seq, id) = (event.span().map_or(0, |(first, _)| first), event.id.unwrap_or(0));
        let number = || event.content.as_deref().map_or(0, Said::edits);
        match event.entry() {
            Some(EntryKind::Created) if event.edited_at.is_some() => {
                self.made.insert(id, Made::Text(number()));
            }
            Some(EntryKind::Tombstone) => {
                self.made.insert(id, Made::Tombstone);
                let text = event.content.as_deref().unwrap_or_default();
                if !text.is_empty() {
                    self.violate(Rule::Forgotten, &format!("the tombstone at seq {seq} has a text: {text:?}"));
                }
            }
            Some(EntryKind::Updated) => self.edits.entry(id).or_default().push(Edit { seq, number: number() }),
            Some(EntryKind::Deleted) => self.deletions.entry(id).or_default().push(seq),
            Some(EntryKind::Reaction) => {
                let emoji = EMOJI.iter().position(|known| Some(*known) == event.emoji.as_deref());
                match (event.message_id, event.user_id, emoji) {
                    (Some(id), Some(user_id), Some(emoji)) => {
                        self.reactions.entry((id, user_id, emoji)).or_default().push(seq);
                    }
                    _ => self.violate(Rule::NoneInvented, &format!("seq {seq} is a reaction that nobody has sent")),
                }
            }
            Some(EntryKind::Skipped) => {
                self.skipped += event.span().map_or(0, |(first, last)| last.abs_diff(first) + 1);
            }
            Some(EntryKind::Other) | None if is_whole => {
                self.violate(Rule::NoneInvented, &format!("seq {seq} is {}, which nobody has sent", event.kind));
            }
            Some(EntryKind::Created | EntryKind::Other) | None => {}
        }
    }

    /// Compares all of it, at the log's end.
    pub fn compare(&self, record: &Record, ledger: &Ledger, is_whole: bool) {
        self.compare_edits(record);
        self.compare_reactions(record);
        self.compare_deletions(record);
        self.compare_tellings(ledger);
        if is_whole {
            self.compare_skipped(record);
            self.look_for_strangers(record);
        }
    }

    fn is_tombstone(&self, id: i64) -> bool {
        self.made.get(&id) == Some(&Made::Tombstone)
    }

    fn compare_edits(&self, record: &Record) {
        for (id, edits) in record.edits() {
            let there = self.edits.get(&id).map_or(&[][..], Vec::as_slice);
            self.checks.look(Rule::ChangesKept, u64::from(edits.answered));
            if self.is_tombstone(id) {
                for edit in there {
                    self.violate(Rule::Forgotten, &format!("seq {} has the text of message {id}, deleted", edit.seq));
                }
                continue;
            }
            let count = u32::try_from(there.len()).unwrap_or(u32::MAX);
            if !(edits.answered..=edits.sent).contains(&count) {
                self.violate(Rule::ChangesKept, &format!(
                    "message {id} was edited {} times, of which {} were answered, and the log has {count} edits of it",
                    edits.sent, edits.answered
                ));
            }
            self.checks.look(Rule::LastText, 1);
            let made = match self.made.get(&id) {
                Some(Made::Text(number)) => *number,
                _ => 0,
            };
            let is_last = |number: u32| number == count && number <= edits.sent;
            if !is_last(made) {
                self.violate(
                    Rule::LastText,
                    &format!("message {id} has the text of edit {made} and not of edit {count}"),
                );
            }
            if let Some(edit) = there.iter().find(|edit| !is_last(edit.number)) {
                let Edit { seq, number } = edit;
                self.violate(
                    Rule::LastText,
                    &format!("seq {seq} tells edit {number} of message {id} and not edit {count}"),
                );
            }
        }
    }

    /// Each edit of a message that was deleted since is skipped, and nothing else.
    fn compare_skipped(&self, record: &Record) {
        let of_deleted = || record.edits().filter(|(id, _)| self.is_tombstone(*id));
        let least: u64 = of_deleted().map(|(_, edits)| u64::from(edits.answered)).sum();
        let most: u64 = of_deleted().map(|(_, edits)| u64::from(edits.sent)).sum();
        if !(least..=most).contains(&self.skipped) {
            self.violate(
                Rule::ChangesKept,
                &format!(
                    "{least} to {most} edits are of messages that are deleted, and {} numbers are skipped",
                    self.skipped
                ),
            );
        }
    }

    fn compare_reactions(&self, record: &Record) {
        for (id, user_id, emoji, is_answered) in record.reactions() {
            let place = EMOJI.iter().position(|known| *known == emoji).unwrap_or(EMOJI.len());
            let there = self.reactions.get(&(id, user_id, place)).map_or(&[][..], Vec::as_slice);
            self.checks.look(Rule::ChangesKept, u64::from(is_answered));
            if there.len() > 1 || is_answered && there.is_empty() {
                self.violate(Rule::ChangesKept, &format!(
                    "the reaction {emoji} of user {user_id} to message {id} should be in the log once; it is at {there:?}"
                ));
            }
        }
    }

    fn compare_deletions(&self, record: &Record) {
        for (id, once) in record.deletions() {
            let there = self.deletions.get(&id).map_or(&[][..], Vec::as_slice);
            self.checks.look(Rule::ChangesKept, u64::from(once.is_answered));
            if there.len() > 1 || once.is_answered && there.is_empty() {
                self.violate(
                    Rule::ChangesKept,
                    &format!("the deletion of message {id} should be in the log once; it is at {there:?}"),
                );
            }
            if once.is_answered && !self.is_tombstone(id) {
                self.violate(Rule::Forgotten, &format!("message {id} is deleted, and the log does not say so"));
            }
        }
        for id in record.absent().filter(|id| !self.is_tombstone(*id)) {
            self.violate(Rule::RightAnswer, &format!("a reaction was told that message {id} is gone, and it is there"));
        }
    }

    /// What sockets were told live must be what the log has at the same place.
    fn compare_tellings(&self, ledger: &Ledger) {
        for (id, fate) in ledger.fates().iter().filter(|(id, _)| !self.is_tombstone(*id)) {
            let there = self.edits.get(&id).map_or(&[][..], Vec::as_slice);
            for (seq, told) in &fate.edits {
                let number = there.iter().position(|edit| edit.seq == *seq).map_or(0, |place| place + 1);
                if number == 0 || *told > 0 && *told as usize != number {
                    self.violate(
                        Rule::SameAsHistory,
                        &format!(
                            "seq {seq} was told as edit {told} of message {id}; in the history it is its edit {number}"
                        ),
                    );
                }
            }
            if fate.last_told as usize > there.len() {
                let told = fate.last_told;
                self.violate(
                    Rule::LastText,
                    &format!("message {id} was told with the text of edit {told}, of {}", there.len()),
                );
            }
        }
    }

    fn look_for_strangers(&self, record: &Record) {
        let edits: HashMap<i64, u32> = record.edits().map(|(id, edits)| (id, edits.sent)).collect();
        let known: HashMap<i64, i64> = record.deletions().map(|(id, once)| (id, once.user_id)).collect();
        let sent: HashSet<(i64, i64, &str)> =
            record.reactions().map(|(id, user_id, emoji, _)| (id, user_id, emoji)).collect();
        let count = self.edits.len() + self.deletions.len() + self.reactions.len();
        self.checks.look(Rule::NoneInvented, count as u64);
        for (id, there) in self.edits.iter().filter(|(id, _)| !edits.contains_key(id)) {
            self.violate(Rule::NoneInvented, &format!("message {id} is edited at {there:?}, and nobody has sent that"));
        }
        for (id, there) in self.deletions.iter().filter(|(id, _)| !known.contains_key(id)) {
            self.violate(
                Rule::NoneInvented,
                &format!("message {id} is deleted at {there:?}, and nobody has sent that"),
            );
        }
        for ((id, user_id, emoji), there) in &self.reactions {
            let emoji = EMOJI.get(*emoji).copied().unwrap_or_default();
            if !sent.contains(&(*id, *user_id, emoji)) {
                self.violate(
                    Rule::NoneInvented,
                    &format!(
                        "user {user_id} reacts to message {id} with {emoji} at {there:?}, and nobody has sent that"
                    ),
                );
            }
        }
    }

    fn violate(&self, rule: Rule, what: &str) {
        self.checks.violate(rule, || format!("channel {}: {what}", self.channel_id));
    }
}

#[cfg(test)]
mod tests;
