//! Arguments of handlers: the caller's token, ids in the path.

use crate::auth::token::Bearer;
use crate::domain::Id;
use crate::domain::auth_session::USER_AGENT_MAX;
use crate::domain::emoji::Emoji;
use crate::domain::validation::integer;
use crate::error::{Error, Result, Unauthorized};
use crate::http::Node;
use crate::limits::{Limits, Quota, TooMany};
use crate::net::Exchange;
use crate::net::unread::Reader;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::rc::Rc;

/// A good token. Put first among a handler's arguments: who is unknown learns nothing else.
pub struct Auth(pub Bearer);

impl FromRequest for Auth {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(bearer(request))
    }
}

/// A void token spends nothing of its user's: whoever has been logged out cannot keep the user out. No token, a bad one and a void one
/// are calls of their address.
fn bearer(request: &HttpRequest) -> Result<Auth> {
    let known = signed(request).and_then(|bearer| match node(request)?.registry.refusal(&bearer) {
        None => Ok(bearer),
        Some(error) => Err(error),
    });
    match known {
        Ok(bearer) => {
            within(request, |limits| limits.call(bearer.user_id))?;
            request.extensions_mut().insert(Reader::User(bearer.user_id));
            if let Some(exchange) = request.conn_data::<Rc<Exchange>>() {
                exchange.known();
            }
            Ok(Auth(bearer))
        }
        Err(error) => {
            let client = Client::of(request)?;
            within(request, |limits| limits.call_from(client.address))?;
            Err(error)
        }
    }
}

/// Counts a call; how its limit stands goes out with the answer.
fn within(request: &HttpRequest, take: impl FnOnce(&Limits) -> Result<Option<Quota>, TooMany>) -> Result<()> {
    tell(request, take(&node(request)?.limits)?);
    Ok(())
}

/// Of all limits that a call is counted for, the one that is reached first goes out with its answer: who waits when nothing of it
/// remains is not refused by another.
fn tell(request: &HttpRequest, quota: Option<Quota>) {
    if let Some(quota) = quota {
        let told = request.extensions().get::<Quota>().map_or(quota, |told| quota.tightest(*told));
        request.extensions_mut().insert(told);
    }
}

/// Somebody who need not be known: the calls of an address are counted together.
pub struct Guest(pub Client);

impl FromRequest for Guest {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Client::of(request).and_then(|client| {
            within(request, |limits| limits.call_from(client.address))?;
            Ok(Self(client))
        }))
    }
}

/// What an answer says of a limit of its own, where that is tighter than the one of calls.
pub struct RateLimitHeaders(HttpRequest);

impl RateLimitHeaders {
    /// How the limit stands.
    pub fn quota(&self, quota: Option<Quota>) {
        tell(&self.0, quota);
    }
}

impl FromRequest for RateLimitHeaders {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}

fn node(request: &HttpRequest) -> Result<&web::Data<Node>> {
    request.app_data::<web::Data<Node>>().ok_or(Error::Internal)
}

fn signed(request: &HttpRequest) -> Result<Bearer> {
    let header = request.headers().get(header::AUTHORIZATION).ok_or(Unauthorized::Missing)?;
    let (scheme, token) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(Unauthorized::Invalid)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Unauthorized::Missing.into());
    }
    Ok(node(request)?.tokens.check(token.trim())?)
}

/// The client as it shows itself.
pub struct Client {
    /// Where it is.
    pub address: IpAddr,
    /// What it calls itself, cut to a length that is worth keeping.
    pub user_agent: Option<String>,
}

impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Client {
    fn of(request: &HttpRequest) -> Result<Self> {
        let peer = request.peer_addr().ok_or(Error::Internal)?.ip();
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            address: node(request)?.proxies.client_of(peer, request.headers()),
            user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_MAX).collect()),
        })
    }
}

/// An id in the path.
pub struct InPath<T>(pub T);

/// An emoji in the path, percent-encoded.
pub struct EmojiInPath(pub Emoji);

impl EmojiInPath {
    /// What a path calls it.
    pub const PARAMETER: &str = "emoji";
}

impl FromRequest for EmojiInPath {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get(Self::PARAMETER).unwrap_or_default();
        ready(Emoji::try_from(text).map(Self).map_err(|refusal| refusal.at("path", Self::PARAMETER).into()))
    }
}

impl<T: Id> FromRequest for InPath<T> {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get(T::PARAMETER).unwrap_or_default();
        ready(match integer(text) {
            Ok(Some(id)) => Ok(Self(T::new(id))),
            // A whole number that no id can be names nothing.
            Ok(None) => Err(Error::NotFound(T::NOUN)),
            Err(refusal) => Err(refusal.at("path", T::PARAMETER).into()),
        })
    }
}
