//! A session: one socket's life, on the worker that accepted it.
//!
//! It owns reading: frames in, commands out to its channels; and it finishes writing for a socket that blocks. All its
//! writing otherwise is the relay's. Bounds: the decoder's, [`MALFORMED_MAX`] bad frames in a row (then `4400`), the
//! frame rate (then `rate_limited`, and `4429` if that does not help; sends wait instead), 32 reads a turn. A panic ends this socket alone.

use super::command::{self, Command, Dialect, Subscribe, Wanted};
use super::pacer::Pacer;
use super::subscriptions::Subscriptions;
use super::upgrade::Door;
use crate::actors::channel::{ChannelHandle, Poster, Posting};
use crate::actors::relay::{Notice, Outbox, Socket};
use crate::domain::close::End;
use crate::domain::frame::Frame;
use crate::domain::message::NewMessage;
use crate::domain::text::Nonce;
use crate::domain::{ChannelId, Seq, UserId};
use crate::error::{Code, Error};
use crate::limits::{FrameRate, SocketSlot, Verdict};
use crate::websocket::decode::{Decoder, Event, Limits};
use crate::websocket::encode;
use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll};

/// Frames in a row that are not understood before the socket ends.
const MALFORMED_MAX: u8 = 20;
const READS_A_TURN: usize = 32;
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    /// One read buffer a worker: a socket keeps bytes only while a frame is incomplete.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// Who is at the other end of the node.
pub enum Peer {
    /// A channel takes what is sent. After a part of its log comes the next, from here on.
    Channel(ChannelHandle, Option<Seq>),
    /// As many channels as the client wants.
    Gateway(Gateway),
    /// Everything comes back.
    Echo,
}

/// How far a gateway knows its client.
pub enum Gateway {
    /// It has not said who it is.
    Unknown,
    /// It has, and is being looked up; nothing is read meanwhile.
    Identifying,
    /// It is known.
    Known(Rc<RefCell<Subscriptions>>),
}

/// What a session stands between.
pub struct SessionParts {
    /// The stream.
    pub socket: Rc<Socket>,
    /// How others reach it.
    pub outbox: Outbox,
    /// How it reaches others.
    pub door: Rc<Door>,
}

/// See the module.
pub struct Session {
    pub(super) socket: Rc<Socket>,
    pub(super) outbox: Outbox,
    pub(super) door: Rc<Door>,
    pub(super) peer: Peer,
    /// Whose socket it is, once that is known, and its place among the user's, where these are counted.
    pub(super) user: Option<(UserId, Option<Rc<SocketSlot>>)>,
    decoder: Decoder,
    rate: Option<FrameRate>,
    malformed: u8,
    /// The sends over the rate, where there are any.
    pub(super) pacer: Option<Box<Pacer>>,
}

impl Session {
    /// Starts a session on the current thread; `early` is what came in with the handshake, `token` identifies a gateway.
    pub fn launch(
        SessionParts { socket, outbox, door }: SessionParts,
        peer: Peer,
        user: Option<(UserId, Option<Rc<SocketSlot>>)>,
        early: &[u8],
        token: Option<crate::auth::token::Bearer>,
    ) {
        let rate = door.limits.is_on().then(FrameRate::default);
        let decoder = Decoder::new(Limits::default());
        let (malformed, pacer) = (0, None);
        let mut session = Self { socket, outbox, door, peer, user, decoder, rate, malformed, pacer };
        Self::create(|ctx| {
            if let Some(bearer) = token {
                session.identify(bearer, ctx);
            }
            // A copy: the buffer that it came in is large, and sockets are many.
            ctx.spawn(Io { early: early.to_vec() });
            session
        });
    }

    /// The subscriptions of a gateway whose client is known.
    pub(super) fn subscriptions(&self) -> Option<Rc<RefCell<Subscriptions>>> {
        match &self.peer {
            Peer::Gateway(Gateway::Known(subscriptions)) => Some(Rc::clone(subscriptions)),
            _ => None,
        }
    }

    /// Takes bytes from the peer; what is not taken waits until the client is known.
    fn feed(&mut self, input: &mut &[u8], ctx: &mut Context<Self>) {
        while self.socket.is_open() && !self.is_waiting() {
            match self.decoder.decode(input) {
                Ok(Some(event)) => {
                    // Not every byte is a sign of life: a frame that never ends is none.
                    self.socket.heard(self.door.relay.now());
                    self.take_or_keep(event, ctx);
                }
                Ok(None) => return,
                Err(violation) => {
                    self.socket.end(End::text(violation.close_code(), violation.reason()));
                }
            }
        }
    }

    fn is_identifying(&self) -> bool {
        matches!(self.peer, Peer::Gateway(Gateway::Identifying))
    }

    /// Whether nothing is read for now.
    fn is_waiting(&self) -> bool {
        self.socket.is_open() && (self.is_identifying() || self.is_held_back())
    }

    pub(super) fn take(&mut self, event: Event, ctx: &mut Context<Self>) {
        if let Some(rate) = &mut self.rate {
            let verdict = match &self.user {
                Some((user, _)) => rate.judge(self.door.limits.frame(*user)),
                None => rate.check(self.door.relay.now()),
            };
            match verdict {
                Verdict::Good => {}
                Verdict::TooMany { retry_after_ms } => return self.over_rate(event, retry_after_ms, ctx),
                Verdict::Flood => {
                    return self.socket.end(End::TOO_FAST);
                }
            }
        }
        match (event, &self.peer) {
            (Event::Text(text), Peer::Echo) => self.socket.send(encode::text(text.as_bytes())),
            (Event::Text(text), _) => self.understand(&text, ctx),
            (Event::Binary(bytes), Peer::Echo) => self.socket.send(encode::binary(&bytes)),
            (Event::Binary(_), _) => {
                self.socket.end(End::BINARY);
            }
            (Event::Ping(payload), _) => self.socket.send(encode::pong(&payload)),
            (Event::Pong(_), _) => {}
            (Event::Close(Some(close)), _) => self.socket.end_with(encode::close(close.code, "")),
            (Event::Close(None), _) => self.socket.end_with(encode::close_empty()),
        }
    }

    fn understand(&mut self, text: &str, ctx: &mut Context<Self>) {
        match command::parse(text, self.dialect()) {
            Ok(command) => {
                self.malformed = 0;
                self.obey(command, ctx);
            }
            Err(bad) => {
                self.malformed += 1;
                if self.malformed >= MALFORMED_MAX {
                    return self.socket.end(End::MALFORMED);
                }
                self.socket.send(encode::json(&bad.to_frame()));
            }
        }
    }

    fn dialect(&self) -> Dialect {
        match self.peer {
            Peer::Gateway(_) => Dialect::Gateway,
            Peer::Channel(..) | Peer::Echo => Dialect::Channel,
        }
    }

    fn obey(&mut self, command: Command, ctx: &mut Context<Self>) {
        match (command, &self.peer) {
            (Command::SendMessage { message, .. }, Peer::Channel(channel, _)) => self.admit(channel.id(), message, ctx),
            (Command::Identify { token }, Peer::Gateway(Gateway::Unknown)) => match self.door.tokens.check(&token) {
                Ok(bearer) => self.identify(bearer, ctx),
                Err(_) => self.socket.end(End::BAD_TOKEN),
            },
            (command, Peer::Gateway(Gateway::Unknown)) => {
                let detail = r#"Say who you are first: {"type": "identify", "token": "…"}"#;
                self.refuse(Code::NotIdentified, detail, command.nonce(), command.channel_id());
            }
            (command, _) => self.carry_out(command, ctx),
        }
    }

    /// Gives a send to its channel; back comes what that has no room for now.
    pub(super) fn post(&self, channel: &ChannelHandle, message: NewMessage) -> Result<(), NewMessage> {
        let Some(send) = self.outbox.begin_send() else { return Err(message) };
        if let Err(not_taken) = channel.post(Posting { message, poster: Poster::Socket(send) }) {
            let (mut posting, error) = not_taken.into_refusal();
            posting.poster.finish();
            match error {
                Error::Busy => return Err(posting.message),
                // The channel has ended, and so has the socket's right.
                _ => self.socket.end(End::RESTART),
            }
        }
        Ok(())
    }

    /// Refuses a frame over the rate; a send waits for its turn instead, for there are only so many.
    fn over_rate(&mut self, event: Event, retry_after_ms: u32, ctx: &mut Context<Self>) {
        let (nonce, channel_id) = match event {
            Event::Close(Some(close)) => return self.socket.end_with(encode::close(close.code, "")),
            Event::Close(None) => return self.socket.end_with(encode::close_empty()),
            // A client's library may close where this stays out.
            Event::Ping(payload) => return self.socket.send(encode::pong(&payload)),
            Event::Pong(_) => return,
            Event::Binary(_) => (None, None),
            Event::Text(text) => match command::parse(&text, self.dialect()) {
                Ok(command @ Command::SendMessage { .. }) if self.user.is_some() => {
                    if let Some(rate) = &mut self.rate {
                        rate.excuse();
                    }
                    return self.obey(command, ctx);
                }
                // Each is answered by itself.
                Ok(Command::Subscribe(Subscribe::Many { channels })) => {
                    if let Some(rate) = &mut self.rate {
                        rate.weigh(channels.len());
                    }
                    let refuse = |wanted: &Wanted| self.refuse_rate(retry_after_ms, None, Some(wanted.channel_id));
                    return channels.iter().for_each(refuse);
                }
                Ok(command) => (command.nonce().cloned(), command.channel_id()),
                Err(bad) => (bad.nonce, bad.channel_id),
            },
        };
        self.refuse_rate(retry_after_ms, nonce.as_ref(), channel_id);
    }

    pub(super) fn refuse_rate(&self, retry_after_ms: u32, nonce: Option<&Nonce>, channel_id: Option<ChannelId>) {
        self.socket.send(encode::json(&Frame::Error {
            code: Code::RateLimited.as_str(),
            detail: "You send too fast; wait".into(),
            field: None,
            nonce: nonce.map(Nonce::as_str),
            channel_id,
            retry_after_ms: Some(retry_after_ms),
        }));
    }

    pub(super) fn error(&self, code: Code, detail: &str, channel_id: Option<ChannelId>) {
        self.refuse(code, detail, None, channel_id);
    }

    fn refuse(&self, code: Code, detail: &str, nonce: Option<&Nonce>, channel_id: Option<ChannelId>) {
        let (field, retry_after_ms, nonce) = (None, None, nonce.map(Nonce::as_str));
        let (code, detail) = (code.as_str(), detail.into());
        self.socket.send(encode::json(&Frame::Error { code, detail, field, nonce, channel_id, retry_after_ms }));
    }

    fn poll_io(&mut self, early: &mut Vec<u8>, ctx: &mut Context<Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        self.take_notices();
        if !early.is_empty() && !self.is_waiting() {
            let bytes = std::mem::take(early);
            self.feed_or_keep(&bytes, early, ctx);
        }
        let mut reads = 0;
        while reads < READS_A_TURN && !self.socket.is_dead() && !self.is_waiting() {
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = self.socket.poll_read(cx, scratch);
                if let Poll::Ready(Ok(count)) = read {
                    self.feed_or_keep(scratch.get(..count).unwrap_or_default(), early, ctx);
                }
                read
            });
            match read {
                Poll::Pending => break,
                Poll::Ready(Ok(0) | Err(_)) => self.socket.die(),
                Poll::Ready(Ok(_)) => reads += 1,
            }
        }
        self.socket.poll_flush(cx);
        if self.socket.is_dead() {
            return Poll::Ready(());
        }
        if self.socket.is_drained() {
            self.go_on();
        }
        if reads == READS_A_TURN {
            // There may be more: others come first.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn feed_or_keep(&mut self, mut input: &[u8], early: &mut Vec<u8>, ctx: &mut Context<Self>) {
        self.feed(&mut input, ctx);
        if self.is_waiting() {
            early.extend_from_slice(input);
        }
    }

    fn take_notices(&mut self) {
        for notice in self.socket.take_notices() {
            match (&mut self.peer, notice) {
                (Peer::Channel(_, next), Notice::Replayed { upto, .. }) => *next = Some(upto),
                (Peer::Gateway(Gateway::Known(subscriptions)), notice) => {
                    subscriptions.borrow_mut().take_notice(notice);
                }
                _ => {}
            }
        }
    }

    /// The peer has taken everything: it gets the next part of what it has missed.
    fn go_on(&mut self) {
        match &mut self.peer {
            Peer::Channel(channel, next) => {
                if let Some(after) = next.take() {
                    channel.more(self.outbox.key(), after);
                }
            }
            Peer::Gateway(Gateway::Known(subscriptions)) => subscriptions.borrow_mut().go_on(&self.outbox),
            Peer::Gateway(_) | Peer::Echo => {}
        }
    }
}

/// The session's one future; what has been read and not yet understood waits in it.
struct Io {
    early: Vec<u8>,
}

impl ActorFuture<Session> for Io {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context<Session>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let ended = session.poll_io(&mut self.early, ctx, cx);
        if ended.is_ready() {
            ctx.stop();
        }
        ended
    }
}

impl Actor for Session {
    type Context = Context<Self>;
}

impl Drop for Session {
    fn drop(&mut self) {
        self.door.relay.remove(self.outbox.key());
        match &self.peer {
            Peer::Channel(channel, _) => channel.detach(self.outbox.key()),
            Peer::Gateway(Gateway::Known(subscriptions)) => {
                let subscriptions = subscriptions.borrow();
                subscriptions.end(&self.outbox);
                self.door.registry.remove_gateway(subscriptions.bearer().user_id, self.outbox.key());
            }
            Peer::Gateway(_) => self.remove_gateway(),
            Peer::Echo => {}
        }
    }
}
