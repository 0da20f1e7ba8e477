//! JSON bodies: every field checked, every mistake reported at once, in FastAPI's shape.

use crate::domain::fields::{Fields, FromFields};
use crate::domain::validation::{Issue, Parse, Refusal, Step};
use crate::error::{Error, Result};
use crate::patience::timeout;
use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::{TryStreamExt, stream};
use serde_json::{Map, Value};
use std::future::{Future, ready};
use std::pin::Pin;
use std::time::Duration;

/// The most bytes of a JSON body.
pub const JSON_BYTES_MAX: usize = 64 * 1024;
/// The most bytes of a form.
pub const FORM_BYTES_MAX: usize = 8 * 1024;
/// As long as a body may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(8);

/// A JSON body as an argument of a handler. Its content type is not looked at, unknown fields are ignored.
pub struct Body<T>(pub T);

/// A change, with the fields beside it that it does not change: who sends back what was read may send them as they are.
pub struct Sent<T> {
    /// What is to be changed.
    pub patch: T,
    sent: Map<String, Value>,
}

impl<T: FromFields> FromFields for Sent<T> {
    fn read(fields: &mut Fields) -> Option<Self> {
        let patch = T::read(fields)?;
        Some(Self { patch, sent: fields.take() })
    }
}

impl<T> Sent<T> {
    /// Whether a field, if it was sent, says what is so.
    ///
    /// # Errors
    /// `422` where it would change what cannot be changed here; `why` says what can be done.
    pub fn keeps(&self, name: &str, value: impl Into<Value>, why: &str) -> Result<()> {
        let value = value.into();
        let is_kept = match self.sent.get(name) {
            None => true,
            Some(sent) if value.is_i64() => i64::parse(sent).ok() == value.as_i64(),
            Some(sent) => *sent == value,
        };
        if is_kept { Ok(()) } else { Err(Refusal::new("frozen_field", why).at("body", name).into()) }
    }
}

impl<T: FromFields> FromRequest for Body<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload, JSON_BYTES_MAX);
        let kind = content_type(request.headers());
        Box::pin(async move { read(object(&bytes.await?, &kind)?).map(Self) })
    }
}

/// A JSON body whose fields may all be left out, and the body with them.
pub struct BodyOrNothing<T>(pub T);

impl<T: FromFields> FromRequest for BodyOrNothing<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload, JSON_BYTES_MAX);
        let kind = content_type(request.headers());
        Box::pin(async move {
            let bytes = bytes.await?;
            let is_nothing = matches!(bytes.trim_ascii(), b"" | b"null");
            let object = if is_nothing { Map::new() } else { object(&bytes, &kind)? };
            read(object).map(Self)
        })
    }
}

/// What is wrong with a body as a whole.
fn whole(kind: &'static str, msg: &str) -> Issue {
    Issue { loc: vec!["body".into()], msg: msg.into(), kind }
}

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// What a body says that it is, without parameters.
fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// curl says that what it is given with -d is a form, whatever it is.
fn is_form(bytes: &[u8], kind: &str) -> bool {
    [URLENCODED, MULTIPART].contains(&kind) && !bytes.trim_ascii_start().starts_with(b"{")
}

fn read<T: FromFields>(object: Map<String, Value>) -> Result<T> {
    Fields::read(object).map_err(Error::Invalid)
}

fn object(bytes: &[u8], kind: &str) -> Result<Map<String, Value>> {
    if bytes.is_empty() {
        return Err(whole("missing", "Field required").into());
    }
    // Some editors and shells begin UTF-8 with it.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(whole("model_attributes_type", "Input should be a valid dictionary or object").into()),
        Err(error) => {
            let hint = if is_form(bytes, kind) { "Send JSON; this call takes no form. " } else { "" };
            let mut issue = whole("json_invalid", &format!("{hint}JSON decode error: {error}"));
            issue.loc.push(Step::Place(offset(bytes, &error) as u64));
            Err(issue.into())
        }
    }
}

/// The byte at which `bytes` stopped being JSON.
fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    // A column names the wrong byte, counted from one; at the end of the input, the last one.
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(usize::from(!error.is_eof()))
}

/// A form as an argument of a handler: in the URL's way, in parts, or as a JSON object. Only texts count, and what is true or false, of each
/// name the first.
pub struct Form<T>(pub T);

impl<T: FromFields> FromRequest for Form<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload, FORM_BYTES_MAX);
        let headers = request.headers().clone();
        Box::pin(async move {
            let bytes = bytes.await?;
            let kind = content_type(&headers);
            let is_json = kind == "application/json" || bytes.trim_ascii_start().starts_with(b"{");
            let mut texts = match kind.as_str() {
                MULTIPART => first_of_each(parts(&headers, bytes).await?),
                _ if is_json => object(&bytes, &kind)?,
                _ => first_of_each(url::form_urlencoded::parse(&bytes).into_owned()),
            };
            // Who means the cookie and says it wrongly is not given the token in the body instead.
            let is_cookie_wish = |name: &str, value: &Value| name == "cookie" && !value.is_null();
            texts.retain(|name, value| value.is_string() || value.is_boolean() || is_cookie_wish(name, value));
            read(texts).map(Self)
        })
    }
}

fn first_of_each(texts: impl IntoIterator<Item = (String, String)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, text) in texts {
        object.entry(name).or_insert(Value::String(text));
    }
    object
}

/// The texts of a form that comes in parts.
async fn parts(headers: &HeaderMap, bytes: web::Bytes) -> Result<Vec<(String, String)>> {
    let broken = |_| Error::from(whole("value_error", "The body is no form in parts; see RFC 7578"));
    let mut form = Multipart::new(headers, stream::once(ready(Ok(bytes))));
    let mut texts = Vec::new();
    while let Some(mut part) = form.try_next().await.map_err(broken)? {
        let mut value = Vec::new();
        while let Some(piece) = part.try_next().await.map_err(broken)? {
            value.extend_from_slice(&piece);
        }
        if let (Some(name), Ok(value)) = (part.name(), String::from_utf8(value)) {
            texts.push((name.to_owned(), value));
        }
    }
    Ok(texts)
}

fn bytes(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> impl Future<Output = Result<web::Bytes>> + use<> {
    let announced = request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    // The library below tells the two apart no more than this.
    let incomplete = match request.headers().contains_key(header::TRANSFER_ENCODING) {
        true => "The body's chunks are malformed, or it ended too early",
        false => "The body ended too early",
    };
    let bytes = web::Bytes::from_request(request, payload);
    async move {
        if announced.is_some_and(|length: usize| length > limit) {
            return Err(Error::TooLarge(limit));
        }
        let arrived = timeout(ARRIVAL_MAX, bytes).await.ok_or(Error::TooSlow(ARRIVAL_MAX.as_secs()))?;
        let bytes = arrived.map_err(|error| match error.as_error::<PayloadError>() {
            Some(PayloadError::Overflow) => Error::TooLarge(limit),
            _ => whole("body_incomplete", incomplete).into(),
        })?;
        if bytes.len() > limit { Err(Error::TooLarge(limit)) } else { Ok(bytes) }
    }
}
