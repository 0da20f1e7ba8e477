//! The opening handshake (RFC 6455, section 4.2): whether it is in order, and the answer that opens the socket.

use actix_http::RequestHead;
use actix_http::header;
use actix_http::ws::hash_key;
use bytes::Bytes;
use std::fmt::Write;

/// Whether the handshake itself is in order.
///
/// # Errors
/// What the client should send.
pub fn verify(head: &RequestHead) -> Result<(), &'static str> {
    let mut upgrades = head.headers.get_all(header::UPGRADE).filter_map(|value| value.to_str().ok());
    let is = |name, what: fn(&[u8]) -> bool| head.headers.get(name).is_some_and(|value| what(value.as_bytes()));
    if !head.upgrade() || !upgrades.any(|value| value.to_ascii_lowercase().contains("websocket")) {
        return Err("send `Connection: Upgrade` and `Upgrade: websocket`");
    }
    if !is(header::SEC_WEBSOCKET_VERSION, |value| value == b"13") {
        return Err("version 13 is spoken here (`Sec-WebSocket-Version: 13`)");
    }
    if !is(header::SEC_WEBSOCKET_KEY, is_key) {
        return Err("`Sec-WebSocket-Key` must be 16 bytes in base64");
    }
    Ok(())
}

/// 16 bytes in base64.
fn is_key(text: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() == 24 && text.strip_suffix(b"==").is_some_and(|digits| digits.iter().all(is_digit))
}

/// The `101` that opens the socket, with the subprotocol that was chosen.
pub fn accept(head: &RequestHead, subprotocol: Option<&str>, request_id: &str) -> Bytes {
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY).map_or(&b""[..], |key| key.as_bytes());
    let accept = hash_key(key);
    let mut text = String::from("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n");
    let _ = write!(text, "sec-websocket-accept: {}\r\n", String::from_utf8_lossy(&accept));
    if let Some(subprotocol) = subprotocol {
        let _ = write!(text, "sec-websocket-protocol: {subprotocol}\r\n");
    }
    let _ = write!(text, "x-request-id: {request_id}\r\n\r\n");
    Bytes::from(text)
}
