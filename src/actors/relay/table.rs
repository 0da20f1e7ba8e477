//! A worker's sockets, and which of them hear which channel.

use super::socket::{End, Socket};
use super::{Outbox, RelayHandle, SessionKey};
use crate::domain::ChannelId;
use bytes::Bytes;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::IoSlice;
use std::rc::Rc;
use std::time::Instant;

/// A thread's own way to its relay: sessions live on the thread of their relay and share its table.
#[derive(Clone)]
pub struct RelayPort {
    handle: RelayHandle,
    table: Rc<RefCell<Table>>,
}

impl RelayPort {
    pub(super) fn new(handle: RelayHandle, table: Rc<RefCell<Table>>) -> Self {
        Self { handle, table }
    }

    /// How other threads reach this relay.
    pub fn handle(&self) -> &RelayHandle {
        &self.handle
    }

    /// Takes a socket in; it hears nothing and says nothing until it is joined.
    pub fn insert(&self, socket: Rc<Socket>) -> Outbox {
        let mut table = self.table.borrow_mut();
        table.generation = table.generation.wrapping_add(1);
        let generation = table.generation;
        let now = table.now();
        socket.heard(now);
        let slot = table.sockets.insert(Entry { generation, socket, seat: None });
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        Outbox { relay: self.handle.clone(), key: SessionKey { worker: self.handle.worker, slot, generation } }
    }

    /// Forgets a socket that has ended.
    pub fn remove(&self, key: SessionKey) {
        self.table.borrow_mut().remove(key);
    }

    /// Opens a socket that belongs to no channel.
    pub fn open(&self, key: SessionKey) {
        if let Some(entry) = self.table.borrow().entry(key) {
            entry.socket.open();
        }
    }

    /// Seconds since the relay started, as of its last sweep.
    pub fn now(&self) -> u32 {
        self.table.borrow().now()
    }
}

struct Entry {
    generation: u32,
    socket: Rc<Socket>,
    seat: Option<Seat>,
}

/// Where a socket sits in its room.
struct Seat {
    channel_id: ChannelId,
    place: usize,
}

#[derive(Default)]
struct Room {
    slots: Vec<usize>,
    pending: Vec<Bytes>,
}

#[derive(Default)]
pub(super) struct Table {
    sockets: Slab<Entry>,
    rooms: HashMap<ChannelId, Room>,
    dirty: Vec<ChannelId>,
    generation: u32,
    started: Clock,
}

struct Clock {
    started: Instant,
    seconds: Cell<u32>,
}

impl Default for Clock {
    fn default() -> Self {
        Self { started: Instant::now(), seconds: Cell::new(0) }
    }
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    fn now(&self) -> u32 {
        self.started.seconds.get()
    }

    fn entry(&self, key: SessionKey) -> Option<&Entry> {
        self.sockets.get(key.slot as usize).filter(|entry| entry.generation == key.generation)
    }

    pub(super) fn deliver(&mut self, channel_id: ChannelId, frames: &[Bytes]) {
        let Some(room) = self.rooms.get_mut(&channel_id) else { return };
        if room.pending.is_empty() {
            self.dirty.push(channel_id);
        }
        room.pending.extend_from_slice(frames);
    }

    /// Writes what has come in to every socket it is for.
    pub(super) fn flush(&mut self) {
        while let Some(channel_id) = self.dirty.pop() {
            self.flush_room(channel_id);
        }
    }

    fn flush_room(&mut self, channel_id: ChannelId) {
        let Some(room) = self.rooms.get_mut(&channel_id) else { return };
        if room.pending.is_empty() {
            return;
        }
        let slices: Vec<IoSlice<'_>> = room.pending.iter().map(|frame| IoSlice::new(frame)).collect();
        for slot in &room.slots {
            if let Some(entry) = self.sockets.get(*slot) {
                entry.socket.deliver(&room.pending, &slices);
            }
        }
        room.pending.clear();
        room.pending.shrink_to(64);
    }

    pub(super) fn join(&mut self, key: SessionKey, channel_id: ChannelId) {
        // What was delivered before the socket came is not for it.
        self.flush_room(channel_id);
        let slot = key.slot as usize;
        let Some(entry) = self.sockets.get_mut(slot).filter(|entry| entry.generation == key.generation) else { return };
        let room = self.rooms.entry(channel_id).or_default();
        entry.seat = Some(Seat { channel_id, place: room.slots.len() });
        room.slots.push(slot);
        entry.socket.open();
    }

    pub(super) fn unicast(&mut self, key: SessionKey, frame: Bytes) {
        // What was announced before goes out before.
        self.flush();
        if let Some(entry) = self.entry(key) {
            entry.socket.send(frame);
        }
    }

    pub(super) fn end(&mut self, keys: &[SessionKey], end: End) {
        // What was committed before the right ended has been seen by others; it goes out first.
        self.flush();
        for key in keys {
            if let Some(entry) = self.entry(*key) {
                entry.socket.end(end);
                self.unseat(key.slot as usize);
            }
        }
    }

    pub(super) fn end_all(&mut self, end: End) {
        self.flush();
        self.rooms.clear();
        for (_, entry) in &mut self.sockets {
            entry.seat = None;
            entry.socket.end(end);
        }
    }

    fn remove(&mut self, key: SessionKey) {
        if self.entry(key).is_some() {
            self.unseat(key.slot as usize);
            self.sockets.remove(key.slot as usize);
        }
    }

    fn unseat(&mut self, slot: usize) {
        let Some(seat) = self.sockets.get_mut(slot).and_then(|entry| entry.seat.take()) else { return };
        let Some(room) = self.rooms.get_mut(&seat.channel_id) else { return };
        room.slots.swap_remove(seat.place);
        if let Some(moved) = room.slots.get(seat.place).and_then(|moved| self.sockets.get_mut(*moved))
            && let Some(moved) = &mut moved.seat
        {
            moved.place = seat.place;
        }
        if room.slots.is_empty() {
            self.rooms.remove(&seat.channel_id);
        }
    }

    /// Once a second: pings the silent, ends the dead.
    pub(super) fn sweep(&mut self) {
        let now = u32::try_from(self.started.started.elapsed().as_secs()).unwrap_or(u32::MAX);
        self.started.seconds.set(now);
        for (_, entry) in &self.sockets {
            entry.socket.sweep(now);
        }
    }
}
