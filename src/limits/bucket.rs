//! Buckets by key, least recently used first out.

use super::turns::Kept;
use super::{KEYS_MAX, Rate, TooMany};
use lru::LruCache;
use parking_lot::Mutex;
use std::hash::{BuildHasher, Hash, RandomState};

/// Locks, so that the workers seldom wait for one another.
const SHARDS: usize = 16;
/// Before a token is looked for again that is kept for somebody.
const LATER_US: u64 = 100_000;

/// How a limit stands, as the `X-RateLimit-` headers say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Tokens of a full bucket.
    pub limit: u32,
    /// Those that are left now.
    pub remaining: u32,
    /// Whole seconds until it is full again.
    pub reset_s: u32,
}

impl Quota {
    /// The one of two that is reached first.
    pub fn tightest(self, other: Self) -> Self {
        let order = |quota: &Self| (quota.remaining, std::cmp::Reverse(quota.reset_s));
        if order(&other) < order(&self) { other } else { self }
    }

    /// The same, in things that cost so many tokens each.
    pub(super) fn in_units_of(self, tokens: u32) -> Self {
        Self { limit: self.limit / tokens, remaining: self.remaining / tokens, ..self }
    }
}

impl Rate {
    /// How a bucket stands from which so much is missing, as the time in which that comes.
    pub fn quota(self, missing_us: u64) -> Quota {
        let taken = whole(missing_us.div_ceil(self.refill_us()));
        Quota {
            limit: self.burst,
            remaining: self.burst.saturating_sub(taken),
            reset_s: whole(missing_us.div_ceil(1_000_000)),
        }
    }

    /// When it has a token, where it has none.
    pub fn refusal(self, missing_us: u64) -> Option<TooMany> {
        let wait_us = (missing_us + self.refill_us()).saturating_sub(self.worth_us(self.burst));
        (wait_us > 0)
            .then(|| TooMany { retry_after_ms: whole(wait_us.div_ceil(1_000)), quota: Some(self.quota(missing_us)) })
    }

    /// How long so many tokens take to come; a full bucket has no more.
    fn worth_us(self, count: u32) -> u64 {
        self.refill_us() * u64::from(count.min(self.burst))
    }

    fn refill_us(self) -> u64 {
        u64::try_from(self.refill.as_micros()).unwrap_or(u64::MAX)
    }
}

/// The buckets of one limit.
pub struct Buckets<K> {
    rate: Rate,
    hasher: RandomState,
    /// For each key the microsecond at which its bucket is full again.
    full_at_us: Vec<Mutex<LruCache<K, u64>>>,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        // Unbounded here means: not allocated in advance. The bound is kept by `take`.
        let full_at_us = (0..SHARDS).map(|_| Mutex::new(LruCache::unbounded())).collect();
        Self { rate, hasher: RandomState::new(), full_at_us }
    }

    /// Takes a token.
    pub(super) fn take(&self, key: K, now_us: u64) -> Result<Quota, TooMany> {
        self.take_many(key, 1, now_us)
    }

    /// Takes so many tokens, or none; never more than a full bucket has.
    pub(super) fn take_many(&self, key: K, count: u32, now_us: u64) -> Result<Quota, TooMany> {
        self.take_keeping(key, count, now_us, &[])
    }

    /// The same, if what is kept for others is there all the same at its time.
    pub(super) fn take_keeping(&self, key: K, count: u32, now_us: u64, kept: &[Kept]) -> Result<Quota, TooMany> {
        let shard = self.hasher.hash_one(&key) as usize % SHARDS;
        let Some(shard) = self.full_at_us.get(shard) else { return Ok(self.rate.quota(0)) };
        let mut shard = shard.lock();
        let refill_us = self.rate.refill_us();
        let (cost_us, most_us) = (self.rate.worth_us(count), self.rate.worth_us(self.rate.burst));
        let full_at_us = shard.get(&key).copied().unwrap_or(0).max(now_us);
        let missing_us = full_at_us - now_us;
        // Kept tokens that will be there in time need none of those that are there now.
        let beside = |kept: &Kept| {
            let until_us = kept.at_us.saturating_sub(now_us);
            ((most_us + until_us).saturating_sub(self.rate.worth_us(kept.count) + missing_us), until_us.max(LATER_US))
        };
        let all = most_us.saturating_sub(missing_us);
        let (room_us, later_us) = kept.iter().map(beside).chain([(all, 0)]).min().unwrap_or((all, 0));
        let quota = |room_us: u64| Quota { remaining: whole(room_us / refill_us), ..self.rate.quota(missing_us) };
        if cost_us > room_us {
            let wait_us = (missing_us + cost_us).saturating_sub(most_us).max(later_us);
            return Err(TooMany { retry_after_ms: whole(wait_us.div_ceil(1_000)), quota: Some(quota(room_us)) });
        }
        shard.put(key, full_at_us + cost_us);
        while shard.len() > KEYS_MAX / SHARDS {
            shard.pop_lru();
        }
        Ok(Quota { remaining: whole((room_us - cost_us) / refill_us), ..self.rate.quota(missing_us + cost_us) })
    }

    /// How long it takes at least until so many tokens have been taken, one after the other.
    pub(super) fn wait_us(&self, key: &K, count: u32, now_us: u64) -> u64 {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let Some(shard) = self.full_at_us.get(shard) else { return 0 };
        let full_at_us = shard.lock().peek(key).copied().unwrap_or(0);
        let missing_us = full_at_us.saturating_sub(now_us) + self.rate.refill_us() * u64::from(count);
        missing_us.saturating_sub(self.rate.worth_us(self.rate.burst))
    }

    /// Gives a token back that was not needed.
    pub(super) fn give_back(&self, key: &K) {
        self.give_back_many(key, 1);
    }

    /// The same of so many.
    pub(super) fn give_back_many(&self, key: &K, count: u32) {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let Some(shard) = self.full_at_us.get(shard) else { return };
        if let Some(full_at_us) = shard.lock().get_mut(key) {
            *full_at_us = full_at_us.saturating_sub(self.rate.worth_us(count));
        }
    }
}

fn whole(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn buckets() -> Buckets<u32> {
        Buckets::new(Rate { burst: 3, refill: Duration::from_millis(500) })
    }

    #[test]
    fn a_burst_is_taken_then_the_rate_and_each_key_has_its_own() {
        let buckets = buckets();
        let left = |quota: Quota| (quota.remaining, quota.reset_s);
        assert_eq!([0, 0, 0].map(|at| buckets.take(1, at).map(left)), [Ok((2, 1)), Ok((1, 1)), Ok((0, 2))]);
        let refused = buckets.take(1, 100_000).expect_err("too many");
        assert_eq!((refused.retry_after_ms, refused.quota.map(|quota| quota.remaining)), (400, Some(0)));
        assert!(buckets.take(2, 100_000).is_ok());
        // A refusal costs nothing: at the time that it named there is one.
        assert!(buckets.take(1, 499_999).is_err());
        assert!(buckets.take(1, 500_000).is_ok());
        assert!(buckets.take(1, 500_001).is_err());
        // Never more than the burst, however long it was quiet.
        assert_eq!((0..10).filter(|_| buckets.take(1, 3_600_000_000).is_ok()).count(), 3);
    }

    #[test]
    fn who_obeys_what_is_said_is_never_refused() {
        let (buckets, mut now_us) = (buckets(), 7);
        for turn in 0_u64..2_000 {
            let quota = buckets.take(1, now_us).expect("it obeys");
            now_us += turn * 7_919 % 300_000;
            if quota.remaining == 0 {
                now_us += u64::from(quota.reset_s) * 1_000_000;
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let buckets = buckets();
        assert!((0..2 * KEYS_MAX as u32).all(|key| buckets.take(key, 0).is_ok()));
        let kept: usize = buckets.full_at_us.iter().map(|shard| shard.lock().len()).sum();
        assert!(kept <= KEYS_MAX, "{kept}");
    }
}
