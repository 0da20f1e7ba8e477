//! The end of a channel's log in memory: its last events, encoded.
//!
//! Bounds: [`EVENTS_MAX`] events and [`BYTES_MAX`]; once all tails of the node together hold [`NODE_BYTES_MAX`], a tail
//! that grows keeps [`BYTES_SHORT`] only. What is older is read from the database.

use super::sequence::Placed;
use crate::actors::bus::BusEntry;
use crate::actors::relay::Hears;
use crate::domain::log::LogEntry;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use crate::websocket::encode;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The most events of a tail.
pub const EVENTS_MAX: usize = 1_024;
/// The most bytes of a tail.
pub const BYTES_MAX: usize = 256 * 1024;
/// What all tails of a node may hold before they are kept short.
pub const NODE_BYTES_MAX: usize = 128 << 20;
/// The most bytes of a short tail.
pub const BYTES_SHORT: usize = 16 * 1024;
/// The most bytes of a part of the log that is sent at once, unless one event alone has more.
pub const PART_BYTES_MAX: usize = 64 * 1024;
/// The most events of a part.
pub const PART_EVENTS_MAX: usize = 256;

/// An entry of the log, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    pub frame: Bytes,
    /// The message whose text it has.
    pub text_of: Option<MessageId>,
    /// Who hears it: everybody, or those who hear all.
    pub to: Hears,
    /// Whether it changes or takes away a text that was told before.
    pub retells: bool,
}

impl Entry {
    /// An entry, encoded.
    pub fn new(entry: &LogEntry<'_>) -> Self {
        let to = if entry.is_basic() { Hears::Messages } else { Hears::All };
        Self { seq: entry.seq(), frame: encode::json(entry), text_of: entry.text_of(), to, retells: entry.retells() }
    }

    /// As the bus has brought it.
    pub fn heard(entry: BusEntry<Bytes>) -> Self {
        let BusEntry { seq, text_of, to, retells, frame, .. } = entry;
        Self { seq, frame, text_of, to, retells }
    }

    /// As it goes over the bus.
    pub fn told(&self, channel_id: ChannelId, user_id: UserId) -> BusEntry<&[u8]> {
        let &Self { seq, text_of, to, retells, .. } = self;
        BusEntry { channel_id, seq, user_id, text_of, to, retells, frame: &self.frame }
    }
}

impl Placed for Entry {
    fn seq(&self) -> Seq {
        self.seq
    }

    fn bytes(&self) -> usize {
        self.frame.len()
    }

    fn retells(&self) -> bool {
        self.retells
    }
}

/// A part of the log, ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    pub frames: Vec<Bytes>,
    /// How far it goes: the log has nothing else up to here.
    pub upto: Seq,
}

/// How much all tails of the node hold.
pub type NodeBytes = Rc<Cell<usize>>;

/// See the module.
pub struct Tail {
    entries: VecDeque<Entry>,
    bytes: usize,
    node_bytes: NodeBytes,
}

impl Tail {
    pub fn new(node_bytes: NodeBytes) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, node_bytes }
    }

    /// Takes the entry that is announced now.
    pub fn push(&mut self, entry: Entry) {
        if self.entries.back().is_some_and(|last| entry.seq != last.seq.next()) {
            // A hole would be replayed as if it were none.
            self.clear();
        }
        self.count(entry.frame.len());
        self.entries.push_back(entry);
        self.trim();
    }

    /// Takes what has been read from the database, of a log that has been announced up to `head`.
    pub fn adopt(&mut self, older: Vec<Entry>, head: Seq) {
        let first = self.entries.front().map_or(head.next(), |entry| entry.seq);
        let older: Vec<Entry> = older.into_iter().filter(|entry| entry.seq < first).collect();
        if older.last().is_some_and(|entry| entry.seq.next() != first) {
            return;
        }
        for entry in older.into_iter().rev() {
            self.count(entry.frame.len());
            self.entries.push_front(entry);
        }
        self.trim();
    }

    /// What follows `after` up to `head`, the last entry announced, for a socket that hears this; `None` if the tail does not reach back
    /// so far.
    pub fn after(&self, after: Seq, head: Seq, hears: Hears) -> Option<Part> {
        let first = self.entries.front().map_or(head.next(), |entry| entry.seq);
        if after.next() < first {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.seq <= after);
        Some(part(self.entries.range(start..), head, hears))
    }

    fn trim(&mut self) {
        let bytes_max = if self.node_bytes.get() > NODE_BYTES_MAX { BYTES_SHORT } else { BYTES_MAX };
        while self.entries.len() > EVENTS_MAX || self.bytes > bytes_max {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= entry.frame.len();
            self.node_bytes.set(self.node_bytes.get() - entry.frame.len());
        }
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.node_bytes.set(self.node_bytes.get() + bytes);
    }

    /// Tells the text of a message from now on as `retold`, which is its first entry; its later ones have the same text, or none where
    /// it is deleted.
    pub fn retell(&mut self, retold: &LogEntry<'static>) {
        let Some(id) = retold.message_id() else { return };
        let mut entries = std::mem::take(&mut self.entries);
        for entry in entries.iter_mut().filter(|entry| entry.text_of == Some(id)) {
            let now = Entry::new(&retold.at(entry.seq));
            self.node_bytes.set(self.node_bytes.get() + now.frame.len() - entry.frame.len());
            self.bytes = self.bytes + now.frame.len() - entry.frame.len();
            *entry = now;
        }
        self.entries = entries;
    }

    /// Whether it holds the text of one of these messages.
    pub fn has_text_of(&self, ids: &[MessageId]) -> bool {
        self.entries.iter().any(|entry| entry.text_of.is_some_and(|id| ids.contains(&id)))
    }

    /// Forgets what it holds: what is wanted of it is read again.
    pub fn clear(&mut self) {
        self.node_bytes.set(self.node_bytes.get() - self.bytes);
        self.bytes = 0;
        self.entries.clear();
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.clear();
    }
}

/// As many of `entries` as are sent at once to a socket that hears this; `end` is how far they go if they are all.
pub fn part<'a>(entries: impl Iterator<Item = &'a Entry>, end: Seq, hears: Hears) -> Part {
    let mut part = Part { frames: Vec::new(), upto: end };
    let mut bytes = 0;
    let mut last = None;
    for Entry { seq, frame, to, .. } in entries {
        if hears == Hears::Messages && *to == Hears::All {
            last = Some(*seq);
            continue;
        }
        bytes += frame.len();
        if !part.frames.is_empty() && (bytes > PART_BYTES_MAX || part.frames.len() == PART_EVENTS_MAX) {
            part.upto = last.unwrap_or(end);
            return part;
        }
        part.frames.push(frame.clone());
        last = Some(*seq);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64, size: usize) -> Entry {
        Entry {
            seq: Seq(seq),
            frame: Bytes::from(vec![b'x'; size]),
            text_of: None,
            to: Hears::Messages,
            retells: false,
        }
    }

    fn tail(seqs: impl IntoIterator<Item = i64>, size: usize) -> Tail {
        let mut tail = Tail::new(NodeBytes::default());
        seqs.into_iter().for_each(|seq| tail.push(entry(seq, size)));
        tail
    }

    #[test]
    fn it_answers_for_what_it_holds_and_for_nothing_else() {
        let empty = Tail::new(NodeBytes::default());
        assert_eq!(empty.after(Seq(0), Seq(4), Hears::All), None);
        let tail = tail(5..=9, 10);
        assert_eq!(tail.after(Seq(3), Seq(9), Hears::All), None);
        assert_eq!(
            tail.after(Seq(4), Seq(9), Hears::All).map(|part| (part.frames.len(), part.upto)),
            Some((5, Seq(9)))
        );
        assert_eq!(
            tail.after(Seq(8), Seq(9), Hears::All).map(|part| (part.frames.len(), part.upto)),
            Some((1, Seq(9)))
        );
        assert_eq!(
            tail.after(Seq(9), Seq(9), Hears::All).map(|part| (part.frames.len(), part.upto)),
            Some((0, Seq(9)))
        );
    }

    #[test]
    fn both_bounds_hold_and_the_node_s_bound_keeps_tails_short() {
        assert_eq!(tail(1..=2_000, 1).entries.len(), EVENTS_MAX);
        assert_eq!(tail(1..=100, 10_000).entries.len(), BYTES_MAX / 10_000);
        let mut short = tail(1..=100, 1_000);
        short.node_bytes.set(NODE_BYTES_MAX + 1);
        short.push(entry(101, 1_000));
        assert_eq!(short.entries.len(), BYTES_SHORT / 1_000);
        let node_bytes = NodeBytes::default();
        let mut dropped = Tail::new(node_bytes.clone());
        dropped.push(entry(1, 77));
        assert_eq!(node_bytes.get(), 77);
        drop(dropped);
        assert_eq!(node_bytes.get(), 0);
    }

    #[test]
    fn what_was_read_is_put_before_what_was_announced() {
        let mut tail = tail([7, 8], 1);
        tail.adopt((1..=7).map(|seq| entry(seq, 1)).collect(), Seq(8));
        assert_eq!(
            tail.after(Seq(0), Seq(8), Hears::All).map(|part| (part.frames.len(), part.upto)),
            Some((8, Seq(8)))
        );
        let mut apart = self::tail([7, 8], 1);
        apart.adopt((1..=5).map(|seq| entry(seq, 1)).collect(), Seq(8));
        assert_eq!(apart.after(Seq(0), Seq(8), Hears::All), None);
        let mut fresh = Tail::new(NodeBytes::default());
        fresh.adopt(Vec::new(), Seq(0));
        assert_eq!(fresh.after(Seq(0), Seq(0), Hears::All), Some(Part { frames: Vec::new(), upto: Seq(0) }));
    }

    #[test]
    fn what_was_read_counts_and_is_cut_as_what_was_announced() {
        let node_bytes = NodeBytes::default();
        let mut tail = Tail::new(node_bytes.clone());
        tail.adopt((1..=100).map(|seq| entry(seq, 10_000)).collect(), Seq(100));
        assert_eq!((tail.entries.len(), tail.bytes), (BYTES_MAX / 10_000, BYTES_MAX / 10_000 * 10_000));
        assert_eq!(node_bytes.get(), tail.bytes);
        tail.push(entry(101, 10_000));
        assert_eq!(node_bytes.get(), tail.bytes);
        drop(tail);
        assert_eq!(node_bytes.get(), 0);
    }

    #[test]
    fn a_hole_is_never_replayed_over() {
        let mut tail = tail([1, 2, 3], 1);
        tail.push(entry(5, 1));
        assert_eq!(tail.after(Seq(2), Seq(5), Hears::All), None);
        assert_eq!(tail.after(Seq(4), Seq(5), Hears::All).map(|part| part.upto), Some(Seq(5)));
    }

    #[test]
    fn a_part_is_cut_between_events() {
        let large = tail(1..=20, 10_000);
        let first = large.after(Seq(0), Seq(20), Hears::All).expect("it reaches back");
        assert_eq!((first.frames.len(), first.upto), (6, Seq(6)));
        let many = tail(1..=1_000, 1);
        assert_eq!(
            many.after(Seq(0), Seq(1_000), Hears::All).map(|part| (part.frames.len(), part.upto)),
            Some((256, Seq(256)))
        );
        let huge = tail([1, 2], 100_000);
        assert_eq!(
            huge.after(Seq(0), Seq(2), Hears::All).map(|part| (part.frames.len(), part.upto)),
            Some((1, Seq(1)))
        );
    }
}
