//! Logins: each is a session that lasts until its logout, however often its tokens are refreshed.

use super::access::Account;
use super::{AuthSessionId, UserId};
use serde::Serialize;
use std::sync::Arc;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The most sessions of a user; a further login ends the oldest. The schema keeps it (`auth_sessions_limit`).
pub const SESSIONS_MAX: i64 = 100;
/// A login younger than this shows by itself that its user knows the password, in seconds.
pub const FRESH_S: u64 = 300;
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

/// Which of a user's sockets have lost their right.
#[derive(Clone, Debug)]
pub enum Ended {
    /// All of them.
    All,
    /// Those whose session the account no longer has.
    Sessions(Arc<Account>),
    /// Those too whose token is of an older password, the one that changed it among them.
    Password(Arc<Account>),
}

impl Ended {
    /// Whether what came with a token of this session (or of none) and password is meant.
    pub fn include(&self, session: Option<AuthSessionId>, password_version: i32) -> bool {
        let is_over = |account: &Account| session.is_some_and(|id| account.sessions.binary_search(&id).is_err());
        match self {
            Self::All => true,
            Self::Sessions(account) => is_over(account),
            Self::Password(account) => password_version < account.password_version || is_over(account),
        }
    }
}
