//! A page as it is kept: each message encoded, with who has reacted to it.

use super::{BYTES_MAX, PAGE_BYTES_MAX};
use crate::domain::message::{Message, PAGE_MAX};
use crate::domain::{MessageId, UserId};
use crate::store::messages::Reactors;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the entry of a new message begins; what follows is as in a page.
const ENTRY_BEGINS: &[u8] = br#"{"type":"message.created","#;

/// The message's JSON, but for its first brace, in the entry that tells of it.
pub fn message_of(entry: &[u8]) -> Option<&[u8]> {
    entry.strip_prefix(ENTRY_BEGINS)
}

/// See the module.
#[derive(Clone)]
pub struct Page {
    rows: VecDeque<Row>,
    share: Share,
}

#[derive(Clone)]
struct Row {
    id: MessageId,
    /// But for the first brace, and for the reactions.
    json: Bytes,
    reactions: Arc<[Reactors]>,
}

/// What a page holds of what all may hold.
#[derive(Default)]
pub struct Share {
    bytes: usize,
    all: Arc<AtomicUsize>,
}

impl Page {
    /// A page of these messages.
    pub fn new(messages: Vec<(Message<'static>, Vec<Reactors>)>, share: &Share) -> serde_json::Result<Self> {
        let rows: Vec<Row> = messages.into_iter().map(Row::new).collect::<serde_json::Result<_>>()?;
        let mut page = Self { rows: rows.into(), share: share.another() };
        page.share.take(page.rows.iter().map(Row::held).sum());
        Ok(page)
    }

    /// Takes a message that has come, unless it was read already.
    pub fn append(&mut self, id: MessageId, json: Bytes) {
        if self.rows.back().is_some_and(|last| id <= last.id) {
            return;
        }
        let row = Row { id, json, reactions: Arc::default() };
        self.share.take(row.held());
        self.rows.push_back(row);
        if self.rows.len() > PAGE_MAX as usize
            && let Some(first) = self.rows.pop_front()
        {
            self.share.give_back(first.held());
        }
    }

    /// Whether it is within what a page may hold, and all of the node together.
    pub fn fits(&self) -> bool {
        self.share.bytes <= PAGE_BYTES_MAX && self.share.all.load(Ordering::Relaxed) <= BYTES_MAX
    }

    pub fn has_one_of(&self, ids: &[MessageId]) -> bool {
        self.rows.iter().any(|row| ids.contains(&row.id))
    }

    /// The last `limit` of its messages, as `user` is shown them.
    pub fn json(&self, limit: usize, user: UserId) -> Bytes {
        let rows = self.rows.range(self.rows.len().saturating_sub(limit)..);
        let mut json = BytesMut::with_capacity(rows.clone().map(Row::written).sum::<usize>() + 2);
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
        let id = message.id;
        let json = serde_json::to_vec(&Message { reactions: Vec::new(), ..message })?;
        let mut json = Bytes::from(json.into_boxed_slice());
        json.advance(1);
        Ok(Self { id, json, reactions: reactions.into() })
    }

    /// What it takes to hold it.
    fn held(&self) -> usize {
        let reactions = self.reactions.iter().map(|kind| size_of_val(kind) + size_of_val(&*kind.users) + 48);
        size_of::<Self>() + self.json.len() + reactions.sum::<usize>()
    }

    /// What it takes to write it, or a little more.
    fn written(&self) -> usize {
        self.json.len() + 20 + self.reactions.iter().map(|kind| kind.emoji.as_str().len() + 45).sum::<usize>()
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

impl Share {
    /// Another one of the same whole, with nothing in it.
    fn another(&self) -> Self {
        Self { bytes: 0, all: Arc::clone(&self.all) }
    }

    #[cfg(test)]
    pub fn all(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    fn take(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.all.fetch_add(bytes, Ordering::Relaxed);
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.all.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Clone for Share {
    fn clone(&self) -> Self {
        let mut other = self.another();
        other.take(self.bytes);
        other
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
