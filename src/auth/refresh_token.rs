//! Refresh tokens: 256 random bits, good for one use. The store has their hashes alone; with so many random bits no salt and
//! no slow hash is needed.

use super::hex;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Scanners for leaked secrets know ours by this.
const PREFIX: &str = "madang_refresh_";
const RANDOM_BYTES: usize = 32;

/// A refresh token.
#[derive(Debug)]
pub struct RefreshToken(SecretString);

impl RefreshToken {
    /// A new one.
    pub fn random() -> Self {
        Self(SecretString::from(format!("{PREFIX}{}", hex(&rand::random::<[u8; RANDOM_BYTES]>()))))
    }

    /// What looks like one of ours.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_hex && digits.len() == 2 * RANDOM_BYTES).then(|| Self(text.into()))
    }

    /// What is stored of it.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.expose_secret()).to_vec()
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
        assert_eq!((read.hash(), token.hash().len()), (token.hash(), 32));
        assert_ne!(RefreshToken::random().hash(), token.hash());
        assert!(!format!("{token:?}").contains(token.expose()));
        let digits = token.expose().strip_prefix(PREFIX).expect("it has it");
        for bad in
            ["", PREFIX, digits, &token.expose()[..60], &format!("{}x", token.expose()), &token.expose().to_uppercase()]
        {
            assert!(RefreshToken::read(bad).is_none(), "{bad}");
        }
    }
}
