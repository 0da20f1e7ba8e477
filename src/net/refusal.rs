//! A refusal as HTTP/1.1, for what never becomes a call: bytes that are no request, and handshakes.

use crate::error::Error;
use actix_web::ResponseError;
use bytes::Bytes;
use std::fmt::Write;

/// The whole answer; the connection closes after it. An answer to `HEAD` has no body.
pub fn refusal(error: &Error, request_id: &str, is_head: bool) -> Bytes {
    let status = error.status_code();
    let body = error.body().to_string();
    let mut text = format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or_default());
    for (name, value) in error.headers() {
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    let _ = write!(
        text,
        "content-type: application/json\r\nx-content-type-options: nosniff\r\ncontent-length: {}\r\nconnection: close\r\nx-request-id: {request_id}\r\n\r\n",
        body.len()
    );
    if !is_head {
        text.push_str(&body);
    }
    Bytes::from(text)
}
