//! Somebody who comes late, again and again: reads what was said lately, hears a little more, and leaves. What was edited or deleted
//! before it came, it is told as it has been since.

use super::api::Api;
use super::dice::Dice;
use super::door::Door;
use super::history::{Connection, Heard, Hears, Witness};
use super::lines::{Phase, Ticket};
use super::moment;
use super::wire;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::Message;

/// So far back it reads, at most.
const BACK_MAX: u64 = 240;
const PAUSE_MAX_MS: u64 = 120;
/// So long it hears more.
const STAY_MAX_MS: u64 = 60;
/// Whatever has not come by then is not waited for.
const REPLAY_MAX: Duration = Duration::from_secs(5);
const HTTP_ONE_IN: u64 = 4;

/// Comes and goes until the load is over; each time as somebody who has never been there.
pub async fn look_in(ticket: Ticket, mut dice: Dice, phase: watch::Receiver<Phase>) -> Vec<Witness> {
    let mut visits = Vec::new();
    while *phase.borrow() == Phase::Load {
        sleep(Duration::from_millis(dice.between(0..=PAUSE_MAX_MS))).await;
        let Ticket { api, token, channel } = &ticket;
        let Some((_, end)) = api.glance(token, *channel, i64::MAX).await else { continue };
        let after = end.saturating_sub_unsigned(dice.between(0..=BACK_MAX)).max(0);
        let connection = match dice.one_in(HTTP_ONE_IN) {
            true => read(api, token, *channel, after).await,
            false => hear(&ticket, after, &mut dice).await,
        };
        visits.extend(connection.map(|connection| Witness {
            name: format!("latecomer {}", visits.len() + 1),
            author: 0,
            channel: *channel,
            sent: Vec::new(),
            requests: Vec::new(),
            connections: vec![connection],
            posted: Vec::new(),
            rejections: Vec::new(),
        }));
    }
    visits
}

async fn read(api: &Api, token: &str, channel: i64, after: i64) -> Option<Connection> {
    let began = moment::next();
    let (entries, _) = api.glance(token, channel, after).await?;
    let heard = entries.into_iter().map(Heard::Entry).collect();
    Some(Connection { hears: Hears::All, began, after, heard, sent: Vec::new() })
}

async fn hear(ticket: &Ticket, after: i64, dice: &mut Dice) -> Option<Connection> {
    let door = *dice.pick(&[Door::Log, Door::Gateway, Door::Channel]);
    let began = moment::next();
    let mut socket = door.open(ticket, Some(after)).await.ok()?;
    let mut until = Instant::now() + REPLAY_MAX;
    let mut heard = Vec::new();
    while let Ok(Some(Ok(message))) = timeout_at(until, socket.next()).await {
        let Message::Text(text) = message else { continue };
        heard.push(wire::hear(&text));
        if matches!(heard.last(), Some(Heard::ReplayDone(_))) {
            until = Instant::now() + Duration::from_millis(dice.between(0..=STAY_MAX_MS));
        }
    }
    Some(Connection { hears: door.hears(), began, after, heard, sent: Vec::new() })
}
