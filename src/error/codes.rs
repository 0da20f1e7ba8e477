//! The table of codes: every name that an error has for a program, its status, and what a client does then. The OpenAPI and AsyncAPI
//! documents and `docs/ERRORS.md` are made from it.

use super::{Conflict, Error, Noun, Unauthorized};
use crate::domain::access::Denied;
use crate::net::origin::PreflightError;
use serde::{Serialize, Serializer};

/// Where a code is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the answer to a call or a handshake, with this status.
    Answer(u16),
    /// There, and in a socket's error frame.
    Both(u16),
    /// In a socket's error frame only.
    Frame,
}
use Place::{Answer, Both, Frame};

/// A row of the table.
struct Row {
    name: &'static str,
    place: Place,
    meaning: &'static str,
    action: &'static str,
}

macro_rules! table {
    ($($code:ident $name:literal $place:expr, $meaning:literal => $action:literal;)*) => {
        /// The stable name of an error. Two with one name are one to a client, told apart by their status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Code {
            $(#[doc = $meaning] $code,)*
        }

        impl Code {
            /// All of them, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            fn row(self) -> Row {
                match self {
                    $(Self::$code => Row { name: $name, place: $place, meaning: $meaning, action: $action },)*
                }
            }
        }
    };
}

table! {
    // What is no call at all, or none that there is.
    MalformedRequest "malformed_request" Answer(400), "This is no HTTP/1.1 request that can be understood, or a handshake with several `Origin` lines"
        => "Correct the request: the same one is refused again";
    OriginNotAllowed "origin_not_allowed" Answer(403), "The web page that calls, opens a socket or uses the cookie is from elsewhere"
        => "The operator allows its origin with `CORS_ORIGINS`; what is no browser leaves `Origin` out. The cookie is for pages of the node's own address";
    HeaderNotAllowed "header_not_allowed" Answer(403), "A web page asks whether it may send a header, and may not"
        => "Leave the header out, or let the operator allow it with `CORS_HEADERS`";
    PageMethodNotAllowed "method_not_allowed" Answer(403), "A web page asks whether it may call with a method that no call has"
        => "Use `GET`, `POST`, `PUT`, `PATCH` or `DELETE`";
    NotFound "not_found" Answer(404), "There is nothing at this path"
        => "Correct the path; `/docs` lists what there is";
    MethodNotAllowed "method_not_allowed" Answer(405), "The path takes other methods"
        => "Use one of those in `Allow`";
    RequestTooSlow "request_too_slow" Answer(408), "The request's head or body did not arrive in time"
        => "Send it again, on a better connection";
    BodyTooLarge "body_too_large" Answer(413), "The body has more bytes than the call takes"
        => "Send less: `detail` says how much is taken";
    ValidationError "validation_error" Answer(422), "A field, a parameter or the body as a whole is not as it must be"
        => "Correct what `detail` lists: `loc` is the place, `type` the mistake, `msg` what to change";
    UpgradeRequired "upgrade_required" Answer(426), "The path is a WebSocket's, and this is no handshake of version 13"
        => "Open it with a WebSocket client; a proxy in between has to pass `Upgrade` and `Connection` on";
    HeadTooLarge "head_too_large" Answer(431), "The request's head has too many bytes or headers"
        => "Send fewer or shorter headers";

    // Who calls is not known.
    NotAuthenticated "not_authenticated" Answer(401), "No token came with the request"
        => "Log in, and send the access token as `Authorization: Bearer …`";
    InvalidToken "invalid_token" Both(401), "The token is not one of this node's, or its account is gone"
        => "Log in again";
    TokenExpired "token_expired" Answer(401), "The token's time is over"
        => "Get the next one at `POST /auth/refresh`, then send the call again";
    TokenRevoked "token_revoked" Both(401), "The token's session has ended, or the password has been changed since"
        => "Log in again";
    InvalidTicket "invalid_ticket" Answer(401), "The ticket is not valid, too old, or has been used"
        => "Get a new one at `POST /auth/ws-ticket`, just before the socket is opened";
    InvalidRefreshToken "invalid_refresh_token" Answer(401), "The refresh token is not valid, or its session has ended"
        => "Log in again";
    RefreshTokenMissing "refresh_token_missing" Answer(401), "The refresh token is to be in the cookie, and there is no cookie"
        => "Log in again, with `\"cookie\": true`";
    RefreshTokenReused "refresh_token_reused" Answer(401), "The refresh token has been used before: somebody has a copy, so its session has been ended"
        => "Log in again";
    InvalidCredentials "invalid_credentials" Answer(401), "The name or the password is wrong; which one is not said"
        => "Ask the person again, and do not try by yourself: failures are limited";

    // Who calls may not.
    NotAMember "not_a_member" Both(403), "The caller does not belong to the server"
        => "Join the server first: `POST /servers/{server_id}/join`";
    NotTheOwner "not_the_owner" Answer(403), "Only the server's owner may do this"
        => "Do not offer it to others";
    Outranked "outranked" Answer(403), "It is about the caller, the owner, or a member or role that is not below the caller's highest role"
        => "Do not offer it";
    Banned "banned" Answer(403), "The caller is banned from the server"
        => "Do not try again; whoever bans there may lift it";
    MissingPermission "missing_permission" Both(403), "None of your roles in the server gives the permission that `detail` names"
        => "Do not offer it; whoever manages the server's roles may give it";

    NotTheAuthor "not_the_author" Both(403), "The message is somebody else's"
        => "Do not offer it for the messages of others";

    // It is not there.
    UserNotFound "user_not_found" Answer(404), "There is no such user, or the server has no such member"
        => "Forget the user, or the member";
    ServerNotFound "server_not_found" Answer(404), "There is no such server, or no longer"
        => "Forget the server";
    ChannelNotFound "channel_not_found" Both(404), "There is no such channel, or no longer"
        => "Forget the channel";
    MessageNotFound "message_not_found" Both(404), "The channel has no such message, or no longer"
        => "Forget the message";
    RoleNotFound "role_not_found" Answer(404), "The server has no such role, or no longer"
        => "Forget the role";
    BanNotFound "ban_not_found" Answer(404), "The user is not banned from the server, or no longer"
        => "Nothing is to be done";
    SessionNotFound "session_not_found" Answer(404), "The caller has no such session, or the token belongs to none"
        => "Read `GET /auth/sessions` again";

    // A rule is against it.
    UsernameTaken "username_taken" Answer(400), "Another account has this name, in whatever case, or one that looks like it"
        => "Choose another name";
    EmailTaken "email_taken" Answer(400), "Another account has this address, in whatever case"
        => "Log in, or use another address";
    AlreadyMember "already_member" Answer(400), "The caller belongs to the server already"
        => "Nothing is to be done";
    NotAMemberToLeave "not_a_member" Answer(400), "The caller does not belong to the server that is to be left"
        => "Nothing is to be done";
    OwnerCannotLeave "owner_cannot_leave" Answer(400), "The owner cannot leave the server"
        => "Hand it over or delete it first";
    OwnsServers "owns_servers" Answer(400), "Who owns servers cannot delete the account"
        => "Hand each over or delete it first";
    CurrentPasswordRequired "current_password_required" Answer(400), "The login is too old to change the password or the address by itself"
        => "Ask the person for the password, and send it as `current_password`";
    WrongPassword "wrong_password" Answer(400), "The current password is another"
        => "Ask the person again, and do not try by yourself: failures are limited";
    NewOwnerNotAMember "new_owner_not_a_member" Answer(400), "Who is to own the server does not belong to it"
        => "Let them join first";
    TooManyChannels "too_many_channels" Answer(400), "The server has as many channels as it may have"
        => "Delete one first";
    TooManyRoles "too_many_roles" Answer(400), "The server has as many roles as it may have"
        => "Delete one first";
    DefaultRole "default_role" Answer(400), "The default role cannot be given, taken or deleted, and only its permissions can be changed"
        => "Do not offer it";
    RolesNotNamed "roles_not_named" Answer(409), "The order does not name all of the server's roles but the default one"
        => "Read `GET /servers/{server_id}/roles` again, and name each once";
    TooManyServers "too_many_servers" Answer(400), "The caller belongs to as many servers as one may"
        => "Leave one first";
    TooManyReactions "too_many_reactions" Both(400), "There are as many kinds of reactions to the message as may be"
        => "React with one that is there";
    TooManyPins "too_many_pins" Answer(400), "The channel has as many pins as it may have"
        => "Take one away first";
    ReplyToNotFound "reply_to_not_found" Both(400), "`reply_to` names no message of this channel"
        => "Send it without `reply_to`, or with another";
    InvalidContent "invalid_content" Both(400), "The database refuses the text"
        => "Change the content";
    NonceConflict "nonce_conflict" Both(409), "The nonce has been used for another message in this channel"
        => "Use a new nonce";

    // Not now.
    RateLimited "rate_limited" Both(429), "A limit by rate is reached; nothing was done"
        => "Send the same again after `Retry-After` seconds (in a frame: `retry_after_ms` milliseconds)";
    TooManySockets "too_many_sockets" Answer(429), "The user has as many sockets open as may be"
        => "Close one first";
    InternalError "internal_error" Both(500), "A fault of the node"
        => "Tell the operator the `x-request-id`: the log has the cause";
    Busy "busy" Both(503), "The node, the channel or the socket has too much to do; nothing was done"
        => "Send the same again after `Retry-After` seconds (in a frame: `retry_after_ms` milliseconds)";
    Unavailable "unavailable" Both(503), "The storage is away; nothing was done, and nothing will be"
        => "Send the same again after `Retry-After` seconds (in a frame: `retry_after_ms` milliseconds)";
    Unconfirmed "unconfirmed" Both(503), "The storage went away in the middle of the change; it may have taken effect"
        => "Send a message again with the same nonce, or a change of messages as it was: it is made once. Of anything else look first whether it took effect";
    NotReady "not_ready" Answer(503), "The node cannot serve now; `missing` lists why"
        => "Send calls to another node, and ask again";

    // What a socket's frame is not.
    InvalidJson "invalid_json" Frame, "The frame is not JSON, or more than one value"
        => "Correct the client";
    InvalidFrame "invalid_frame" Frame, "The frame is no object, has a field twice, or a `type` that is no string"
        => "Correct the client";
    TooDeep "too_deep" Frame, "The frame nests too deep"
        => "Correct the client";
    TypeMissing "type_missing" Frame, "A gateway's frame has no `type`"
        => "Correct the client";
    UnknownType "unknown_type" Frame, "There is no such `type` on this socket"
        => "Correct the client";
    ContentMissing "content_missing" Frame, "`content` is missing"
        => "Send it";
    ContentNotText "content_not_text" Frame, "`content` is no string"
        => "Send a string";
    ContentBlank "content_blank" Frame, "`content` has no visible character"
        => "Send none that is empty";
    ContentHasNul "content_has_nul" Frame, "`content` has a NUL character"
        => "Take it out";
    ContentTooLong "content_too_long" Frame, "`content` has too many characters"
        => "Shorten it, or send several messages";
    NonceInvalid "nonce_invalid" Frame, "`nonce` is no string, is empty or too long, or has a NUL character"
        => "Use a random UUID";
    ReplyToInvalid "reply_to_invalid" Frame, "`reply_to` is no id"
        => "Send a message's `id`, or leave it out";
    MessageIdMissing "message_id_missing" Frame, "The message's id is missing"
        => "Say which message";
    MessageIdInvalid "message_id_invalid" Frame, "The message's id is none"
        => "Send a message's `id`";
    EmojiMissing "emoji_missing" Frame, "`emoji` is missing"
        => "Send it";
    EmojiInvalid "emoji_invalid" Frame, "`emoji` is not one emoji of Unicode"
        => "Send one emoji, with all that belongs to it";
    ChannelIdMissing "channel_id_missing" Frame, "`channel_id` is missing"
        => "Say which channel: a gateway has many";
    ChannelIdInvalid "channel_id_invalid" Frame, "`channel_id` is no id"
        => "Send a channel's `id`";
    AfterInvalid "after_invalid" Frame, "`after` is no whole number of 0 or more"
        => "Send the last `seq` that was seen, or leave it out";
    ChannelsInvalid "channels_invalid" Frame, "`channels` is no list of channels, is empty, or is too long"
        => "Send several frames";
    TokenMissing "token_missing" Frame, "`identify` has no `token`"
        => "Send the access token";
    TokenInvalid "token_invalid" Frame, "`token` is no string"
        => "Send the access token";
    NotIdentified "not_identified" Frame, "The gateway does not know yet who this is"
        => "Send `identify` first";
    AlreadyIdentified "already_identified" Frame, "The gateway knows already who this is"
        => "Open another gateway for another user";
    AlreadySubscribed "already_subscribed" Frame, "The gateway is subscribed to the channel"
        => "Nothing is to be done; for a replay, unsubscribe first";
    NotSubscribed "not_subscribed" Frame, "The gateway is not subscribed to the channel"
        => "Nothing is to be done";
    TooManySubscriptions "too_many_subscriptions" Frame, "The gateway is subscribed to as many channels as may be"
        => "Unsubscribe from one first, or open another gateway";
}

impl Code {
    /// The name that a client gets.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The status that goes with it; `None` where only a frame has it.
    pub fn status(self) -> Option<u16> {
        match self.row().place {
            Answer(status) | Both(status) => Some(status),
            Frame => None,
        }
    }

    /// Whether a socket's error frame may have it.
    pub fn is_of_frames(self) -> bool {
        matches!(self.row().place, Both(_) | Frame)
    }

    /// What has happened.
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What a client does then.
    pub fn action(self) -> &'static str {
        self.row().action
    }

    /// What a frame is refused with for a text that is refused as `kind`: they have the same name.
    pub fn of_text(kind: &str) -> Self {
        let is = |code: &&Self| code.is_of_frames() && code.as_str() == kind;
        Self::ALL.iter().find(is).copied().unwrap_or(Self::InvalidFrame)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Error {
    /// The stable name of the error, the same at both doors.
    pub fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::ValidationError,
            Self::NotFound(noun) => noun.code(),
            Self::NoRoute => Code::NotFound,
            Self::Method(_) => Code::MethodNotAllowed,
            Self::Unauthorized(why) => why.code(),
            Self::Denied(Denied::NotMember) => Code::NotAMember,
            Self::Denied(Denied::NotOwner) => Code::NotTheOwner,
            Self::Denied(Denied::NotAuthor) => Code::NotTheAuthor,
            Self::Denied(Denied::Outranked) => Code::Outranked,
            Self::Denied(Denied::Banned) => Code::Banned,
            Self::Denied(Denied::Lacks(_)) => Code::MissingPermission,
            Self::Origin(_) | Self::Preflight(PreflightError::Origin) => Code::OriginNotAllowed,
            Self::Preflight(PreflightError::Header) => Code::HeaderNotAllowed,
            Self::Preflight(PreflightError::Method) => Code::PageMethodNotAllowed,
            Self::Malformed(_) => Code::MalformedRequest,
            Self::Conflict(conflict) => conflict.code(),
            Self::TooLarge(_) => Code::BodyTooLarge,
            Self::HeadTooLarge => Code::HeadTooLarge,
            Self::TooSlow(_) => Code::RequestTooSlow,
            Self::Upgrade(_) => Code::UpgradeRequired,
            Self::RateLimited(_) => Code::RateLimited,
            Self::TooManySockets(_) => Code::TooManySockets,
            Self::NonceConflict => Code::NonceConflict,
            Self::Busy => Code::Busy,
            Self::Unavailable => Code::Unavailable,
            Self::Unconfirmed | Self::InDoubt(_) => Code::Unconfirmed,
            Self::NotReady(_) => Code::NotReady,
            Self::Internal => Code::InternalError,
        }
    }
}

impl Noun {
    fn code(self) -> Code {
        match self {
            Self::User => Code::UserNotFound,
            Self::Server => Code::ServerNotFound,
            Self::Channel => Code::ChannelNotFound,
            Self::AuthSession => Code::SessionNotFound,
            Self::Role => Code::RoleNotFound,
            Self::Message => Code::MessageNotFound,
        }
    }
}

impl Unauthorized {
    fn code(self) -> Code {
        match self {
            Self::Missing => Code::NotAuthenticated,
            Self::Invalid => Code::InvalidToken,
            Self::Expired => Code::TokenExpired,
            Self::Revoked => Code::TokenRevoked,
            Self::Ticket => Code::InvalidTicket,
            Self::RefreshInvalid => Code::InvalidRefreshToken,
            Self::RefreshMissing => Code::RefreshTokenMissing,
            Self::RefreshReused => Code::RefreshTokenReused,
            Self::Credentials => Code::InvalidCredentials,
        }
    }
}

impl Conflict {
    fn code(self) -> Code {
        match self {
            Self::UsernameTaken => Code::UsernameTaken,
            Self::EmailTaken => Code::EmailTaken,
            Self::AlreadyMember => Code::AlreadyMember,
            Self::NotMember => Code::NotAMemberToLeave,
            Self::OwnerCannotLeave => Code::OwnerCannotLeave,
            Self::OwnsServers => Code::OwnsServers,
            Self::PasswordRequired => Code::CurrentPasswordRequired,
            Self::WrongPassword => Code::WrongPassword,
            Self::NotBanned => Code::BanNotFound,
            Self::NewOwnerNotMember => Code::NewOwnerNotAMember,
            Self::TooManyChannels => Code::TooManyChannels,
            Self::TooManyRoles => Code::TooManyRoles,
            Self::DefaultRole => Code::DefaultRole,
            Self::RolesNotNamed => Code::RolesNotNamed,
            Self::TooManyServers => Code::TooManyServers,
            Self::ReplyToNothing => Code::ReplyToNotFound,
            Self::TooManyReactions => Code::TooManyReactions,
            Self::TooManyPins => Code::TooManyPins,
            Self::InvalidContent => Code::InvalidContent,
        }
    }
}
