//! From an HTTP upgrade to a session. `actix-http` hands every `Upgrade: websocket` and every CONNECT here, on any path,
//! past the App and its middleware: path, authentication, errors, request id and log line are this file's to do.

use super::handshake::{self, Proof, Route};
use super::session::{Gateway, Peer, Session, SessionParts};
use crate::actors::registry::RegistryHandle;
use crate::actors::relay::{Hears, Kind, RelayPort, Socket};
use crate::auth::token::{Bearer, Tokens};
use crate::domain::epoch::Epoch;
use crate::error::{Error, Result, Unauthorized};
use crate::limits::Limits;
use crate::net::client_address::TrustedProxies;
use crate::net::origin::AllowedOrigins;
use crate::net::{Stream, Wire, refusal};
use crate::store::{Db, ws_tickets};
use crate::telemetry::{LOGGED_PATH_MAX, RequestId, cut};
use crate::websocket;
use actix_codec::Framed;
use actix_http::{Method, Request, h1, header};
use actix_web::ResponseError;
use bytes::{Bytes, BytesMut};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// As long as a refusal may take to be written.
const REFUSAL_MAX: Duration = Duration::from_secs(5);

/// What a worker needs to let sockets in.
pub struct Door {
    /// Checks tokens.
    pub tokens: Arc<Tokens>,
    /// Decides and attaches.
    pub registry: RegistryHandle,
    /// What a gateway's client starts with is read from here.
    pub db: Db,
    /// This worker's relay.
    pub relay: RelayPort,
    /// What is limited by rate.
    pub limits: Arc<Limits>,
    /// Whose `X-Forwarded-For` counts.
    pub proxies: TrustedProxies,
    /// Pages that may open sockets beside the node's own.
    pub origins: AllowedOrigins,
    /// Which logs these are.
    pub epoch: Epoch,
    /// Whether `/ws/echo` exists.
    pub echo: bool,
}

/// Answers an upgrade: with a socket, or with the error that the same request gets over HTTP.
pub async fn upgrade(door: Rc<Door>, request: Request, framed: Framed<Wire, h1::Codec>) {
    // Both 8 KiB buffers of the framing go before the first wait; a socket keeps neither.
    let parts = framed.into_parts();
    let (stream, behind) = parts.io.into_parts();
    let mut early = parts.read_buf;
    early.extend_from_slice(&behind);
    let request_id = RequestId::random();
    let log = Log { path: cut(request.path(), LOGGED_PATH_MAX).to_owned(), request_id: request_id.as_str() };
    let is_head = request.method() == Method::HEAD;
    // Answers to requests that were pipelined before the upgrade may not have been written yet.
    let unwritten = parts.write_buf.freeze();
    let head = request.head();
    let accepted = websocket::handshake::accept(head, handshake::subprotocol(head), request_id.as_str());
    let answer = Bytes::from([&unwritten[..], &accepted].concat());
    // Whoever has gone already is nobody in particular.
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let address = door.proxies.client_of(peer, &request.head().headers);
    let asked = ask(&door, &request, address);
    let text = |name| request.head().headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let page = matches!(asked, Err(Error::Origin(_))).then(|| {
        let [origin, host] = [header::ORIGIN, header::HOST].map(|name| text(name).unwrap_or_default());
        (cut(&origin, LOGGED_PATH_MAX).to_owned(), cut(&host, LOGGED_PATH_MAX).to_owned())
    });
    drop(request);
    let refused = match asked {
        Ok((route, proof)) => match redeemed(&door, proof).await {
            Ok(bearer) => open(&door, route, bearer, stream, answer, early).await,
            Err(error) => Err((error, Some(stream))),
        },
        Err(error) => Err((error, Some(stream))),
    };
    match refused {
        Ok(()) => log.opened(),
        Err((error, stream)) => {
            if door.limits.has_line(address) {
                log.refused(&error, page.as_ref());
            }
            if let Some(stream) = stream {
                let refusal = refusal(&error, request_id.as_str(), is_head);
                refuse(stream, &[&unwritten[..], &refusal].concat()).await;
            }
        }
    }
}

/// A handshake counts as a call, of its user if the token is good.
fn ask(door: &Door, request: &Request, address: IpAddr) -> Result<(Route, Option<Proof>)> {
    let understood = understand(door, request);
    let bearer = understood.as_ref().ok().and_then(|(_, proof)| proof.as_ref()).map(Proof::bearer);
    let refusal = bearer.and_then(|bearer| door.registry.refusal(bearer));
    match bearer.filter(|_| refusal.is_none()) {
        Some(bearer) => door.limits.call(bearer.user_id)?,
        None => door.limits.call_from(address)?,
    };
    let (route, proof) = understood?;
    match refusal {
        // A gateway says so on the socket, where a browser can read it.
        Some(error) if !matches!(route, Route::Gateway) => Err(error),
        _ => Ok((route, proof)),
    }
}

/// What a handshake asks for, and what it shows.
fn understand(door: &Door, request: &Request) -> Result<(Route, Option<Proof>)> {
    let head = request.head();
    let route = handshake::route(head, &door.epoch, door.echo)?;
    websocket::handshake::verify(head).map_err(Error::Upgrade)?;
    handshake::check_origin(head, &door.origins)?;
    let proof = match (&route, handshake::proof(head, &door.tokens)) {
        (Route::Echo, _) | (Route::Gateway, Err(Unauthorized::Missing)) => None,
        (_, proof) => Some(proof?),
    };
    Ok((route, proof))
}

/// Who asks; a ticket is used up.
async fn redeemed(door: &Door, proof: Option<Proof>) -> Result<Option<Bearer>> {
    match proof {
        Some(Proof::Ticket(ticket)) => {
            ws_tickets::redeem(&door.db, &ticket.id).await?;
            Ok(Some(ticket.bearer))
        }
        Some(Proof::Token(bearer)) => Ok(Some(bearer)),
        None => Ok(None),
    }
}

/// Attaches first and answers then: who has seen the `101` misses nothing.
async fn open(
    door: &Rc<Door>,
    route: Route,
    bearer: Option<Bearer>,
    stream: Stream,
    answer: Bytes,
    early: BytesMut,
) -> Result<(), (Error, Option<Stream>)> {
    // Before the registry is asked: what is refused costs nothing more.
    let live = bearer.as_ref().filter(|bearer| door.registry.refusal(bearer).is_none());
    let slot = match live.map(|bearer| door.limits.socket(bearer.user_id)).transpose() {
        Ok(slot) => slot.flatten().map(Rc::new),
        Err(limit) => return Err((Error::TooManySockets(limit), Some(stream))),
    };
    let user = bearer.as_ref().map(|bearer| bearer.user_id);
    let hears = if let Route::Channel(_, _, hears) = &route { *hears } else { Hears::All };
    let socket = Rc::new(Socket::new(stream, answer));
    let kind = if matches!(route, Route::Gateway) { Kind::Gateway } else { Kind::Channel };
    let outbox = door.relay.insert(Rc::clone(&socket), kind, hears);
    let key = outbox.key();
    if let Some(bearer) = &bearer {
        door.relay.identify(key, bearer);
    }
    let (peer, bearer) = match (route, bearer) {
        (Route::Channel(id, start, _), Some(bearer)) => {
            let attached = door.registry.attach(bearer, id, outbox.clone(), start).await;
            match attached.and_then(|attached| attached.take().ok_or(Error::Internal)) {
                Ok(channel) => (Peer::Channel(channel, None), None),
                Err(error) => {
                    door.relay.remove(key);
                    drop(outbox);
                    return Err((error, Rc::into_inner(socket).map(Socket::into_stream)));
                }
            }
        }
        (Route::Gateway, bearer) => {
            door.relay.open(key);
            if bearer.is_none() {
                door.relay.await_identity(key);
            }
            (Peer::Gateway(Gateway::Unknown), bearer)
        }
        (Route::Channel(..) | Route::Echo, _) => {
            door.relay.open(key);
            (Peer::Echo, None)
        }
    };
    Session::launch(
        SessionParts { socket, outbox, door: Rc::clone(door) },
        peer,
        user.map(|user| (user, slot)),
        &early,
        bearer,
    );
    Ok(())
}

async fn refuse(mut stream: Stream, answer: &[u8]) {
    // A peer that does not take its refusal gets none.
    let _ = tokio::time::timeout(REFUSAL_MAX, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    })
    .await;
}

/// One line a handshake. The query, which may hold the token, is in none.
struct Log<'a> {
    path: String,
    request_id: &'a str,
}

impl Log<'_> {
    fn opened(&self) {
        tracing::info!(request_id = self.request_id, path = self.path, status = 101, "socket");
    }

    /// `page` is the `Origin` that may not, and the `Host` that it asked for: for the operator who wonders why.
    fn refused(&self, error: &Error, page: Option<&(String, String)>) {
        let (status, code) = (error.status_code().as_u16(), error.code().as_str());
        let (origin, host) = page.map(|(origin, host)| (origin, host)).unzip();
        tracing::info!(request_id = self.request_id, path = self.path, status, code, origin, host, "socket refused");
    }
}
