//! What stands in the database in the place of the names and addresses that limits are kept for: hashes that only who has the nodes' key
//! can make. An address is soon found by trying all of them, where they are hashed without one.

use crate::limits::{PasswordTry, RareLimit, StoredKey};
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::net::IpAddr;

/// What keeps this use of the key apart from all others.
const LIMITS: &[u8] = b"madang keys of limits\0";

/// Makes the keys.
#[derive(Clone)]
pub struct LimitKeys(Hmac<Sha256>);

impl LimitKeys {
    /// With the nodes' key.
    ///
    /// # Errors
    /// When the key cannot be one.
    pub fn new(key: &SecretString) -> Result<Self, InvalidLength> {
        Ok(Self(Hmac::new_from_slice(key.expose_secret().as_bytes())?.chain_update(LIMITS)))
    }

    /// That of a bucket.
    pub fn of_limit(&self, limit: RareLimit) -> StoredKey {
        match limit {
            RareLimit::Registrations(network) => self.key("registrations", &bytes(network)),
            RareLimit::WrongPasswords(network) => self.key("wrong passwords", &bytes(network)),
            RareLimit::EmailChanges(user) => self.key("changes of the address", &user.0.to_be_bytes()),
            RareLimit::ProfileChanges(user) => self.key("changes of the profile", &user.0.to_be_bytes()),
            RareLimit::Joins(user) => self.key("joins", &user.0.to_be_bytes()),
        }
    }

    /// That of the failures of an account from a network.
    pub fn of_try(&self, tried: &PasswordTry) -> StoredKey {
        self.key("password", &[*tried.account.bytes(), bytes(tried.network)].concat())
    }

    fn key(&self, use_of_it: &str, of: &[u8]) -> StoredKey {
        let hash = self.0.clone().chain_update(use_of_it).chain_update(b"\0").chain_update(of).finalize().into_bytes();
        hash.first_chunk().copied().unwrap_or_default()
    }
}

/// An IPv4 address as the IPv6 address that stands for it.
fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;
    use crate::limits::Account;
    use std::collections::HashSet;

    #[test]
    fn each_has_a_key_of_its_own_which_is_the_same_each_time_and_only_who_has_the_secret_can_make_it() {
        let made = |secret: &str| {
            let keys = LimitKeys::new(&secret.into()).expect("a key");
            let addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::", "2001:db8:1::"];
            let addresses = addresses.map(|text| text.parse::<IpAddr>().expect("an address"));
            let of_addresses = addresses.into_iter().flat_map(|address| {
                let tries = ["mina", "jun"].map(|name| PasswordTry::new(Account::named(name), address));
                let limits = [RareLimit::registrations(address), RareLimit::wrong_passwords(address)];
                tries.map(|tried| keys.of_try(&tried)).into_iter().chain(limits.map(|limit| keys.of_limit(limit)))
            });
            let of_users = [UserId(1), UserId(2)].into_iter().flat_map(|user| {
                [RareLimit::EmailChanges(user), RareLimit::ProfileChanges(user), RareLimit::Joins(user)]
                    .map(|limit| keys.of_limit(limit))
            });
            of_addresses.chain(of_users).collect::<Vec<_>>()
        };
        let keys = made("the key of these nodes");
        assert_eq!(keys, made("the key of these nodes"));
        let all: HashSet<StoredKey> = keys.iter().copied().chain(made("another key")).collect();
        assert_eq!(all.len(), 2 * (4 * 4 + 2 * 3));
    }

    /// What is counted under a name is counted on, whatever has been compiled anew meanwhile.
    #[test]
    fn a_key_is_the_same_in_every_version() {
        let keys = LimitKeys::new(&"the key of these nodes".into()).expect("a key");
        let tried = PasswordTry::new(Account::named("Mina"), "192.0.2.1".parse().expect("an address"));
        assert_eq!(crate::auth::hex(&keys.of_try(&tried)), "b7f105af30c8ce264d94ad13250e0bf6");
    }
}
