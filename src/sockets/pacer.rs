//! Sends over the rate of messages: they wait with their session, and are let in one by one, in the order in which they came.
//!
//! Bounds: [`PACED_MAX`] sends or [`PACED_BYTES_MAX`] of content. Where as many wait, the frames that come after them are kept as they
//! are, up to [`KEPT_BYTES_MAX`]; pings and the client's close frame are answered meanwhile. Beyond that no more is read from the
//! socket, and TCP holds its client back. What waits when the socket ends has not been saved.

use super::session::{Peer, Session};
use crate::actors::relay::Hears;
use crate::actors::relay::{About, error_frame};
use crate::domain::ChannelId;
use crate::domain::frame::Frame;
use crate::domain::message::NewMessage;
use crate::error::Error;
use crate::limits::TooMany;
use crate::websocket::decode::Event;
use crate::websocket::encode;
use actix::{AsyncContext, Context, SpawnHandle};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most sends of a socket that wait for the rate.
pub const PACED_MAX: usize = 64;
/// The most bytes of their content, and one content more.
pub const PACED_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of frames that are kept behind them, and one frame more.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;
/// By how much the moments of several sockets differ.
const JITTER_MAX_MS: u64 = 50;
/// Before a send is tried again for which its channel had no room.
const BUSY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// What a frame counts beside its text.
const FRAME_BYTES: usize = 64;

struct Waiting {
    channel_id: ChannelId,
    message: NewMessage,
}

/// See the module.
#[derive(Default)]
pub struct Pacer {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Frames behind those that wait.
    kept: VecDeque<Event>,
    kept_bytes: usize,
    /// When the next one may be let in.
    timer: Option<(Instant, SpawnHandle)>,
}

impl Pacer {
    fn is_full(&self) -> bool {
        self.waiting.len() >= PACED_MAX || self.bytes >= PACED_BYTES_MAX
    }

    /// How many wait for a channel, and how many bytes of content they have.
    fn ahead(&self, channel_id: ChannelId) -> (u32, usize) {
        let ahead = self.waiting.iter().filter(|waiting| waiting.channel_id == channel_id);
        ahead.fold((0, 0), |(count, bytes), waiting| (count + 1, bytes + waiting.message.content.as_str().len()))
    }

    fn keep(&mut self, event: Event) {
        self.kept_bytes += cost(&event);
        self.kept.push_back(event);
    }
}

fn cost(event: &Event) -> usize {
    let text = match event {
        Event::Text(text) => text.len(),
        Event::Binary(bytes) => bytes.len(),
        Event::Ping(_) | Event::Pong(_) | Event::Close(_) => 0,
    };
    FRAME_BYTES + text
}

impl Session {
    /// Whether nothing more is read for now, since too much waits for the rate.
    pub(super) fn is_held_back(&self) -> bool {
        self.pacer.as_ref().is_some_and(|pacer| pacer.kept_bytes >= KEPT_BYTES_MAX)
    }

    /// Takes what has been read, or keeps it until what waits before it has been let in.
    pub(super) fn take_or_keep(&mut self, event: Event, ctx: &mut Context<Self>) {
        let is_data = matches!(event, Event::Text(_) | Event::Binary(_));
        match self.pacer.as_mut().filter(|pacer| is_data && (pacer.is_full() || !pacer.kept.is_empty())) {
            Some(pacer) => pacer.keep(event),
            None => self.take(event, ctx),
        }
    }

    /// Takes what was kept, as far as there is room for it.
    fn take_kept(&mut self, ctx: &mut Context<Self>) {
        while let Some(pacer) = self.pacer.as_mut().filter(|pacer| !pacer.is_full()) {
            let Some(event) = pacer.kept.pop_front() else { return };
            pacer.kept_bytes -= cost(&event);
            self.take(event, ctx);
            if !self.socket.is_open() {
                return;
            }
        }
    }

    /// Lets a send in, or keeps it until the rate allows it.
    pub(super) fn admit(&mut self, channel_id: ChannelId, message: NewMessage, ctx: &mut Context<Self>) {
        let (count, bytes) = self.pacer.as_ref().map_or((0, 0), |pacer| pacer.ahead(channel_id));
        let delay = if count > 0 {
            self.wait_for(channel_id, count + 1, bytes + message.content.as_str().len())
        } else if let Err(limit) = self.count_message(channel_id, &message) {
            let delay = wait(limit);
            self.let_in_at(Instant::now() + delay, ctx);
            delay
        } else {
            return self.hand_on(channel_id, message).unwrap_or_else(|message| self.busy(channel_id, &message));
        };
        if self.tells_delays() {
            let nonce = message.nonce.as_deref();
            let delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
            self.socket.send(encode::json(&Frame::MessageDelayed { nonce, channel_id, delay_ms }));
        }
        let pacer = self.pacer.get_or_insert_default();
        pacer.bytes += message.content.as_str().len();
        pacer.waiting.push_back(Waiting { channel_id, message });
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
        // Not all of a user's sockets at the same moment: each has its turn.
        let jitter = Duration::from_millis(rand::random_range(0..JITTER_MAX_MS));
        let timer = ctx.run_later(due.saturating_duration_since(Instant::now()) + jitter, Self::let_in);
        pacer.timer = Some((due, timer));
    }

    /// Lets in what the rate allows by now; of a channel never a later send before an earlier one.
    fn let_in(&mut self, ctx: &mut Context<Self>) {
        // Whose socket has ended may have no right any more.
        let Some(mut pacer) = self.pacer.take().filter(|_| self.socket.is_open()) else {
            // Nothing is held back any more.
            return self.socket.wake();
        };
        pacer.timer = None;
        let mut full: Vec<ChannelId> = Vec::new();
        let mut next: Option<Duration> = None;
        for Waiting { channel_id, message } in std::mem::take(&mut pacer.waiting) {
            let bytes = message.content.as_str().len();
            let kept = if !self.socket.is_open() || full.contains(&channel_id) {
                Some((message, None))
            } else if let Err(limit) = self.count_message(channel_id, &message) {
                Some((message, Some(wait(limit))))
            } else {
                // Where there is no room for it yet, it keeps its place: nothing that came later passes it.
                self.hand_on(channel_id, message).err().map(|message| {
                    self.not_sent(channel_id, bytes);
                    (message, Some(BUSY_AGAIN_AFTER))
                })
            };
            match kept {
                None => pacer.bytes -= bytes,
                Some((message, again_after)) => {
                    next = again_after.map_or(next, |after| Some(next.unwrap_or(Duration::MAX).min(after)));
                    full.push(channel_id);
                    pacer.waiting.push_back(Waiting { channel_id, message });
                }
            }
        }
        if pacer.kept_bytes >= KEPT_BYTES_MAX {
            // What its client sends meanwhile lies unread: its silence is ours, but that it has gone is not.
            match self.socket.is_hung_up() {
                true => self.socket.die(),
                false => self.socket.heard(self.door.relay.now()),
            }
        }
        if self.socket.is_open() {
            self.pacer = Some(pacer);
            if let Some(next) = next {
                self.let_in_at(Instant::now() + next, ctx);
            }
            self.take_kept(ctx);
            if self.pacer.as_ref().is_some_and(|pacer| pacer.waiting.is_empty() && pacer.kept.is_empty()) {
                self.pacer = None;
            }
        }
        self.socket.wake();
    }

    fn hand_on(&self, channel_id: ChannelId, message: NewMessage) -> Result<(), NewMessage> {
        match &self.peer {
            Peer::Channel(channel, _) => self.post(channel, message),
            Peer::Gateway(_) => self.send_to(channel_id, message),
            Peer::Echo => Ok(()),
        }
    }

    fn busy(&self, channel_id: ChannelId, message: &NewMessage) {
        let nonce = message.nonce.as_deref();
        let channel_id = matches!(self.peer, Peer::Gateway(_)).then_some(channel_id);
        self.socket.send(error_frame(&Error::Busy, About { nonce, channel_id }));
    }

    /// Counts a message to a channel.
    fn count_message(&self, channel_id: ChannelId, message: &NewMessage) -> Result<(), TooMany> {
        let Some((user, _)) = &self.user else { return Ok(()) };
        self.door.limits.send(*user, channel_id, message.content.as_str().len())
    }

    fn not_sent(&self, channel_id: ChannelId, bytes: usize) {
        if let Some((user, _)) = &self.user {
            self.door.limits.not_sent(*user, channel_id, bytes);
        }
    }

    fn wait_for(&self, channel_id: ChannelId, count: u32, bytes: usize) -> Duration {
        let Some((user, _)) = &self.user else { return Duration::ZERO };
        self.door.limits.wait_for(*user, channel_id, count, bytes)
    }

    /// A channel socket hears messages and errors, unless it has asked for more.
    fn tells_delays(&self) -> bool {
        match self.peer {
            Peer::Channel(..) => self.outbox.hears() == Hears::All,
            Peer::Gateway(_) | Peer::Echo => true,
        }
    }
}

fn wait(limit: TooMany) -> Duration {
    Duration::from_millis(limit.retry_after_ms.max(1).into())
}
