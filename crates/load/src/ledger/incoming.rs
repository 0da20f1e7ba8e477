//! A frame of the node, as far as the tool has to understand it.

use serde::Deserialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A frame.
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// `message.created`, `replay.done`, `error`, …
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// The place in the log.
    pub seq: Option<i64>,
    /// The message's.
    pub id: Option<i64>,
    /// Who wrote it.
    pub author_id: Option<i64>,
    /// The same, by name.
    #[serde(borrow)]
    pub author_username: Option<Cow<'a, str>>,
    /// Where.
    pub channel_id: Option<i64>,
    /// Which message it answers.
    pub reply_to: Option<i64>,
    /// When it was committed.
    #[serde(borrow)]
    pub created_at: Option<Cow<'a, str>>,
    /// When it last changed.
    #[serde(borrow)]
    pub updated_at: Option<Cow<'a, str>>,
    /// When its text last changed.
    #[serde(borrow)]
    pub edited_at: Option<Cow<'a, str>>,
    /// What it says.
    #[serde(borrow)]
    pub content: Option<Cow<'a, str>>,
    /// Under which key it was sent.
    #[serde(borrow)]
    pub nonce: Option<Cow<'a, str>>,
    /// Whether it is the answer to a send that is in the log already.
    #[serde(default)]
    pub duplicate: bool,
    /// Whether it is a tombstone.
    #[serde(default)]
    pub deleted: bool,
    /// Where the message was made that an entry is about.
    pub message_seq: Option<i64>,
    /// Which message a reaction is to.
    pub message_id: Option<i64>,
    /// Whose a reaction is.
    pub user_id: Option<i64>,
    /// With what.
    #[serde(borrow)]
    pub emoji: Option<Cow<'a, str>>,
    /// Who deleted a message.
    pub deleted_by: Option<i64>,
    /// The first number that was skipped.
    pub from: Option<i64>,
    /// The last one.
    pub to: Option<i64>,
    /// An error's.
    #[serde(borrow)]
    pub code: Option<Cow<'a, str>>,
    /// What to do about it.
    #[serde(borrow)]
    pub detail: Option<Cow<'a, str>>,
    /// When.
    pub retry_after_ms: Option<u64>,
}

/// Of what kind an entry is, as far as that decides how it may be told later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A message with its text.
    Created,
    /// What is left of one.
    Tombstone,
    /// A message with another text.
    Updated,
    /// A message is gone.
    Deleted,
    /// Somebody reacts.
    Reaction,
    /// Numbers that say nothing any more.
    Skipped,
    /// Something else that the protocol has.
    Other,
}

impl Incoming<'_> {
    /// Of what kind it is, if it is an entry of the log.
    pub fn entry(&self) -> Option<EntryKind> {
        Some(match &*self.kind {
            "message.created" if self.deleted => EntryKind::Tombstone,
            "message.created" => EntryKind::Created,
            "message.updated" => EntryKind::Updated,
            "message.deleted" => EntryKind::Deleted,
            "reaction.added" => EntryKind::Reaction,
            "skipped" => EntryKind::Skipped,
            "messages.deleted" | "reaction.removed" | "reactions.cleared" | "message.pinned" | "message.unpinned" => {
                EntryKind::Other
            }
            _ => return None,
        })
    }

    /// The numbers of the log that it accounts for: its own, or the first and the last of those that it skips.
    pub fn span(&self) -> Option<(i64, i64)> {
        match &*self.kind {
            "skipped" => self.from.zip(self.to).filter(|(from, to)| from <= to),
            _ => self.seq.map(|seq| (seq, seq)),
        }
    }

    /// Whether it may differ from what was told when it happened: only a replay and the history tell it so.
    pub fn is_retold(&self) -> bool {
        match self.entry() {
            Some(EntryKind::Created) => self.edited_at.is_some(),
            Some(EntryKind::Tombstone | EntryKind::Updated | EntryKind::Skipped) => true,
            _ => false,
        }
    }

    /// What makes an entry the one at `seq`; never 0.
    pub fn digest(&self, seq: i64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (seq, self.id, self.author_id, &self.author_username, self.channel_id).hash(&mut hasher);
        (&self.content, &self.nonce, self.reply_to, &self.created_at, &self.updated_at).hash(&mut hasher);
        if self.kind != "message.created" || self.deleted || self.edited_at.is_some() {
            (&self.kind, self.deleted, &self.edited_at, self.message_seq, self.deleted_by).hash(&mut hasher);
            (self.message_id, self.user_id, &self.emoji).hash(&mut hasher);
        }
        hasher.finish().max(1)
    }

    /// What stays the same of an entry however it is told.
    pub fn identity(&self, seq: i64) -> Identity {
        let hash = |more: Option<i64>| {
            let mut hasher = DefaultHasher::new();
            (seq, self.id, self.channel_id, &self.created_at, more).hash(&mut hasher);
            hasher.finish()
        };
        match self.entry() {
            Some(EntryKind::Created | EntryKind::Tombstone) => Identity::Made(hash(None)),
            Some(EntryKind::Updated) => Identity::Updated(hash(self.message_seq)),
            Some(EntryKind::Skipped) => Identity::Skipped,
            _ => Identity::Fixed(self.digest(seq)),
        }
    }
}

/// See [`Incoming::identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody has told it yet.
    Unknown,
    /// A message, with its text or without.
    Made(u64),
    /// An edit.
    Updated(u64),
    /// An edit of a message that is gone: of which one it does not say.
    Skipped,
    /// Anything else is always told the same.
    Fixed(u64),
}

impl Identity {
    /// Whether the two can be tellings of one entry.
    pub fn agrees(self, other: Self) -> bool {
        matches!((self, other), (Self::Updated(_), Self::Skipped) | (Self::Skipped, Self::Updated(_))) || self == other
    }
}
