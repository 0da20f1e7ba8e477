//! How a node has ended a socket, and when its client comes back.

use serde::Deserialize;
use std::ops::Range;
use std::time::Duration;

/// A wait that the node does not say.
const PAUSE_MS: Range<u64> = 20..200;
/// A node that wants more than this is not believed.
const TOLD_MAX: Duration = Duration::from_secs(10);
/// What a close frame without a code stands for (RFC 6455, section 7.1.5).
const NO_CODE: u16 = 1005;

/// What a close frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    /// As long as its client is to wait, where the node says so.
    pub reconnect_after: Option<Duration>,
}

/// The reason of a close frame that is JSON.
#[derive(Deserialize)]
struct Reason {
    reconnect_after_ms: u64,
}

impl Close {
    /// Reads the payload of a close frame.
    pub fn read(payload: &[u8]) -> Self {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return Self { code: NO_CODE, reconnect_after: None };
        };
        let told = serde_json::from_slice::<Reason>(reason).ok();
        let reconnect_after = told.map(|told| Duration::from_millis(told.reconnect_after_ms).min(TOLD_MAX));
        Self { code: u16::from_be_bytes(*code), reconnect_after }
    }
}

/// Waits as long as the node wants, or else a short random time.
pub async fn pause(told: Option<Duration>) {
    let wait = told.unwrap_or_else(|| Duration::from_millis(rand::random_range(PAUSE_MS)));
    tokio::time::sleep(wait).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_where_the_reason_has_one() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (payload, code, reconnect_after) in [
            (&b"\x03\xf4{\"reconnect_after_ms\":731}"[..], 1012, ms(731)),
            (b"\x03\xf4{\"reconnect_after_ms\": 0, \"more\": [1]}", 1012, ms(0)),
            (b"\x03\xf4{\"reconnect_after_ms\":86400000}", 1012, Some(TOLD_MAX)),
            (b"\x03\xf4{\"reconnect_after_ms\":-1}", 1012, None),
            (b"\x03\xf4the node restarts", 1012, None),
            (b"\x11\x4e", 4430, None),
            (b"", NO_CODE, None),
        ] {
            assert_eq!(Close::read(payload), Close { code, reconnect_after }, "{payload:?}");
        }
    }
}
