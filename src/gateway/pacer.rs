//! Sends over the rate of messages: they wait with their session, and are let in one by one, in the order in which they came.
//!
//! Bounds: [`PACED_MAX`] sends or [`PACED_BYTES_MAX`] of content. Where as many wait, no more is read from the socket, and
//! TCP holds its client back. What waits when the socket ends has not been saved.

use super::session::{Peer, Session};
use crate::actors::relay::frame::encode;
use crate::domain::ChannelId;
use crate::domain::frame::Frame;
use crate::domain::message::NewMessage;
use crate::rate_limit::{MESSAGES, TooMany};
use actix::{AsyncContext, Context, SpawnHandle};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most sends of a socket that wait for the rate.
pub const PACED_MAX: usize = 64;
/// The most bytes of their content, and one content more.
pub const PACED_BYTES_MAX: usize = 64 * 1024;

struct Waiting {
    channel_id: ChannelId,
    message: NewMessage,
    /// When its channel takes it at the earliest.
    due: Instant,
}

/// See the module.
#[derive(Default)]
pub struct Pacer {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// When the next one may be let in.
    timer: Option<(Instant, SpawnHandle)>,
}

impl Pacer {
    fn is_full(&self) -> bool {
        self.waiting.len() >= PACED_MAX || self.bytes >= PACED_BYTES_MAX
    }

    /// When the last one that waits for a channel is due, if any does.
    fn last_due(&self, channel_id: ChannelId) -> Option<Instant> {
        self.waiting.iter().rev().find(|waiting| waiting.channel_id == channel_id).map(|waiting| waiting.due)
    }
}

impl Session {
    /// Whether nothing more is read for now, since too many sends wait for the rate.
    pub(super) fn is_held_back(&self) -> bool {
        self.pacer.as_ref().is_some_and(|pacer| pacer.is_full())
    }

    /// Lets a send in, or keeps it until the rate allows it.
    pub(super) fn admit(&mut self, channel_id: ChannelId, message: NewMessage, ctx: &mut Context<Self>) {
        let due = match self.pacer.as_ref().and_then(|pacer| pacer.last_due(channel_id)) {
            Some(last) => last.max(Instant::now()) + MESSAGES.refill,
            None => match self.count_message(channel_id, &message) {
                Ok(()) => return self.hand_on(channel_id, message),
                Err(limit) => {
                    let due = Instant::now() + wait(limit);
                    self.let_in_at(due, ctx);
                    due
                }
            },
        };
        let delay = due.saturating_duration_since(Instant::now());
        let nonce = message.nonce.as_ref().map(|nonce| nonce.as_str());
        let delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
        self.socket.send(encode(&Frame::MessageDelayed { nonce, channel_id, delay_ms }));
        let pacer = self.pacer.get_or_insert_default();
        pacer.bytes += message.content.as_str().len();
        pacer.waiting.push_back(Waiting { channel_id, message, due });
    }

    fn let_in_at(&mut self, due: Instant, ctx: &mut Context<Self>) {
        let pacer = self.pacer.get_or_insert_default();
        if let Some((earlier, _)) = pacer.timer
            && earlier <= due
        {
            return;
        }
        if let Some((_, timer)) = pacer.timer.take() {
            ctx.cancel_future(timer);
        }
        let timer = ctx.run_later(due.saturating_duration_since(Instant::now()), Self::let_in);
        pacer.timer = Some((due, timer));
    }

    /// Lets in what the rate allows by now; of a channel never a later send before an earlier one.
    fn let_in(&mut self, ctx: &mut Context<Self>) {
        // Whose socket has ended may have no right any more.
        let Some(mut pacer) = self.pacer.take().filter(|_| self.socket.is_open()) else { return };
        pacer.timer = None;
        let mut full: Vec<ChannelId> = Vec::new();
        let mut next: Option<Duration> = None;
        for waiting in std::mem::take(&mut pacer.waiting) {
            let is_let_in = self.socket.is_open()
                && !full.contains(&waiting.channel_id)
                && self
                    .count_message(waiting.channel_id, &waiting.message)
                    .map_err(|limit| next = Some(next.unwrap_or(Duration::MAX).min(wait(limit))))
                    .is_ok();
            if is_let_in {
                pacer.bytes -= waiting.message.content.as_str().len();
                self.hand_on(waiting.channel_id, waiting.message);
            } else {
                full.push(waiting.channel_id);
                pacer.waiting.push_back(waiting);
            }
        }
        // What its client sends meanwhile may lie unread: its silence is ours.
        self.socket.heard(self.door.relay.now());
        self.socket.wake();
        if let Some(next) = next.filter(|_| self.socket.is_open()) {
            self.pacer = Some(pacer);
            self.let_in_at(Instant::now() + next, ctx);
        }
    }

    fn hand_on(&self, channel_id: ChannelId, message: NewMessage) {
        match &self.peer {
            Peer::Channel(channel, _) => self.post(channel, message),
            Peer::Gateway(_) => self.send_to(channel_id, message),
            Peer::Echo => {}
        }
    }

    /// Counts a message to a channel.
    fn count_message(&self, channel_id: ChannelId, message: &NewMessage) -> Result<(), TooMany> {
        let Some((user, _)) = &self.user else { return Ok(()) };
        self.door.limits.message(*user, channel_id, message.content.as_str().len()).map(drop)
    }
}

fn wait(limit: TooMany) -> Duration {
    Duration::from_millis(limit.retry_after_ms.max(1).into())
}
