//! `/auth`: accounts are made and tokens are given out.

use crate::actors::registry::Change;
use crate::auth::password::Verdict;
use crate::auth::refresh_token::RefreshToken;
use crate::auth::token::TICKET_LIFE_S;
use crate::domain::auth_session::Subject;
use crate::domain::fields::{body, missing};
use crate::domain::text::{Email, Username};
use crate::domain::user::{NewPassword, Profile};
use crate::domain::validation::{Parse, Refusal, string};
use crate::error::{Error, Noun, Result, Unauthorized};
use crate::http::Node;
use crate::http::api::sessions;
use crate::http::kit::body::{Body, Form};
use crate::http::kit::commit::commit;
use crate::http::kit::cookie::RefreshCookie;
use crate::http::kit::extract::{Auth, Guest, RateLimitHeaders};
use crate::http::kit::shared_limits::Attempt;
use crate::limits::{Account, HashTurn};
use crate::store::auth_sessions::{self, Begun, Refreshed};
use crate::store::users::{self, Credentials};
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// As long as a refresh token that was used gives the same next one again.
const REFRESH_GRACE: Duration = Duration::from_secs(30);

body! {
    /// A new account.
    pub struct Register {
        /// Unicode letters with their marks, digits, `_`, `.` and `-`; unique without regard to case.
        #[schema(value_type = String, min_length = 2, max_length = 32, example = "mina")]
        username: Username = required,
        /// Unique without regard to case.
        #[schema(value_type = String, format = "email", max_length = 254, example = "mina@example.com")]
        email: Email = required,
        /// 8 characters to 72 bytes.
        #[schema(value_type = String, format = "password", min_length = 8, max_length = 72, example = "correct horse battery")]
        password: NewPassword = required,
    }
}

body! {
    /// The login form, as OAuth 2's password grant has it; its other fields are ignored.
    pub struct Login {
        /// In whatever case.
        #[schema(example = "mina")]
        username: String = required,
        /// As it was set.
        #[schema(value_type = String, format = "password", example = "correct horse battery")]
        password: SecretString = required,
        /// `password`, or left out.
        #[schema(value_type = Option<String>, example = "password", default = "password", pattern = "^password$")]
        grant_type: Option<PasswordGrant> = optional,
        /// Whether the refresh token comes in a cookie instead; for pages of the node's own address.
        #[schema(example = false, default = false)]
        cookie: Option<bool> = optional,
    }
}

/// The one kind of grant that there is: `password`, or nothing.
pub struct PasswordGrant;

impl Parse for PasswordGrant {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        match string(value)? {
            "" | "password" => Ok(Self),
            _ => Err(Refusal::new("string_pattern_mismatch", "String should match pattern '^password$'")),
        }
    }
}

body! {
    /// What a refresh token is sent in.
    pub struct Refresh {
        /// From the login, or from the refresh before this one. Left out where the cookie has it.
        #[schema(value_type = Option<String>, format = "password", example = "madang_refresh_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
        refresh_token: Option<SecretString> = optional,
        /// Whether it is in the cookie, and the next one is to be.
        #[schema(example = false, default = false)]
        cookie: Option<bool> = optional,
    }
}

/// An access token, and what to get the next one with.
#[derive(Serialize, ToSchema)]
pub struct Token {
    /// Send it as `Authorization: Bearer …`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// As long as the access token lives, in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
    /// Good for one use. Not there where a cookie has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        value_type = Option<String>, nullable = false,
        example = "madang_refresh_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    )]
    refresh_token: Option<String>,
}

/// A refresh token that goes into a cookie is in no body: no script of the page has it.
fn token(
    node: &Node,
    subject: Subject,
    refresh: &RefreshToken,
    cookie: Option<&RefreshCookie>,
) -> Result<HttpResponse> {
    let token = Token {
        access_token: node.tokens.issue(subject).ok_or(Error::Internal)?,
        token_type: "bearer",
        expires_in: node.tokens.life().as_secs().min(subject.ends_at_s.saturating_sub(node.tokens.now_s())),
        refresh_token: cookie.is_none().then(|| refresh.expose().to_owned()),
    };
    let mut answer = HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(token);
    if let Some(cookie) = cookie {
        cookie.set(&mut answer, refresh, node.refresh_life)?;
    }
    Ok(answer)
}

/// Make an account
#[utoipa::path(
    post, path = "/auth/register", request_body = Register, security(()),
    responses((status = 201, description = "The account's own profile", body = Profile)),
)]
pub async fn register(
    node: Data<Node>,
    Guest(client): Guest,
    told: RateLimitHeaders,
    Body(new): Body<Register>,
) -> Result<HttpResponse> {
    told.quota(node.shared_limits.registration(client.address).await?);
    let turn = Arc::new(node.limits.hash_turn(client.address, Account::named(new.username.as_str()))?);
    let names = [new.username.as_str(), new.email.as_str()];
    node.passwords.judge(&new.password, names, Arc::clone(&turn)).await?;
    let hashed_password = node.passwords.hash(&new.password, turn).await?;
    let profile = users::register(&node.db, &new.username, &new.email, &hashed_password).await?;
    Ok(HttpResponse::Created().json(profile))
}

/// Log in
///
/// It begins a session, which lasts for as long as its refresh token is used in time, a year at most. A user has at most 100
/// sessions: a further login ends the oldest.
///
/// With `"cookie": true`, for pages of the node's own address, the refresh token is not in the answer: it is in a cookie that no script
/// can read, and that the browser sends to `/auth` alone. (Call it without a slash at its end: the cookie's path follows the call's.)
#[utoipa::path(
    post, path = "/auth/login", security(()),
    request_body(content(
        (Login = "application/x-www-form-urlencoded"),
        (Login = "multipart/form-data"),
        (Login = "application/json"),
    )),
    responses((status = 200, description = "A token", body = Token)),
)]
pub async fn login(
    node: Data<Node>,
    Guest(client): Guest,
    cookie: RefreshCookie,
    Form(Login { username, password, grant_type: None | Some(PasswordGrant), cookie: is_by_cookie }): Form<Login>,
) -> Result<HttpResponse> {
    let cookie = chosen(&cookie, is_by_cookie)?;
    let account = Account::named(&username);
    let turn = node.limits.hash_turn(client.address, account)?;
    let attempt = node.shared_limits.login(account, client.address).await?;
    let known = match find(&node, &username).await {
        Ok(known) => known,
        Err(error) => {
            attempt.not_made().await;
            return Err(error);
        }
    };
    let stored = known.as_ref().map(|known| known.hashed_password.clone());
    let verdict = compare(&node, (attempt, turn), password, stored).await?;
    let (Some(known), Verdict::Right { rehashed }) = (known, verdict) else {
        return Err(Unauthorized::Credentials.into());
    };
    if let Some(rehashed) = rehashed
        && let Err(error) = users::rehash(&node.db, &known, &rehashed).await
    {
        tracing::warn!(code = error.code().as_str(), "a password's hash keeps its old cost until the next login");
    }
    let (user_id, password_version, refresh) = (known.user_id, known.password_version, RefreshToken::random());
    let (db, life, stored) = (node.db.clone(), node.refresh_life, refresh.stored());
    let begin = async move {
        let address = client.address.to_string();
        let client = (client.user_agent.as_deref(), Some(&*address));
        auth_sessions::begin(&db, &known, client, (&stored.family, &stored.hash), life).await
    };
    let change = Change::LoggedIn(user_id);
    let Begun { session_id, ends_at_s } = commit(&node, change.clone(), begin, move |_| change).await?;
    token(
        &node,
        Subject { user_id, password_version, session_id, logged_in_at_s: node.tokens.now_s(), ends_at_s },
        &refresh,
        cookie,
    )
}

/// The cookie, where it was asked for by a page that may.
fn chosen(cookie: &RefreshCookie, is_by_cookie: Option<bool>) -> Result<Option<&RefreshCookie>> {
    match is_by_cookie {
        Some(true) => cookie.allow().map(|()| Some(cookie)),
        _ => Ok(None),
    }
}

/// What no account can be called is nobody's, without a look: what the database does with a name grows with its length.
async fn find(node: &Node, username: &str) -> Result<Option<Credentials>> {
    match Username::of_login(username) {
        Some(username) => users::credentials(&node.db, &username).await,
        None => Ok(None),
    }
}

/// Compares a password. Only what was compared and wrong counts as a failed try.
pub async fn compare(
    node: &Node,
    (attempt, turn): (Attempt, HashTurn),
    password: SecretString,
    stored: Option<String>,
) -> Result<Verdict> {
    match node.passwords.verify(password, stored, turn).await {
        Ok(Verdict::Right { rehashed }) => {
            attempt.succeeded().await;
            Ok(Verdict::Right { rehashed })
        }
        Ok(Verdict::Wrong) => Ok(Verdict::Wrong),
        Err(error) => {
            attempt.not_made().await;
            Err(error)
        }
    }
}

/// Get the next access token
///
/// The refresh token is good for one use; the answer has the next one. Where the answer was lost, or two tabs refresh at once, using it
/// again within 30 s gives the same next one. Using one later ends the session: somebody has a copy.
///
/// With `{"cookie": true}` it is read from the cookie, and the next one is put there. A cookie that is refused is taken from the browser.
#[utoipa::path(
    post, path = "/auth/refresh", request_body = Refresh, security(()),
    responses((status = 200, description = "A token", body = Token)),
)]
pub async fn refresh(
    node: Data<Node>,
    _: Guest,
    cookie: RefreshCookie,
    Body(sent): Body<Refresh>,
) -> Result<HttpResponse> {
    let cookie = chosen(&cookie, sent.cookie)?;
    match (cookie, &sent.refresh_token) {
        (Some(_), Some(_)) => {
            let why = Refusal::value("Leave it out, or leave out `cookie`: the cookie has one too");
            Err(why.at("body", "refresh_token").into())
        }
        (Some(cookie), None) => refresh_by_cookie(&node, cookie).await,
        (None, Some(used)) => {
            let (subject, next) = rotate(&node, used).await?;
            token(&node, subject, &next, None)
        }
        (None, None) => Err(missing("refresh_token").into()),
    }
}

async fn refresh_by_cookie(node: &Data<Node>, cookie: &RefreshCookie) -> Result<HttpResponse> {
    let mut refused = None;
    for used in cookie.values() {
        match rotate(node, used).await {
            Ok((subject, next)) => return token(node, subject, &next, Some(cookie)),
            Err(error @ Error::Unauthorized(_)) => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    let mut answer = refused.ok_or(Unauthorized::RefreshMissing)?.error_response();
    cookie.remove(&mut answer)?;
    Ok(answer)
}

/// Uses a refresh token: whose it is, and the next one.
async fn rotate(node: &Data<Node>, used: &SecretString) -> Result<(Subject, RefreshToken)> {
    let used = RefreshToken::read(used.expose_secret()).ok_or(Unauthorized::RefreshInvalid)?;
    let stored = used.stored();
    // The key may have been changed since the last use.
    let next: Vec<RefreshToken> = node.successions.iter().map(|succession| used.next(succession)).collect();
    let hashes: Vec<Vec<u8>> = next.iter().map(|next| next.stored().hash).collect();
    let own = (&*stored.family, &*stored.hash);
    match auth_sessions::refresh(&node.db, own, &hashes, node.refresh_life, REFRESH_GRACE).await? {
        Refreshed::Rotated(subject, hash) => {
            let given = next.into_iter().zip(&hashes).find(|(_, of)| **of == hash).map(|(next, _)| next);
            Ok((subject, given.ok_or(Error::Internal)?))
        }
        Refreshed::Reused { user_id, session_id } => {
            tracing::warn!(%user_id, %session_id, "a refresh token was used again; its session is ended");
            let (db, change) = (node.db.clone(), Change::Sessions(user_id));
            let end = async move { auth_sessions::end_reused(&db, user_id, session_id).await };
            commit(node, change.clone(), end, move |()| change).await?;
            Err(Unauthorized::RefreshReused.into())
        }
    }
}

/// Log out
///
/// Ends the session of this token: its tokens are void and its sockets close. A cookie with its refresh token is taken from the browser.
#[utoipa::path(
    post, path = "/auth/logout",
    responses((status = 204, description = "It has ended")),
)]
pub async fn logout(auth: Auth, node: Data<Node>, cookie: RefreshCookie) -> Result<HttpResponse> {
    let session = auth.0.session_id;
    let caller = node.registry.caller(auth.0).await?;
    let session = session.ok_or(Error::NotFound(Noun::AuthSession))?;
    let family = sessions::end(&node, caller, session).await?;
    let mut answer = HttpResponse::NoContent().finish();
    // One of another login stays: somebody has tried a call of `/docs` beside the chat, say.
    let mut in_cookie = cookie.values().iter().filter_map(|token| RefreshToken::read(token.expose_secret()));
    if in_cookie.any(|token| token.stored().family == family) {
        cookie.remove(&mut answer)?;
    }
    Ok(answer)
}

/// What opens one socket.
#[derive(Serialize, ToSchema)]
pub struct WsTicket {
    /// Goes into a socket's URL as `?ticket=`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJtYWRhbmcgc29ja2V0cyJ9.c2lnbmF0dXJl")]
    ticket: String,
    /// As long as it waits to be used, in seconds.
    #[schema(example = 30)]
    expires_in: u64,
}

/// Get a ticket for a socket
///
/// It opens one socket, within 30 seconds, in place of the token: what stands in a URL may end up in the log of a proxy.
#[utoipa::path(
    post, path = "/auth/ws-ticket",
    responses((status = 200, description = "The ticket", body = WsTicket)),
)]
pub async fn ws_ticket(auth: Auth, node: Data<Node>) -> Result<HttpResponse> {
    let ticket = node.tokens.issue_ticket(&auth.0).ok_or(Error::Internal)?;
    node.registry.caller(auth.0).await?;
    let ticket = WsTicket { ticket, expires_in: TICKET_LIFE_S };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(ticket))
}
