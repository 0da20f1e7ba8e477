//! The rules of following, each left out once.

/// A rule that is left out. The search has to find what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A message is taken whatever its `prev`.
    IgnoresPrev,
    /// `last` becomes the number that was heard of, whatever the notes that were read.
    TrustsTheNumber,
    /// A note is taken for the next one though those between are not there any more.
    TrustsAPrunedLedger,
    /// The newest note of a writer is pruned like the others.
    PrunesTheNewest,
    /// Heartbeats do not name the last number.
    NamesNoLastNumber,
    /// The notes of a node without heartbeats are not polled.
    PollsNotTheDark,
    /// The notes of a dead node are not read any more, though a statement of it may still run.
    ForgetsTheDead,
    /// Notes are read after the highest number of all writers, drawn before the commit.
    ReadsAfterOneNumber,
    /// A channel announces what comes, whatever its number.
    AnnouncesWhatComes,
    /// A channel announces what it has announced.
    AnnouncesAgain,
    /// A channel waits for what is missing and does not read it.
    LeavesGaps,
    /// A channel listens only when its first read has been answered.
    ListensAfterReading,
    /// A new connection is used without a commit of nothing.
    ConnectsWithoutABarrier,
    /// On another history heads are kept.
    KeepsHeads,
    /// On another history heads are compared by their number.
    ComparesHeadsByNumber,
    /// What a channel holds survives the change of the history.
    KeepsWhatItHolds,
    /// A message of another history is taken.
    TakesAnyHistory,
}
