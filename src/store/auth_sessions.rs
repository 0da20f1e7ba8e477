//! Logins: their sessions, and the hashes of their refresh tokens.

use super::Db;
use super::users::Credentials;
use crate::domain::access::Caller;
use crate::domain::auth_session::{AuthSession, Subject};
use crate::domain::{AuthSessionId, UserId};
use crate::error::{Error, Noun, Result, Unauthorized};
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::Row;

/// A login that has just been made.
#[derive(Debug)]
pub struct Begun {
    /// Its session.
    pub session_id: AuthSessionId,
    /// The second at which it is over, if it is not refreshed.
    pub ends_at_s: u64,
}

/// What has become of a refresh token.
#[derive(Debug)]
pub enum Refreshed {
    /// It was good, or was a moment ago: the one with this hash takes its place.
    Rotated(Subject, Vec<u8>),
    /// It had been used before: its session has to end.
    Reused {
        /// Whose it was.
        user_id: UserId,
        /// Which one.
        session_id: AuthSessionId,
    },
}

/// Begins a session for who has shown these credentials.
///
/// # Errors
/// `invalid_credentials` when the password has been changed, or the account erased, since it was compared.
pub async fn begin(
    db: &Db,
    known: &Credentials,
    client: (Option<&str>, Option<&str>),
    (token_family, token_hash): (&[u8], &[u8]),
    life: Duration,
) -> Result<Begun> {
    let (user_agent, address) = client;
    let row = db
        .write(
            include_str!("../../sql/auth_sessions/create.sql"),
            &[
                &known.user_id.0,
                &known.password_version,
                &user_agent,
                &address,
                &life.as_secs_f64(),
                &token_family,
                &token_hash,
            ],
        )
        .await?;
    let row = row.ok_or(Unauthorized::Credentials)?;
    Ok(Begun { session_id: AuthSessionId(row.get("id")), ends_at_s: second(&row, "expires_at") })
}

/// Uses a refresh token, by its family and its own hash; the one with the first hash of `next` is given out in its place, or, where it
/// was used less than `grace` ago, whichever of them was.
///
/// # Errors
/// `invalid_refresh_token`.
pub async fn refresh(
    db: &Db,
    (family, hash): (&[u8], &[u8]),
    next: &[Vec<u8>],
    life: Duration,
    grace: Duration,
) -> Result<Refreshed> {
    let rotate = include_str!("../../sql/auth_sessions/rotate.sql");
    let new = next.first().ok_or(Error::Internal)?;
    // Twice: a statement that waited for a change of the password has read the session as it was before.
    for _ in 0..2 {
        if let Some(row) = db.write(rotate, &[&family, &hash, new, &life.as_secs_f64()]).await? {
            return Ok(Refreshed::Rotated(subject(&row), new.clone()));
        }
        let find = include_str!("../../sql/auth_sessions/find_used.sql");
        if let Some(row) = db.look_up_one(find, &[&family, &hash, &next, &grace.as_secs_f64()]).await? {
            if row.get("is_recent") {
                return Ok(Refreshed::Rotated(subject(&row), row.get("token_hash")));
            }
            let (user_id, session_id) = (UserId(row.get("user_id")), AuthSessionId(row.get("id")));
            return Ok(Refreshed::Reused { user_id, session_id });
        }
    }
    Err(Unauthorized::RefreshInvalid.into())
}

fn subject(row: &Row) -> Subject {
    Subject {
        user_id: UserId(row.get("user_id")),
        session_id: AuthSessionId(row.get("id")),
        password_version: row.get("password_version"),
        logged_in_at_s: second(row, "created_at"),
        ends_at_s: second(row, "expires_at"),
    }
}

fn second(row: &Row, column: &str) -> u64 {
    let time: OffsetDateTime = row.get(column);
    u64::try_from(time.unix_timestamp()).unwrap_or(0)
}

/// Ends a session, one of whose refresh tokens was used again.
pub async fn end_reused(db: &Db, user: UserId, id: AuthSessionId) -> Result<()> {
    db.execute(include_str!("../../sql/auth_sessions/end.sql"), &[&id.0, &user.0]).await.map(drop)
}

/// The caller's sessions, oldest first; `current` is the one that asks.
pub async fn list(db: &Db, caller: &Caller, current: Option<AuthSessionId>) -> Result<Vec<AuthSession>> {
    let rows = db.look_up(include_str!("../../sql/auth_sessions/list.sql"), &[&caller.id().0]).await?;
    let session = |row: &Row| {
        let id = AuthSessionId(row.get("id"));
        AuthSession {
            id,
            user_agent: row.get("user_agent"),
            address: row.get("address"),
            created_at: row.get("created_at"),
            last_used_at: row.get("last_used_at"),
            expires_at: row.get("expires_at"),
            is_current: current == Some(id),
        }
    };
    Ok(rows.iter().map(session).collect())
}

/// Ends one of the caller's sessions; answers what is stored of its refresh tokens' family.
///
/// # Errors
/// `session_not_found`, also for one of somebody else's.
pub async fn end(db: &Db, caller: &Caller, id: AuthSessionId) -> Result<Vec<u8>> {
    let ended = db.write(include_str!("../../sql/auth_sessions/end.sql"), &[&id.0, &caller.id().0]).await?;
    ended.map(|row| row.get("token_family")).ok_or(Error::NotFound(Noun::AuthSession))
}

/// Ends all of the caller's sessions but `current`.
pub async fn end_others(db: &Db, caller: &Caller, current: AuthSessionId) -> Result<()> {
    db.execute(include_str!("../../sql/auth_sessions/end_others.sql"), &[&caller.id().0, &current.0]).await.map(drop)
}
