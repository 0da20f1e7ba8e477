//! The entries of a log, as somebody is told them.

/// A message with every field that it has in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: i64,
    /// Where it was made; of an edit's entry, that entry's place.
    pub seq: i64,
    pub channel: i64,
    pub author: i64,
    pub author_username: String,
    pub content: String,
    pub nonce: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub edited_at: Option<String>,
}

/// What is told of a message that was made and is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub id: i64,
    pub seq: i64,
    pub channel: i64,
    pub author: Option<i64>,
    pub author_username: String,
    pub content: String,
    pub nonce: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// An entry that is told the same whatever comes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub seq: i64,
    pub channel: i64,
    /// Who made it, or whose reaction it is.
    pub user: i64,
    pub kind: ChangeKind,
}

/// What a change was, and to which message or messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Deleted { id: i64, message_seq: i64 },
    DeletedMany { ids: Vec<i64> },
    ReactionAdded { id: i64, emoji: String },
    ReactionRemoved { id: i64, emoji: String },
    ReactionsCleared { id: i64, emoji: Option<String> },
    Pinned { id: i64 },
    Unpinned { id: i64 },
}

/// An entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEntry {
    Created(Event),
    Tombstone(Tombstone),
    /// The message with the entry's own `seq`, and where it was made.
    Updated {
        event: Event,
        message_seq: i64,
    },
    Changed(Change),
    /// Numbers that say nothing any more.
    Skipped {
        channel: i64,
        from: i64,
        to: i64,
    },
}

impl LogEntry {
    pub fn channel(&self) -> i64 {
        match self {
            Self::Created(event) | Self::Updated { event, .. } => event.channel,
            Self::Tombstone(buried) => buried.channel,
            Self::Changed(change) => change.channel,
            Self::Skipped { channel, .. } => *channel,
        }
    }

    /// The first of its numbers.
    pub fn first_seq(&self) -> i64 {
        if let Self::Skipped { from, .. } = self { *from } else { self.seq() }
    }

    /// Its number; the last, if it has several.
    pub fn seq(&self) -> i64 {
        match self {
            Self::Created(event) | Self::Updated { event, .. } => event.seq,
            Self::Tombstone(buried) => buried.seq,
            Self::Changed(change) => change.seq,
            Self::Skipped { to, .. } => *to,
        }
    }

    /// The message that it is about, or the first of them; 0 if it says nothing.
    pub fn id(&self) -> i64 {
        match self {
            Self::Created(event) | Self::Updated { event, .. } => event.id,
            Self::Tombstone(buried) => buried.id,
            Self::Changed(change) => match &change.kind {
                ChangeKind::DeletedMany { ids } => ids.first().copied().unwrap_or_default(),
                ChangeKind::Deleted { id, .. }
                | ChangeKind::ReactionAdded { id, .. }
                | ChangeKind::ReactionRemoved { id, .. }
                | ChangeKind::ReactionsCleared { id, .. }
                | ChangeKind::Pinned { id }
                | ChangeKind::Unpinned { id } => *id,
            },
            Self::Skipped { .. } => 0,
        }
    }

    /// The nonce under which the message was made that this is the making of.
    pub fn nonce(&self) -> Option<&str> {
        match self {
            Self::Created(event) => event.nonce.as_deref(),
            Self::Tombstone(buried) => buried.nonce.as_deref(),
            _ => None,
        }
    }

    /// Whose message this is the making of.
    pub fn author(&self) -> Option<i64> {
        if let Self::Created(event) = self { Some(event.author) } else { None }
    }
}
