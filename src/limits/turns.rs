//! Turns where a user's calls share a limit with sends that wait on the user's sockets: those would take each token the moment it is
//! there. A call that is told when to come again is promised its tokens: from that moment until [`KEPT`] after the whole second that
//! its headers say, sends leave them there. What one call is promised no other call of the user's is told as its own. Sends have their
//! turn, too: while they wait, a call that follows another is told the time after theirs.
//!
//! Bounds: [`PROMISES_MAX`] of a user to refused calls and as many to those for which nothing remains; beyond them a call is told a time
//! and promised nothing. [`KEYS_MAX`] users.

use super::{KEYS_MAX, MESSAGES};
use crate::domain::{ChannelId, UserId};
use lru::LruCache;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How much later than it was told a call may come: its way, and a busy machine.
const KEPT: Duration = Duration::from_secs(1);
pub(super) const PROMISES_MAX: usize = 4;
const SECOND_US: u64 = 1_000_000;

/// Tokens that are left for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub channel: ChannelId,
    pub kib: u32,
    /// The call may come from here on.
    pub from_us: u64,
    until_us: u64,
    /// It is told when nothing remained, and not when it was refused.
    pub is_at_full: bool,
}

impl Promise {
    /// For a refused call that is told to wait so long; headers say it in whole seconds.
    pub fn after(channel: ChannelId, kib: u32, now_us: u64, wait_us: u64) -> Self {
        let until_us = now_us + wait_us.div_ceil(SECOND_US) * SECOND_US + micros(KEPT);
        Self { channel, kib, from_us: now_us + wait_us, until_us, is_at_full: false }
    }

    /// For the call that follows one that was told that nothing remains, and when the bucket is full again.
    pub fn at_full(channel: ChannelId, kib: u32, now_us: u64, reset_s: u32) -> Self {
        Self { is_at_full: true, ..Self::after(channel, kib, now_us, u64::from(reset_s) * SECOND_US) }
    }
}

/// So many tokens have to be there at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub at_us: u64,
    pub count: u32,
}

#[derive(Default)]
struct Turn {
    /// Sends wait, as far as is known: until then.
    sends_until_us: u64,
    /// By the time from which they are kept.
    promises: Vec<Promise>,
    /// Who had the last token.
    last: Taker,
}

/// Who takes a token.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Taker {
    Call,
    #[default]
    Send,
}

/// See the module.
#[derive(Default)]
pub(super) struct Turns {
    /// How many users have one, so that nobody else has to look.
    count: AtomicUsize,
    of_users: Mutex<Option<LruCache<UserId, Turn>>>,
}

impl Turns {
    /// A send waits for so long.
    pub fn sends_wait(&self, user: UserId, now_us: u64, wait_ms: u32) {
        let until_us = now_us + u64::from(wait_ms) * 1_000 + micros(KEPT);
        self.with_new(user, |turn| turn.sends_until_us = turn.sends_until_us.max(until_us));
    }

    /// What a call has to wait beside its tokens, for the sends that wait.
    pub fn sends_turn_us(&self, user: UserId, now_us: u64) -> u64 {
        let is_theirs = |turn: &mut Turn| turn.sends_until_us >= now_us && turn.last == Taker::Call;
        if self.with(user, is_theirs).unwrap_or(false) { micros(MESSAGES.refill) } else { 0 }
    }

    /// Keeps tokens for a call.
    pub fn promise(&self, user: UserId, promise: Promise) {
        self.with_new(user, |turn| {
            let alike = turn.promises.iter().filter(|other| other.is_at_full == promise.is_at_full);
            if alike.count() < PROMISES_MAX {
                let place = turn.promises.partition_point(|earlier| earlier.from_us <= promise.from_us);
                turn.promises.insert(place, promise);
            }
        });
    }

    /// What is kept for calls, the earliest first.
    pub fn promises(&self, user: UserId, now_us: u64) -> Vec<Promise> {
        let promises = self.with(user, |turn| {
            turn.promises.retain(|promise| promise.until_us > now_us);
            turn.promises.clone()
        });
        promises.unwrap_or_default()
    }

    /// A call had its tokens: those that were promised, if it was.
    pub fn call_taken(&self, user: UserId, claimed: Option<Promise>) {
        self.with(user, |turn| {
            turn.last = Taker::Call;
            if let Some(place) = turn.promises.iter().position(|promise| Some(*promise) == claimed) {
                turn.promises.remove(place);
            }
        });
    }

    /// A send had its tokens.
    pub fn send_taken(&self, user: UserId) {
        self.with(user, |turn| turn.last = Taker::Send);
    }

    fn with<T>(&self, user: UserId, look: impl FnOnce(&mut Turn) -> T) -> Option<T> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.of_users.lock().as_mut()?.get_mut(&user).map(look)
    }

    fn with_new(&self, user: UserId, change: impl FnOnce(&mut Turn)) {
        let mut turns = self.of_users.lock();
        // Unbounded here means: not allocated in advance.
        let turns = turns.get_or_insert_with(LruCache::unbounded);
        change(turns.get_or_insert_mut(user, Turn::default));
        while turns.len() > KEYS_MAX {
            turns.pop_lru();
        }
        self.count.store(turns.len(), Ordering::Relaxed);
    }
}

/// What promises add up to, moment by moment, in the tokens of one limit.
pub(super) fn add_up(promises: &[Promise], count: impl Fn(&Promise) -> u32) -> Vec<Kept> {
    let sum = promises.iter().filter(|promise| count(promise) > 0).scan(0, |sum, promise| {
        *sum += count(promise);
        Some(Kept { at_us: promise.from_us, count: *sum })
    });
    sum.collect()
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
