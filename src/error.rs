//! Everything that can be refused, named by meaning. [`codes`] is the table of the names that programs get, `answer` turns each into
//! an HTTP answer.
//!
//! The text says what the client should do; the cause goes to the log where the error is made, never to the client.

mod answer;
pub mod codes;
mod examples;

pub use crate::domain::Noun;
pub use answer::{ErrorBody, NotReadyBody, ValidationErrorBody, quota_headers};
pub use codes::Code;

use crate::domain::access::Denied;
use crate::domain::auth_session::FRESH_S;
use crate::domain::backend::Backend;
use crate::domain::log::{ChangeRefused, PINS_MAX, REACTION_KINDS_MAX};
use crate::domain::role::ROLES_PER_SERVER;
use crate::domain::server::{CHANNELS_PER_SERVER, SERVERS_PER_USER};
use crate::domain::validation::Issue;
use crate::limits::{HEAD_BYTES_MAX, SOCKETS_MAX, TooMany};
use crate::net::origin::{OriginError, PreflightError};
use std::borrow::Cow;

/// The result of everything that a client can ask for.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A body, path or query that does not validate.
    #[error("The request does not validate; `detail` lists what to change")]
    Invalid(Vec<Issue>),
    /// No such thing.
    #[error("{} not found", .0.word())]
    NotFound(Noun),
    /// The path names nothing.
    #[error("There is nothing at this path; /docs lists what there is")]
    NoRoute,
    /// The path knows other methods.
    #[error("This path takes {0} only")]
    Method(String),
    /// The token is missing, bad or expired, or its account is gone.
    #[error("{0}")]
    Unauthorized(Unauthorized),
    /// Known, but not allowed.
    #[error("{}", denied(*.0))]
    Denied(Denied),
    /// The page that asks is of an origin that may not.
    #[error(transparent)]
    Origin(OriginError),
    /// The request contradicts itself.
    #[error("{0}")]
    Malformed(&'static str),
    /// A page asks whether it may make a call, and may not.
    #[error(transparent)]
    Preflight(PreflightError),
    /// A rule of the community that the request breaks.
    #[error("{}", .0.detail())]
    Conflict(Conflict),
    /// The body is larger than the endpoint takes.
    #[error("The body may have at most {0} bytes")]
    TooLarge(usize),
    /// The request's head is larger than any needs to be.
    #[error("The request's head may have at most {HEAD_BYTES_MAX} bytes, and 96 headers")]
    HeadTooLarge,
    /// The request took too long to arrive.
    #[error("The request did not arrive within {0} seconds; send it again")]
    TooSlow(u64),
    /// The path wants a WebSocket handshake.
    #[error("Open this path as a WebSocket: {0}")]
    Upgrade(&'static str),
    /// A limit by rate is reached.
    #[error("Too many requests; try again in {} ms", .0.retry_after_ms)]
    RateLimited(TooMany),
    /// The user has as many sockets open as may be.
    #[error("You have {SOCKETS_MAX} sockets open, as many as may be; close one first")]
    TooManySockets(TooMany),
    /// The nonce has been used for another message.
    #[error("This nonce has been used for another message in this channel; use a new one")]
    NonceConflict,
    /// A bound is reached; the same request works later.
    #[error("The node is busy; try again in a moment")]
    Busy,
    /// The database is away.
    #[error("The storage is not available; try again in a moment")]
    Unavailable,
    /// The database went away in the middle of a commit.
    #[error(
        "The storage went away while this was being saved; send it again (a message with the same nonce), which saves it once"
    )]
    Unconfirmed,
    /// The database went away in the middle of a change, which this process of PostgreSQL may still carry out.
    #[error("The storage went away in the middle of this change; look whether it took effect before you send it again")]
    InDoubt(Backend),
    /// The node cannot serve now, for these reasons.
    #[error("Not ready: {}", .0.join(", "))]
    NotReady(Vec<&'static str>),
    /// A fault of ours.
    #[error("Something went wrong on our side; the request id names it in the log")]
    Internal,
}

/// Why a caller is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// No token came with the request.
    #[error("Not authenticated: send the access token as `Authorization: Bearer …`")]
    Missing,
    /// The token is not one of ours, or its account is gone.
    #[error("The token is not valid; log in again")]
    Invalid,
    /// The token's time is over.
    #[error("The token has expired; log in again")]
    Expired,
    /// The token's session has ended, or it was issued before the password was changed.
    #[error("The session of this token has ended, or the password has been changed since; log in again")]
    Revoked,
    /// The ticket is not one of ours, too old, or used.
    #[error("The ticket is not valid, too old, or has been used; get a new one at /auth/ws-ticket")]
    Ticket,
    /// The refresh token is not one of ours, or its session is over.
    #[error("The refresh token is not valid; log in again")]
    RefreshInvalid,
    /// The refresh token is to come in a cookie, and there is none.
    #[error("There is no cookie with a refresh token; log in with `\"cookie\": true`")]
    RefreshMissing,
    /// The refresh token has been used before.
    #[error("The refresh token has been used before, so its session has been ended; log in again")]
    RefreshReused,
    /// Wrong name or password, without saying which.
    #[error("Incorrect username or password")]
    Credentials,
}

/// A rule that an otherwise good request breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Another account has the name, in whatever case.
    UsernameTaken,
    /// Another account has the address, in whatever case.
    EmailTaken,
    /// The caller belongs to the server already.
    AlreadyMember,
    /// The caller does not belong to the server.
    NotMember,
    /// An owner cannot leave.
    OwnerCannotLeave,
    /// An owner cannot erase the account.
    OwnsServers,
    /// The current password is wanted, and missing.
    PasswordRequired,
    /// The current password is wanted, and this is another.
    WrongPassword,
    /// Who is to own the server does not belong to it.
    NewOwnerNotMember,
    /// Somebody is not banned from the server.
    NotBanned,
    /// The server has as many channels as it may have.
    TooManyChannels,
    /// The server has as many roles as it may have.
    TooManyRoles,
    /// The default role is every member's.
    DefaultRole,
    /// An order of roles that does not name all of them.
    RolesNotNamed,
    /// The user belongs to as many servers as one may.
    TooManyServers,
    /// A reply to a message that the channel does not have.
    ReplyToNothing,
    /// There are as many kinds of reactions to the message as may be.
    TooManyReactions,
    /// The channel has as many pins as it may have.
    TooManyPins,
    /// A text that passes every check of ours and that PostgreSQL refuses all the same.
    InvalidContent,
}

impl Conflict {
    /// A number in it is the one that holds.
    fn detail(self) -> Cow<'static, str> {
        let text = match self {
            Self::UsernameTaken => "This username, or one that looks like it, is taken; choose another",
            Self::EmailTaken => "This email address is registered already; log in, or use another",
            Self::AlreadyMember => "You are already a member of this server",
            Self::NotMember => "You are not a member of this server",
            Self::OwnerCannotLeave => "The owner cannot leave a server; hand it over or delete it first",
            Self::OwnsServers => "You own servers; hand each over or delete it first",
            Self::PasswordRequired => {
                let minutes = FRESH_S / 60;
                return format!("Send `current_password` too: your login is older than {minutes} minutes").into();
            }
            Self::WrongPassword => "The current password is not correct",
            Self::NotBanned => "This user is not banned from the server",
            Self::NewOwnerNotMember => "Only a member of the server can become its owner; let them join first",
            Self::TooManyChannels => {
                return format!("A server may have at most {CHANNELS_PER_SERVER} channels; delete one first").into();
            }
            Self::TooManyRoles => {
                return format!("A server may have at most {ROLES_PER_SERVER} roles; delete one first").into();
            }
            Self::DefaultRole => "The default role is every member's: only its permissions can be changed",
            Self::RolesNotNamed => "Name all of the server's roles but the default one, each once",
            Self::InvalidContent => "The message cannot be stored; change its content",
            Self::TooManyReactions => {
                return format!(
                    "A message may have at most {REACTION_KINDS_MAX} kinds of reactions; use one that is there"
                )
                .into();
            }
            Self::TooManyPins => {
                return format!("A channel may have at most {PINS_MAX} pins; take one away first").into();
            }
            Self::ReplyToNothing => "`reply_to` names no message of this channel",
            Self::TooManyServers => {
                return format!("You may belong to at most {SERVERS_PER_USER} servers; leave one first").into();
            }
        };
        text.into()
    }
}

fn denied(denied: Denied) -> Cow<'static, str> {
    Cow::Borrowed(match denied {
        Denied::NotMember => "You are not a member of this server; join it first",
        Denied::NotOwner => "Only the owner of the server may do this",
        Denied::NotAuthor => "The message is somebody else's",
        Denied::Outranked => {
            "This takes a role above theirs: it cannot be done to the owner, to yourself, or to whom or what is not below your highest role"
        }
        Denied::Banned => "You are banned from this server",
        Denied::Lacks(permission) => return format!("This takes the permission `{}`", permission.name()).into(),
    })
}

impl From<TooMany> for Error {
    fn from(limit: TooMany) -> Self {
        Self::RateLimited(limit)
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl From<ChangeRefused> for Error {
    fn from(refused: ChangeRefused) -> Self {
        match refused {
            ChangeRefused::MessageNotFound => Self::NotFound(Noun::Message),
            ChangeRefused::NotTheAuthor => Denied::NotAuthor.into(),
            ChangeRefused::Lacks(permission) => Denied::Lacks(permission).into(),
            ChangeRefused::TooManyReactions => Conflict::TooManyReactions.into(),
            ChangeRefused::TooManyPins => Conflict::TooManyPins.into(),
        }
    }
}

impl From<Unauthorized> for Error {
    fn from(why: Unauthorized) -> Self {
        Self::Unauthorized(why)
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl From<Issue> for Error {
    fn from(issue: Issue) -> Self {
        Self::Invalid(vec![issue])
    }
}
