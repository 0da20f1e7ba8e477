//! JSON bodies: every field checked, every mistake reported at once, in FastAPI's shape.

use crate::domain::patch::Patch;
use crate::domain::validation::{Issue, Parse, Refusal};
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

/// A body's type: reads its fields, noting what is wrong with each.
pub trait FromFields: Sized + 'static {
    /// `None` only if something was noted.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// A JSON body as an argument of a handler. Its content type is not looked at, unknown fields are ignored.
pub struct Body<T>(pub T);

/// The object of a body, and what is wrong with it so far.
pub struct Fields {
    object: Map<String, Value>,
    issues: Vec<Issue>,
}

impl Fields {
    /// A field that must be there.
    pub fn required<T: Parse>(&mut self, name: &str) -> Option<T> {
        match self.object.get(name) {
            None => {
                self.issues.push(missing(name));
                None
            }
            Some(value) => self.checked(name, T::parse(value)),
        }
    }

    /// A field that may be left out or `null`.
    pub fn optional<T: Parse>(&mut self, name: &str) -> Option<T> {
        match self.patch(name) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// A change to a field that `null` clears.
    pub fn patch<T: Parse>(&mut self, name: &str) -> Patch<T> {
        match self.object.get(name) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(value) => self.checked(name, T::parse(value)).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// A change to a field that cannot be cleared.
    pub fn change<T: Parse>(&mut self, name: &str) -> Option<T> {
        let value = self.object.get(name)?;
        self.checked(name, T::parse(value))
    }

    fn checked<T>(&mut self, name: &str, parsed: Result<T, Refusal>) -> Option<T> {
        parsed.map_err(|refusal| self.issues.push(refusal.at("body", name))).ok()
    }
}

/// A change, with the fields beside it that it does not change: who sends back what was read may send them as they are.
pub struct Sent<T> {
    /// What is to be changed.
    pub patch: T,
    sent: Map<String, Value>,
}

impl<T: FromFields> FromFields for Sent<T> {
    fn read(fields: &mut Fields) -> Option<Self> {
        let patch = T::read(fields)?;
        Some(Self { patch, sent: std::mem::take(&mut fields.object) })
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

/// What is wrong where a field that must be there is not.
pub fn missing(name: &str) -> Issue {
    Refusal::new("missing", "Field required").at("body", name)
}

impl<T: FromFields> FromRequest for Body<T> {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload, JSON_BYTES_MAX);
        let kind = content_type(request.headers());
        Box::pin(async move { parse(&bytes.await?, &kind).map(Self) })
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

fn parse<T: FromFields>(bytes: &[u8], kind: &str) -> Result<T> {
    if bytes.is_empty() {
        return Err(whole("missing", "Field required").into());
    }
    // Some editors and shells begin UTF-8 with it.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let object = match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(whole("model_attributes_type", "Input should be a valid dictionary or object").into()),
        Err(error) => {
            let hint = if is_form(bytes, kind) { "Send JSON; this call takes no form. " } else { "" };
            let mut issue = whole("json_invalid", &format!("{hint}JSON decode error: {error}"));
            issue.loc.push(offset(bytes, &error).into());
            return Err(issue.into());
        }
    };
    let mut fields = Fields { object, issues: Vec::new() };
    let read = T::read(&mut fields);
    match read {
        Some(body) if fields.issues.is_empty() => Ok(body),
        _ => Err(Error::Invalid(fields.issues)),
    }
}

/// The byte at which `bytes` stopped being JSON.
fn offset(bytes: &[u8], error: &serde_json::Error) -> usize {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    // A column names the wrong byte, counted from one; at the end of the input, the last one.
    lines.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(usize::from(!error.is_eof()))
}

/// A form's fields as an argument of a handler: in the URL's way, in parts, or as a JSON object of strings.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The first field of each name; a `fixed` one holds this text, or nothing.
    ///
    /// # Errors
    /// `422` naming every one that is missing or holds something else.
    pub fn fields<const N: usize>(&self, names: [&str; N], fixed: (&str, &str)) -> Result<[String; N]> {
        let find = |name: &str| self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let mut issues: Vec<Issue> =
            names.iter().filter(|name| find(name).is_none()).map(|name| missing(name)).collect();
        let (name, text) = fixed;
        if find(name).is_some_and(|value| !value.is_empty() && value != text) {
            let msg = format!("String should match pattern '^{text}$'");
            issues.push(Refusal::new("string_pattern_mismatch", msg).at("body", name));
        }
        if issues.is_empty() {
            Ok(names.map(|name| find(name).unwrap_or_default()))
        } else {
            Err(Error::Invalid(issues))
        }
    }
}

impl FromRequest for Form {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = bytes(request, payload, FORM_BYTES_MAX);
        let headers = request.headers().clone();
        Box::pin(async move {
            let bytes = bytes.await?;
            let kind = content_type(&headers);
            let is_json = kind == "application/json" || bytes.trim_ascii_start().starts_with(b"{");
            Ok(Self(match kind.as_str() {
                MULTIPART => parts(&headers, bytes).await?,
                _ if is_json => parse::<Texts>(&bytes, &kind)?.0,
                _ => url::form_urlencoded::parse(&bytes).into_owned().collect(),
            }))
        })
    }
}

/// The strings of a JSON object.
struct Texts(Vec<(String, String)>);

impl FromFields for Texts {
    fn read(fields: &mut Fields) -> Option<Self> {
        let texts = fields.object.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        Some(Self(texts.collect()))
    }
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
