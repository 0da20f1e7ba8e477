//! What was observed, and nothing else: no I/O, no clock. The checker judges it.

pub use super::entry::{Change, ChangeKind, Event, LogEntry, Tombstone};

/// What a client meant to say, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub nonce: String,
    pub content: String,
}

/// One thing that came to a client, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Part of the view; a message with one's own nonce is also an acknowledgement.
    Entry(LogEntry),
    /// An acknowledgement only, out of the order of `seq`: the answer to a nonce that was known, or to a send over HTTP, and when that
    /// was asked for, if it was before the connection.
    Answer(LogEntry, Option<u64>),
    /// The same on a gateway, which tells no more than the place; of a change that has changed nothing, not even that.
    Ack {
        nonce: String,
        channel: i64,
        id: i64,
        seq: Option<i64>,
        is_duplicate: bool,
    },
    ReplayDone(i64),
    Resync(i64),
    Error {
        code: String,
        nonce: Option<String>,
        retry_after_ms: Option<u64>,
    },
    Closed(u16),
    /// The end of a gateway's subscription, and its reason.
    Unsubscribed(String),
    /// What a gateway is told beside a channel's log: the frame's type.
    News(String),
    /// A text that is none of the above.
    Unreadable(String),
}

/// What a connection is told of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hears {
    /// Every number.
    #[default]
    All,
    /// The messages that are there.
    Messages,
}

/// From a handshake to its end; or a page that was read over HTTP before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    pub hears: Hears,
    /// When it began, among all moments that are counted.
    pub began: u64,
    /// What it was asked to go on after.
    pub after: i64,
    pub heard: Vec<Heard>,
    /// The nonces that were sent on it, in their order, each as often as it was.
    pub sent: Vec<String>,
}

/// What somebody wants done to messages that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Edit { id: i64, content: String },
    Delete { id: i64 },
    DeleteMany { ids: Vec<i64> },
    React { id: i64, emoji: String },
    Unreact { id: i64, emoji: String },
    Clear { id: i64, emoji: Option<String> },
    Pin { id: i64 },
    Unpin { id: i64 },
}

/// How a change was answered, for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is so; a gateway says which entry made it so, and of which message, if it was this change that did.
    Done { id: Option<i64>, seq: Option<i64> },
    /// It cannot be, for this reason.
    Refused(String),
}

/// A change that was asked for, as often as it took, and its answers, each with the moment at which it was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub nonce: String,
    pub wish: Wish,
    pub answers: Vec<(u64, Outcome)>,
}

/// The owner of a channel's server, who never listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub name: String,
    pub author: i64,
    pub channel: i64,
    pub requests: Vec<Request>,
}

/// All that one client knows. It has its account for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub name: String,
    pub author: i64,
    pub channel: i64,
    pub sent: Vec<Sent>,
    pub requests: Vec<Request>,
    pub connections: Vec<Connection>,
    /// The nonces that were sent over HTTP.
    pub posted: Vec<String>,
    /// Statuses of handshakes that were refused, other than "not now".
    pub rejections: Vec<u16>,
}

/// A channel's log, from the outside and from the inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub channel: i64,
    /// As `GET /channels/{id}/events` gave it, page after page.
    pub served: Vec<LogEntry>,
    /// What each page said of the log's end.
    pub served_last_seqs: Vec<i64>,
    pub stored: Tables,
}

/// What the database has of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// `messages`, in the order of `seq`.
    pub messages: Vec<MessageRow>,
    /// `channel_changes`, in the order of `seq`.
    pub changes: Vec<ChangeRow>,
    pub reactions: Vec<ReactionRow>,
    pub revisions: Vec<RevisionRow>,
    /// `channels.last_seq`.
    pub last_seq: i64,
}

/// A message as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    pub event: Event,
    pub is_deleted: bool,
    pub is_pinned: bool,
    /// How many have reacted with what, in the order in which the kinds came.
    pub counts: Vec<(String, i64)>,
}

/// An entry that is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    pub seq: i64,
    pub kind: String,
    pub message: Option<i64>,
    pub messages: Option<Vec<i64>>,
    pub user: i64,
    pub emoji: Option<String>,
    pub created_at: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionRow {
    pub message: i64,
    pub emoji: String,
    pub user: i64,
}

/// The text that an edit has replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionRow {
    pub message: i64,
    /// The edit's entry.
    pub seq: i64,
    pub content: String,
}

/// What somebody was told of a send without a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It came back.
    Saved,
    /// It was not saved, and never will be.
    Refused,
    /// The socket ended before.
    Unknown,
}

/// Somebody who sends without a nonce, and never twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skeptic {
    pub name: String,
    pub author: i64,
    pub channel: i64,
    /// What was sent, in its order; no two are the same.
    pub fates: Vec<(String, Fate)>,
}

/// Somebody who speaks, and whose account is erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    pub name: String,
    pub author: i64,
    pub channel: i64,
    pub sent: Vec<Sent>,
    /// Whether the account is gone.
    pub is_gone: bool,
    /// From when on nobody may be told its name, among all moments that are counted.
    pub answered: Option<u64>,
}

/// Somebody who joins and leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    pub name: String,
    pub author: i64,
    pub channel: i64,
    /// Each time that it had left, for certain: where the log ended then, and the last that it heard afterwards.
    pub after_leave: Vec<(i64, Option<i64>)>,
    /// A call that is only for members was refused to one, or answered for somebody who is none.
    pub wrong_answers: Vec<String>,
}

/// Everything, when all is quiet: nothing is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observations {
    pub logs: Vec<Log>,
    pub witnesses: Vec<Witness>,
    /// Those who heard a part only, this once.
    pub latecomers: Vec<Witness>,
    pub skeptics: Vec<Skeptic>,
    pub erased: Vec<Erased>,
    pub visitors: Vec<Visitor>,
    pub owners: Vec<Owner>,
}
