//! `/auth`: accounts are made and tokens are given out.

use super::Node;
use super::body::{Body, Fields, Form, FromFields};
use crate::auth::password::Verdict;
use crate::domain::text::{Email, Username};
use crate::domain::user::{NewPassword, Profile};
use crate::error::{Error, ErrorBody, Result, Unauthorized};
use crate::store::users;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

/// A new account.
#[derive(ToSchema)]
pub struct Register {
    /// Unicode letters, digits, `_`, `.` and `-`; unique without regard to case.
    #[schema(value_type = String, min_length = 2, max_length = 32, example = "mina")]
    username: Username,
    /// Unique without regard to case.
    #[schema(value_type = String, format = "email", max_length = 254, example = "mina@example.com")]
    email: Email,
    /// 8 characters to 72 bytes.
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 72, example = "correct horse battery")]
    password: NewPassword,
}

impl FromFields for Register {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (username, email, password) =
            (fields.required("username"), fields.required("email"), fields.required("password"));
        Some(Self { username: username?, email: email?, password: password? })
    }
}

/// The login form, as OAuth 2's password grant has it; its other fields are ignored.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct Login {
    /// In whatever case.
    #[schema(example = "mina")]
    username: String,
    /// As it was set.
    #[schema(format = "password", example = "correct horse battery")]
    password: String,
    /// `password`, or left out.
    #[schema(example = "password")]
    grant_type: Option<String>,
}

/// An access token.
#[derive(Serialize, ToSchema)]
pub struct Token {
    /// Send it as `Authorization: Bearer …`.
    #[schema(example = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")]
    access_token: String,
    /// Always `bearer`.
    #[schema(example = "bearer")]
    token_type: &'static str,
    /// As long as it lives, in seconds.
    #[schema(example = 1800)]
    expires_in: u64,
}

/// Make an account
#[utoipa::path(
    post, path = "/auth/register", tag = "auth", request_body = Register,
    responses(
        (status = 201, description = "The account's own profile", body = Profile),
        (status = 400, description = "`username_taken` or `email_taken`", body = ErrorBody),
    ),
)]
pub async fn register(node: web::Data<Node>, Body(new): Body<Register>) -> Result<HttpResponse> {
    let hashed_password = node.passwords.hash(&new.password).await?;
    let profile = users::register(&node.db, &new.username, &new.email, &hashed_password).await?;
    Ok(HttpResponse::Created().json(profile))
}

/// Log in
#[utoipa::path(
    post, path = "/auth/login", tag = "auth",
    request_body(content = Login, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token", body = Token),
        (status = 401, description = "`invalid_credentials`, whether the name or the password is wrong", body = ErrorBody),
    ),
)]
pub async fn login(node: web::Data<Node>, form: Form) -> Result<HttpResponse> {
    let [username, password] = form.fields(["username", "password"])?;
    let known = users::credentials(&node.db, &username).await?;
    let stored = known.as_ref().map(|known| known.hashed_password.clone());
    let verdict = node.passwords.verify(password.into(), stored).await?;
    let (Some(known), Verdict::Right { rehashed }) = (known, verdict) else {
        return Err(Unauthorized::Credentials.into());
    };
    if let Some(rehashed) = rehashed
        && let Err(error) = users::rehash(&node.db, &known, &rehashed).await
    {
        tracing::warn!(code = error.code(), "a password's hash keeps its old cost until the next login");
    }
    let token = Token {
        access_token: node.tokens.issue(known.user_id, known.password_version).ok_or(Error::Internal)?,
        token_type: "bearer",
        expires_in: node.tokens.life().as_secs(),
    };
    Ok(HttpResponse::Ok().insert_header(("cache-control", "no-store")).json(token))
}
