//! What was observed, and nothing else: no I/O, no clock. The checker judges it.

/// A message as its log has it, or as somebody was told of it; every field counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: i64,
    pub seq: i64,
    pub channel: i64,
    pub author: i64,
    pub author_username: String,
    pub content: String,
    pub nonce: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// What a client meant to say, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub nonce: String,
    pub content: String,
}

/// One thing that came to a client, in the order in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Part of the view; with one's own nonce also an acknowledgement.
    Event(Event),
    /// An acknowledgement only, out of the order of `seq`: the answer to a nonce that was known, or to a send over HTTP.
    Answer(Event),
    /// The same on a gateway, which tells no more than the place.
    Ack {
        nonce: String,
        channel: i64,
        id: i64,
        seq: i64,
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

/// From a handshake to its end; or a page that was read over HTTP before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// When it began, among all moments that are counted.
    pub began: u64,
    /// What it was asked to go on after.
    pub after: i64,
    pub heard: Vec<Heard>,
    /// The nonces that were sent on it, in their order, each as often as it was.
    pub sent: Vec<String>,
}

/// All that one client knows. It has its account for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    pub name: String,
    pub author: i64,
    pub channel: i64,
    pub sent: Vec<Sent>,
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
    pub served: Vec<Event>,
    /// What each page said of the log's end.
    pub served_last_seqs: Vec<i64>,
    /// The rows of `messages`, in the order of `seq`.
    pub stored: Vec<Event>,
    /// `channels.last_seq`.
    pub stored_last_seq: i64,
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
    pub skeptics: Vec<Skeptic>,
    pub erased: Vec<Erased>,
    pub visitors: Vec<Visitor>,
}
