//! What a node tells the others early, where they have a bus ([`cluster::nats`](super::cluster)).
//!
//! Nothing depends on it. What other nodes have written and changed stands in PostgreSQL, and each of them reads it there every so often; the
//! bus brings the same sooner, ready to be sent. So whatever does not go through (nobody is connected, too much waits) is left out, and
//! found by reading. Bound: [`WAITING_BYTES_MAX`], beyond which entries are left out and counted.

mod wire;

pub use wire::{Body, Key, Kind, Sealed, open, seal};

use super::relay::Hears;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use tokio::sync::Notify;

/// The most bytes of entries in one message; a larger entry goes alone.
pub const PART_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of entries that wait to be sent.
pub const WAITING_BYTES_MAX: usize = 4 << 20;

/// An entry of a channel's log, as nodes tell it to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusEntry<B> {
    /// Whose log.
    pub channel_id: ChannelId,
    /// Its place there.
    pub seq: Seq,
    /// Who made it: their name may be erased before it arrives.
    pub user_id: UserId,
    /// The message whose text it has.
    pub text_of: Option<MessageId>,
    /// Who hears it.
    pub to: Hears,
    /// Whether it changes or takes away a text that was told before.
    pub retells: bool,
    /// As sockets get it.
    pub frame: B,
}

impl BusEntry<&[u8]> {
    /// The same with a frame of its own: what comes over the bus is a part of something larger, which nobody keeps.
    pub fn into_owned(self) -> BusEntry<Bytes> {
        let Self { channel_id, seq, user_id, text_of, to, retells, frame } = self;
        BusEntry { channel_id, seq, user_id, text_of, to, retells, frame: Bytes::copy_from_slice(frame) }
    }
}

/// Entries that were committed in one history of the database.
pub struct Part {
    /// Which.
    pub history: u64,
    /// As [`Body`] reads them.
    pub body: BytesMut,
}

/// A node's end of the bus; that of a node without one takes nothing.
#[derive(Clone, Default)]
pub struct Bus(Option<Arc<State>>);

#[derive(Default)]
struct State {
    is_connected: AtomicBool,
    /// Which history of the database is remembered here; 0 while that is not known.
    history: AtomicU64,
    waiting: Mutex<Waiting>,
    has_entries: Notify,
    has_changed: Notify,
    applied: AtomicI64,
    has_applied: Notify,
    left_out: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    parts: VecDeque<Part>,
    bytes: usize,
}

impl Bus {
    /// That of a node which is to have one, once it is connected.
    pub fn to_be_connected() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether others hear what is told now, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.is_connected.load(Ordering::Relaxed))
    }

    /// Says whether it is.
    pub(super) fn set_connected(&self, is_connected: bool) {
        if let Some(state) = &self.0 {
            state.is_connected.store(is_connected, Ordering::Relaxed);
        }
    }

    /// Which history of the database is remembered here; `None` while that is not known.
    pub fn history(&self) -> Option<u64> {
        self.0.as_ref().map(|state| state.history.load(Ordering::Acquire)).filter(|history| *history != 0)
    }

    /// Says which.
    pub(super) fn set_history(&self, history: Option<u64>) {
        if let Some(state) = &self.0 {
            state.history.store(history.unwrap_or(0), Ordering::Release);
        }
    }

    /// Tells the others of an entry that has been committed.
    pub fn tell(&self, entry: &BusEntry<&[u8]>) {
        let (Some(state), true, Some(history)) = (&self.0, self.is_connected(), self.history()) else { return };
        let size = wire::size(entry);
        let mut waiting = state.waiting.lock();
        if waiting.bytes + size > WAITING_BYTES_MAX {
            state.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes += size;
        let fits = |part: &&mut Part| part.history == history && part.body.len() + size <= PART_BYTES_MAX;
        match waiting.parts.back_mut().filter(fits) {
            Some(part) => wire::put(&mut part.body, entry),
            None => {
                let mut body = BytesMut::with_capacity(size);
                wire::put(&mut body, entry);
                waiting.parts.push_back(Part { history, body });
            }
        }
        drop(waiting);
        state.has_entries.notify_one();
    }

    /// Tells the others that something has been changed that nodes remember.
    pub(super) fn tell_of_change(&self) {
        if let Some(state) = &self.0 {
            state.has_changed.notify_one();
        }
    }

    /// Tells the others how much of what has been changed is true here.
    pub(super) fn tell_applied(&self, applied: i64) {
        if let Some(state) = &self.0 {
            state.applied.store(applied, Ordering::Release);
            state.has_applied.notify_one();
        }
    }

    /// Waits for entries, and takes all that wait.
    pub(super) async fn entries(&self) -> VecDeque<Part> {
        let Some(state) = &self.0 else { return std::future::pending().await };
        loop {
            let parts = {
                let mut waiting = state.waiting.lock();
                waiting.bytes = 0;
                std::mem::take(&mut waiting.parts)
            };
            if !parts.is_empty() {
                return parts;
            }
            state.has_entries.notified().await;
        }
    }

    /// Waits until something has been changed here.
    pub(super) async fn change(&self) {
        match &self.0 {
            Some(state) => state.has_changed.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until more has been applied here; answers how much.
    pub(super) async fn applied(&self) -> i64 {
        let Some(state) = &self.0 else { return std::future::pending().await };
        state.has_applied.notified().await;
        state.applied.load(Ordering::Acquire)
    }

    /// How many entries were left out since this was asked.
    pub(super) fn take_left_out(&self) -> u64 {
        self.0.as_ref().map_or(0, |state| state.left_out.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: i64, frame: &[u8]) -> BusEntry<&[u8]> {
        BusEntry {
            channel_id: ChannelId(7),
            seq: Seq(seq),
            user_id: UserId(3),
            text_of: Some(MessageId(11)),
            to: Hears::Messages,
            retells: false,
            frame,
        }
    }

    fn connected() -> Bus {
        let bus = Bus::to_be_connected();
        bus.set_connected(true);
        bus.set_history(Some(5));
        bus
    }

    #[tokio::test]
    async fn what_nobody_would_hear_or_could_place_is_left_out() {
        let bus = connected();
        bus.set_connected(false);
        bus.tell(&entry(1, b"a"));
        bus.set_connected(true);
        bus.set_history(None);
        bus.tell(&entry(2, b"b"));
        bus.set_history(Some(6));
        bus.tell(&entry(3, b"c"));
        let parts = bus.entries().await;
        let told: Vec<_> = parts.iter().flat_map(|part| Body::new(&part.body).map(|entry| entry.seq)).collect();
        assert_eq!((told, parts[0].history), (vec![Seq(3)], 6));
    }

    #[tokio::test]
    async fn entries_are_cut_into_parts_each_of_one_history() {
        let (bus, frame) = (connected(), vec![b'x'; PART_BYTES_MAX / 3]);
        (1..=4).for_each(|seq| bus.tell(&entry(seq, &frame)));
        bus.set_history(Some(6));
        bus.tell(&entry(5, b"y"));
        bus.tell(&entry(6, &vec![b'z'; 2 * PART_BYTES_MAX]));
        let parts = bus.entries().await;
        let counts: Vec<_> = parts.iter().map(|part| (part.history, Body::new(&part.body).count())).collect();
        assert_eq!(counts, [(5, 2), (5, 2), (6, 1), (6, 1)]);
    }

    #[tokio::test]
    async fn beyond_its_bound_entries_are_left_out_and_counted() {
        let (bus, frame) = (connected(), vec![b'x'; PART_BYTES_MAX - 1_024]);
        let fit = (1..=1_000).take_while(|seq| {
            bus.tell(&entry(*seq, &frame));
            bus.take_left_out() == 0
        });
        assert!((60..70).contains(&fit.count()));
        let bytes: usize = bus.entries().await.iter().map(|part| part.body.len()).sum();
        assert!(bytes <= WAITING_BYTES_MAX);
        bus.tell(&entry(1, &frame));
        assert_eq!((bus.take_left_out(), bus.entries().await.len()), (0, 1), "there is room again");
    }
}
