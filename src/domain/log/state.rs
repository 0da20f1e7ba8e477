//! What a batch of changes finds in a channel, and makes of it: the rules of edits, deletions, reactions and pins, with no I/O.
//!
//! The changes are made one after another, each on what the one before has left. What is to be written is gathered meanwhile; nothing of
//! it holds before it is committed.

use super::{ChangeRefused, LogEntry, MessageChange, MessageDeleted, MessagesDeleted, Pin, Reaction, ReactionsCleared};
use crate::domain::access::Participant;
use crate::domain::emoji::Emoji;
use crate::domain::message::{Message, ReactionCount};
use crate::domain::permission::Permission;
use crate::domain::text::Content;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use std::collections::{BTreeSet, HashMap, HashSet};
use time::OffsetDateTime;

/// The most kinds of reactions to one message.
pub const REACTION_KINDS_MAX: usize = 20;
/// The most pins of a channel.
pub const PINS_MAX: i64 = 250;

/// A message, and whether it is still there.
#[derive(Clone, Debug)]
pub struct MessageState {
    /// As it is now, with its reactions and whether it is pinned.
    pub message: Message<'static>,
    /// Whether it has been deleted.
    pub is_deleted: bool,
    /// Whether its text is not the one that is stored.
    pub has_new_text: bool,
}

/// A text that an edit has replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Of which message.
    pub message_id: MessageId,
    /// Whose.
    pub author_id: UserId,
    /// The entry that replaced it.
    pub seq: Seq,
    /// The text.
    pub content: String,
    /// When it was written.
    pub written_at: OffsetDateTime,
}

/// What a batch writes, beside the entries.
#[derive(Debug, Default)]
pub struct Writes {
    /// The messages that are no longer as they were.
    pub messages: BTreeSet<MessageId>,
    /// The texts that edits have replaced.
    pub revisions: Vec<Revision>,
    /// The messages whose earlier texts are erased.
    pub erased: Vec<MessageId>,
    /// The messages whose reactions are gone, or those with one emoji; before those of `reactions` are.
    pub cleared: Vec<(MessageId, Option<Emoji>)>,
    /// The reactions that are there now, and those that are not.
    pub reactions: HashMap<(MessageId, Emoji, UserId), bool>,
}

impl Writes {
    /// What this batch has turned one way and back is as it was stored.
    fn set_reaction(&mut self, reaction: (MessageId, Emoji, UserId), is_there: bool) {
        if self.reactions.remove(&reaction).is_none() {
            self.reactions.insert(reaction, is_there);
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct ChannelState {
    id: ChannelId,
    last_seq: Seq,
    at: OffsetDateTime,
    pins: i64,
    messages: HashMap<MessageId, MessageState>,
    /// The reactions that are there, as far as the batch is about them.
    reactions: HashSet<(MessageId, Emoji, UserId)>,
    writes: Writes,
}

/// A change that was made.
#[derive(Clone, Debug)]
pub struct MadeChange {
    /// Its entry.
    pub entry: LogEntry<'static>,
    /// The messages whose text it has changed or taken away, as their first entries tell them from now on. `None` where that is not
    /// known: then it may be any.
    pub retold: Option<Vec<LogEntry<'static>>>,
}

/// What a change has made, or nothing where it changes nothing.
type Made = Result<Option<Box<MadeChange>>, ChangeRefused>;

impl ChannelState {
    /// A channel whose log goes to `last_seq`, in which nothing is known of messages yet; what is done is done `at` this time.
    pub fn new(id: ChannelId, last_seq: Seq, at: OffsetDateTime) -> Self {
        let (messages, reactions, writes) = Default::default();
        Self { id, last_seq, at, pins: 0, messages, reactions, writes }
    }

    /// How far its log goes with what has been done.
    pub fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// When it is done.
    pub fn at(&self) -> OffsetDateTime {
        self.at
    }

    /// Knows a message.
    pub fn add_message(&mut self, state: MessageState) {
        self.messages.insert(state.message.id, state);
    }

    /// Knows how many messages are pinned.
    pub fn set_pins(&mut self, pins: i64) {
        self.pins = pins;
    }

    /// Knows that a reaction is there.
    pub fn add_reaction(&mut self, message: MessageId, emoji: Emoji, user: UserId) {
        self.reactions.insert((message, emoji, user));
    }

    /// A message as it is now.
    pub fn message(&self, id: MessageId) -> Option<&MessageState> {
        self.messages.get(&id)
    }

    /// What is to be written.
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Makes a change. Whoever may not make it, or asks for what the message does not allow, has changed nothing.
    ///
    /// # Errors
    /// Why it is not made.
    pub fn apply(&mut self, by: &Participant, change: &MessageChange) -> Made {
        change.allow(by)?;
        match change {
            MessageChange::Edit(id, content) => self.edit(by, *id, content),
            MessageChange::Delete(id) => self.delete(by, *id),
            MessageChange::DeleteMany(ids) => self.delete_many(by, ids.as_slice()),
            MessageChange::AddReaction(id, emoji) => self.react(*id, emoji, by.id()),
            MessageChange::RemoveReaction(id, emoji, of) => self.take_reaction(*id, emoji, *of),
            MessageChange::ClearReactions(id, emoji) => self.clear_reactions(by, *id, emoji.as_ref()),
            MessageChange::Pin(id) => self.set_pinned(by, *id, true),
            MessageChange::Unpin(id) => self.set_pinned(by, *id, false),
        }
    }

    fn edit(&mut self, by: &Participant, id: MessageId, content: &Content) -> Made {
        let (at, seq) = (self.at, self.last_seq.next());
        let message = self.live(id)?;
        if message.author_id != by.id() {
            return Err(ChangeRefused::NotTheAuthor);
        }
        if message.content == content.as_str() {
            return Ok(None);
        }
        let written_at = message.edited_at.unwrap_or(message.created_at);
        let earlier = std::mem::replace(&mut message.content, content.as_str().to_owned().into());
        (message.edited_at, message.updated_at) = (Some(at), at);
        let (author_id, now) = (message.author_id, message.bare());
        if let Some(state) = self.messages.get_mut(&id) {
            state.has_new_text = true;
        }
        let revision = Revision { message_id: id, author_id, seq, content: earlier.into_owned(), written_at };
        self.writes.revisions.push(revision);
        let retold = vec![LogEntry::from(now.clone())];
        self.done(id, LogEntry::updated(seq, now), retold)
    }

    fn delete(&mut self, by: &Participant, id: MessageId) -> Made {
        let (channel_id, seq) = (self.id, self.last_seq.next());
        let state = self.messages.get(&id).ok_or(ChangeRefused::MessageNotFound)?;
        if state.message.author_id != by.id() && !by.may(Permission::ManageMessages) {
            return Err(ChangeRefused::NotTheAuthor);
        }
        let message_seq = state.message.seq;
        if !self.bury(id) {
            return Ok(None);
        }
        let deleted = MessageDeleted { seq, channel_id, id, message_seq, deleted_by: by.id() };
        self.done(id, LogEntry::MessageDeleted(deleted), self.tombstones(&[id]))
    }

    fn delete_many(&mut self, by: &Participant, ids: &[MessageId]) -> Made {
        if !ids.iter().all(|id| self.messages.contains_key(id)) {
            return Err(ChangeRefused::MessageNotFound);
        }
        let ids: Vec<MessageId> = ids.iter().copied().filter(|id| self.bury(*id)).collect();
        let Some(first) = ids.first().copied() else { return Ok(None) };
        self.writes.messages.extend(&ids);
        let (channel_id, seq) = (self.id, self.last_seq.next());
        let retold = self.tombstones(&ids);
        let deleted = MessagesDeleted { seq, channel_id, ids, deleted_by: by.id() };
        self.done(first, LogEntry::MessagesDeleted(deleted), retold)
    }

    fn tombstones(&self, ids: &[MessageId]) -> Vec<LogEntry<'static>> {
        let buried = ids.iter().filter_map(|id| self.messages.get(id));
        buried.map(|state| LogEntry::tombstone(&state.message)).collect()
    }

    /// Takes everything from a message; false if it is gone already.
    fn bury(&mut self, id: MessageId) -> bool {
        let at = self.at;
        let Some(state) = self.messages.get_mut(&id).filter(|state| !state.is_deleted) else { return false };
        (state.is_deleted, state.has_new_text) = (true, true);
        let message = &mut state.message;
        message.content = "".into();
        message.updated_at = at;
        self.pins -= i64::from(std::mem::take(&mut message.pinned));
        if !std::mem::take(&mut message.reactions).is_empty() {
            self.forget_reactions(id, None);
        }
        self.writes.revisions.retain(|revision| revision.message_id != id);
        self.writes.erased.push(id);
        true
    }

    fn react(&mut self, id: MessageId, emoji: &Emoji, user: UserId) -> Made {
        let (channel_id, seq) = (self.id, self.last_seq.next());
        let key = (id, emoji.clone(), user);
        let is_there = self.reactions.contains(&key);
        let message = self.live(id)?;
        if is_there {
            return Ok(None);
        }
        let kinds = message.reactions.len();
        match message.reactions.iter_mut().find(|reaction| reaction.emoji == *emoji) {
            Some(reaction) => reaction.count += 1,
            None if kinds >= REACTION_KINDS_MAX => return Err(ChangeRefused::TooManyReactions),
            None => message.reactions.push(ReactionCount::new(emoji.clone(), 1)),
        }
        self.reactions.insert(key.clone());
        self.writes.set_reaction(key, true);
        let (message_id, user_id, emoji) = (id, user, emoji.clone());
        self.done(id, LogEntry::ReactionAdded(Reaction { seq, channel_id, message_id, user_id, emoji }), Vec::new())
    }

    fn take_reaction(&mut self, id: MessageId, emoji: &Emoji, user: UserId) -> Made {
        let (channel_id, seq) = (self.id, self.last_seq.next());
        self.live(id)?;
        let key = (id, emoji.clone(), user);
        if !self.reactions.remove(&key) {
            return Ok(None);
        }
        self.writes.set_reaction(key, false);
        let message = self.live(id)?;
        for reaction in message.reactions.iter_mut().filter(|reaction| reaction.emoji == *emoji) {
            reaction.count -= 1;
        }
        message.reactions.retain(|reaction| reaction.count > 0);
        let (message_id, user_id, emoji) = (id, user, emoji.clone());
        self.done(id, LogEntry::ReactionRemoved(Reaction { seq, channel_id, message_id, user_id, emoji }), Vec::new())
    }

    fn clear_reactions(&mut self, by: &Participant, id: MessageId, emoji: Option<&Emoji>) -> Made {
        let (channel_id, seq) = (self.id, self.last_seq.next());
        let message = self.live(id)?;
        let before = message.reactions.len();
        message.reactions.retain(|reaction| emoji.is_some_and(|emoji| reaction.emoji != *emoji));
        if message.reactions.len() == before {
            return Ok(None);
        }
        self.forget_reactions(id, emoji);
        let (message_id, user_id, emoji) = (id, by.id(), emoji.cloned());
        let cleared = ReactionsCleared { seq, channel_id, message_id, emoji, user_id };
        self.done(id, LogEntry::ReactionsCleared(cleared), Vec::new())
    }

    fn forget_reactions(&mut self, id: MessageId, emoji: Option<&Emoji>) {
        let is_meant = |of: MessageId, with: &Emoji| of == id && emoji.is_none_or(|emoji| emoji == with);
        self.reactions.retain(|(of, with, _)| !is_meant(*of, with));
        self.writes.reactions.retain(|(of, with, _), _| !is_meant(*of, with));
        self.writes.cleared.push((id, emoji.cloned()));
    }

    fn set_pinned(&mut self, by: &Participant, id: MessageId, pinned: bool) -> Made {
        let (channel_id, seq, pins) = (self.id, self.last_seq.next(), self.pins);
        let message = self.live(id)?;
        if message.pinned == pinned {
            return Ok(None);
        }
        if pinned && pins >= PINS_MAX {
            return Err(ChangeRefused::TooManyPins);
        }
        message.pinned = pinned;
        self.pins += if pinned { 1 } else { -1 };
        let pin = Pin { seq, channel_id, message_id: id, user_id: by.id() };
        let entry = if pinned { LogEntry::MessagePinned(pin) } else { LogEntry::MessageUnpinned(pin) };
        self.done(id, entry, Vec::new())
    }

    fn live(&mut self, id: MessageId) -> Result<&mut Message<'static>, ChangeRefused> {
        let state = self.messages.get_mut(&id).filter(|state| !state.is_deleted);
        state.map(|state| &mut state.message).ok_or(ChangeRefused::MessageNotFound)
    }

    fn done(&mut self, id: MessageId, entry: LogEntry<'static>, retold: Vec<LogEntry<'static>>) -> Made {
        self.writes.messages.insert(id);
        self.last_seq = entry.seq();
        Ok(Some(Box::new(MadeChange { entry, retold: Some(retold) })))
    }
}

#[cfg(test)]
mod tests;
