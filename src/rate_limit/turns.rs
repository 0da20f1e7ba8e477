//! Turns where a user's calls share a limit with sends that wait on the user's sockets: those would take each token the moment it is
//! there. A call that is refused meanwhile is promised one: at the time that it is told, and for [`KEPT`] after that, sends leave it there.
//! Sends have their turn, too: a call that had its promise kept is told the time after theirs.

use super::{KEYS_MAX, MESSAGES};
use crate::domain::UserId;
use lru::LruCache;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Default)]
struct Turn {
    /// Sends wait, as far as is known: until then.
    sends_until_us: u64,
    /// A call may come for its token from here on.
    promised_us: Option<u64>,
    /// Who had the last one.
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
    pub(super) fn sends_wait(&self, user: UserId, now_us: u64, wait_ms: u32) {
        let mut turns = self.lock();
        // Unbounded here means: not allocated in advance.
        let turns = turns.get_or_insert_with(LruCache::unbounded);
        let until = now_us + u64::from(wait_ms) * 1_000 + micros(KEPT);
        turns.get_or_insert_mut(user, Turn::default).sends_until_us = until;
        while turns.len() > KEYS_MAX {
            turns.pop_lru();
        }
        self.count.store(turns.len(), Ordering::Relaxed);
    }

    /// A call is refused, which would be taken after so long; when it will be.
    pub(super) fn promise(&self, user: UserId, now_us: u64, wait_ms: u32) -> u32 {
        self.with(user, |turn| {
            if turn.sends_until_us < now_us {
                return wait_ms;
            }
            if let Some(promised) = turn.promised_us.filter(|promised| *promised + micros(KEPT) > now_us) {
                return wait_ms.max(u32::try_from(promised.saturating_sub(now_us).div_ceil(1_000)).unwrap_or(u32::MAX));
            }
            let others = if turn.last == Taker::Call { micros(MESSAGES.refill) } else { 0 };
            let wait_us = u64::from(wait_ms) * 1_000 + others;
            turn.promised_us = Some(now_us + wait_us);
            u32::try_from(wait_us.div_ceil(1_000)).unwrap_or(u32::MAX)
        })
        .unwrap_or(wait_ms)
    }

    /// When there has to be a token for a call.
    pub(super) fn promised(&self, user: UserId, now_us: u64) -> Option<u64> {
        self.with(user, |turn| turn.promised_us.filter(|promised| *promised + micros(KEPT) > now_us)).flatten()
    }

    /// One of them had a token.
    pub(super) fn taken(&self, user: UserId, by: Taker) {
        self.with(user, |turn| {
            turn.last = by;
            if by == Taker::Call {
                turn.promised_us = None;
            }
        });
    }

    fn with<T>(&self, user: UserId, look: impl FnOnce(&mut Turn) -> T) -> Option<T> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.lock().as_mut()?.get_mut(&user).map(look)
    }

    /// What is done under this lock leaves whole what it guards.
    fn lock(&self) -> MutexGuard<'_, Option<LruCache<UserId, Turn>>> {
        self.of_users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
