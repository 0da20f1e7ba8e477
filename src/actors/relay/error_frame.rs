//! The frame that refuses what a client has sent.

use crate::domain::ChannelId;
use crate::domain::frame::Frame;
use crate::error::Error;
use crate::websocket::encode;
use bytes::Bytes;

/// What a refused send was.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// Its nonce, if it had one.
    pub nonce: Option<&'a str>,
    /// Where it went, where that is not clear.
    pub channel_id: Option<ChannelId>,
}

/// The error frame that says what the same error says over HTTP.
pub fn error_frame(error: &Error, about: About<'_>) -> Bytes {
    let issue = match error {
        Error::Invalid(issues) => issues.first(),
        _ => None,
    };
    encode::json(&Frame::Error {
        code: error.code().as_str(),
        detail: issue.map_or_else(|| error.to_string(), |issue| issue.msg.clone()).into(),
        field: issue.and_then(|issue| issue.loc.last()?.name()),
        nonce: about.nonce,
        channel_id: about.channel_id,
        retry_after_ms: error.retry_after_ms(),
    })
}
