//! The rules of the protocol, each left out once.

/// A rule that is left out. The search has to find what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An entry is written though the lease is over.
    SkipsTheLease,
    /// The lease is looked at before the entry is read, and not after it was received.
    ChecksBeforeReceiving,
    /// The lease counts from the answer of the renewal.
    LeaseFromTheAnswer,
    /// The lease is used before what the renewal has read is applied.
    LeaseBeforeApplied,
    /// The lease is renewed by a read, without a commit.
    RenewsByReading,
    /// A renewal that finds no row of the node gives a lease all the same.
    RenewsWithoutARow,
    /// A node acknowledges what its relays have not acted on.
    AcknowledgesBeforeApplied,
    /// A node takes entries of the rights log in the order in which they come.
    TakesEntriesAsTheyCome,
    /// The wait for a lease to end begins when the change is sent.
    WaitsFromTheSending,
    /// The wait is shorter than a lease.
    WaitsHalfALease,
    /// Only acknowledgements end the wait.
    WaitsForEveryNode,
    /// The list of nodes is read before the change commits.
    ListsNodesBeforeTheCommit,
    /// The change is answered before it is applied on its own node.
    AnswersBeforeItsOwnNode,
    /// A row is removed while the lease may hold.
    RemovesAtOnce,
    /// A new connection is used without a commit of nothing.
    ResolvesWithoutABarrier,
    /// The horizon is not looked at.
    IgnoresTheHorizon,
    /// The horizon is what the sender has applied, and not what the database had when the entry was appended.
    HorizonOfTheSender,
    /// What is read from the database comes without a horizon.
    ReadsWithoutAHorizon,
}
