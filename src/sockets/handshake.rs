//! What a handshake asks for, and who asks.

use crate::actors::channel::Start;
use crate::actors::relay::Hears;
use crate::auth::token::{Bearer, Ticket, Tokens};
use crate::domain::epoch::Epoch;
use crate::domain::validation::{Refusal, bounded, integer};
use crate::domain::{ChannelId, Seq};
use crate::error::{Error, Noun, Result, Unauthorized};
use crate::net::origin::AllowedOrigins;
use actix_http::header::{self, HeaderMap};
use actix_http::{Method, RequestHead};

/// What a good handshake asks for.
#[derive(Debug)]
pub enum Route {
    /// The socket of a channel, where it starts, and what it hears.
    Channel(ChannelId, Start, Hears),
    /// The socket of as many channels as its client wants.
    Gateway,
    /// Everything comes back as it was sent; for conformance runs.
    Echo,
}

/// Which socket a path names.
///
/// # Errors
/// What the same path would answer over HTTP.
pub fn route(head: &RequestHead, epoch: &Epoch, echo_is_on: bool) -> Result<Route> {
    let path = head.uri.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let id = match path.strip_prefix("/ws/") {
        _ if path == "/gateway" => None,
        Some("echo") if echo_is_on => None,
        Some(id) if !id.is_empty() && !id.contains('/') => Some(channel_id(id)?),
        _ => return Err(Error::NoRoute),
    };
    if head.method != Method::GET {
        return Err(Error::Method("GET".into()));
    }
    Ok(match id {
        Some(id) => Route::Channel(id, start(head, epoch)?, hears(head)?),
        None if path == "/gateway" => Route::Gateway,
        None => Route::Echo,
    })
}

/// `?after=`, and `?epoch=` where that was seen: as in FastAPI, the last of several counts.
fn start(head: &RequestHead, epoch: &Epoch) -> Result<Start> {
    let Some(text) = parameter(head, "after") else { return Ok(Start::Live) };
    let is_of_this_log = epoch.is_known_to(parameter(head, "epoch").as_deref());
    bounded(&text, 0, i64::MAX)
        .map(|after| Start::of(Some(Seq(after)), is_of_this_log))
        .map_err(|refusal| refusal.at("query", "after").into())
}

/// `?events=all`.
fn hears(head: &RequestHead) -> Result<Hears> {
    match parameter(head, "events").as_deref() {
        None => Ok(Hears::Messages),
        Some("all") => Ok(Hears::All),
        Some(_) => Err(Refusal::new("literal_error", "Input should be 'all'").at("query", "events").into()),
    }
}

fn parameter(head: &RequestHead, name: &str) -> Option<String> {
    let query = head.uri.query().unwrap_or_default();
    let named = url::form_urlencoded::parse(query.as_bytes()).filter(|(other, _)| other == name);
    named.last().map(|(_, value)| value.into_owned())
}

fn channel_id(text: &str) -> Result<ChannelId> {
    match integer(text) {
        Ok(Some(id)) => Ok(ChannelId(id)),
        // A whole number that no id can be names nothing.
        Ok(None) => Err(Error::NotFound(Noun::Channel)),
        Err(refusal) => Err(refusal.at("path", "channel_id").into()),
    }
}

/// What shows who asks.
#[derive(Debug)]
pub enum Proof {
    /// A token that is good.
    Token(Bearer),
    /// A ticket that is good if it has not been used.
    Ticket(Ticket),
}

impl Proof {
    /// Whom it shows.
    pub fn bearer(&self) -> &Bearer {
        match self {
            Self::Token(bearer) => bearer,
            Self::Ticket(ticket) => &ticket.bearer,
        }
    }
}

/// Whether the page that asks may; who sends no `Origin` is no browser.
pub fn check_origin(head: &RequestHead, allowed: &AllowedOrigins) -> Result<()> {
    let text = |name| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if head.headers.get_all(header::ORIGIN).count() > 1 {
        return Err(Error::Malformed("Send one `Origin`"));
    }
    match text(header::ORIGIN) {
        Some(origin) => allowed.allow(origin, text(header::HOST)).map_err(Error::Origin),
        None => Ok(()),
    }
}

/// Who asks: `?token=`, `?ticket=`, `Authorization: Bearer`, or the subprotocol pair `bearer, <token>`.
pub fn proof(head: &RequestHead, tokens: &Tokens) -> Result<Proof, Unauthorized> {
    if let Some(token) = header_token(&head.headers).or_else(|| subprotocol_token(&head.headers)) {
        return tokens.check(token).map(Proof::Token);
    }
    let query = head.uri.query().unwrap_or_default();
    let find = |wanted| url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
    match (find("token"), find("ticket")) {
        (Some((_, token)), _) => tokens.check(&token).map(Proof::Token),
        (None, Some((_, ticket))) => tokens.check_ticket(&ticket).map(Proof::Ticket),
        (None, None) => Err(Unauthorized::Missing),
    }
}

fn header_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn subprotocol_token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|line| line.to_str().ok());
    let mut names = lines.flat_map(|line| line.split(',')).map(str::trim);
    (names.next()? == "bearer").then(|| names.next())?
}

/// The subprotocol to choose. A browser closes the socket unless one of its own is; the token is never sent back.
pub fn subprotocol(head: &RequestHead) -> Option<&'static str> {
    subprotocol_token(&head.headers).map(|_| "bearer")
}
