//! How sockets end.

use serde::Serialize;
use utoipa::ToSchema;

/// Sockets that end together come back over so long a time.
pub const RECONNECT_WITHIN_MS: u32 = 2_000;
/// Sockets that a node ends one after another when it stops are spread already.
pub const DRAINED_WITHIN_MS: u32 = 250;

/// Why a socket ends: a close code, and what its close frame says beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// One of [`CLOSE_CODES`].
    pub code: u16,
    /// At most 123 bytes.
    pub reason: Reason,
}

/// What a close frame says beside its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A text for the person who reads it.
    Text(&'static str),
    /// [`Reconnect`], with a wait of at most so long.
    Reconnect {
        /// Each socket has a random one of its own.
        within_ms: u32,
    },
}

/// The reason of a close with `1012`, as JSON: the same client is welcome again, here or at another node.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Reconnect {
    /// As long as the client waits before it comes back: sockets that end together do not all come back at once.
    #[schema(minimum = 0, example = 731)]
    pub reconnect_after_ms: u32,
}

impl End {
    /// The node stops, or a channel has failed.
    pub const RESTART: Self = Self { code: 1012, reason: Reason::Reconnect { within_ms: RECONNECT_WITHIN_MS } };
    /// The node is going to stop, and this socket is the next to go elsewhere.
    pub const DRAINED: Self = Self { code: 1012, reason: Reason::Reconnect { within_ms: DRAINED_WITHIN_MS } };
    /// A binary frame.
    pub const BINARY: Self = Self::text(1003, "send text frames; this is binary");
    /// Frame after frame was not understood.
    pub const MALFORMED: Self = Self::text(4400, "too many malformed frames in a row");
    /// The token is not one of ours.
    pub const BAD_TOKEN: Self = Self::text(4401, "the token is not valid; log in again");
    /// The token's time is over.
    pub const EXPIRED: Self = Self::text(4401, "the token has expired; log in again");
    /// The session of its token is over: by a logout, or because the password has been changed.
    pub const LOGGED_OUT: Self = Self::text(4401, "the session has ended or the password was changed; log in again");
    /// The account is gone.
    pub const ACCOUNT_DELETED: Self = Self::text(4401, "the account has been deleted");
    /// The right to the channel has ended.
    pub const REVOKED: Self = Self::text(4403, "you are no longer a member");
    /// The channel is gone.
    pub const GONE: Self = Self::text(4404, "the channel has been deleted");
    /// The client of a gateway has not said who it is.
    pub const UNIDENTIFIED: Self = Self::text(4408, "no identify in time");
    /// The peer has shown no sign of life.
    pub const SILENT: Self = Self::text(4408, "no heartbeat");
    /// The peer goes on sending over its rate.
    pub const TOO_FAST: Self = Self::text(4429, "sent too fast; wait before you come back");
    /// The user has as many sockets open as may be.
    pub const TOO_MANY_SOCKETS: Self = Self::text(4429, "too many sockets of this user; close one first");
    /// The peer does not read.
    pub const TOO_SLOW: Self = Self::text(4430, "read too slowly; resume");

    /// With a text for the person who reads it.
    pub const fn text(code: u16, text: &'static str) -> Self {
        Self { code, reason: Reason::Text(text) }
    }
}

/// A code that a socket may end with.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CloseCode {
    /// As in the close frame.
    pub code: u16,
    /// Why.
    pub meaning: &'static str,
    /// What a client does then.
    pub reconnect: &'static str,
}

const fn code(code: u16, meaning: &'static str, reconnect: &'static str) -> CloseCode {
    CloseCode { code, meaning, reconnect }
}

/// Every code that a socket ends with, of the node's own accord.
pub const CLOSE_CODES: [CloseCode; 12] = [
    code(1002, "a broken rule of the WebSocket protocol", "no"),
    code(1003, "a binary frame", "no"),
    code(1007, "text that is not UTF-8", "no"),
    code(1009, "a message that is too big", "no"),
    code(
        1012,
        "the node stops or restarts, or the channel failed on it",
        "yes, with `after`, after the `reconnect_after_ms` of the reason, which is JSON",
    ),
    code(4400, "too many malformed frames in a row", "no"),
    code(4401, "the token is bad, expired or revoked, or the account is gone", "after a new login"),
    code(4403, "no member any more", "no"),
    code(4404, "the channel or its server was deleted", "no"),
    code(4408, "no `identify` in time, or no sign of life", "yes, with `after`"),
    code(4429, "sent too fast for too long, or too many sockets of one user", "yes, with `after`, after a wait"),
    code(4430, "read too slowly", "yes, with `after`, after a wait"),
];
