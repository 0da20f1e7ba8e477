//! Signing keys, as they are set.

use super::{Result, bad};
use crate::auth::secret::KEY_BYTES_MIN;
use secrecy::{ExposeSecret, SecretString};

/// The key that tokens are signed with: one has to be given where the database is not the node's own.
pub(super) fn secret_key(value: Option<String>, is_embedded: bool) -> Result<Option<SecretString>> {
    const NAME: &str = "SECRET_KEY";
    match value {
        Some(value) => checked_key(NAME, value).map(Some),
        None if is_embedded => Ok(None),
        None => bad(NAME, format!("must be set when DATABASE_URL is; {MAKE_KEY}")),
    }
}

const MAKE_KEY: &str = "make one with `openssl rand -hex 32`";

/// A key that is long enough, and nobody's example.
pub(super) fn checked_key(name: &'static str, value: String) -> Result<SecretString> {
    let secret = SecretString::from(value);
    let text = secret.expose_secret();
    if text.len() < KEY_BYTES_MIN {
        return bad(name, format!("must have at least {KEY_BYTES_MIN} bytes, not {}; {MAKE_KEY}", text.len()));
    }
    if is_example(text) {
        return bad(name, format!("is a well-known example value; {MAKE_KEY}"));
    }
    Ok(secret)
}

/// Values that stand in tutorials and templates, and those that say themselves that they are to be changed.
fn is_example(text: &str) -> bool {
    const KNOWN: [&str; 2] = [
        // FastAPI's tutorial.
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        // Django's and Flask's examples have these words or the ones below.
        "django-insecure",
    ];
    const WORDS: [&str; 7] =
        ["changeme", "changethis", "yoursecret", "secretkey", "examplesecret", "supersecret", "mysecret"];
    let lower: String = text.to_lowercase();
    let letters: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let mut chars = text.chars();
    let first = chars.next();
    KNOWN.iter().any(|known| lower.contains(known))
        || WORDS.iter().any(|word| letters.contains(word))
        || chars.all(|c| Some(c) == first)
}
