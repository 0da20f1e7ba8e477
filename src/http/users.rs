//! `/users`: profiles.

use super::Node;
use super::body::{Body, Fields, FromFields};
use super::commit::commit;
use super::extract::{Auth, InPath};
use crate::actors::registry::Change;
use crate::domain::UserId;
use crate::domain::user::{NewPassword, Profile, ProfilePatch, PublicProfile};
use crate::error::{Error, ErrorBody, Noun, Result};
use crate::store::users::{self, PasswordChange};
use actix_web::web::{Data, Json};
use utoipa::ToSchema;

/// A change to one's own profile. Fields left out stay as they are, `null` clears one that is optional.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct UpdateMe {
    /// 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64, example = "Mina")]
    display_name: Option<String>,
    /// At most 500 characters.
    #[schema(max_length = 500, example = "Tea, cats, Rust.")]
    bio: Option<String>,
    /// `http` or `https`.
    #[schema(format = "uri", max_length = 2048, example = "https://example.com/mina.png")]
    avatar_url: Option<String>,
    /// 8 characters to 72 bytes; cannot be cleared.
    #[schema(
        format = "password",
        min_length = 8,
        max_length = 72,
        example = "a better horse battery",
        nullable = false
    )]
    password: Option<String>,
}

/// What [`UpdateMe`] is read into.
pub struct Update {
    profile: ProfilePatch,
    password: Option<NewPassword>,
}

impl FromFields for Update {
    fn read(fields: &mut Fields) -> Option<Self> {
        let profile = ProfilePatch {
            display_name: fields.patch("display_name"),
            bio: fields.patch("bio"),
            avatar_url: fields.patch("avatar_url"),
        };
        Some(Self { profile, password: fields.change("password") })
    }
}

/// My profile
#[utoipa::path(
    get, path = "/users/me", tag = "users", security(("login" = [])),
    responses((status = 200, description = "Your own profile", body = Profile)),
)]
pub async fn me(auth: Auth, node: Data<Node>) -> Result<Json<Profile>> {
    let caller = node.registry.caller(auth.0).await?;
    Ok(Json(users::own(&node.db, &caller).await?))
}

/// Change my profile
///
/// A new password ends your open sockets, and voids every token but the one of this call.
#[utoipa::path(
    put, path = "/users/me", tag = "users", security(("login" = [])), request_body = UpdateMe,
    responses((status = 200, description = "Your own profile", body = Profile)),
)]
pub async fn update_me(auth: Auth, node: Data<Node>, Body(update): Body<Update>) -> Result<Json<Profile>> {
    let kept_token = auth.0.token_id.to_string();
    let caller = node.registry.caller(auth.0).await?;
    let db = node.db.clone();
    let Some(password) = &update.password else {
        return Ok(Json(users::update(&db, &caller, &update.profile, None).await?));
    };
    let hashed_password = node.passwords.hash(password).await?;
    let password = PasswordChange { hashed_password, kept_token };
    let change = Change::PasswordChanged(caller.id());
    let work = async move { users::update(&db, &caller, &update.profile, Some(&password)).await };
    Ok(Json(commit(&node, change, work, move |_| (change, None)).await?))
}

/// Somebody's profile
#[utoipa::path(
    get, path = "/users/{user_id}", tag = "users", security(("login" = [])),
    params(("user_id" = i64, Path, description = "Whose")),
    responses(
        (status = 200, description = "What everyone may see", body = PublicProfile),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    ),
)]
pub async fn get(auth: Auth, node: Data<Node>, InPath(id): InPath<UserId>) -> Result<Json<PublicProfile>> {
    let caller = node.registry.caller(auth.0).await?;
    users::public(&node.db, &caller, id).await?.map(Json).ok_or(Error::NotFound(Noun::User))
}
