//! Limits by rate: the whole table, for both doors.
//!
//! Each limit is a bucket of tokens that fills at a steady rate (GCRA, ITU-T I.371); who finds it empty is told when it has a
//! token again, and what is refused costs nothing else. A limit is kept for a user, or an address where nobody is known. Each node counts
//! for itself, but for what is [rare]: nodes that share a database count that together, in it. `RATE_LIMIT=off` takes all of it away.

mod bucket;
mod frames;
mod hashes;
mod logins;
mod messages;
mod rare;
mod sockets;
mod turns;

pub use bucket::Quota;
pub use frames::{FrameRate, Verdict};
pub use hashes::HashTurn;
pub use logins::{Account, Attempt, FORGOTTEN_AFTER, PasswordTry};
pub use rare::{RareLimit, RareLimits, StoredKey};
pub use sockets::SocketSlot;

use crate::domain::{ChannelId, UserId};
use crate::times::Uptime;
use bucket::Buckets;
use hashes::Hashes;
use sockets::Sockets;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use turns::Turns;

/// The most bytes of a request's head.
pub const HEAD_BYTES_MAX: u64 = 16 * 1024;

/// So much at once, then one more each `refill`.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Tokens of a full bucket.
    pub burst: u32,
    /// From one token to the next.
    pub refill: Duration,
}

/// Calls of a user, or of an address that says no user: 50 a second.
pub const CALLS: Rate = Rate { burst: 50, refill: Duration::from_millis(20) };
/// Accounts that are made from an address: 20 an hour.
pub const REGISTRATIONS: Rate = Rate { burst: 20, refill: Duration::from_secs(180) };
/// Messages of a user in a channel: 5 in 5 seconds, and 5 more after a quiet time.
pub const MESSAGES: Rate = Rate { burst: 10, refill: Duration::from_secs(1) };
/// Messages of a user in all channels together: 5 a second, and 30 more after a quiet time.
pub const USER_MESSAGES: Rate = Rate { burst: 30, refill: Duration::from_millis(200) };
/// KiB of content of a user's messages, each begun one counted: 16 a second, and 256 at once.
pub const USER_CONTENT_KIB: Rate = Rate { burst: 256, refill: Duration::from_micros(62_500) };
/// Changes of messages by a user (edits, deletions, reactions, pins): 5 a second, and 30 at once.
pub const CHANGES: Rate = Rate { burst: 30, refill: Duration::from_millis(200) };
/// As many of these as a message has at most: 4,000 characters of 4 bytes.
const MESSAGE_KIB_MAX: u32 = 16;
/// Frames of a user, of whatever kind and over all sockets: 20 a second, and 240 at once.
pub const FRAMES: Rate = Rate { burst: 240, refill: Duration::from_millis(50) };
/// Frames of a socket whose client has not said who it is: 120 a minute.
pub const GUEST_FRAMES: Rate = Rate { burst: 120, refill: Duration::from_millis(500) };
/// Channels that a user's gateways subscribe to: 50 a second, and at once as many as all of them may hear, when they come back.
pub const SUBSCRIPTIONS: Rate = Rate { burst: 5_000, refill: Duration::from_millis(20) };
/// Changes of a user's e-mail address: 5, then 5 an hour. They say whose address it is already, as making an account does.
pub const EMAIL_CHANGES: Rate = Rate { burst: 5, refill: Duration::from_secs(720) };
/// Changes of what others see of a user: 10, then 10 a minute. Everybody who shares a server with them is told of each.
pub const PROFILE_CHANGES: Rate = Rate { burst: 10, refill: Duration::from_secs(6) };
/// Servers that a user joins: 50, then 10 a minute. All members are told of each, and of the leave that may follow.
pub const JOINS: Rate = Rate { burst: 50, refill: Duration::from_secs(6) };
/// Lines in the log about refused calls of an address, beyond which they are counted: 10 a second.
pub const REFUSAL_LINES: Rate = Rate { burst: 50, refill: Duration::from_millis(100) };
/// Passwords from an address that are compared, made or judged at once, with those that wait for it.
pub const HASHES_PER_ADDRESS: u32 = 4;
/// The same of an account.
pub const HASHES_PER_ACCOUNT: u32 = 2;
/// Sockets of a user that are open at once.
pub const SOCKETS_MAX: u32 = 10;
/// Failed logins to an account from an address before each further one has to wait: for [`LOGIN_WAIT_MIN`], then twice as long each
/// time up to [`LOGIN_WAIT_MAX`].
pub const LOGIN_FAILURES: u32 = 5;
/// See above.
pub const LOGIN_WAIT_MIN: Duration = Duration::from_secs(1);
/// See above.
pub const LOGIN_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// Wrong passwords from an address, whosever they are: 30, then one more each 5 seconds. A whole /56 of IPv6 addresses is one.
pub const ADDRESS_FAILURES: Rate = Rate { burst: 30, refill: Duration::from_secs(5) };
/// Users, addresses and channels that each limit remembers; beyond them whoever was quiet for longest starts with a full bucket.
const KEYS_MAX: usize = 100_000;

/// A limit has been reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// When the same will be taken.
    pub retry_after_ms: u32,
    /// How the limit stands.
    pub quota: Option<Quota>,
}

/// Whose calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LimitKey {
    User(UserId),
    Address(IpAddr),
}

/// A node's limits. Nothing is limited where it is `off`.
pub struct Limits {
    is_on: bool,
    uptime: Uptime,
    calls: Buckets<LimitKey>,
    messages: Buckets<(UserId, ChannelId)>,
    user_messages: Buckets<UserId>,
    user_content: Buckets<UserId>,
    changes: Buckets<UserId>,
    turns: Turns,
    frames: Buckets<UserId>,
    subscriptions: Buckets<UserId>,
    refusal_lines: Buckets<IpAddr>,
    /// Refusals that have no line of their own, since they were last counted.
    unlogged: AtomicU64,
    hashes: Hashes,
    sockets: Sockets,
}

impl Limits {
    /// Every bucket full.
    pub fn new(is_on: bool, uptime: Uptime) -> Arc<Self> {
        Arc::new(Self {
            is_on,
            uptime,
            calls: Buckets::new(CALLS),
            messages: Buckets::new(MESSAGES),
            user_messages: Buckets::new(USER_MESSAGES),
            user_content: Buckets::new(USER_CONTENT_KIB),
            changes: Buckets::new(CHANGES),
            turns: Turns::default(),
            frames: Buckets::new(FRAMES),
            subscriptions: Buckets::new(SUBSCRIPTIONS),
            refusal_lines: Buckets::new(REFUSAL_LINES),
            unlogged: AtomicU64::new(0),
            hashes: Hashes::default(),
            sockets: Sockets::default(),
        })
    }

    /// Whether anything is limited.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Counts a user's call.
    ///
    /// # Errors
    /// When there were too many.
    pub fn call(&self, user: UserId) -> Result<Option<Quota>, TooMany> {
        self.take(&self.calls, LimitKey::User(user))
    }

    /// Counts a call of somebody who is not known.
    ///
    /// # Errors
    /// When there were too many.
    pub fn call_from(&self, address: IpAddr) -> Result<Option<Quota>, TooMany> {
        self.take(&self.calls, LimitKey::Address(network(address, HOUSEHOLD)))
    }

    /// Counts a change of messages, and the text that it brings with the content of the user's messages.
    ///
    /// # Errors
    /// When there were too many.
    pub fn change(&self, user: UserId, bytes: usize) -> Result<Option<Quota>, TooMany> {
        if !self.is_on {
            return Ok(None);
        }
        let now_us = self.now_us();
        let of_user = self.changes.take(user, now_us)?;
        if bytes == 0 {
            return Ok(Some(of_user));
        }
        let in_messages = |quota: Quota| quota.in_units_of(MESSAGE_KIB_MAX);
        let content = self.user_content.take_many(user, kib(bytes), now_us).map_err(|limit| {
            self.changes.give_back(&user);
            TooMany { quota: limit.quota.map(in_messages), ..limit }
        })?;
        Ok(Some(of_user.tightest(in_messages(content))))
    }

    /// Counts a frame; in how many milliseconds the next one is taken, if there were too many.
    ///
    /// # Errors
    /// When there were.
    pub fn frame(&self, user: UserId) -> Result<(), u32> {
        self.take(&self.frames, user).map(drop).map_err(|limit| limit.retry_after_ms)
    }

    /// Counts a channel that a gateway asks for; in how many milliseconds it is taken behind so many others that were refused, if there were
    /// too many.
    ///
    /// # Errors
    /// When there were.
    pub fn subscription(&self, user: UserId, refused_before: u32) -> Result<(), u32> {
        self.take(&self.subscriptions, user).map(drop).map_err(|_| {
            let wait_us = self.subscriptions.wait_us(&user, refused_before.saturating_add(1), self.now_us());
            u32::try_from(wait_us.div_ceil(1_000)).unwrap_or(u32::MAX)
        })
    }

    /// A turn before a hash of a password.
    ///
    /// # Errors
    /// When as many wait from this address, or of this account, as may.
    pub fn hash_turn(self: &Arc<Self>, address: IpAddr, account: Account) -> Result<HashTurn, TooMany> {
        if !self.is_on {
            return Ok(HashTurn::unlimited());
        }
        HashTurn::take(self, network(address, HOUSEHOLD), account)
    }

    /// Whether a refused call of an address has a line of its own in the log; if not, it is counted.
    pub fn has_line(&self, address: IpAddr) -> bool {
        let has_line = self.take(&self.refusal_lines, network(address, HOUSEHOLD)).is_ok();
        if !has_line {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
        }
        has_line
    }

    /// How many refused calls had no line since this was last asked.
    pub fn take_unlogged(&self) -> u64 {
        self.unlogged.swap(0, Ordering::Relaxed)
    }

    /// A place for a user's socket, given back when it is dropped; `None` where nothing is limited.
    ///
    /// # Errors
    /// When the user has as many open as may be.
    pub fn socket(self: &Arc<Self>, user: UserId) -> Result<Option<SocketSlot>, TooMany> {
        if self.is_on { SocketSlot::take(self, user).map(Some) } else { Ok(None) }
    }

    fn take<K: std::hash::Hash + Eq>(&self, buckets: &Buckets<K>, key: K) -> Result<Option<Quota>, TooMany> {
        if !self.is_on {
            return Ok(None);
        }
        buckets.take(key, self.now_us()).map(Some)
    }

    fn now_us(&self) -> u64 {
        self.uptime.now_us()
    }
}

/// Each KiB that is begun counts.
fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX)
}

/// One network has a whole /64 of IPv6 addresses to itself, one customer often a /56 (RFC 6177): it counts as one.
const HOUSEHOLD: u32 = 64;
const SITE: u32 = 56;

/// Whose an address is: itself, or the network that one household has.
pub fn household(address: IpAddr) -> IpAddr {
    network(address, HOUSEHOLD)
}

/// The network of this many bits that an IPv6 address is of; an IPv4 address is one by itself.
fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - bits)))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests;
