//! Who hears a topic on a worker, and what has come in for them.

use super::Hears;
use super::socket::{Batch, Socket};
use super::table::Topic;
use bytes::Bytes;
use std::collections::HashMap;
use std::rc::Rc;

/// Where a socket sits in its rooms.
pub(super) enum Seats {
    None,
    One(Topic, usize),
    Many(HashMap<Topic, usize>),
}

impl Seats {
    pub(super) fn put(&mut self, topic: Topic, place: usize) {
        match self {
            Self::Many(seats) => drop(seats.insert(topic, place)),
            Self::None | Self::One(..) => *self = Self::One(topic, place),
        }
    }

    pub(super) fn place(&self, topic: Topic) -> Option<usize> {
        match self {
            Self::One(taken, place) if *taken == topic => Some(*place),
            Self::Many(seats) => seats.get(&topic).copied(),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, topic: Topic) {
        match self {
            Self::Many(seats) => drop(seats.remove(&topic)),
            _ => *self = Self::None,
        }
    }

    pub(super) fn topics(&self) -> Vec<Topic> {
        match self {
            Self::None => Vec::new(),
            Self::One(topic, _) => vec![*topic],
            Self::Many(seats) => seats.keys().copied().collect(),
        }
    }
}

#[derive(Default)]
pub(super) struct Room {
    pub(super) seats: Vec<Seat>,
    pub(super) pending: Vec<Bytes>,
    /// Which of them are for those alone that hear all; nearly always none.
    for_some: Vec<usize>,
}

impl Room {
    /// Takes frames for all who are here, or for those alone who hear all.
    pub(super) fn take(&mut self, frames: &[Bytes], to: Hears) {
        if to == Hears::All {
            self.for_some.extend(self.pending.len()..self.pending.len() + frames.len());
        }
        self.pending.extend_from_slice(frames);
    }

    /// Writes what has come in to every socket it is for; `joined` is where frames are joined.
    pub(super) fn flush(&mut self, joined: &mut Vec<u8>) {
        if self.pending.is_empty() {
            return;
        }
        let is_for_all = self.for_some.is_empty();
        let mut left = self.pending.as_slice();
        while let Some(batch) = Batch::first(&mut left, joined) {
            let seats = self.seats.iter().filter(|seat| is_for_all || seat.hears == Hears::All);
            seats.for_each(|seat| seat.socket.deliver(&batch));
        }
        if !is_for_all {
            self.flush_basic(joined);
        }
        self.pending.clear();
        self.pending.shrink_to(64);
        self.for_some.clear();
    }

    /// Writes to those who do not hear all what is for them.
    fn flush_basic(&self, joined: &mut Vec<u8>) {
        let is_for_all = |at: &usize| self.for_some.binary_search(at).is_err();
        let frames: Vec<Bytes> =
            (0..self.pending.len()).filter(is_for_all).filter_map(|at| self.pending.get(at).cloned()).collect();
        let mut left = frames.as_slice();
        while let Some(batch) = Batch::first(&mut left, joined) {
            let seats = self.seats.iter().filter(|seat| seat.hears == Hears::Messages);
            seats.for_each(|seat| seat.socket.deliver(&batch));
        }
    }
}

/// A socket and where the table has it: who writes to thousands reads no more memory than it must.
pub(super) struct Seat {
    pub(super) socket: Rc<Socket>,
    pub(super) slot: u32,
    pub(super) hears: Hears,
}
