//! The parts of a state, and what may happen.

use super::Fault;
use std::collections::{BTreeMap, BTreeSet};

/// The writer of the other node, which is followed.
pub(super) const THERE: usize = 0;
/// The writer of the node that is looked at.
pub(super) const HERE: usize = 1;

pub(super) const CHANNELS: usize = 2;

/// What there is, and what may happen to it.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// How many batches are written in all.
    pub batches: u8,
    /// How many of them on the node that is looked at.
    pub own_batches: u8,
    /// Whether there is a bus.
    pub has_bus: bool,
    pub failovers: u8,
    pub crashes: u8,
    /// Whether the other node dies.
    pub dies: bool,
    /// Whether notes are pruned.
    pub prunes: bool,
    /// Whether a message may be lost so that it never comes again. Else it may come at any time.
    pub loses: bool,
    /// Whether a channel forgets what it holds, and only knows that it is there.
    pub forgets: bool,
    /// Commits do not wait for the standby.
    pub is_lossy: bool,
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

/// The identity of an entry: which of all batches has made it.
pub(super) type Id = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Batch {
    /// Drawn when the statement is sent.
    pub(super) id: Id,
    pub(super) writer: u8,
    pub(super) number: u8,
    pub(super) prev: u8,
    pub(super) channel: u8,
    pub(super) seq: u8,
    /// The history in which it committed.
    pub(super) timeline: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    Idle,
    /// The statement is on its way.
    Sent {
        id: Id,
        channel: u8,
    },
    /// It has run, and has not been answered.
    Run,
    /// Its answer is lost.
    InDoubt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    pub(super) stage: Stage,
    /// Of the last attempt.
    pub(super) number: u8,
    /// Of the last batch that it knows to have committed.
    pub(super) prev: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    Primary,
    /// To the server that was the primary before the failover.
    Deposed,
    Broken,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    None,
    /// It keeps what comes, and its first read has not run.
    Reading,
    /// That has seen these.
    Read(Vec<Id>),
    Live,
}

/// A channel on the node that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Channel {
    pub(super) life: Life,
    pub(super) announced: Vec<Id>,
    /// What has come too early, by `seq`; of some only that it is there.
    pub(super) held: BTreeMap<u8, Option<Id>>,
}

/// The node that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Follower {
    pub(super) link: Link,
    /// The history that it knows of.
    pub(super) timeline: u8,
    /// Up to which number it has all of the other node's writer.
    pub(super) last: u8,
    /// Whether it still follows that.
    pub(super) follows: bool,
    pub(super) channels: [Channel; CHANNELS],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// What the primary has, in the order of the commits.
    pub(super) batches: Vec<Batch>,
    /// How many of them the standby has.
    pub(super) copied: usize,
    /// How many a crash has made visible.
    pub(super) shown: usize,
    /// How many batches are so old that their notes are pruned.
    pub(super) pruned: usize,
    pub(super) timeline: u8,
    pub(super) crashes: u8,
    /// What the deposed primary shows.
    pub(super) deposed: Vec<Batch>,
    pub(super) bus: BTreeSet<Batch>,
    pub(super) sent: u8,
    pub(super) writers: [Writer; 2],
    /// Whether the other node is.
    pub(super) is_dead: bool,
    pub(super) here: Follower,
}

impl State {
    pub(super) fn begin() -> Self {
        let channel = |life| Channel { life, announced: Vec::new(), held: BTreeMap::new() };
        Self {
            batches: Vec::new(),
            copied: 0,
            shown: 0,
            pruned: 0,
            timeline: 0,
            crashes: 0,
            deposed: Vec::new(),
            bus: BTreeSet::new(),
            sent: 0,
            writers: [Writer { stage: Stage::Idle, number: 0, prev: 0 }; 2],
            is_dead: false,
            here: Follower {
                link: Link::Primary,
                timeline: 0,
                last: 0,
                follows: true,
                channels: [channel(Life::Live), channel(Life::None)],
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The standby has one batch more.
    Copy,
    /// The standby becomes the primary.
    FailOver,
    /// The primary crashes and starts again.
    Crash,
    /// One note more is old enough to be pruned.
    Prune,
    Send {
        writer: u8,
        channel: u8,
    },
    Run(u8),
    Answer(u8),
    /// The connection breaks before the answer.
    Lose(u8),
    /// The writer looks up what became of its batch.
    Claim(u8),
    /// The other node does.
    Die,
    /// What it has sent will not run any more.
    EndProcess,
    Reconnect,
    /// A message arrives by the bus.
    Take(Batch),
    /// A message is lost for good.
    LoseMessage(Batch),
    /// A heartbeat of the other node arrives.
    Heartbeat,
    Poll,
    /// The dead node's writer is followed no longer.
    Forget,
    /// Somebody attaches to a channel that has no life.
    Start(u8),
    Read(u8),
    Join(u8),
    ReadGap(u8),
    /// What a channel holds is too much.
    ForgetHeld(u8),
}
