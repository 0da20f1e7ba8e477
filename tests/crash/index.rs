//! A log, by each of the ways in which somebody may ask about it: what it says now, which texts a message had, what was asked for.

use super::history::{
    Change, ChangeKind, ChangeRow, Event, Log, LogEntry, MessageRow, Observations, Outcome, Request, Tables, Tombstone,
    Wish,
};
use super::violation::Entry;
use std::collections::{BTreeSet, HashMap};

/// A change by its kind, whoever made it, its message, and its emoji; of several messages, the kind and the user only.
pub type Key<'a> = (&'a str, i64, i64, Option<&'a str>);

/// A text that a message had.
pub struct Text<'a> {
    pub content: &'a str,
    /// The entry that gave it; `None` where the log does not say any more.
    pub seq: Option<i64>,
}

/// Somebody's changes.
pub struct Requester<'a> {
    pub name: &'a str,
    pub author: i64,
    pub requests: &'a [Request],
}

pub struct Index<'a> {
    /// The log as it is told now.
    pub now: Vec<LogEntry>,
    pub by_seq: HashMap<i64, LogEntry>,
    pub by_nonce: HashMap<(i64, &'a str), Entry>,
    pub rows: HashMap<i64, &'a MessageRow>,
    pub changes: HashMap<i64, &'a ChangeRow>,
    pub by_key: HashMap<Key<'a>, Vec<&'a ChangeRow>>,
    /// The texts that each message had, in their order; of a deleted one, all that were meant for it.
    pub texts: HashMap<i64, Vec<Text<'a>>>,
    /// When it was first answered that a message is deleted.
    pub buried: HashMap<i64, u64>,
    /// The edits of each message whose answers say their place, and when they were there.
    pub edited: HashMap<i64, Vec<(u64, i64)>>,
    /// Where messages were made, and where those that are there.
    pub made: BTreeSet<i64>,
    pub shown: BTreeSet<i64>,
    pub requesters: Vec<Requester<'a>>,
    pub end: i64,
}

pub fn entry(entry: &LogEntry) -> Entry {
    Entry { id: entry.id(), seq: entry.seq() }
}

impl<'a> Index<'a> {
    pub fn new(log: &'a Log, observations: &'a Observations) -> Self {
        let Tables { messages, changes, .. } = &log.stored;
        let now = now(log.channel, &log.stored);
        let witnesses = observations.witnesses.iter().filter(|witness| witness.channel == log.channel);
        let owners = observations.owners.iter().filter(|owner| owner.channel == log.channel);
        let requesters: Vec<Requester<'a>> = witnesses
            .map(|of| Requester { name: &of.name, author: of.author, requests: &of.requests })
            .chain(owners.map(|of| Requester { name: &of.name, author: of.author, requests: &of.requests }))
            .collect();
        let named = |row: &'a MessageRow| {
            let Event { id, seq, author, nonce, .. } = &row.event;
            Some(((*author, nonce.as_deref()?), Entry { id: *id, seq: *seq }))
        };
        let mut index = Self {
            by_seq: now.iter().map(|entry| (entry.seq(), entry.clone())).collect(),
            by_nonce: messages.iter().filter_map(named).collect(),
            rows: messages.iter().map(|row| (row.event.id, row)).collect(),
            changes: changes.iter().map(|row| (row.seq, row)).collect(),
            by_key: HashMap::new(),
            texts: HashMap::new(),
            buried: HashMap::new(),
            edited: HashMap::new(),
            made: messages.iter().map(|row| row.event.seq).collect(),
            shown: messages.iter().filter(|row| !row.is_deleted).map(|row| row.event.seq).collect(),
            requesters,
            end: now.iter().map(LogEntry::seq).max().unwrap_or(0),
            now,
        };
        for row in changes {
            let key = (&*row.kind, row.user, row.message.unwrap_or_default(), row.emoji.as_deref());
            index.by_key.entry(key).or_default().push(row);
        }
        index.find_texts(&log.stored, observations);
        index.find_answers();
        index
    }

    fn find_texts(&mut self, tables: &'a Tables, observations: &'a Observations) {
        let mut revisions: HashMap<i64, Vec<(i64, &'a str)>> = HashMap::new();
        for revision in &tables.revisions {
            revisions.entry(revision.message).or_default().push((revision.seq, &revision.content));
        }
        for row in tables.messages.iter().filter(|row| !row.is_deleted) {
            let Event { id, seq, content, .. } = &row.event;
            let mut texts = Vec::new();
            let mut from = *seq;
            for (replaced_by, content) in revisions.remove(id).unwrap_or_default() {
                texts.push(Text { content, seq: Some(from) });
                from = replaced_by;
            }
            texts.push(Text { content, seq: Some(from) });
            self.texts.insert(*id, texts);
        }
        let witnesses = observations.witnesses.iter().map(|of| (of.author, &of.sent));
        let sent: HashMap<(i64, &str), &'a str> = witnesses
            .chain(observations.erased.iter().map(|of| (of.author, &of.sent)))
            .flat_map(|(author, sent)| sent.iter().map(move |sent| ((author, &*sent.nonce), &*sent.content)))
            .collect();
        for MessageRow { event, .. } in tables.messages.iter().filter(|row| row.is_deleted) {
            let sent = event.nonce.as_deref().and_then(|nonce| sent.get(&(event.author, nonce)));
            let texts = sent.map(|content| Text { content, seq: Some(event.seq) });
            self.texts.insert(event.id, texts.into_iter().collect());
        }
        for Requester { author, requests, .. } in &self.requesters {
            for request in *requests {
                let Wish::Edit { id, content } = &request.wish else { continue };
                let seq = request.answers.iter().find_map(|(_, outcome)| seq(outcome));
                let row = self.rows.get(id).filter(|row| row.is_deleted && row.event.author == *author);
                if let Some(texts) = self.texts.get_mut(id).filter(|_| row.is_some()) {
                    texts.push(Text { content, seq });
                }
            }
        }
    }

    fn find_answers(&mut self) {
        for request in self.requesters.iter().flat_map(|of| of.requests) {
            for (at, outcome) in &request.answers {
                let Outcome::Done { .. } = outcome else { continue };
                match &request.wish {
                    Wish::Edit { id, .. } => {
                        self.edited.entry(*id).or_default().extend(seq(outcome).map(|seq| (*at, seq)));
                    }
                    Wish::Delete { .. } | Wish::DeleteMany { .. } => {
                        for id in ids(&request.wish) {
                            let first = self.buried.entry(*id).or_insert(*at);
                            *first = (*first).min(*at);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    pub fn is_deleted(&self, id: i64) -> bool {
        self.rows.get(&id).is_some_and(|row| row.is_deleted)
    }

    /// The entries of a change that is not of several messages.
    pub fn entries_of(&self, wish: &Wish, user: i64) -> Vec<&'a ChangeRow> {
        let (id, emoji) = (ids(wish).first().copied().unwrap_or_default(), emoji(wish));
        self.by_key.get(&(kind(wish), user, id, emoji)).cloned().unwrap_or_default()
    }

    /// Whether somebody has asked for what an entry is.
    pub fn is_asked_for(&self, row: &ChangeRow) -> bool {
        let mut requests = self.requesters.iter().filter(|of| of.author == row.user).flat_map(|of| of.requests);
        requests.any(|Request { wish, .. }| match wish {
            Wish::DeleteMany { ids } if row.kind == kind(wish) => {
                row.messages.as_ref().is_some_and(|deleted| deleted.iter().all(|id| ids.contains(id)))
            }
            Wish::DeleteMany { .. } => false,
            _ => {
                row.kind == kind(wish)
                    && row.message == ids(wish).first().copied()
                    && row.emoji.as_deref() == emoji(wish)
            }
        })
    }
}

/// The place that an answer names.
pub fn seq(outcome: &Outcome) -> Option<i64> {
    if let Outcome::Done { seq, .. } = outcome { *seq } else { None }
}

/// The messages that a change is about.
pub fn ids(wish: &Wish) -> &[i64] {
    match wish {
        Wish::DeleteMany { ids } => ids,
        Wish::Edit { id, .. }
        | Wish::Delete { id }
        | Wish::React { id, .. }
        | Wish::Unreact { id, .. }
        | Wish::Clear { id, .. }
        | Wish::Pin { id }
        | Wish::Unpin { id } => std::slice::from_ref(id),
    }
}

fn emoji(wish: &Wish) -> Option<&str> {
    match wish {
        Wish::React { emoji, .. } | Wish::Unreact { emoji, .. } => Some(emoji),
        Wish::Clear { emoji, .. } => emoji.as_deref(),
        _ => None,
    }
}

/// The type of the entry that a change becomes.
fn kind(wish: &Wish) -> &'static str {
    match wish {
        Wish::Edit { .. } => "message.updated",
        Wish::Delete { .. } => "message.deleted",
        Wish::DeleteMany { .. } => "messages.deleted",
        Wish::React { .. } => "reaction.added",
        Wish::Unreact { .. } => "reaction.removed",
        Wish::Clear { .. } => "reactions.cleared",
        Wish::Pin { .. } => "message.pinned",
        Wish::Unpin { .. } => "message.unpinned",
    }
}

/// The log as the tables have it, told as things are now: both tables merged, each in the order in which it was read.
fn now(channel: i64, tables: &Tables) -> Vec<LogEntry> {
    let rows: HashMap<i64, &MessageRow> = tables.messages.iter().map(|row| (row.event.id, row)).collect();
    let mut messages = tables.messages.iter().peekable();
    let mut changes = tables.changes.iter().peekable();
    let mut entries = Vec::new();
    loop {
        let is_message = match (messages.peek(), changes.peek()) {
            (Some(message), Some(change)) => message.event.seq <= change.seq,
            (message, _) => message.is_some(),
        };
        let entry = match is_message {
            true => messages.next().map(made),
            false => changes.next().map(|change| changed(channel, change, &rows)),
        };
        match entry {
            Some(entry) => entries.push(entry),
            None => return entries,
        }
    }
}

fn made(row: &MessageRow) -> LogEntry {
    let event = row.event.clone();
    if !row.is_deleted {
        return LogEntry::Created(event);
    }
    let Event { id, seq, channel, content, created_at, updated_at, .. } = event;
    let (author, author_username, nonce) = (None, String::new(), None);
    LogEntry::Tombstone(Tombstone { id, seq, channel, author, author_username, content, nonce, created_at, updated_at })
}

fn changed(channel: i64, row: &ChangeRow, rows: &HashMap<i64, &MessageRow>) -> LogEntry {
    told(channel, row, rows).unwrap_or(LogEntry::Skipped { channel, from: row.seq, to: row.seq })
}

/// `None` of what says nothing: an edit of a deleted message.
fn told(channel: i64, row: &ChangeRow, rows: &HashMap<i64, &MessageRow>) -> Option<LogEntry> {
    let (seq, user) = (row.seq, row.user);
    let message = || row.message.and_then(|id| rows.get(&id));
    let kind = match &*row.kind {
        "message.updated" => {
            let MessageRow { event, .. } = message().filter(|row| !row.is_deleted)?;
            return Some(LogEntry::Updated { event: Event { seq, ..event.clone() }, message_seq: event.seq });
        }
        "message.deleted" => ChangeKind::Deleted { id: row.message?, message_seq: message()?.event.seq },
        "messages.deleted" => ChangeKind::DeletedMany { ids: row.messages.clone()? },
        "reaction.added" => ChangeKind::ReactionAdded { id: row.message?, emoji: row.emoji.clone()? },
        "reaction.removed" => ChangeKind::ReactionRemoved { id: row.message?, emoji: row.emoji.clone()? },
        "reactions.cleared" => ChangeKind::ReactionsCleared { id: row.message?, emoji: row.emoji.clone() },
        "message.pinned" => ChangeKind::Pinned { id: row.message? },
        "message.unpinned" => ChangeKind::Unpinned { id: row.message? },
        _ => return None,
    };
    Some(LogEntry::Changed(Change { seq, channel, user, kind }))
}
