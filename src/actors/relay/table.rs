//! A worker's sockets, and which of them hear what.

use super::room::{Room, Seat, Seats};
use super::socket::{Notice, Socket};
use super::{Hears, Kind, Outbox, RelayHandle, SessionKey};
use crate::auth::token::Bearer;
use crate::domain::auth_session::Ended;
use crate::domain::close::End;
use crate::domain::{AuthSessionId, ChannelId, ServerId, UserId};
use crate::times::Times;
use bytes::Bytes;
use slab::Slab;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a socket can hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The log of a channel.
    Channel(ChannelId),
    /// What becomes of a server and its channels.
    Server(ServerId),
}

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
    pub fn insert(&self, socket: Rc<Socket>, kind: Kind, hears: Hears) -> Outbox {
        let mut table = self.table.borrow_mut();
        table.generation = table.generation.wrapping_add(1);
        let generation = table.generation;
        socket.heard(table.now());
        let seats = match kind {
            Kind::Channel => Seats::None,
            Kind::Gateway => Seats::Many(HashMap::new()),
        };
        let (user, session, password_version) = (None, None, 0);
        let (deadline_s, identify_by_s) = (u64::MAX, u32::MAX);
        let nobodys =
            Entry { generation, socket, hears, seats, user, session, password_version, deadline_s, identify_by_s };
        let slot = table.sockets.insert(nobodys);
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        Outbox::new(self.handle.clone(), SessionKey { worker: self.handle.worker(), slot, generation }, kind, hears)
    }

    /// How many rooms have somebody in them.
    #[cfg(test)]
    pub(super) fn rooms(&self) -> usize {
        self.table.borrow().rooms.len()
    }

    /// Says whose the socket is, and until when.
    pub fn identify(&self, key: SessionKey, bearer: &Bearer) {
        if let Some(entry) = self.table.borrow_mut().entry_mut(key) {
            (entry.user, entry.session) = (Some(bearer.user_id), bearer.session_id);
            (entry.password_version, entry.deadline_s) = (bearer.password_version, bearer.expires_at_s);
            entry.identify_by_s = u32::MAX;
        }
    }

    /// Says that it is nobody's yet, and ends for that if it stays so.
    pub fn await_identity(&self, key: SessionKey) {
        let mut table = self.table.borrow_mut();
        let until_s = table.now().saturating_add(table.times.identify_max_s);
        if let Some(entry) = table.entry_mut(key) {
            (entry.user, entry.session, entry.identify_by_s) = (None, None, until_s);
        }
    }

    /// Forgets a socket that has ended.
    pub fn remove(&self, key: SessionKey) {
        self.table.borrow_mut().remove(key);
    }

    /// Opens a socket that belongs to no channel.
    pub fn open(&self, key: SessionKey) {
        self.table.borrow().open(key);
    }

    /// Seconds since the relay started, as of its last sweep, without those in which it stood still.
    pub fn now(&self) -> u32 {
        self.table.borrow().now()
    }
}

struct Entry {
    generation: u32,
    socket: Rc<Socket>,
    hears: Hears,
    seats: Seats,
    user: Option<UserId>,
    session: Option<AuthSessionId>,
    password_version: i32,
    /// When its token's time is over, in seconds since 1970.
    deadline_s: u64,
    /// Until when its client has to say who it is, by the relay's clock.
    identify_by_s: u32,
}

pub(super) struct Table {
    times: Times,
    sockets: Slab<Entry>,
    rooms: HashMap<Topic, Room>,
    dirty: Vec<Topic>,
    /// Sockets with frames of their own that have not been written yet.
    unflushed: Vec<usize>,
    /// Where frames are joined; kept, so that it is not made anew each time.
    joined: Vec<u8>,
    generation: u32,
    /// Sweeps so far, one a second. A time in which this process stood still is one second: what its peers have sent meanwhile has not
    /// been read, and nobody was pinged.
    seconds: u32,
}

impl Table {
    pub(super) fn new(times: Times) -> Self {
        Self {
            times,
            sockets: Slab::new(),
            rooms: HashMap::new(),
            dirty: Vec::new(),
            unflushed: Vec::new(),
            joined: Vec::new(),
            generation: 0,
            seconds: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    fn now(&self) -> u32 {
        self.seconds
    }

    fn entry(&self, key: SessionKey) -> Option<&Entry> {
        self.sockets.get(key.slot as usize).filter(|entry| entry.generation == key.generation)
    }

    fn entry_mut(&mut self, key: SessionKey) -> Option<&mut Entry> {
        self.sockets.get_mut(key.slot as usize).filter(|entry| entry.generation == key.generation)
    }

    pub(super) fn deliver(&mut self, topic: Topic, frames: &[Bytes], to: Hears) {
        let Some(room) = self.rooms.get_mut(&topic) else { return };
        if room.pending.is_empty() {
            self.dirty.push(topic);
        }
        room.take(frames, to);
    }

    /// For who hears several of the topics it is one frame.
    pub(super) fn deliver_once(&mut self, topics: &[Topic], others: &[SessionKey], frame: &Bytes) {
        // What was announced before goes out before.
        self.flush_rooms();
        let mut is_told = vec![false; self.sockets.capacity()];
        let mut unflushed = std::mem::take(&mut self.unflushed);
        let rooms = topics.iter().filter_map(|topic| self.rooms.get(topic));
        let seated = rooms.flat_map(|room| &room.seats).map(|seat| (seat.slot as usize, &seat.socket));
        let others = others.iter().filter_map(|key| Some((key.slot as usize, &self.entry(*key)?.socket)));
        for (slot, socket) in seated.chain(others) {
            if is_told.get_mut(slot).is_some_and(|is_told| !std::mem::replace(is_told, true)) {
                socket.queue(frame.clone());
                unflushed.push(slot);
            }
        }
        self.unflushed = unflushed;
    }

    /// Writes what has come in to every socket it is for.
    pub(super) fn flush(&mut self) {
        self.flush_rooms();
        for slot in self.unflushed.drain(..) {
            if let Some(entry) = self.sockets.get(slot) {
                entry.socket.flush();
            }
        }
    }

    fn flush_rooms(&mut self) {
        while let Some(topic) = self.dirty.pop() {
            self.flush_room(topic);
        }
    }

    fn flush_room(&mut self, topic: Topic) {
        if let Some(room) = self.rooms.get_mut(&topic) {
            room.flush(&mut self.joined);
        }
    }

    pub(super) fn open(&self, key: SessionKey) {
        if let Some(entry) = self.entry(key) {
            entry.socket.open();
        }
    }

    pub(super) fn join(&mut self, key: SessionKey, topic: Topic, first: Vec<Bytes>, notice: Option<Notice>) {
        // What was delivered before the socket came is not for it.
        self.flush_room(topic);
        let slot = key.slot as usize;
        let Some(entry) = self.sockets.get_mut(slot).filter(|entry| entry.generation == key.generation) else { return };
        if entry.seats.place(topic).is_none() {
            let room = self.rooms.entry(topic).or_default();
            entry.seats.put(topic, room.seats.len());
            room.seats.push(Seat { socket: Rc::clone(&entry.socket), slot: key.slot, hears: entry.hears });
        }
        if matches!(topic, Topic::Channel(_)) {
            entry.socket.open();
        }
        entry.socket.send_all(first);
        notice.into_iter().for_each(|notice| entry.socket.notify(notice));
    }

    pub(super) fn replay(&mut self, key: SessionKey, frames: Vec<Bytes>, notice: Notice) {
        if let Some(entry) = self.entry(key) {
            entry.socket.open();
            entry.socket.send_all(frames);
            entry.socket.notify(notice);
        }
    }

    pub(super) fn send(&mut self, key: SessionKey, frame: Bytes) {
        // What was announced before goes out before.
        self.flush_rooms();
        if let Some(entry) = self.entry(key) {
            entry.socket.queue(frame);
            self.unflushed.push(key.slot as usize);
        }
    }

    pub(super) fn unsubscribe(&mut self, keys: &[SessionKey], topic: Topic, last: &Bytes) {
        // What was committed before the right ended has been seen by others; it goes out first.
        self.flush();
        for key in keys {
            self.unsubscribe_one(key.slot as usize, key.generation, topic);
            if let Some(entry) = self.entry(*key) {
                entry.socket.send_all(vec![last.clone()]);
                if let Topic::Channel(channel_id) = topic {
                    entry.socket.notify(Notice::Revoked(channel_id));
                }
            }
        }
    }

    pub(super) fn unsubscribe_silently(&mut self, key: SessionKey, topic: Topic) {
        self.flush_room(topic);
        self.unsubscribe_one(key.slot as usize, key.generation, topic);
    }

    pub(super) fn close(&mut self, topic: Topic, last: Bytes) {
        self.deliver(topic, &[last], Hears::Messages);
        self.flush();
        for seat in self.rooms.remove(&topic).map(|room| room.seats).unwrap_or_default() {
            if let Some(entry) = self.sockets.get_mut(seat.slot as usize) {
                entry.seats.remove(topic);
            }
        }
    }

    /// Those whose clients know that they are there.
    pub(super) fn opened(&self, worker: u32) -> Vec<SessionKey> {
        let opened = self.sockets.iter().filter(|(_, entry)| !entry.socket.is_opening());
        let key = |(slot, entry): (usize, &Entry)| {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            SessionKey { worker, slot, generation: entry.generation }
        };
        opened.map(key).collect()
    }

    pub(super) fn end(&mut self, keys: &[SessionKey], end: End) {
        self.flush();
        for key in keys {
            if let Some(entry) = self.entry(*key) {
                entry.socket.end(end);
                self.unsubscribe_all(key.slot as usize);
            }
        }
    }

    pub(super) fn end_user(&mut self, user: UserId, ended: &Ended, end: End) {
        let is_meant = |entry: &Entry| entry.user == Some(user) && ended.include(entry.session, entry.password_version);
        let of_user = self.sockets.iter().filter(|(_, entry)| is_meant(entry));
        let slots: Vec<usize> = of_user.map(|(slot, _)| slot).collect();
        self.end_slots(&slots, end);
    }

    pub(super) fn end_all(&mut self, end: End) {
        let slots: Vec<usize> = self.sockets.iter().map(|(slot, _)| slot).collect();
        self.end_slots(&slots, end);
    }

    fn end_slots(&mut self, slots: &[usize], end: End) {
        self.flush();
        for slot in slots {
            if let Some(entry) = self.sockets.get(*slot) {
                entry.socket.end(end);
            }
            self.unsubscribe_all(*slot);
        }
    }

    fn remove(&mut self, key: SessionKey) {
        if self.entry(key).is_some() {
            self.unsubscribe_all(key.slot as usize);
            self.sockets.remove(key.slot as usize);
        }
    }

    fn unsubscribe_all(&mut self, slot: usize) {
        let Some(entry) = self.sockets.get(slot) else { return };
        let generation = entry.generation;
        for topic in entry.seats.topics() {
            self.unsubscribe_one(slot, generation, topic);
        }
    }

    fn unsubscribe_one(&mut self, slot: usize, generation: u32, topic: Topic) {
        let entry = self.sockets.get_mut(slot).filter(|entry| entry.generation == generation);
        let Some((entry, place)) = entry.and_then(|entry| entry.seats.place(topic).map(|place| (entry, place))) else {
            return;
        };
        entry.seats.remove(topic);
        let Some(room) = self.rooms.get_mut(&topic) else { return };
        room.seats.swap_remove(place);
        if let Some(moved) = room.seats.get(place).and_then(|moved| self.sockets.get_mut(moved.slot as usize)) {
            moved.seats.put(topic, place);
        }
        if room.seats.is_empty() {
            self.rooms.remove(&topic);
        }
    }

    /// Once a second: pings the silent, ends the dead and those whose time is over.
    pub(super) fn sweep(&mut self) {
        self.seconds = self.seconds.saturating_add(1);
        let now = self.seconds;
        let wall_s = self.times.clock.now_s();
        let mut over = Vec::new();
        for (slot, entry) in &self.sockets {
            entry.socket.sweep(now, &self.times);
            if entry.identify_by_s <= now {
                over.push((slot, End::UNIDENTIFIED));
            } else if entry.deadline_s <= wall_s {
                over.push((slot, End::EXPIRED));
            }
        }
        for (slot, end) in over {
            self.end_slots(&[slot], end);
        }
    }
}
