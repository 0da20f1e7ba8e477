//! What can be wrong, and where.

/// Which of the two accounts of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Over HTTP.
    Served,
    /// In the database.
    Stored,
}

/// A place in what a client heard; both count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub client: String,
    pub connection: usize,
    pub frame: usize,
}

/// An entry, by what it is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    pub seq: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The log skips from `after` to `seq`.
    LogHole { account: Account, channel: i64, after: i64, seq: i64 },
    /// The log has a `seq` again.
    LogRepeat { account: Account, channel: i64, seq: i64 },
    /// The log has a `seq` behind a higher one.
    LogOutOfOrder { account: Account, channel: i64, seq: i64 },
    /// The log has an entry of another channel.
    LogForeign { account: Account, channel: i64, entry: Entry },
    /// Two entries have one id.
    IdTwice { account: Account, channel: i64, id: i64 },
    /// Ids do not grow with `seq`.
    IdOutOfOrder { account: Account, channel: i64, entry: Entry },
    /// Two entries have one author and nonce.
    NonceTwice { account: Account, channel: i64, author: i64, nonce: String },
    /// The end that was said is not the log's end.
    LastSeqWrong { account: Account, channel: i64, said: i64, end: i64 },
    /// Over HTTP the entry is not what the database has, or it is only in one of them.
    AccountsDiffer { channel: i64, seq: i64 },
    /// The log holds what nobody sent.
    NeverSent { channel: i64, entry: Entry },
    /// The log holds another text than was sent.
    ContentChanged { channel: i64, entry: Entry },

    /// The log has a change that nobody asked for.
    ChangeNeverAsked { channel: i64, seq: i64 },
    /// The log has a change of what is not there, or no longer.
    ChangeOfNothing { channel: i64, seq: i64 },
    /// The log has a change that changes nothing: all was so already.
    ChangeRedundant { channel: i64, seq: i64 },
    /// The log has an edit by somebody who is not the author.
    EditNotTheAuthors { channel: i64, seq: i64 },
    /// An edit has given a text that its author never sent.
    EditNeverSent { channel: i64, seq: i64 },
    /// A message is deleted and its log does not say so, or the other way round.
    DeletionDiffers { channel: i64, id: i64 },
    /// A deleted message has its text in the database.
    DeletedTextKept { channel: i64, id: i64 },
    /// A message is pinned and its log does not say so, or the other way round.
    PinDiffers { channel: i64, id: i64 },
    /// The reactions to a message are not those of the log.
    ReactionsDiffer { channel: i64, id: i64 },
    /// A reaction is there twice.
    ReactionTwice { channel: i64, id: i64 },
    /// What is counted of a message's reactions is not what there is.
    CountsDiffer { channel: i64, id: i64 },
    /// The earlier texts of a message are not one for each edit, or a deleted one has some.
    RevisionsDiffer { channel: i64, id: i64 },
    /// A message does not say when it was last edited.
    EditedAtDiffers { channel: i64, id: i64 },

    /// Asked for, and never answered.
    ChangeUnanswered { client: String, nonce: String },
    /// Refused, and nothing is known for which it could be.
    ChangeRefused { client: String, nonce: String, code: String },
    /// Acknowledged as an entry that is another change, or none.
    ChangeAcknowledgedElsewhere { client: String, nonce: String, seq: i64 },
    /// Asked for once, and in the log more than once.
    ChangeMadeTwice { client: String, nonce: String },
    /// Acknowledged, and not in the log, or undone by nobody who asked for it.
    ChangeLost { client: String, nonce: String },

    /// Refused as never to be saved, and in the log.
    RefusedSaved { client: String, content: String },
    /// Sent once, without a nonce, and more than once in the log.
    SavedTwice { client: String, content: String },
    /// Told that it was saved, and not in the log.
    SavedLost { client: String, content: String },

    /// Acknowledged, and not in the log.
    AcknowledgedLost { client: String, nonce: String, entry: Entry },
    /// Acknowledged as one entry, and the log has another under that nonce.
    AcknowledgedElsewhere { client: String, nonce: String, said: Entry, log: Entry },
    /// Acknowledged again, as another entry.
    AcknowledgedTwice { client: String, nonce: String, first: Entry, second: Entry },
    /// Acknowledged, and never sent by this client.
    AcknowledgedUnsent { at: Place, nonce: Option<String> },
    /// Sent, and never acknowledged.
    Unacknowledged { client: String, nonce: String },

    /// Sent later on the same connection than another, and saved before it.
    SentOutOfOrder { client: String, connection: usize, nonce: String },
    /// Told under the name of an account on a connection that began after its erasure.
    SeenErasedName { at: Place, entry: Entry },
    /// Told to somebody who had left.
    HeardAfterLeave { client: String, end: i64, seq: i64 },
    /// Answered otherwise than the membership is.
    WrongAnswer { client: String, what: String },
    /// The end of a subscription that no crash excuses.
    Unsubscribed { at: Place, reason: String },

    /// Seen, and not in the log.
    SeenNotInLog { at: Place, entry: Entry },
    /// Seen otherwise than the log has it.
    SeenOtherwise { at: Place, entry: Entry },
    /// Seen with its text on a connection that began after it was deleted.
    SeenDeletedText { at: Place, entry: Entry },
    /// Seen with an older text than the entry's own, or than an edit that was answered before the connection began.
    SeenOlderText { at: Place, entry: Entry },
    /// Seen with a text that nobody sent.
    SeenUnsentText { at: Place, entry: Entry },
    /// Seen as deleted, and with what it was.
    SeenTombstoneWithText { at: Place, entry: Entry },
    /// Told that this number says nothing, and it does.
    SkippedWrongly { at: Place, seq: i64 },
    /// Seen on a socket that had asked for messages only.
    SeenUnasked { at: Place, entry: Entry },
    /// Seen on the socket of another channel.
    SeenForeign { at: Place, entry: Entry, channel: i64 },
    /// Within a connection the view skips from `after` to `seq`.
    ViewHole { at: Place, after: i64, seq: i64 },
    /// Within a connection the view has a `seq` again.
    ViewRepeat { at: Place, seq: i64 },
    /// Within a connection a `seq` comes behind a higher one.
    ViewOutOfOrder { at: Place, seq: i64 },
    /// A resume goes on later than at `after + 1`.
    SeamHole { at: Place, after: i64, seq: i64 },
    /// A resume goes on earlier than at `after + 1`.
    SeamRepeat { at: Place, after: i64, seq: i64 },
    /// A client asked to go on elsewhere than where its view ends: the client is wrong.
    SeamMisplaced { client: String, connection: usize, after: i64, view: i64 },
    /// The view does not reach the log's end.
    ViewEndsEarly { client: String, view: i64, end: i64 },

    /// `replay.done` does not name the last event that came before it.
    ReplayDoneWrong { at: Place, said: i64, view: i64 },
    /// `replay.done` came again.
    ReplayDoneTwice { at: Place },
    /// The connection that lived to the end was never told `replay.done`.
    ReplayDoneMissing { client: String, connection: usize },
    /// The server says that the log is behind what the client has seen.
    Resync { at: Place, seq: i64 },

    /// An error that no crash excuses.
    Refused { at: Place, code: String },
    /// A close that no crash excuses.
    Closed { at: Place, code: u16 },
    /// A handshake was refused for another reason than that the node is not ready.
    Rejected { client: String, status: u16 },
    /// A text that the protocol does not know.
    Unreadable { at: Place, text: String },
}
