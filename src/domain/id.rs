//! Ids: positive 64-bit integers below 2^53, so that a JavaScript number holds each exactly. One type per noun, so that
//! a channel's id cannot be passed where a server's is wanted.

use super::validation::{Parse, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::ops::Sub;
use utoipa::ToSchema;

/// What every id has.
pub trait Id: Sized + 'static {
    /// What it names.
    const NOUN: Noun;
    /// What a path calls it.
    const PARAMETER: &'static str;
    /// The id that is this number.
    fn new(id: i64) -> Self;
}

/// Declares every id, a line each: its type, what it names and how people call that, the path's parameter and what the document says of it.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $noun:ident $word:literal, $parameter:literal $about:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
            #[serde(transparent)]
            #[schema(value_type = i64, minimum = 1, example = 1)]
            pub struct $name(pub i64);

            impl Id for $name {
                const NOUN: Noun = Noun::$noun;
                const PARAMETER: &'static str = $parameter;

                fn new(id: i64) -> Self {
                    Self(id)
                }
            }

            impl Parse for $name {
                fn parse(value: &Value) -> Result<Self, Refusal> {
                    i64::parse(value).map(Self)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*

        /// What an id names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Noun {
            $($noun,)*
        }

        impl Noun {
            /// The word for it, as a sentence begins with it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$noun => $word,)*
                }
            }
        }

        /// Every parameter of a path that is an id, and what the document says of it.
        pub const ID_PARAMETERS: &[(&str, &str)] = &[$(($parameter, $about)),*];
    };
}

ids! {
    /// Names an account.
    UserId: User "User", "user_id" "Whose";
    /// Names a server: the community, not the process.
    ServerId: Server "Server", "server_id" "Which server";
    /// Names a channel.
    ChannelId: Channel "Channel", "channel_id" "Which channel";
    /// Names a role of a server.
    RoleId: Role "Role", "role_id" "Which role";
    /// Names a message.
    MessageId: Message "Message", "message_id" "Which message";
    /// Names a login: what lasts from there to the logout.
    AuthSessionId: AuthSession "Session", "session_id" "Which one";
}

/// A place in a channel's log: 1, 2, 3, … with no gap. 0 is before the first entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i64, minimum = 0, example = 1)]
pub struct Seq(pub i64);

impl Seq {
    /// Beyond the end of every log: whoever wants what follows it knows another one.
    pub const BEYOND: Self = Self(i64::MAX);

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
