//! The newest messages of a channel's history, ready to be answered: while nothing but new messages comes to a channel with life, whoever
//! opens it costs the database nothing.
//!
//! A call that finds no page reads one, if nothing has come since the last call found none. The channel appends each message that it
//! announces, and forgets the page at every other entry, and where it does not know what has come. All of that is done before anybody is
//! told, so a page never lacks what its reader was told of. What a call has begun to read before is not kept then.
//!
//! Bounds: [`BYTES_MAX`] for all pages of the node, [`REACTORS_MAX`] reactions of a page. What is more is read from the database by
//! each call, as a channel without life is. A page that nobody reads is forgotten after a while.

use crate::domain::access::{ChannelAccess, Member};
use crate::domain::message::{Message, PAGE_MAX};
use crate::domain::{ChannelId, MessageId, UserId};
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::messages::{Reactors, newest};
use crate::websocket::encode;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all pages of the node may hold.
pub const BYTES_MAX: usize = 64 << 20;
/// The most reactions to the messages of a page, of whom each may be the reader's own.
pub const REACTORS_MAX: i64 = 10_000;
/// How the entry of a new message begins; what follows is as in a page.
const ENTRY_BEGINS: &[u8] = br#"{"type":"message.created","#;

/// The pages of the channels with life, as every thread reads them.
#[derive(Clone, Default)]
pub struct NewestPages(Arc<Inner>);

#[derive(Default)]
struct Inner {
    slots: Mutex<HashMap<ChannelId, Arc<Slot>>>,
    bytes: AtomicUsize,
}

/// A channel's own, while it has life.
pub struct NewestPage {
    id: ChannelId,
    pages: NewestPages,
    slot: Arc<Slot>,
}

#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    page: Option<Page>,
    /// How many entries have come, or may have.
    version: u64,
    /// What a call that found no page has met last, and at which version.
    miss: Option<(Miss, u64)>,
    is_being_read: bool,
    was_used: bool,
}

struct Page {
    rows: VecDeque<Row>,
    last: MessageId,
    held: Held,
}

/// What a page holds of what all may hold.
struct Held {
    bytes: usize,
    of: Arc<Inner>,
}

/// A message of the page.
struct Row {
    /// Its JSON but for the first brace, and for its reactions.
    json: Bytes,
    reactions: Box<[Reactors]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Miss {
    /// There was no page.
    NoPage,
    /// It was read, and could not be kept.
    NotKept,
}

/// What a call finds.
enum Look {
    Found(Bytes),
    /// It may keep what it reads, if it is still this version then.
    MayKeep(u64),
    Missed,
}

impl NewestPages {
    /// The newest messages, as JSON, if they are here or worth to be kept.
    ///
    /// # Errors
    /// What reading from the database fails with.
    pub async fn read(&self, db: &Db, access: &ChannelAccess<Member>, limit: i64) -> Result<Option<Bytes>> {
        let (limit, user) = (usize::try_from(limit).unwrap_or(0), access.caller().id());
        let Some(slot) = self.0.slots.lock().get(&access.id()).cloned() else { return Ok(None) };
        let version = match slot.look(limit, user) {
            Look::Found(json) => return Ok(Some(json)),
            Look::Missed => return Ok(None),
            Look::MayKeep(version) => version,
        };
        // Also where the caller hangs up meanwhile.
        let _reading = Reading(&slot);
        let Some(messages) = newest(db, access, PAGE_MAX, REACTORS_MAX).await? else {
            slot.keep(None, version);
            return Ok(None);
        };
        let page = Page::new(messages, &self.0).map_err(|error| {
            tracing::error!(%error, "a page could not be encoded");
            Error::Internal
        })?;
        let json = page.json(limit, user);
        slot.keep(Some(page), version);
        Ok(Some(json))
    }

    /// Begins with a channel's life.
    pub(super) fn begin(&self, id: ChannelId) -> NewestPage {
        let slot = Arc::new(Slot::default());
        self.0.slots.lock().insert(id, Arc::clone(&slot));
        NewestPage { id, pages: self.clone(), slot }
    }
}

impl NewestPage {
    /// A message has come, whose entry this is, as a frame.
    pub fn append(&self, id: MessageId, frame: &Bytes) {
        let mut state = self.slot.0.lock();
        state.version += 1;
        let is_kept = state.page.as_mut().is_none_or(|page| page.append(id, frame));
        if !is_kept {
            state.page = None;
        }
    }

    /// Something else has come, or may have.
    pub fn forget(&self) {
        let mut state = self.slot.0.lock();
        state.version += 1;
        state.page = None;
    }

    /// Forgets it if nobody has used it since this was last asked.
    pub fn forget_unused(&self) {
        let mut state = self.slot.0.lock();
        if !std::mem::take(&mut state.was_used) {
            state.page = None;
        }
    }
}

impl Drop for NewestPage {
    fn drop(&mut self) {
        // The channel's next life may have begun.
        let mut slots = self.pages.0.slots.lock();
        if slots.get(&self.id).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot)) {
            slots.remove(&self.id);
        }
    }
}

/// While a call reads a page.
struct Reading<'a>(&'a Slot);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.0.lock().is_being_read = false;
    }
}

impl Slot {
    fn look(&self, limit: usize, user: UserId) -> Look {
        let mut state = self.0.lock();
        state.was_used = true;
        if let Some(page) = &state.page {
            return Look::Found(page.json(limit, user));
        }
        let version = state.version;
        match state.miss {
            Some((Miss::NoPage, at)) if at == version && !state.is_being_read => {
                state.is_being_read = true;
                return Look::MayKeep(version);
            }
            Some((_, at)) if at == version => {}
            _ => state.miss = Some((Miss::NoPage, version)),
        }
        Look::Missed
    }

    fn keep(&self, page: Option<Page>, version: u64) {
        let mut state = self.0.lock();
        if state.version != version {
            return;
        }
        state.page = page.filter(|page| page.held.fits());
        if state.page.is_none() {
            state.miss = Some((Miss::NotKept, version));
        }
    }
}

impl Page {
    fn new(messages: Vec<(Message<'static>, Vec<Reactors>)>, of: &Arc<Inner>) -> serde_json::Result<Self> {
        let last = messages.last().map_or(MessageId(0), |(message, _)| message.id);
        let rows: Vec<Row> = messages.into_iter().map(Row::new).collect::<serde_json::Result<_>>()?;
        let mut page = Self { rows: rows.into(), last, held: Held { bytes: 0, of: Arc::clone(of) } };
        page.held.take(page.rows.iter().map(Row::bytes).sum());
        Ok(page)
    }

    /// Takes a message, unless it was read already; answers whether there was room for it.
    fn append(&mut self, id: MessageId, frame: &Bytes) -> bool {
        if id <= self.last {
            return true;
        }
        let Some(json) = encode::payload(frame).filter(|json| json.starts_with(ENTRY_BEGINS)) else { return false };
        let row = Row { json: json.slice(ENTRY_BEGINS.len()..), reactions: Box::default() };
        self.held.take(row.bytes());
        self.rows.push_back(row);
        self.last = id;
        if self.rows.len() > PAGE_MAX as usize
            && let Some(first) = self.rows.pop_front()
        {
            self.held.give_back(first.bytes());
        }
        self.held.fits()
    }

    fn json(&self, limit: usize, user: UserId) -> Bytes {
        let rows = self.rows.range(self.rows.len().saturating_sub(limit)..);
        let mut json = BytesMut::with_capacity(rows.clone().map(Row::bytes).sum::<usize>() + 2);
        json.put_u8(b'[');
        for (place, row) in rows.enumerate() {
            json.put_slice(if place == 0 { b"{" } else { b",{" });
            row.write(user, &mut json);
        }
        json.put_u8(b']');
        json.freeze()
    }
}

impl Row {
    fn new((message, reactions): (Message<'static>, Vec<Reactors>)) -> serde_json::Result<Self> {
        let mut json = Bytes::from(serde_json::to_vec(&Message { reactions: Vec::new(), ..message })?);
        json.advance(1);
        Ok(Self { json, reactions: reactions.into() })
    }

    fn bytes(&self) -> usize {
        let reactions = self.reactions.iter().map(|kind| size_of_val(kind) + size_of_val(&*kind.users) + 48);
        size_of::<Self>() + self.json.len() + reactions.sum::<usize>()
    }

    fn write(&self, user: UserId, json: &mut BytesMut) {
        let Some((_, open)) = self.json.split_last().filter(|_| !self.reactions.is_empty()) else {
            return json.put_slice(&self.json);
        };
        json.put_slice(open);
        json.put_slice(br#","reactions":["#);
        for (place, Reactors { emoji, users }) in self.reactions.iter().enumerate() {
            json.put_slice(if place == 0 { br#"{"emoji":""# } else { br#",{"emoji":""# });
            // No emoji has a character that JSON escapes.
            json.put_slice(emoji.as_str().as_bytes());
            json.put_slice(br#"","count":"#);
            json.put_slice(users.len().to_string().as_bytes());
            json.put_slice(if users.binary_search(&user).is_ok() { br#","me":true}"# } else { br#","me":false}"# });
        }
        json.put_slice(b"]}");
    }
}

impl Held {
    fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.of.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.of.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether all pages together, with this one, are within what they may hold.
    fn fits(&self) -> bool {
        self.of.bytes.load(Ordering::Relaxed) <= BYTES_MAX
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
