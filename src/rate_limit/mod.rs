//! Limits by rate: the whole table, for both doors.
//!
//! Each limit is a bucket of tokens that fills at a steady rate (GCRA, ITU-T I.371); who finds it empty is told when it has a
//! token again, and what is refused costs nothing else. A limit is kept for a user, or an address where nobody is known. All of it
//! is of one node. `RATE_LIMIT=off` takes all of it away.

mod bucket;
mod frames;
mod logins;
mod sockets;

pub use bucket::Quota;
pub use frames::{FrameRate, Verdict};
pub use logins::{Account, Attempt};
pub use sockets::SocketSlot;

use crate::domain::{ChannelId, UserId};
use bucket::Buckets;
use logins::Logins;
use sockets::Sockets;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
/// Frames of a socket: 120 a minute, of whatever kind.
pub const FRAMES: Rate = Rate { burst: 120, refill: Duration::from_millis(500) };
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
enum Who {
    User(UserId),
    Address(IpAddr),
}

/// A node's limits. Nothing is limited where it is `off`.
pub struct Limits {
    is_on: bool,
    started: Instant,
    calls: Buckets<Who>,
    registrations: Buckets<IpAddr>,
    messages: Buckets<(UserId, ChannelId)>,
    logins: Logins,
    failures: Buckets<IpAddr>,
    sockets: Sockets,
}

impl Limits {
    /// Every bucket full.
    pub fn new(is_on: bool) -> Arc<Self> {
        Arc::new(Self {
            is_on,
            started: Instant::now(),
            calls: Buckets::new(CALLS),
            registrations: Buckets::new(REGISTRATIONS),
            messages: Buckets::new(MESSAGES),
            logins: Logins::default(),
            failures: Buckets::new(ADDRESS_FAILURES),
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
        self.take(&self.calls, Who::User(user))
    }

    /// Counts a call of somebody who is not known.
    ///
    /// # Errors
    /// When there were too many.
    pub fn call_from(&self, address: IpAddr) -> Result<Option<Quota>, TooMany> {
        self.take(&self.calls, Who::Address(network(address, HOUSEHOLD)))
    }

    /// Counts an account that is to be made.
    ///
    /// # Errors
    /// When there were too many.
    pub fn registration(&self, address: IpAddr) -> Result<Option<Quota>, TooMany> {
        self.take(&self.registrations, network(address, HOUSEHOLD))
    }

    /// Counts a message.
    ///
    /// # Errors
    /// When there were too many.
    pub fn message(&self, user: UserId, channel: ChannelId) -> Result<Option<Quota>, TooMany> {
        self.take(&self.messages, (user, channel))
    }

    /// A try at an account's password. It counts as failed until it says otherwise, so that many at once are no way around.
    ///
    /// # Errors
    /// When too many have failed.
    pub fn login(self: &Arc<Self>, account: Account, address: IpAddr) -> Result<Attempt, TooMany> {
        if !self.is_on {
            return Ok(Attempt::unlimited());
        }
        let now_us = self.now_us();
        let (household, site) = (network(address, HOUSEHOLD), network(address, SITE));
        let not_logged_in = |limit: TooMany| TooMany { quota: None, ..limit };
        self.failures.take(site, now_us).map_err(not_logged_in)?;
        if let Err(limit) = self.logins.begin(account, household, now_us) {
            self.failures.give_back(&site);
            return Err(limit);
        }
        Ok(Attempt::counted(Arc::clone(self), account, household, site))
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
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// One network has a whole /64 of IPv6 addresses to itself, one customer often a /56 (RFC 6177): it counts as one.
const HOUSEHOLD: u32 = 64;
const SITE: u32 = 56;

/// The network of this many bits that an IPv6 address is of; an IPv4 address is one by itself.
fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << (128 - bits)))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_count_together_and_mapped_ones_as_ipv4() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let network = |text: &str| super::network(address(text), HOUSEHOLD);
        let site = |text: &str| super::network(address(text), SITE);
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(site("2001:db8::1"), site("2001:db8:0:ff::1"));
        assert_ne!(site("2001:db8::1"), site("2001:db8:0:100::1"));
        assert_eq!(network("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn nothing_is_limited_when_it_is_off() {
        let limits = Limits::new(false);
        for _ in 0..1_000 {
            assert_eq!(limits.call(UserId(1)), Ok(None));
            assert!(limits.login(Account::Known(UserId(1)), IpAddr::V6(Ipv6Addr::LOCALHOST)).is_ok());
            assert!(limits.socket(UserId(1)).is_ok_and(|slot| slot.is_none()));
        }
    }
}
