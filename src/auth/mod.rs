//! Who somebody is: passwords, access tokens and refresh tokens. Not here: what they may do, which is the registry's.

pub mod limit_key;
pub mod password;
pub mod refresh_token;
pub mod secret;
pub mod token;
mod token_hmac;

use std::fmt::Write;

/// Bytes as lowercase digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}
