//! Bytes that wait for a peer, counted: what a connection, a user or an address, and the node hold of answers that are not read.
//!
//! Bounds: [`UNREAD_NODE`], [`UNREAD_USER`]; beyond them the answer is [`Error::Busy`]. What is smaller than [`PART_BYTES`] is not
//! counted: it is in the connection's own buffer.

use super::SEND_BUFFER_BYTES;
use crate::domain::UserId;
use crate::error::{Error, Result};
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What all answers of a node that are not read yet may hold.
pub const UNREAD_NODE: usize = 64 << 20;
/// The same of a user, or of an address where no user is known;
pub const UNREAD_USER: usize = 6 << 20;
/// and of all addresses together.
pub const UNREAD_STRANGERS: usize = 16 << 20;
/// As much of an answer as HTTP is given at once.
pub const PART_BYTES: usize = 32 << 10;

/// Whose an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reader {
    /// Somebody who is known.
    User(UserId),
    /// Somebody who is not.
    Address(IpAddr),
}

/// The counts of a node; cheap to clone.
#[derive(Clone, Default)]
pub struct Unread(Arc<Mutex<Counts>>);

#[derive(Default)]
struct Counts {
    all: usize,
    strangers: usize,
    readers: HashMap<Reader, usize>,
}

/// Bytes that are counted until this is dropped.
#[derive(Debug)]
pub struct Reserved {
    unread: Unread,
    reader: Reader,
    bytes: usize,
}

impl std::fmt::Debug for Unread {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Unread")
    }
}

impl Unread {
    /// Counts an answer.
    ///
    /// # Errors
    /// `busy` when too much is unread already. Whoever has nothing unread gets any answer, if the node has room.
    pub fn reserve(&self, reader: Reader, bytes: usize) -> Result<Reserved> {
        let mut counts = self.0.lock();
        let own = counts.readers.get(&reader).copied().unwrap_or(0);
        // The fuller the node, the less one reader may add to what is unread already.
        let share = UNREAD_USER.min(UNREAD_NODE.saturating_sub(counts.all) / 2);
        let is_stranger = matches!(reader, Reader::Address(_));
        let is_too_much = counts.all + bytes > UNREAD_NODE
            || (own > 0 && own + bytes > share)
            || (is_stranger && counts.strangers > 0 && counts.strangers + bytes > UNREAD_STRANGERS);
        if is_too_much {
            return Err(Error::Busy);
        }
        counts.all += bytes;
        counts.strangers += if is_stranger { bytes } else { 0 };
        *counts.readers.entry(reader).or_default() += bytes;
        drop(counts);
        Ok(Reserved { unread: self.clone(), reader, bytes })
    }
}

impl Reserved {
    /// So many of them have been taken.
    fn give_back(&mut self, bytes: usize) {
        let mut counts = self.unread.0.lock();
        counts.all -= bytes;
        counts.strangers -= if matches!(self.reader, Reader::Address(_)) { bytes } else { 0 };
        self.bytes -= bytes;
        if let Some(own) = counts.readers.get_mut(&self.reader) {
            *own -= bytes;
            if *own == 0 {
                counts.readers.remove(&self.reader);
            }
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

/// A body that is given to HTTP in parts, as its peer takes them.
pub struct Parts {
    bytes: Bytes,
    /// Of what has memory of its own.
    _reserved: Option<Reserved>,
}

impl Parts {
    /// Of bytes that nobody counts.
    pub fn uncounted(bytes: Bytes) -> Self {
        Self { bytes, _reserved: None }
    }

    /// Of bytes of which so many are held for this answer alone.
    pub fn counted(bytes: Bytes, reserved: Reserved) -> Self {
        Self { bytes, _reserved: Some(reserved) }
    }

    /// Of bytes that many answers share: what an answer holds is what the kernel has of it.
    ///
    /// # Errors
    /// As [`Unread::reserve`].
    pub fn shared(bytes: Bytes, unread: &Unread, reader: Reader) -> Result<Self> {
        if bytes.len() <= PART_BYTES {
            return Ok(Self::uncounted(bytes));
        }
        let reserved = unread.reserve(reader, bytes.len().min(2 * SEND_BUFFER_BYTES))?;
        Ok(Self::counted(bytes, reserved))
    }
}

impl MessageBody for Parts {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let count = self.bytes.len().min(PART_BYTES);
        Poll::Ready(Some(Ok(self.bytes.split_to(count))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn what_is_unread_is_bounded_for_each_and_for_all_and_given_back() {
        let unread = Unread::default();
        let reader = |id| Reader::User(UserId(id));
        let first = unread.reserve(reader(1), UNREAD_USER - 1).expect("there is room");
        assert!(unread.reserve(reader(1), 2).is_err());
        assert!(unread.reserve(reader(2), 2).is_ok());
        drop(first);
        let mut held = Vec::new();
        for id in 0.. {
            match unread.reserve(reader(id), UNREAD_USER) {
                Ok(reserved) => held.push(reserved),
                Err(_) => break,
            }
        }
        assert!(held.len() >= UNREAD_NODE / UNREAD_USER - 1, "{}", held.len());
        let nobody = Reader::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!(unread.reserve(nobody, UNREAD_USER).is_err());
        drop(held);
        assert!(unread.reserve(nobody, UNREAD_NODE).is_ok(), "one answer may be larger than what one may have unread");
        let strangers = (0..).map(|host| Reader::Address(IpAddr::V4(Ipv4Addr::from_bits(host))));
        let held: Vec<_> = strangers.map_while(|stranger| unread.reserve(stranger, 1 << 20).ok()).collect();
        assert_eq!(held.len(), UNREAD_STRANGERS >> 20, "strangers leave room for users");
        assert!(unread.reserve(reader(1), UNREAD_USER).is_ok());
        drop(held);
        assert!(unread.0.lock().readers.is_empty());
    }
}
