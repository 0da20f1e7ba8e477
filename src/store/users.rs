//! Accounts.

use super::Db;
use crate::domain::UserId;
use crate::domain::access::Caller;
use crate::domain::text::{Email, Username};
use crate::domain::user::{Profile, ProfilePatch, PublicProfile};
use crate::error::{Error, Result, Unauthorized};
use tokio_postgres::Row;

/// Makes an account.
///
/// # Errors
/// `username_taken`, `email_taken`.
pub async fn register(db: &Db, username: &Username, email: &Email, hashed_password: &str) -> Result<Profile> {
    let row = db
        .write(include_str!("../../sql/users/register.sql"), &[&username.as_str(), &email.as_str(), &hashed_password])
        .await?;
    row.map(|row| profile(&row)).ok_or(Error::Internal)
}

/// The account behind a username in whatever case, with its password's hash.
pub async fn credentials(db: &Db, username: &str) -> Result<Option<(UserId, String)>> {
    // PostgreSQL's text has no NUL, so nobody has such a name.
    if username.contains('\0') {
        return Ok(None);
    }
    let row = db.read_one(include_str!("../../sql/users/credentials.sql"), &[&username]).await?;
    Ok(row.map(|row| (UserId(row.get("id")), row.get("hashed_password"))))
}

/// The username of an account, for the registry: it is how a caller becomes known.
pub async fn username(db: &Db, id: UserId) -> Result<Option<String>> {
    let row = db.read_one(include_str!("../../sql/users/username.sql"), &[&id.0]).await?;
    Ok(row.map(|row| row.get("username")))
}

/// One's own profile.
pub async fn own(db: &Db, caller: &Caller) -> Result<Profile> {
    let row = db.read_one(include_str!("../../sql/users/find.sql"), &[&caller.id().0]).await?;
    row.map(|row| profile(&row)).ok_or(Unauthorized::Invalid.into())
}

/// What `_caller`, like everyone who is logged in, may see of a user.
pub async fn public(db: &Db, _caller: &Caller, id: UserId) -> Result<Option<PublicProfile>> {
    let row = db.read_one(include_str!("../../sql/users/find.sql"), &[&id.0]).await?;
    Ok(row.map(|row| {
        let profile = profile(&row);
        PublicProfile {
            id: profile.id,
            username: profile.username,
            display_name: profile.display_name,
            bio: profile.bio,
            avatar_url: profile.avatar_url,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }))
}

/// Changes one's own profile; `hashed_password` replaces the stored one.
pub async fn update(db: &Db, caller: &Caller, patch: &ProfilePatch, hashed_password: Option<&str>) -> Result<Profile> {
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
                &hashed_password,
            ],
        )
        .await?;
    row.map(|row| profile(&row)).ok_or(Unauthorized::Invalid.into())
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
