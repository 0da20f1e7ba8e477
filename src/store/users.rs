//! Accounts.

use super::Db;
use crate::domain::access::{Account, Caller};
use crate::domain::text::{Email, Username};
use crate::domain::user::{Profile, ProfilePatch, PublicProfile, UserIds};
use crate::domain::visible::looks;
use crate::domain::{AuthSessionId, ServerId, UserId};
use crate::error::{Conflict, Error, Result, Unauthorized};
use std::collections::HashSet;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Makes an account.
///
/// # Errors
/// `username_taken`, `email_taken`.
pub async fn register(db: &Db, username: &Username, email: &Email, hashed_password: &str) -> Result<Profile> {
    let (name, looks) = (username.as_str(), looks(username.as_str()));
    let row = db
        .write(include_str!("../../sql/users/register.sql"), &[&name, &email.as_str(), &hashed_password, &looks])
        .await?;
    row.map(|row| profile(&row)).ok_or(Error::Internal)
}

/// Notes how the names look that were made before that was compared. For a start: nobody registers meanwhile.
pub async fn note_looks(db: &Db) -> Result<()> {
    loop {
        let rows = db.read(include_str!("../../sql/users/without_looks.sql"), &[]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut seen = HashSet::new();
        // Of two that look alike the first has its looks, the other a mark that no name can have.
        let look = |row: &Row| {
            let (id, looks) = (row.get::<_, i64>("id"), looks(row.get("username")));
            if seen.insert(looks.clone()) { (id, looks) } else { (id, format!("#{id}")) }
        };
        let (ids, looks): (Vec<i64>, Vec<String>) = rows.iter().map(look).unzip();
        db.execute(include_str!("../../sql/users/set_looks.sql"), &[&ids, &looks]).await?;
    }
}

/// What a login needs to know of an account.
#[derive(Debug)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// bcrypt's text.
    pub hashed_password: String,
    /// How often it has been changed.
    pub password_version: i32,
}

/// The account behind a username in whatever case.
pub async fn credentials(db: &Db, username: &Username) -> Result<Option<Credentials>> {
    let row = db.look_up_one(include_str!("../../sql/users/credentials.sql"), &[&username.as_str()]).await?;
    Ok(row.as_ref().map(known))
}

/// The caller's own, to compare the current password with.
pub async fn own_credentials(db: &Db, caller: &Caller) -> Result<Credentials> {
    let row = db.look_up_one(include_str!("../../sql/users/own_credentials.sql"), &[&caller.id().0]).await?;
    row.as_ref().map(known).ok_or(Unauthorized::Invalid.into())
}

fn known(row: &Row) -> Credentials {
    Credentials {
        user_id: UserId(row.get("id")),
        hashed_password: row.get("hashed_password"),
        password_version: row.get("password_version"),
    }
}

/// Stores another hash of the same password, unless it has been changed since `known` was read.
pub async fn rehash(db: &Db, known: &Credentials, hashed_password: &str) -> Result<()> {
    let params: [&(dyn ToSql + Sync); 3] = [&known.user_id.0, &known.hashed_password, &hashed_password];
    db.execute(include_str!("../../sql/users/rehash.sql"), &params).await.map(drop)
}

/// An account, for the registry: it is how a caller becomes known.
pub async fn account(db: &Db, id: UserId) -> Result<Option<Account>> {
    let row = db.look_up_one(include_str!("../../sql/users/account.sql"), &[&id.0]).await?;
    Ok(row.map(|row| Account {
        username: row.get::<_, &str>("username").into(),
        password_version: row.get("password_version"),
        kept_token: row.get::<_, Option<&str>>("kept_token").map(Into::into),
        sessions: row.get::<_, Vec<i64>>("sessions").into_iter().map(AuthSessionId).collect(),
    }))
}

/// One's own profile.
pub async fn own(db: &Db, caller: &Caller) -> Result<Profile> {
    let row = db.look_up_one(include_str!("../../sql/users/find.sql"), &[&caller.id().0]).await?;
    row.map(|row| profile(&row)).ok_or(Unauthorized::Invalid.into())
}

/// What `_caller`, like everyone who is logged in, may see of a user.
pub async fn public(db: &Db, _caller: &Caller, id: UserId) -> Result<Option<PublicProfile>> {
    shown(db, id).await
}

/// The same of several, in the order in which they are named; who does not exist is left out.
pub async fn look_up(db: &Db, _caller: &Caller, ids: &UserIds) -> Result<Vec<PublicProfile>> {
    let ids: Vec<i64> = ids.as_slice().iter().map(|id| id.0).collect();
    let rows = db.read(include_str!("../../sql/users/look_up.sql"), &[&ids]).await?;
    Ok(rows.iter().map(|row| profile(row).into()).collect())
}

/// What others see of a user, for the registry.
pub async fn shown(db: &Db, id: UserId) -> Result<Option<PublicProfile>> {
    let row = db.look_up_one(include_str!("../../sql/users/find.sql"), &[&id.0]).await?;
    Ok(row.map(|row| profile(&row).into()))
}

/// A new password. Tokens of the old one are void, but for the one that changes it.
#[derive(Debug)]
pub struct PasswordChange {
    /// bcrypt's text.
    pub hashed_password: String,
    /// The `jti` of the token that changes it.
    pub kept_token: String,
}

/// Changes one's own profile, and the password if there is a new one, which ends all other sessions.
///
/// # Errors
/// `email_taken`; `token_revoked` when the password was changed, or the caller's session ended, since the caller was known.
pub async fn update(
    db: &Db,
    caller: &Caller,
    patch: &ProfilePatch,
    password: Option<&PasswordChange>,
) -> Result<Profile> {
    let row = db
        .write(
            include_str!("../../sql/users/update.sql"),
            &[
                &caller.id().0,
                &patch.display_name.is_given(),
                &patch.display_name.value().map(|name| name.as_str()),
                &patch.bio.is_given(),
                &patch.bio.value().map(|bio| bio.as_str()),
                &patch.avatar_url.is_given(),
                &patch.avatar_url.value().map(|url| url.as_str()),
                &password.map(|change| &*change.hashed_password),
                &password.map(|change| &*change.kept_token),
                &caller.session_id().map(|session| session.0),
                &patch.email.as_ref().map(|email| email.as_str()),
                &caller.password_version(),
            ],
        )
        .await?;
    row.map(|row| profile(&row)).ok_or(Unauthorized::Revoked.into())
}

/// Erases the caller's account; the messages stay. Answers which servers the caller has left by that.
///
/// # Errors
/// `owns_servers`; `token_revoked` as for [`update`].
pub async fn delete(db: &Db, caller: &Caller) -> Result<Arc<[ServerId]>> {
    let session = caller.session_id().map(|session| session.0);
    let params: [&(dyn ToSql + Sync); 3] = [&caller.id().0, &caller.password_version(), &session];
    let deleted = db.write(include_str!("../../sql/users/delete.sql"), &params).await;
    let row = deleted.map_err(|error| match error {
        Error::Conflict(Conflict::OwnerCannotLeave) => Conflict::OwnsServers.into(),
        other => other,
    })?;
    let row = row.ok_or(Unauthorized::Revoked)?;
    Ok(row.get::<_, Vec<i64>>("left_servers").into_iter().map(ServerId).collect())
}

fn profile(row: &Row) -> Profile {
    Profile {
        id: UserId(row.get("id")),
        username: row.get("username"),
        email: row.get("email"),
        display_name: row.get("display_name"),
        bio: row.get("bio"),
        avatar_url: row.get("avatar_url"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}
