//! Turns before the hashes of passwords: a right password costs as much as a wrong one, so what is bounded is how many wait.

use super::{Account, HASHES_PER_ACCOUNT, HASHES_PER_ADDRESS, Limits, TooMany};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

/// About as long as a hash takes.
const RETRY_AFTER_MS: u32 = 1_000;

/// How many hashes are under way or wait; as many keys as there are calls, at most.
#[derive(Default)]
pub(super) struct Hashes(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    addresses: HashMap<IpAddr, u32>,
    /// An account from an address: nobody elsewhere can take all the turns that its owner has.
    accounts: HashMap<(IpAddr, Account), u32>,
}

/// A turn among those of its address and its account, given back when it is dropped.
#[must_use]
pub struct HashTurn(Option<(Arc<Limits>, IpAddr, Account)>);

impl HashTurn {
    pub(super) fn unlimited() -> Self {
        Self(None)
    }

    pub(super) fn take(limits: &Arc<Limits>, address: IpAddr, account: Account) -> Result<Self, TooMany> {
        let mut counts = limits.hashes.0.lock();
        let has_room = |count: Option<&u32>, max| count.is_none_or(|count| *count < max);
        if !has_room(counts.addresses.get(&address), HASHES_PER_ADDRESS)
            || !has_room(counts.accounts.get(&(address, account)), HASHES_PER_ACCOUNT)
        {
            return Err(TooMany { retry_after_ms: RETRY_AFTER_MS, quota: None });
        }
        *counts.addresses.entry(address).or_default() += 1;
        *counts.accounts.entry((address, account)).or_default() += 1;
        drop(counts);
        Ok(Self(Some((Arc::clone(limits), address, account))))
    }
}

impl Drop for HashTurn {
    fn drop(&mut self) {
        if let Some((limits, address, account)) = &self.0 {
            let mut counts = limits.hashes.0.lock();
            give_back(&mut counts.addresses, address);
            give_back(&mut counts.accounts, &(*address, *account));
        }
    }
}

fn give_back<K: Hash + Eq>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::times::Uptime;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_and_an_account_have_so_many_turns_at_once_and_each_is_given_back() {
        let limits = Limits::new(true, Uptime::default());
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let there = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let turn = |address, name: &str| limits.hash_turn(address, Account::named(name));
        let mut held = vec![turn(here, "mina"), turn(here, "mina")];
        assert!(turn(here, "mina").is_err(), "of this account");
        assert!(turn(there, "mina").is_ok(), "its owner may be elsewhere");
        held.extend([turn(here, "jun"), turn(here, "ara")]);
        assert!(held.iter().all(Result::is_ok));
        assert!(turn(here, "kim").is_err(), "from this address");
        assert!(turn(there, "kim").is_ok());
        held.pop();
        assert!(turn(here, "kim").is_ok());
        drop(held);
        assert!(limits.hashes.0.lock().accounts.is_empty() && limits.hashes.0.lock().addresses.is_empty());
    }
}
