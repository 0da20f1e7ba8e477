//! Logins: each is a session that lasts until its logout, however often its tokens are refreshed.

use super::{AuthSessionId, UserId};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The most sessions of a user; a further login ends the oldest.
pub const SESSIONS_MAX: i64 = 100;
/// The most characters that are kept of what a client calls itself.
pub const USER_AGENT_MAX: usize = 256;

/// A login, as its user sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuthSession {
    /// Names it.
    pub id: AuthSessionId,
    /// What the client that logged in called itself.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64)")]
    pub user_agent: Option<String>,
    /// From where.
    #[schema(example = "203.0.113.7")]
    pub address: Option<String>,
    /// When.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When its refresh token was last used.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub last_used_at: OffsetDateTime,
    /// When it ends if its refresh token is not used until then.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub expires_at: OffsetDateTime,
    /// Whether it is the one that asks.
    #[schema(example = true)]
    pub is_current: bool,
}

/// Whom a token is issued to.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// The account.
    pub user_id: UserId,
    /// How often its password has been changed.
    pub password_version: i32,
    /// The login.
    pub session_id: AuthSessionId,
    /// The second since 1970 at which that was.
    pub logged_in_at_s: u64,
    /// The second at which the login is over, if it is not refreshed again.
    pub ends_at_s: u64,
}

/// Some of a user's sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// And whatever belongs to no session.
    All,
    /// This one.
    One(AuthSessionId),
    /// All but this one.
    AllBut(AuthSessionId),
    /// Those that are older than this one.
    Before(AuthSessionId),
}

impl Sessions {
    /// Whether what belongs to `session`, or to none, is meant.
    pub fn include(self, session: Option<AuthSessionId>) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => session == Some(one),
            Self::AllBut(one) => session.is_some_and(|session| session != one),
            Self::Before(one) => session.is_some_and(|session| session < one),
        }
    }
}
