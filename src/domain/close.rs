//! How sockets end.

use serde::Serialize;

/// Why a socket ends: a close code, and a text for the person who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// One of [`CLOSE_CODES`].
    pub code: u16,
    /// At most 123 bytes.
    pub reason: &'static str,
}

impl End {
    /// The node stops, or a channel has failed.
    pub const RESTART: Self = Self { code: 1012, reason: "the node restarts; reconnect after a random wait" };
    /// A binary frame.
    pub const BINARY: Self = Self { code: 1003, reason: "send text frames; this is binary" };
    /// Frame after frame was not understood.
    pub const MALFORMED: Self = Self { code: 4400, reason: "too many malformed frames in a row" };
    /// The token is not one of ours.
    pub const BAD_TOKEN: Self = Self { code: 4401, reason: "the token is not valid; log in again" };
    /// The token's time is over.
    pub const EXPIRED: Self = Self { code: 4401, reason: "the token has expired; log in again" };
    /// The session of its token is over: by a logout, or because the password has been changed.
    pub const LOGGED_OUT: Self =
        Self { code: 4401, reason: "the session has ended or the password was changed; log in again" };
    /// The account is gone.
    pub const ACCOUNT_DELETED: Self = Self { code: 4401, reason: "the account has been deleted" };
    /// The right to the channel has ended.
    pub const REVOKED: Self = Self { code: 4403, reason: "you are no longer a member" };
    /// The channel is gone.
    pub const GONE: Self = Self { code: 4404, reason: "the channel has been deleted" };
    /// The client of a gateway has not said who it is.
    pub const UNIDENTIFIED: Self = Self { code: 4408, reason: "no identify in time" };
    /// The peer has shown no sign of life.
    pub const SILENT: Self = Self { code: 4408, reason: "no heartbeat" };
    /// The peer goes on sending over its rate.
    pub const TOO_FAST: Self = Self { code: 4429, reason: "sent too fast; wait before you come back" };
    /// The user has as many sockets open as may be.
    pub const TOO_MANY_SOCKETS: Self = Self { code: 4429, reason: "too many sockets of this user; close one first" };
    /// The peer does not read.
    pub const TOO_SLOW: Self = Self { code: 4430, reason: "read too slowly; resume" };
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
    code(1012, "the node stops or restarts, or the channel failed on it", "yes, with `after`, after a random wait"),
    code(4400, "too many malformed frames in a row", "no"),
    code(4401, "the token is bad, expired or revoked, or the account is gone", "after a new login"),
    code(4403, "no member any more", "no"),
    code(4404, "the channel or its server was deleted", "no"),
    code(4408, "no `identify` in time, or no sign of life", "yes, with `after`"),
    code(4429, "sent too fast for too long, or too many sockets of one user", "yes, with `after`, after a wait"),
    code(4430, "read too slowly", "yes, with `after`, after a wait"),
];
