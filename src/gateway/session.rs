//! A session: one socket's life, on the worker that accepted it.
//!
//! It owns reading: frames in, commands out to the channel; and it finishes writing for a socket that blocks. All its
//! writing otherwise is the relay's. Bounds: the decoder's, [`MALFORMED_MAX`] bad frames in a row (then `4400`), the
//! frame rate (then `rate_limited`, and `4429` if that does not help), 32 reads a turn. A panic ends this socket alone.

use super::codec::{Decoder, Event, Limits};
use super::command::{self, Command};
use super::upgrade::Door;
use crate::actors::channel::{ChannelHandle, NotTaken};
use crate::actors::relay::{End, RelayPort, SessionKey, Socket, frame};
use crate::rate_limit::{FrameRate, Verdict};
use actix::{Actor, ActorContext, ActorFuture, AsyncContext, Context};
use bytes::BytesMut;
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
    /// A channel takes what is sent.
    Channel(ChannelHandle),
    /// Everything comes back.
    Echo,
}

/// See the module.
pub struct Session {
    socket: Rc<Socket>,
    key: SessionKey,
    relay: RelayPort,
    peer: Peer,
    decoder: Decoder,
    rate: Option<FrameRate>,
    malformed: u8,
}

impl Session {
    /// Starts a session on the current thread; `early` is what came in with the handshake.
    pub fn launch(socket: Rc<Socket>, key: SessionKey, door: &Door, peer: Peer, early: BytesMut) {
        let session = Self {
            socket,
            key,
            relay: door.relay.clone(),
            peer,
            decoder: Decoder::new(Limits::default()),
            rate: door.rate_limit.then(FrameRate::default),
            malformed: 0,
        };
        Self::create(|ctx| {
            let mut session = session;
            if !early.is_empty() {
                session.feed(&early);
            }
            ctx.spawn(Io);
            session
        });
    }

    /// Takes bytes from the peer.
    fn feed(&mut self, mut input: &[u8]) {
        while self.socket.is_open() {
            match self.decoder.decode(&mut input) {
                Ok(Some(event)) => self.take(event),
                Ok(None) => return,
                Err(violation) => {
                    self.socket.end(End { code: violation.close_code(), reason: violation.reason() });
                }
            }
        }
    }

    fn take(&mut self, event: Event) {
        if let Some(rate) = &mut self.rate {
            match rate.check(self.relay.now()) {
                Verdict::Good => {}
                Verdict::TooMany { retry_after_ms } => return self.limited(&event, retry_after_ms),
                Verdict::Flood => {
                    return self.socket.end(End { code: 4429, reason: "sent too fast; wait before you come back" });
                }
            }
        }
        match (event, &self.peer) {
            (Event::Text(text), Peer::Channel(_)) => self.command(&text),
            (Event::Text(text), Peer::Echo) => self.socket.send(frame::text(text.as_bytes())),
            (Event::Binary(_), Peer::Channel(_)) => {
                self.socket.end(End { code: 1003, reason: "send text frames; this is binary" });
            }
            (Event::Binary(bytes), Peer::Echo) => self.socket.send(frame::binary(&bytes)),
            (Event::Ping(payload), _) => self.socket.send(frame::pong(&payload)),
            (Event::Pong(_), _) => {}
            (Event::Close(Some(close)), _) => self.socket.end_with(frame::close(close.code, "")),
            (Event::Close(None), _) => self.socket.end_with(frame::close_empty()),
        }
    }

    fn command(&mut self, text: &str) {
        let Peer::Channel(channel) = &self.peer else { return };
        match command::parse(text) {
            Ok(Command::SendMessage { content }) => {
                self.malformed = 0;
                match channel.post(self.key, content) {
                    Ok(()) => {}
                    Err(NotTaken::Busy) => self.error("busy", "The channel has too much to do; try again", 250),
                    Err(NotTaken::Gone) => self.socket.end(End::RESTART),
                }
            }
            Err(bad) => {
                self.malformed += 1;
                if self.malformed >= MALFORMED_MAX {
                    return self.socket.end(End { code: 4400, reason: "too many malformed frames in a row" });
                }
                self.socket.send(frame::text(bad.to_text().as_bytes()));
            }
        }
    }

    fn limited(&self, event: &Event, retry_after_ms: u32) {
        match event {
            Event::Close(_) => self.socket.end_with(frame::close_empty()),
            Event::Text(_) | Event::Binary(_) => self.error("rate_limited", "You send too fast; wait", retry_after_ms),
            Event::Ping(_) | Event::Pong(_) => {}
        }
    }

    fn error(&self, code: &str, detail: &str, retry_after_ms: u32) {
        let body = serde_json::json!({
            "type": "error", "code": code, "detail": detail, "retry_after_ms": retry_after_ms,
        });
        self.socket.send(frame::text(body.to_string().as_bytes()));
    }

    fn poll_io(&mut self, cx: &mut task::Context<'_>) -> Poll<()> {
        let mut reads = 0;
        while reads < READS_A_TURN && !self.socket.is_dead() {
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = self.socket.poll_read(cx, scratch);
                if let Poll::Ready(Ok(count)) = read {
                    self.socket.heard(self.relay.now());
                    self.feed(scratch.get(..count).unwrap_or_default());
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
        if reads == READS_A_TURN {
            // There may be more: others come first.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// The session's one future.
struct Io;

impl ActorFuture<Session> for Io {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context<Session>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let ended = session.poll_io(cx);
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
        self.relay.remove(self.key);
        if let Peer::Channel(channel) = &self.peer {
            channel.detach(self.key);
        }
    }
}
