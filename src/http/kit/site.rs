//! Where a client believes that it is: at which host, and whether by TLS. A proxy in between may know better than the connection.

use crate::error::{Error, Result};
use crate::http::Node;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use std::future::{Ready, ready};

/// What a request says of where it was sent, as an argument of a handler.
pub struct Site {
    /// The host, with its port if that is not the scheme's own; `None` where what was sent is none.
    pub host: Option<String>,
    /// Whether the client comes by TLS: to the node itself, or to a proxy that the operator trusts and that says so.
    pub is_by_tls: bool,
}

impl FromRequest for Site {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Site {
    /// Of a request.
    ///
    /// # Errors
    /// A fault of ours alone.
    pub fn of(request: &HttpRequest) -> Result<Self> {
        let node = request.app_data::<Data<Node>>().ok_or(Error::Internal)?;
        let by_proxy = request.peer_addr().is_some_and(|peer| node.proxies.trust(peer.ip().to_canonical()));
        let forwarded = request.headers().get("x-forwarded-proto").filter(|_| by_proxy);
        let is_https = forwarded.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"));
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        Ok(Self { host: host.filter(|host| is_host(host)).map(str::to_owned), is_by_tls: node.has_tls || is_https })
    }

    /// The scheme of its sockets.
    pub fn socket_scheme(&self) -> &'static str {
        if self.is_by_tls { "wss" } else { "ws" }
    }
}

/// A name or an address, perhaps with a port. It goes into a header and a document: nothing else may be in it.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => {
            let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
            return is_address && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    is_name && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for good in ["chat.example.com", "localhost:8000", "127.0.0.1:1", "[::1]", "[2001:db8::1]:8443", "a_b-c.x"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            ":8000",
            "a b",
            "a;script-src",
            "a,b",
            "a'b",
            "*",
            "*.example.com",
            "mina@evil.example",
            "a/b",
            "a:x",
            "a:",
            "a:65536",
            "a:1:2",
            "[::1",
            "[x]",
            "[::1]x",
            "[::1]:",
            "마당",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
