//! Refresh tokens: each is good for one use. What all tokens of a login have in common, its family, is 128 random bits; the rest
//! is 256 more. Whoever has one of the family that is not the good one has one that was used before, however long ago. The
//! store has hashes alone; with so many random bits no salt and no slow hash is needed.
//!
//! What takes a token's place is made of it with the node's key: the same each time, for an answer that was lost, and nobody's to
//! guess.

use super::hex;
use hmac::digest::InvalidLength;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Scanners for leaked secrets know ours by this.
const PREFIX: &str = "madang_refresh_";
const FAMILY_BYTES: usize = 16;
const RANDOM_BYTES: usize = 32;

/// What keeps this use of the key apart from all others.
const SUCCESSOR: &[u8] = b"madang refresh token's successor\0";

/// A refresh token.
#[derive(Debug)]
pub struct RefreshToken(SecretString);

/// What makes the successors of tokens.
#[derive(Clone)]
pub struct Succession(Hmac<Sha256>);

impl Succession {
    /// With a node's key.
    ///
    /// # Errors
    /// When the key cannot be one.
    pub fn new(key: &SecretString) -> Result<Self, InvalidLength> {
        Ok(Self(Hmac::new_from_slice(key.expose_secret().as_bytes())?.chain_update(SUCCESSOR)))
    }
}

/// What is stored of a token.
#[derive(Debug, PartialEq, Eq)]
pub struct Stored {
    /// The same for all tokens of a login.
    pub family: Vec<u8>,
    /// This one's.
    pub hash: Vec<u8>,
}

impl RefreshToken {
    /// The first one of a login.
    pub fn random() -> Self {
        Self::of(&hex(&rand::random::<[u8; FAMILY_BYTES]>()), &rand::random::<[u8; RANDOM_BYTES]>())
    }

    /// The one that takes the place of this one.
    pub fn next(&self, succession: &Succession) -> Self {
        let next = succession.0.clone().chain_update(self.0.expose_secret()).finalize().into_bytes();
        Self::of(self.family(), &next)
    }

    fn of(family: &str, own: &[u8]) -> Self {
        Self(SecretString::from(format!("{PREFIX}{family}{}", hex(own))))
    }

    /// What looks like one of ours.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_hex && digits.len() == 2 * (FAMILY_BYTES + RANDOM_BYTES)).then(|| Self(text.into()))
    }

    fn family(&self) -> &str {
        self.0.expose_secret().get(PREFIX.len()..PREFIX.len() + 2 * FAMILY_BYTES).unwrap_or_default()
    }

    /// What is stored of it.
    pub fn stored(&self) -> Stored {
        let hash = |text: &str| Sha256::digest(text).to_vec();
        Stored { family: hash(self.family()), hash: hash(self.0.expose_secret()) }
    }

    /// For its owner.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_made_and_does_not_show_itself() {
        let token = RefreshToken::random();
        let read = RefreshToken::read(token.expose()).expect("good");
        assert_eq!((read.stored(), token.stored().hash.len()), (token.stored(), 32));
        assert_ne!(RefreshToken::random().stored().family, token.stored().family);
        assert!(!format!("{token:?}").contains(token.expose()));
        let digits = token.expose().strip_prefix(PREFIX).expect("it has it");
        for bad in
            ["", PREFIX, digits, &token.expose()[..60], &format!("{}x", token.expose()), &token.expose().to_uppercase()]
        {
            assert!(RefreshToken::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_next_one_is_another_of_the_same_family() {
        let (token, key) = (RefreshToken::random(), |key: &str| Succession::new(&key.into()).expect("a key"));
        let next = RefreshToken::read(token.next(&key("one")).expose()).expect("good");
        assert_eq!(token.next(&key("one")).stored(), next.stored(), "it is the same each time");
        assert_ne!(token.next(&key("another")).stored(), next.stored(), "it is the key's");
        assert_eq!(next.stored().family, token.stored().family);
        assert_ne!(next.stored().hash, token.stored().hash);
    }
}
