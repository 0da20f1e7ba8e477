//! What goes over the bus, byte by byte; all numbers are little-endian.
//!
//! A message: version (1 byte), kind (1), the node's number (8), the history of the database (8), the body, and a seal: the first 16 bytes of
//! the HMAC-SHA-256 of all before it under a key that only nodes with the same `SECRET_KEY` have. Whoever else can publish there brings
//! nothing in.

use super::BusEntry;
use crate::actors::relay::Hears;
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// What both ends have to have in common.
const VERSION: u8 = 1;
const HEADER: usize = 18;
const SEAL: usize = 16;
/// Of an entry, before its frame.
const ENTRY_HEADER: usize = 37;
const TO_ALL: u8 = 1;
const RETELLS: u8 = 2;
/// What keeps this use of the key apart from all others.
const USE: &[u8] = b"madang bus\0";

/// The key of the seals.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Entries of logs.
    Entries,
    /// Something has been changed that nodes remember.
    Changed,
    /// How much of that is true at the sender.
    Applied(i64),
}

/// A message that was sealed by one of the nodes.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed {
    /// What it is.
    pub kind: Kind,
    /// The sender's number in `nodes`.
    pub node: i64,
    /// In which history of the database it was said.
    pub history: u64,
    /// The entries, as [`Body`] reads them.
    pub body: Bytes,
}

impl Key {
    /// That of the nodes with this `SECRET_KEY`.
    ///
    /// # Errors
    /// When the secret cannot be one.
    pub fn new(secret: &SecretString) -> Result<Self, InvalidLength> {
        Ok(Self(Hmac::new_from_slice(secret.expose_secret().as_bytes())?.chain_update(USE)))
    }

    /// What the nodes call their part of the bus, which says nothing of the key.
    pub fn name(&self) -> String {
        let name = self.0.clone().chain_update("name").finalize().into_bytes();
        name.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A message, ready to be published.
pub fn seal(key: &Key, kind: Kind, node: i64, history: u64, body: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(HEADER + body.len() + SEAL + 8);
    message.put_u8(VERSION);
    message.put_u8(match kind {
        Kind::Entries => 1,
        Kind::Changed => 2,
        Kind::Applied(_) => 3,
    });
    message.put_i64_le(node);
    message.put_u64_le(history);
    match kind {
        Kind::Applied(applied) => message.put_i64_le(applied),
        Kind::Entries | Kind::Changed => message.put_slice(body),
    }
    let seal = key.0.clone().chain_update(&message).finalize().into_bytes();
    message.put_slice(&seal[..SEAL]);
    message.freeze()
}

/// Reads a message; `None` where it is no node's of this `SECRET_KEY`, or one that a later version has sent.
pub fn open(key: &Key, mut message: Bytes) -> Option<Sealed> {
    let seal = message.split_off(message.len().checked_sub(SEAL)?);
    key.0.clone().chain_update(&message).verify_truncated_left(&seal).ok()?;
    let (version, kind) = (message.try_get_u8().ok()?, message.try_get_u8().ok()?);
    let (node, history) = (message.try_get_i64_le().ok()?, message.try_get_u64_le().ok()?);
    let kind = match (version, kind) {
        (VERSION, 1) => Kind::Entries,
        (VERSION, 2) => Kind::Changed,
        (VERSION, 3) => Kind::Applied(message.try_get_i64_le().ok()?),
        _ => return None,
    };
    Some(Sealed { kind, node, history, body: message })
}

/// What an entry takes.
pub(super) fn size(entry: &BusEntry<&[u8]>) -> usize {
    ENTRY_HEADER + entry.frame.len()
}

/// Adds an entry to a body.
pub(super) fn put(body: &mut BytesMut, entry: &BusEntry<&[u8]>) {
    body.reserve(size(entry));
    body.put_i64_le(entry.channel_id.0);
    body.put_i64_le(entry.seq.0);
    body.put_i64_le(entry.user_id.0);
    body.put_i64_le(entry.text_of.map_or(0, |id| id.0));
    body.put_u8(if entry.to == Hears::All { TO_ALL } else { 0 } | if entry.retells { RETELLS } else { 0 });
    // No frame is as large.
    body.put_u32_le(u32::try_from(entry.frame.len()).unwrap_or(u32::MAX));
    body.put_slice(entry.frame);
}

/// The entries of a body, one after the other, up to its end or to what cannot be read.
pub struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    /// Those of this body.
    pub fn new(body: &'a [u8]) -> Self {
        Self(body)
    }
}

impl<'a> Iterator for Body<'a> {
    type Item = BusEntry<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut number = || self.0.try_get_i64_le().ok();
        let (channel_id, seq) = (ChannelId(number()?), Seq(number()?));
        let (user_id, text_of) = (UserId(number()?), number()?);
        let (flags, length) = (self.0.try_get_u8().ok()?, self.0.try_get_u32_le().ok()?);
        let (frame, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(BusEntry {
            channel_id,
            seq,
            user_id,
            text_of: (text_of != 0).then_some(MessageId(text_of)),
            to: if flags & TO_ALL == 0 { Hears::Messages } else { Hears::All },
            retells: flags & RETELLS != 0,
            frame,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(of: char) -> Key {
        Key::new(&String::from_iter([of; 32]).into()).expect("a key")
    }

    fn entry(seq: i64, text_of: Option<i64>, frame: &[u8]) -> BusEntry<&[u8]> {
        let (channel_id, user_id) = (ChannelId(5), UserId(8));
        let text_of = text_of.map(MessageId);
        let (to, retells) = (if seq % 2 == 0 { Hears::All } else { Hears::Messages }, seq % 3 == 0);
        BusEntry { channel_id, seq: Seq(seq), user_id, text_of, to, retells, frame }
    }

    #[test]
    fn what_was_sealed_is_read_as_it_was() {
        let key = key_of('7');
        let entries = [entry(1, Some(4), b"one"), entry(2, None, b""), entry(3, Some(i64::MAX), "셋".as_bytes())];
        let mut body = BytesMut::new();
        entries.iter().for_each(|entry| put(&mut body, entry));
        assert_eq!(body.len(), entries.iter().map(size).sum::<usize>());
        let sealed = open(&key, seal(&key, Kind::Entries, -3, u64::MAX, &body)).expect("it is one of ours");
        assert_eq!((sealed.kind, sealed.node, sealed.history), (Kind::Entries, -3, u64::MAX));
        assert!(Body::new(&sealed.body).eq(entries));
        for kind in [Kind::Changed, Kind::Applied(-9)] {
            let sealed = open(&key, seal(&key, kind, 1, 2, &[])).expect("it is one of ours");
            assert_eq!((sealed.kind, sealed.node, sealed.history), (kind, 1, 2));
        }
    }

    #[test]
    fn whatever_is_not_sealed_with_the_key_is_nothing() {
        let key = key_of('7');
        let mut body = BytesMut::new();
        put(&mut body, &entry(1, None, b"hello"));
        let good = seal(&key, Kind::Entries, 1, 2, &body);
        assert!(open(&key_of('8'), good.clone()).is_none());
        for length in 0..good.len() {
            assert!(open(&key, good.slice(..length)).is_none(), "{length}");
        }
        for at in 0..good.len() {
            let mut bent = BytesMut::from(&good[..]);
            bent[at] ^= 1;
            assert!(open(&key, bent.freeze()).is_none(), "{at}");
        }
    }

    #[test]
    fn a_body_that_ends_too_early_ends_there() {
        let mut body = BytesMut::new();
        put(&mut body, &entry(1, None, b"hello"));
        put(&mut body, &entry(2, None, b"again"));
        for length in 0..body.len() {
            let whole = usize::from(length >= body.len() / 2);
            assert_eq!(Body::new(&body[..length]).count(), whole, "{length}");
        }
    }
}
