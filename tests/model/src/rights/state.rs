//! The parts of a state, and what may happen.

use super::{Fault, LEASE};
use std::collections::BTreeSet;

pub(super) type NodeId = u8;
pub(super) type ChangeId = u8;
/// The place of an entry in the rights log, from 1.
pub(super) type Seq = u8;

/// A change of one user's right to hear the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where the call is made.
    pub node: NodeId,
    pub user: u8,
    /// Whether the user has the right from then on: a join, or else a leave.
    pub gives: bool,
}

/// What there is, and what may happen to it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    pub nodes: u8,
    /// Those with sockets. They hold leases, and a change waits for them.
    pub listeners: &'static [NodeId],
    /// Those that append entries to the channel.
    pub authors: &'static [NodeId],
    pub changes: &'static [Change],
    pub failovers: u8,
    pub crashes: u8,
    /// Whether connections break while a change is on its way.
    pub losses: bool,
    /// Whether rows of silent nodes are removed.
    pub removals: bool,
    /// Whether listeners die.
    pub deaths: bool,
    /// An append may commit long after its snapshot.
    pub slow_appends: bool,
    /// Entries that were committed before any answer are followed too. No promise is about them.
    pub early_entries: bool,
    /// Time may pass without this node's clock.
    pub stopped_clock: Option<NodeId>,
}

#[derive(Clone, Copy, Debug)]
pub struct System {
    pub scope: Scope,
    pub fault: Option<Fault>,
}

impl System {
    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

/// A set of entries of the rights log, or of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Set(u8);

impl Set {
    pub(super) fn up_to(seq: Seq) -> Self {
        (1..=seq).fold(Self::default(), Self::with)
    }

    #[must_use]
    pub(super) fn with(self, member: u8) -> Self {
        Self(self.0 | 1 << member)
    }

    #[must_use]
    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, member: u8) -> bool {
        self.0 & 1 << member != 0
    }

    pub(super) fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The greatest, or 0.
    pub(super) fn last(self) -> u8 {
        self.0.checked_ilog2().unwrap_or(0) as u8
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Unsent,
    /// The statement is on its way.
    Sent,
    /// It has run, and has not been answered.
    Run,
    /// Its answer is lost.
    InDoubt,
    Committed(Seq),
    Answered(Seq),
    /// It has not happened, and the caller knows.
    Refused,
}

/// A change, as the node that makes it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    pub(super) stage: Stage,
    /// For how long it has waited for the others.
    pub(super) waited: u8,
    /// The nodes that it waits for, once it has read them.
    pub(super) list: Option<Set>,
    pub(super) acknowledged: Set,
}

impl Call {
    /// Its place in the rights log, as far as it is published.
    pub(super) fn published(&self) -> Option<Seq> {
        match self.stage {
            Stage::Committed(seq) | Stage::Answered(seq) => Some(seq),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    Primary,
    /// To the server that was the primary before the failover.
    Deposed,
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Renewal {
    None,
    Sent {
        age: u8,
    },
    /// It has read up to `head`, and has found the node's row or not.
    Run {
        age: u8,
        head: Seq,
        found: bool,
    },
    /// It is answered, and what it has read is not applied yet.
    Applying {
        age: u8,
        head: Seq,
    },
}

/// An entry of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry {
    /// The changes that had been answered when it was committed.
    pub(super) after: Set,
    /// The end of the rights log that its receiver has to have applied.
    pub(super) horizon: Seq,
}

/// The relay of a node, with its one entry at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relay {
    Idle,
    Received(Entry),
    /// It will be written, whenever the node goes on.
    Checked(Entry),
    /// With a fault: the check is made, and the entry is still to be read.
    CheckedNothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// Not registered: no sockets, no lease.
    Outside,
    Registered,
    Dead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    pub(super) life: Life,
    /// Whether the database has its row.
    pub(super) row: bool,
    /// For how long its beat has stood still.
    pub(super) silent: u8,
    pub(super) link: Link,
    /// The entries that the registry has taken in.
    pub(super) heard: Set,
    /// Those that the relays have acted on.
    pub(super) applied: Set,
    /// For how long it may still write.
    pub(super) lease: u8,
    pub(super) renewal: Renewal,
    /// The horizon of an append that has its snapshot and has not committed.
    pub(super) append: Option<Seq>,
    pub(super) relay: Relay,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The rights log, as far as a standby has it.
    pub(super) log: Vec<ChangeId>,
    /// What the primary alone has. It holds the lock of the log's head, so there is one.
    pub(super) pending: Option<ChangeId>,
    /// Whether a crash has made that visible.
    pub(super) shows_pending: bool,
    /// How much of the log the deposed primary shows.
    pub(super) deposed_head: Seq,
    pub(super) failovers: u8,
    pub(super) crashes: u8,
    pub(super) calls: Vec<Call>,
    pub(super) nodes: Vec<Node>,
    /// The entries of the channel that have been committed.
    pub(super) entries: BTreeSet<Entry>,
}

impl State {
    pub(super) fn begin(scope: &Scope) -> Self {
        let call = Call { stage: Stage::Unsent, waited: 0, list: None, acknowledged: Set::default() };
        let node = |node| {
            let listens = scope.listeners.contains(&node);
            Node {
                life: Life::Registered,
                row: listens,
                silent: 0,
                link: Link::Primary,
                heard: Set::default(),
                applied: Set::default(),
                lease: if listens { LEASE } else { 0 },
                renewal: Renewal::None,
                append: None,
                relay: Relay::Idle,
            }
        };
        Self {
            log: Vec::new(),
            pending: None,
            shows_pending: false,
            deposed_head: 0,
            failovers: 0,
            crashes: 0,
            calls: vec![call; scope.changes.len()],
            nodes: (0..scope.nodes).map(node).collect(),
            entries: BTreeSet::new(),
        }
    }

    /// The changes that have been answered.
    pub(super) fn answered(&self) -> Set {
        let answered = self.calls.iter().filter_map(|call| match call.stage {
            Stage::Answered(seq) => Some(seq),
            _ => None,
        });
        answered.fold(Set::default(), Set::with)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A unit of time passes for everybody, or for all but one clock.
    Tick {
        without: Option<NodeId>,
    },
    /// The standby has what the primary has.
    Copy,
    /// The standby becomes the primary.
    FailOver,
    /// The primary crashes and starts again.
    Crash,
    Send(ChangeId),
    Run(ChangeId),
    Answer(ChangeId),
    /// The connection breaks before the answer.
    Lose(ChangeId),
    LookUp(ChangeId),
    ReadNodes(ChangeId),
    /// A node's acknowledgement arrives.
    Acknowledge {
        change: ChangeId,
        node: NodeId,
    },
    AnswerCall(ChangeId),
    Reconnect(NodeId),
    Register(NodeId),
    /// The row of a silent node is removed.
    Remove(NodeId),
    Die(NodeId),
    SendRenewal(NodeId),
    RunRenewal(NodeId),
    AnswerRenewal(NodeId),
    /// An entry of the rights log arrives by the bus.
    Hear {
        node: NodeId,
        seq: Seq,
    },
    /// The relays have acted on all that was heard.
    Settle(NodeId),
    BeginAppend(NodeId),
    CommitAppend(NodeId),
    Receive {
        node: NodeId,
        entry: Entry,
    },
    /// The same entry, read from the database.
    Read {
        node: NodeId,
        entry: Entry,
    },
    Check(NodeId),
    Write(NodeId),
}
