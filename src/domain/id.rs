//! Ids: positive 64-bit integers below 2^53, so that a JavaScript number holds each exactly. One type per noun, so that
//! a channel's id cannot be passed where a server's is wanted.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Sub;
use utoipa::ToSchema;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = i64, minimum = 1, example = 1)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

id! {
    /// Names an account.
    UserId;
    /// Names a server: the community, not the process.
    ServerId;
    /// Names a channel.
    ChannelId;
    /// Names a message.
    MessageId;
    /// Names a login: what lasts from there to the logout.
    AuthSessionId;
}

/// A place in a channel's log: 1, 2, 3, … with no gap. 0 is before the first entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 0, example = 1)]
pub struct Seq(pub i64);

impl Seq {
    /// The place after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Sub for Seq {
    type Output = i64;

    /// How many entries lie between, with one of the two.
    fn sub(self, other: Self) -> i64 {
        self.0 - other.0
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
