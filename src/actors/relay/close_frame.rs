//! The close frame of a socket that the node ends.

use crate::domain::close::{End, Reason, Reconnect};
use crate::websocket::encode;
use bytes::Bytes;

/// Where it tells how long to wait, each socket is told a random time of its own.
pub(super) fn close_frame(end: End) -> Bytes {
    match end.reason {
        Reason::Text(text) => encode::close(end.code, text),
        Reason::Reconnect { within_ms } => {
            let reconnect_after_ms = rand::random_range(0..=within_ms);
            encode::close_json(end.code, &Reconnect { reconnect_after_ms })
        }
    }
}
