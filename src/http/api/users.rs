//! `/users`: profiles.

use crate::actors::registry::Change;
use crate::auth::password::Verdict;
use crate::domain::access::Caller;
use crate::domain::auth_session::FRESH_S;
use crate::domain::fields::body;
use crate::domain::patch::Patch;
use crate::domain::text::{Bio, DisplayName, Email, WebUrl};
use crate::domain::user::{CurrentPassword, NewPassword, Profile, ProfilePatch, PublicProfile, UserIds};
use crate::domain::{ServerId, UserId};
use crate::error::{Conflict, Error, Noun, Result};
use crate::http::Node;
use crate::http::api::auth;
use crate::http::kit::body::{Body, Sent};
use crate::http::kit::commit::commit;
use crate::http::kit::extract::{Auth, Client, InPath, RateLimitHeaders};
use crate::limits::Account;
use crate::store::message_revisions;
use crate::store::users::{self, PasswordChange};
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, rt};
use std::sync::Arc;

body! {
    /// A change to one's own profile. Fields left out stay as they are, `null` clears one that is optional.
    pub struct UpdateMe {
        /// 1 to 64 characters.
        #[schema(value_type = Option<String>, min_length = 1, max_length = 64, example = "Mina")]
        display_name: Patch<DisplayName> = patch,
        /// At most 500 characters.
        #[schema(value_type = Option<String>, max_length = 500, example = "Tea, cats, Rust.")]
        bio: Patch<Bio> = patch,
        /// `http` or `https`.
        #[schema(value_type = Option<String>, format = "uri", max_length = 2048, example = "https://example.com/mina.png")]
        avatar_url: Patch<WebUrl> = patch,
        /// Another address; cannot be cleared.
        #[schema(value_type = Option<String>, format = "email", max_length = 254, example = "mina@example.org", nullable = false)]
        email: Option<Email> = change,
        /// 8 characters to 72 bytes; cannot be cleared.
        #[schema(
            value_type = Option<String>, format = "password", min_length = 8, max_length = 72,
            example = "your next password", nullable = false,
        )]
        password: Option<NewPassword> = change,
        /// Wanted with `password` and `email` where the login is older than 5 minutes.
        #[schema(value_type = Option<String>, format = "password", example = "your password", nullable = false)]
        current_password: Option<CurrentPassword> = change,
    }
}

body! {
    /// Users that are looked up.
    pub struct LookUpUsers {
        /// 1 to 100 ids; one that is there several times counts once.
        #[schema(value_type = Vec<i64>, min_items = 1, example = json!([1, 2]))]
        ids: UserIds = required,
    }
}

body! {
    /// What shows that it is really oneself.
    pub struct DeleteMe {
        /// The current password.
        #[schema(value_type = String, format = "password", example = "your password")]
        password: CurrentPassword = required,
    }
}

/// My profile
#[utoipa::path(
    get, path = "/users/me", operation_id = "get_me",
    responses((status = 200, description = "Your own profile", body = Profile)),
)]
pub async fn me(auth: Auth, node: Data<Node>) -> Result<Json<Profile>> {
    let caller = node.registry.caller(auth.0).await?;
    Ok(Json(users::own(&node.db, &caller).await?))
}

/// Change my profile
///
/// A new password ends your other sessions and your open sockets, and voids every token but the one of this call. It and a new
/// address want `current_password`, unless the login is younger than 5 minutes.
#[utoipa::path(
    put, path = "/users/me", operation_id = "update_me",
    request_body(content = UpdateMe, example = json!({ "display_name": "Mina", "bio": "Tea, cats, Rust." })),
    responses((status = 200, description = "Your own profile", body = Profile)),
)]
pub async fn update_me(
    auth: Auth,
    node: Data<Node>,
    client: Client,
    told: RateLimitHeaders,
    Body(sent): Body<Sent<UpdateMe>>,
) -> Result<Json<Profile>> {
    let kept_token = auth.0.token_id.to_string();
    let is_fresh = auth.0.logged_in_at_s + FRESH_S > node.tokens.now_s();
    let caller = node.registry.caller(auth.0).await?;
    sent.keeps("id", caller.id().0, "An id cannot be changed")?;
    sent.keeps("username", &**caller.username(), "A username cannot be changed")?;
    let UpdateMe { display_name, bio, avatar_url, email, password, current_password } = sent.patch;
    let mut profile = ProfilePatch { display_name, bio, avatar_url, email };
    let now = users::own(&node.db, &caller).await?;
    profile.email.take_if(|email| email.as_str() == now.email);
    let is_shown = profile.is_shown(&now);
    if !is_shown && profile.email.is_none() && password.is_none() {
        // Sent back as it was read: nothing changes, and nothing has to be shown for it.
        return Ok(Json(now));
    }
    if password.is_some() || profile.email.is_some() {
        match current_password {
            Some(current) => compare(&node, &client, &caller, current).await?,
            None if is_fresh => {}
            None => return Err(Conflict::PasswordRequired.into()),
        }
    }
    if is_shown {
        told.quota(node.shared_limits.profile_change(caller.id()).await?);
    }
    if profile.email.is_some() {
        told.quota(node.shared_limits.email_change(caller.id(), client.address).await?);
    }
    // Somebody else's change may come between: what is written is told.
    let is_told = profile.says_what_is_shown();
    let (db, user) = (node.db.clone(), caller.id());
    let Some(password) = &password else {
        let work = async move { users::update(&db, &caller, &profile, None).await };
        let change = Change::Profile(user);
        let changed = if is_told { commit(&node, change.clone(), work, move |_| change).await } else { work.await };
        return Ok(Json(changed?));
    };
    let turn = Arc::new(node.limits.hash_turn(client.address, Account::named(caller.username()))?);
    node.passwords.judge(password, [&**caller.username()], Arc::clone(&turn)).await?;
    let hashed_password = node.passwords.hash(password, turn).await?;
    let password = PasswordChange { hashed_password, kept_token };
    let change = if is_told { Change::PasswordAndProfile(user) } else { Change::Password(user) };
    let work = async move { users::update(&db, &caller, &profile, Some(&password)).await };
    Ok(Json(commit(&node, change.clone(), work, move |_| change).await?))
}

/// Look users up
///
/// Up to 100 at once. Who does not exist is left out.
#[utoipa::path(
    post, path = "/users/lookup", operation_id = "look_up_users",
    request_body(content = LookUpUsers, example = json!({ "ids": [1, 2] })),
    responses((status = 200, description = "What everyone may see of each, in the order of `ids`", body = Vec<PublicProfile>)),
)]
pub async fn look_up(
    auth: Auth,
    node: Data<Node>,
    Body(LookUpUsers { ids }): Body<LookUpUsers>,
) -> Result<Json<Vec<PublicProfile>>> {
    let caller = node.registry.caller(auth.0).await?;
    Ok(Json(users::look_up(&node.db, &caller, &ids).await?))
}

/// Delete my account
///
/// The profile is erased and its name and address are free again; messages stay, by `deleted user`. Sessions end and sockets
/// close. There is no way back.
#[utoipa::path(
    delete, path = "/users/me", operation_id = "delete_me",
    request_body(content = DeleteMe, example = json!({ "password": "your password" })),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete_me(
    auth: Auth,
    node: Data<Node>,
    client: Client,
    Body(sent): Body<DeleteMe>,
) -> Result<HttpResponse> {
    let (caller, servers) = node.registry.memberships(auth.0).await?;
    compare(&node, &client, &caller, sent.password).await?;
    let (db, user) = (node.db.clone(), caller.id());
    let work = async move { users::delete(&db, &caller).await };
    let made = move |left: &Arc<[ServerId]>| Change::AccountDeleted(user, Arc::clone(left));
    commit(&node, Change::AccountDeleted(user, servers), work, made).await?;
    rt::spawn(message_revisions::erase_of(node.db.clone(), user));
    Ok(HttpResponse::NoContent().finish())
}

/// Whether this is the caller's password.
async fn compare(node: &Node, client: &Client, caller: &Caller, password: CurrentPassword) -> Result<()> {
    let account = Account::named(caller.username());
    let turn = node.limits.hash_turn(client.address, account)?;
    let attempt = node.shared_limits.login(account, client.address).await?;
    let known = match users::own_credentials(&node.db, caller).await {
        Ok(known) => known,
        Err(error) => {
            attempt.not_made().await;
            return Err(error);
        }
    };
    match auth::compare(node, (attempt, turn), password.0, Some(known.hashed_password)).await? {
        Verdict::Right { .. } => Ok(()),
        Verdict::Wrong => Err(Conflict::WrongPassword.into()),
    }
}

/// Somebody's profile
#[utoipa::path(
    get, path = "/users/{user_id}", operation_id = "get_user",
    responses((status = 200, description = "What everyone may see", body = PublicProfile)),
)]
pub async fn get(auth: Auth, node: Data<Node>, InPath(id): InPath<UserId>) -> Result<Json<PublicProfile>> {
    let caller = node.registry.caller(auth.0).await?;
    users::public(&node.db, &caller, id).await?.map(Json).ok_or(Error::NotFound(Noun::User))
}
