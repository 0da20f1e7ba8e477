//! Failed tries at a password. Whoever fails waits, each time longer; nobody is locked out for good, and no one's failures keep
//! the account's owner out who comes from elsewhere.

use super::{
    HOUSEHOLD, KEYS_MAX, LOGIN_FAILURES, LOGIN_WAIT_MAX, LOGIN_WAIT_MIN, RareLimit, RareLimits, TooMany, network,
};
use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use unicode_normalization::UnicodeNormalization;

/// So long after the last failure all are forgotten.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// Whose password is tried, by a hash of the name: the same for all spellings of it, whether it is somebody's or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account([u8; 16]);

/// What is longer is nobody's name; it costs no more than this.
const NAME_MAX: usize = 128;

impl Account {
    /// The one that has this name, or would have it.
    pub fn named(name: &str) -> Self {
        let start = name.get(..name.floor_char_boundary(NAME_MAX)).unwrap_or_default();
        // As the index of names has it: compatible characters are one, and so are cases.
        let name: String = start.nfkc().flat_map(char::to_lowercase).collect();
        Self(Sha256::digest(name).first_chunk().copied().unwrap_or_default())
    }

    /// The same on every node, and after every start.
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Whose password is tried, from where.
#[derive(Clone, Copy, Debug)]
pub struct PasswordTry {
    /// Whose.
    pub account: Account,
    /// The network that waits with the account.
    pub network: IpAddr,
    /// What waits with all accounts.
    pub of_site: RareLimit,
}

impl PasswordTry {
    /// From this address.
    pub fn new(account: Account, address: IpAddr) -> Self {
        Self { account, network: network(address, HOUSEHOLD), of_site: RareLimit::wrong_passwords(address) }
    }
}

#[derive(Clone, Copy, Default)]
struct Failed {
    count: u32,
    last_us: u64,
    wait_until_us: u64,
}

pub(super) struct Logins(Mutex<LruCache<(Account, IpAddr), Failed>>);

impl Default for Logins {
    fn default() -> Self {
        // Unbounded here means: not allocated in advance. The bound is kept by `begin`.
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Logins {
    pub(super) fn begin(&self, account: Account, address: IpAddr, now_us: u64) -> Result<(), TooMany> {
        let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let mut all = self.0.lock();
        let known = all.get(&(account, address)).copied().unwrap_or_default();
        let is_forgotten = known.last_us + us(FORGOTTEN_AFTER) < now_us;
        let mut failed = if is_forgotten { Failed::default() } else { known };
        if now_us < failed.wait_until_us {
            let wait_ms = (failed.wait_until_us - now_us).div_ceil(1_000);
            return Err(TooMany { retry_after_ms: u32::try_from(wait_ms).unwrap_or(u32::MAX), quota: None });
        }
        failed.count += 1;
        failed.last_us = now_us;
        if let Some(doublings) = failed.count.checked_sub(LOGIN_FAILURES) {
            let wait = LOGIN_WAIT_MIN.saturating_mul(1 << doublings.min(20)).min(LOGIN_WAIT_MAX);
            failed.wait_until_us = now_us + us(wait);
        }
        all.put((account, address), failed);
        while all.len() > KEYS_MAX {
            all.pop_lru();
        }
        Ok(())
    }

    pub(super) fn forget(&self, account: Account, address: IpAddr) {
        self.0.lock().pop(&(account, address));
    }

    pub(super) fn give_back(&self, account: Account, address: IpAddr) {
        let mut all = self.0.lock();
        let Some(failed) = all.get_mut(&(account, address)) else { return };
        failed.count = failed.count.saturating_sub(1);
        failed.wait_until_us = 0;
        // What says nothing pushes nothing out.
        if failed.count == 0 {
            all.pop(&(account, address));
        }
    }
}

/// A try that this node counts. Dropped, it has failed.
#[must_use]
pub struct Attempt {
    limits: Arc<RareLimits>,
    of: PasswordTry,
}

impl Attempt {
    pub(super) fn new(limits: Arc<RareLimits>, of: PasswordTry) -> Self {
        Self { limits, of }
    }

    /// The password was right: what failed before is forgotten.
    pub fn succeeded(self) {
        self.limits.logins.forget(self.of.account, self.of.network);
        self.limits.give_back(self.of.of_site);
    }

    /// It was not compared at all.
    pub fn not_made(self) {
        self.limits.logins.give_back(self.of.account, self.of.network);
        self.limits.give_back(self.of.of_site);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ADDRESS_FAILURES;
    use crate::times::Uptime;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const SECOND: u64 = 1_000_000;

    fn login(limits: &Arc<RareLimits>, account: Account, address: IpAddr) -> Result<Attempt, TooMany> {
        limits.login(PasswordTry::new(account, address))
    }

    #[test]
    fn after_five_failures_each_waits_twice_as_long_up_to_a_quarter_of_an_hour() {
        let (logins, mina) = (Logins::default(), Account::named("mina"));
        let mut now = 0;
        assert!((0..5).all(|_| logins.begin(mina, HERE, now).is_ok()));
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
            let refused = logins.begin(mina, HERE, now).expect_err("too soon");
            assert_eq!(refused.retry_after_ms, wait * 1_000);
            assert!(logins.begin(mina, HERE, now + u64::from(wait) * SECOND - 1).is_err());
            now += u64::from(wait) * SECOND;
            assert_eq!(logins.begin(mina, HERE, now), Ok(()), "what was refused did not count");
        }
        assert!(logins.begin(mina, HERE, now + 2 * 3_600 * SECOND).is_ok());
        assert!(logins.begin(mina, HERE, now + 2 * 3_600 * SECOND).is_ok(), "an hour later all is forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_goes_first() {
        let logins = Logins::default();
        let account = |number: usize| Account::named(&number.to_string());
        for _ in 0..LOGIN_FAILURES {
            assert_eq!(logins.begin(account(0), HERE, 1), Ok(()));
        }
        assert!(logins.begin(account(0), HERE, 1).is_err());
        assert!((1..=KEYS_MAX).all(|number| logins.begin(account(number), HERE, 1).is_ok()));
        assert_eq!(logins.0.lock().len(), KEYS_MAX);
        assert_eq!(logins.begin(account(0), HERE, 1), Ok(()), "forgotten");
        // Given back whole, nothing is left of it.
        logins.give_back(account(0), HERE);
        assert_eq!(logins.0.lock().len(), KEYS_MAX - 1);
    }

    #[test]
    fn what_is_longer_than_a_name_is_counted_by_its_start() {
        let named = |length: usize, end: &str| Account::named(&format!("{}{end}", "x".repeat(length)));
        assert_ne!(named(NAME_MAX - 1, "a"), named(NAME_MAX - 1, "b"));
        assert_eq!(named(NAME_MAX, "a"), named(NAME_MAX, "b"));
    }

    #[test]
    fn only_the_pair_of_account_and_address_waits() {
        let logins = Logins::default();
        let mina = Account::named("mina");
        assert_eq!((0..9).filter(|_| logins.begin(mina, HERE, 0).is_ok()).count(), 5);
        assert!(logins.begin(mina, HERE, 0).is_err());
        for spelling in ["MINA", "ｍｉｎａ", "Ｍina"] {
            assert!(logins.begin(Account::named(spelling), HERE, 0).is_err(), "{spelling}");
        }
        assert!(logins.begin(Account::named("jun"), HERE, 0).is_ok());
        assert!(logins.begin(mina, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0).is_ok());
    }

    #[test]
    fn what_is_right_or_was_not_compared_does_not_count() {
        let limits = RareLimits::new(Uptime::default());
        let mina = Account::named("mina");
        for _ in 0..20 {
            login(&limits, mina, HERE).expect("not too many").not_made();
        }
        for _ in 0..4 {
            drop(login(&limits, mina, HERE).expect("not too many"));
        }
        login(&limits, mina, HERE).expect("not too many").succeeded();
        assert!((0..5).all(|_| login(&limits, mina, HERE).is_ok()));
        assert!(login(&limits, mina, HERE).is_err());
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits_with_all_of_them() {
        let limits = RareLimits::new(Uptime::default());
        let burst = i64::from(ADDRESS_FAILURES.burst);
        for id in 0..burst {
            drop(login(&limits, Account::named(&id.to_string()), HERE).expect("not too many"));
        }
        let refused = login(&limits, Account::named("another"), HERE).err().expect("too many");
        assert!((1..=5_000).contains(&refused.retry_after_ms), "{refused:?}");
        assert!(login(&limits, Account::named("another"), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))).is_ok());
        // Right ones leave nothing, however many.
        let limits = RareLimits::new(Uptime::default());
        for id in 0..2 * burst {
            login(&limits, Account::named(&id.to_string()), HERE).expect("not too many").succeeded();
        }
    }
}
