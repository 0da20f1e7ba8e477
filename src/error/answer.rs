//! How an error is answered over HTTP: its status, its headers, its body.

use super::{Code, Error};
use crate::domain::validation::Issue;
use crate::limits::Quota;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The body of every error but a `422`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong and what to do, for a person.
    #[schema(example = "Channel not found")]
    pub detail: String,
    /// The same for a program; stable. One of `ErrorCode`; each answer lists its own.
    #[schema(example = "channel_not_found")]
    pub code: String,
}

/// Every code that an answer may have. (Not in the body's own schema: there some tools would list all of them for each answer.)
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let mut names: Vec<_> =
            Self::ALL.iter().filter(|code| code.status().is_some()).map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let about = "Every code that an answer may have.";
        ObjectBuilder::new().schema_type(Type::String).description(Some(about)).enum_values(Some(names)).into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// The body of a `422`, as FastAPI's clients know it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationErrorBody {
    /// Everything that is wrong, at once.
    pub detail: Vec<Issue>,
    /// Always `validation_error`.
    #[schema(example = "validation_error")]
    pub code: String,
}

/// The body of a node's that cannot serve now.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotReadyBody {
    /// What is missing, for a person.
    #[schema(example = "Not ready: database")]
    pub detail: String,
    /// Always `not_ready`.
    #[schema(example = "not_ready")]
    pub code: String,
    /// What is missing, each by itself.
    #[schema(example = json!(["database"]))]
    pub missing: Vec<String>,
}

impl Error {
    /// When the same may be asked again.
    pub fn retry_after_ms(&self) -> Option<u32> {
        match self {
            Self::RateLimited(limit) | Self::TooManySockets(limit) => Some(limit.retry_after_ms),
            Self::Busy => Some(250),
            Self::Unavailable | Self::Unconfirmed | Self::InDoubt(_) | Self::NotReady(_) => Some(1_000),
            _ => None,
        }
    }

    /// The body that the client gets.
    pub fn body(&self) -> Value {
        match self {
            Self::Invalid(issues) => json!({ "detail": issues, "code": self.code() }),
            Self::NotReady(missing) => {
                json!({ "detail": self.to_string(), "code": self.code(), "missing": missing })
            }
            other => json!({ "detail": other.to_string(), "code": other.code() }),
        }
    }

    /// The headers that go with the status.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthorized(_) => vec![(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            Self::Method(allowed) => {
                HeaderValue::from_str(allowed).map(|value| (header::ALLOW, value)).into_iter().collect()
            }
            Self::Busy | Self::Unavailable | Self::Unconfirmed | Self::InDoubt(_) | Self::NotReady(_) => {
                vec![(header::RETRY_AFTER, HeaderValue::from_static("1"))]
            }
            Self::RateLimited(limit) | Self::TooManySockets(limit) => {
                let wait_s = HeaderValue::from(limit.retry_after_ms.div_ceil(1_000));
                let quota = limit.quota.iter().flat_map(quota_headers);
                std::iter::once((header::RETRY_AFTER, wait_s)).chain(quota).collect()
            }
            Self::Upgrade(_) => vec![
                (header::UPGRADE, HeaderValue::from_static("websocket")),
                (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            ],
            _ => Vec::new(),
        }
    }
}

/// How a limit stands, for a client that keeps to it.
pub fn quota_headers(quota: &Quota) -> [(HeaderName, HeaderValue); 3] {
    [
        (HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(quota.limit)),
        (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(quota.remaining)),
        (HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(quota.reset_s)),
    ]
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        let status = self.code().status().and_then(|status| StatusCode::from_u16(status).ok());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        for header in self.headers() {
            answer.insert_header(header);
        }
        answer.json(self.body())
    }
}
