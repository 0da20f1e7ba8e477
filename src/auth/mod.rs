//! Who somebody is: passwords and access tokens. Not here: what they may do, which is the registry's.

pub mod password;
pub mod secret;
pub mod token;
mod token_hmac;
