//! Somebody who sends without a nonce, one message at a time, and never again: what it was told of each has to be true for ever.

use super::door::{Door, Socket};
use super::history::{Fate, Heard, LogEntry, Skeptic};
use super::lines::{Phase, Ticket};
use super::wire;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

const PAUSE: Duration = Duration::from_millis(15);
/// Nothing takes that long: what has no outcome by then has none.
const PATIENCE: Duration = Duration::from_secs(180);

/// Sends until the load is over; the last one's outcome is waited for.
pub async fn doubt(mut skeptic: Skeptic, ticket: Ticket, mut phase: watch::Receiver<Phase>) -> Skeptic {
    let mut socket = None;
    while *phase.borrow_and_update() == Phase::Load {
        sleep(PAUSE).await;
        let Some(mut open) = (match socket.take() {
            Some(open) => Some(open),
            None => Door::Channel.open(&ticket, None).await.ok(),
        }) else {
            continue;
        };
        let content = format!("{} {}", skeptic.name, skeptic.fates.len());
        let fate = match open.send(Message::text(json!({ "content": content }).to_string())).await {
            Ok(()) => outcome(&mut open, &content).await,
            Err(_) => Fate::Unknown,
        };
        skeptic.fates.push((content, fate));
        if fate != Fate::Unknown {
            socket = Some(open);
        }
    }
    skeptic
}

/// Only one is on its way, so every error is about it.
async fn outcome(socket: &mut Socket, content: &str) -> Fate {
    let heard = async {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            match wire::hear(&text) {
                Heard::Entry(LogEntry::Created(event)) if event.content == content => return Fate::Saved,
                // Its outcome follows.
                Heard::Error { code, .. } if code == "unconfirmed" => {}
                Heard::Error { .. } => return Fate::Refused,
                _ => {}
            }
        }
        Fate::Unknown
    };
    timeout(PATIENCE, heard).await.unwrap_or(Fate::Unknown)
}
