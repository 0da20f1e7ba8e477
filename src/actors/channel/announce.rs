//! What a channel tells its sockets, encoded once.

use crate::actors::relay::frame::{self, TextFrame};
use crate::actors::writer::Refused;
use crate::domain::event::Event;
use crate::store::messages::{Draft, Place};
use bytes::Bytes;
use serde_json::json;

/// The frame of a committed message.
pub fn created(draft: &Draft, place: &Place) -> Option<Bytes> {
    let event = Event::MessageCreated {
        id: place.id,
        seq: place.seq,
        content: draft.content(),
        channel_id: place.channel_id,
        author_id: draft.author_id(),
        author_username: draft.author_username(),
        created_at: place.created_at,
        updated_at: place.created_at,
    };
    let mut text = TextFrame::new();
    match serde_json::to_writer(&mut text, &event) {
        Ok(()) => Some(text.finish()),
        Err(error) => {
            tracing::error!(%error, seq = place.seq, "an event could not be encoded");
            None
        }
    }
}

/// The error frame of a send that was not committed.
pub fn refusal(refused: Refused) -> Bytes {
    let body = match refused {
        Refused::Busy => json!({
            "type": "error", "code": "busy", "retry_after_ms": 250,
            "detail": "Too much is waiting to be saved; send it again in a moment",
        }),
        Refused::Unavailable => json!({
            "type": "error", "code": "unavailable", "retry_after_ms": 1_000,
            "detail": "The message was not saved: the storage is away; send it again in a moment",
        }),
        Refused::Unconfirmed => json!({
            "type": "error", "code": "unconfirmed",
            "detail": "The storage went away while the message was being saved. Wait: it will arrive as message.created \
                       if it was saved, and as an unavailable error if not",
        }),
        Refused::Gone => json!({
            "type": "error", "code": "channel_not_found", "detail": "The channel has been deleted",
        }),
        Refused::Invalid => json!({
            "type": "error", "code": "invalid_content", "detail": "The message cannot be stored; change its content",
        }),
    };
    frame::text(body.to_string().as_bytes())
}
