//! A client's connection: plain TCP or TLS, below HTTP and below sockets, and how long it may keep HTTP waiting.
//!
//! actix-http ends a first request whose head does not come; nothing in it ends a later one, an answer that is not read, or a
//! body that nobody asked for. It ends a connection that is idle before it looks whether a request has come while this process stood
//! still. [`Wire`] does all of that, as a stream between the two. A socket takes the [`Stream`] out of it, with
//! bounds of its own.

mod chunks;
pub mod client_address;
mod exchange;
mod gate;
mod newcomers;
pub mod origin;
mod refusal;
mod stall;
mod stream;
pub mod tls;
pub mod unread;

pub use exchange::{Exchange, HEAD_MAX};
pub use newcomers::{Newcomer, Newcomers};
pub use refusal::refusal;
pub use stall::BYTES_PER_SECOND_MIN;
pub use stream::Stream;

use crate::error::Error;
use crate::limits::HEAD_BYTES_MAX;
use crate::patience::PAUSE_MIN;
use crate::telemetry::{Often, RequestId};
use actix_web::ResponseError;
use bytes::BytesMut;
use stall::Stall;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// As much as the kernel may hold of an answer that is not read; it may double it.
pub const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// As long as a connection is kept on which no request comes. Longer than the proxies keep theirs, so that they close first: of nginx
/// and AWS 60 s, of Envoy and Go 90 s.
const KEEP_ALIVE: Duration = Duration::from_secs(100);
/// As much of a connection as is taken from the kernel before HTTP may have it.
const WAITING_BYTES: usize = 8 * 1024;

thread_local! {
    /// One read buffer a worker.
    static SCRATCH: RefCell<[u8; WAITING_BYTES]> = const { RefCell::new([0; WAITING_BYTES]) };
}

/// A connection that speaks HTTP.
pub struct Wire {
    stream: Stream,
    exchange: Rc<Exchange>,
    /// Of what is waited for; made when something is.
    timer: Option<Pin<Box<Sleep>>>,
    /// Since this process stood still, one of its deadlines is a later moment.
    postponed: Option<(Instant, Instant)>,
    stall: Stall,
    /// What has come and is not given to HTTP yet; at most [`WAITING_BYTES`].
    waiting: BytesMut,
    /// Nothing more comes, or would be taken.
    is_at_end: bool,
    keep_alive: Duration,
    /// What goes out in place of what HTTP itself says to a head that it does not understand.
    instead: BytesMut,
}

/// How actix-http refuses what it cannot parse, behind the version: it says nothing of why, and no id.
const BARE_REFUSALS: [(&[u8], Error); 2] = [
    (
        b" 400 Bad Request\r\ncontent-length: 0\r\n",
        Error::Malformed("This is no HTTP/1.1 request that can be understood"),
    ),
    (b" 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n", Error::HeadTooLarge),
];
/// It takes the version from the request before, if there was one.
const VERSIONS: [&[u8]; 2] = [b"HTTP/1.1", b"HTTP/1.0"];

/// Requests that are no HTTP.
static NOT_UNDERSTOOD: Often = Often::never();

impl Wire {
    /// A connection whose first request is to come.
    pub fn new(stream: Stream, newcomer: Newcomer) -> Self {
        let (exchange, waiting) = (Rc::new(Exchange::of(Instant::now(), newcomer)), BytesMut::new());
        let (stall, instead) = (Stall::new(), BytesMut::new());
        let (timer, postponed, is_at_end, keep_alive) = (None, None, false, KEEP_ALIVE);
        Self { stream, exchange, timer, postponed, stall, waiting, is_at_end, keep_alive, instead }
    }

    /// What its calls tell it.
    pub fn exchange(&self) -> Rc<Exchange> {
        Rc::clone(&self.exchange)
    }

    /// The connection, for what is not HTTP, and what has come behind the head.
    pub fn into_parts(self) -> (Stream, BytesMut) {
        (self.stream, self.waiting)
    }

    /// Gives HTTP what it may have of what waits; whether it was given anything.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<bool> {
        let next = self.waiting.len().min(buffer.remaining());
        let given = self.exchange.gate.pass(&self.waiting[..next]);
        if given > 0 {
            let bytes = self.waiting.split_to(given);
            self.exchange.received(&bytes);
            self.exchange.settled();
            if self.exchange.gate.head_bytes() > HEAD_BYTES_MAX {
                self.refuse(&Error::HeadTooLarge);
                return Err(io::ErrorKind::InvalidData.into());
            }
            buffer.put_slice(&bytes);
        }
        if self.waiting.is_empty() {
            // An idle connection keeps nothing.
            self.waiting = BytesMut::new();
        }
        Ok(given > 0)
    }

    /// Takes in what has come, as far as there is room for it; whether anything has.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let room = WAITING_BYTES.saturating_sub(self.waiting.len());
            let mut buffer = ReadBuf::new(scratch.get_mut(..room).unwrap_or_default());
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            self.is_at_end = buffer.filled().is_empty();
            self.waiting.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(()))
        })
    }

    /// Says in our words why what has come is no request, in place of the bare refusal at the end of `bytes`; how many of them may be
    /// written as they are, if it is not their turn yet.
    fn say_instead(&mut self, bytes: &[u8]) -> Option<usize> {
        let starts = |(bare, error): &'static (&[u8], Error)| {
            let at = bytes.windows(bare.len()).rposition(|part| part == *bare)?.checked_sub(VERSIONS[0].len())?;
            VERSIONS.contains(&bytes.get(at..)?.get(..VERSIONS[0].len())?).then_some((at, error))
        };
        let (at, error) = BARE_REFUSALS.iter().find_map(starts)?;
        if at == 0 {
            let request_id = RequestId::random();
            let refusal = refusal(error, request_id.as_str(), false);
            if let Some(count) = NOT_UNDERSTOOD.happened() {
                let status = error.status_code().as_u16();
                tracing::info!(request_id = request_id.as_str(), status, count, "what is no HTTP was refused");
            }
            self.instead = BytesMut::from(&refusal[..]);
        }
        Some(at)
    }

    /// Refuses a head, unless that would stand in the middle of an earlier answer. A peer that does not take it gets none.
    fn refuse(&mut self, error: &Error) {
        if !self.stall.is_open() {
            let _ = self.stream.try_write(&[io::IoSlice::new(&refusal(error, RequestId::random().as_str(), false))]);
        }
    }

    /// Writes what goes out instead.
    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.instead.is_empty() {
            let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.instead))?;
            drop(self.instead.split_to(taken));
        }
        Poll::Ready(Ok(()))
    }

    /// A peer that has had all of its time gets nothing more: the kernel does not go on for it either.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let error = ready!(self.stall.poll(cx));
        self.stream.reset_when_closed();
        Poll::Ready(error)
    }

    /// Ready when it is over, and what had come by then has been looked at.
    fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            let until = self.postponed.filter(|(of, _)| *of == deadline).map_or(deadline, |(_, until)| until);
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
            if timer.deadline().into_std() != until {
                timer.as_mut().reset(until.into());
            }
            ready!(timer.as_mut().poll(cx));
            if until.elapsed() < PAUSE_MIN {
                return Poll::Ready(());
            }
            // What has come meanwhile has not been looked at.
            self.postponed = Some((deadline, Instant::now() + HEAD_MAX));
        }
    }

    /// Ready when nothing has come for as long as the connection is kept.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.exchange.idle_since() {
            Some(since) => self.poll_until(cx, since + self.keep_alive),
            None => Poll::Pending,
        }
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Result<()>> {
        ready!(self.poll_until(cx, deadline));
        if self.exchange.has_begun() {
            self.refuse(&Error::TooSlow(HEAD_MAX.as_secs()));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if !self.waiting.is_empty() && self.give(buffer)? {
                return Poll::Ready(Ok(()));
            }
            if self.is_at_end && self.waiting.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if self.waiting.len() >= WAITING_BYTES || self.is_at_end {
                break;
            }
            match self.poll_take(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(failed) => return Poll::Ready(failed),
                Poll::Pending => break,
            }
        }
        self.exchange.gate.wait(cx.waker(), !self.waiting.is_empty());
        if let Some(deadline) = self.exchange.deadline() {
            return self.poll_deadline(cx, deadline);
        }
        ready!(self.poll_idle(cx));
        self.is_at_end = true;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut bytes = bytes;
        if !self.exchange.is_answered_by_a_call() {
            match self.say_instead(bytes) {
                Some(0) => return Poll::Ready(Ok(bytes.len())),
                Some(before) => bytes = bytes.get(..before).unwrap_or(bytes),
                None => {}
            }
        }
        let call = self.exchange.calls();
        self.stall.begin(call);
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(taken)) => {
                self.stall.took(taken);
                self.exchange.answering();
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(failed) => Poll::Ready(failed),
            Poll::Pending => self.poll_stall(cx).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_instead(cx)?.is_pending() {
            return self.poll_stall(cx).map(Err);
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(done) => {
                self.stall.over();
                // Nobody asks for the next call before this time is over, or the call is there.
                let _ = self.poll_idle(cx);
                Poll::Ready(done)
            }
            Poll::Pending => self.poll_stall(cx).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_instead(cx)?.is_pending() {
            return self.poll_stall(cx).map(Err);
        }
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => self.poll_stall(cx).map(Err),
            done => done,
        }
    }
}

/// Takes a connection over: does TLS, where the node does.
///
/// # Errors
/// When too many keep it waiting, or the handshake fails or takes longer than [`tls::HANDSHAKE_MAX`].
pub async fn accept(tcp: TcpStream, tls: Option<&tls::Tls>, newcomers: &Newcomers) -> io::Result<Wire> {
    let newcomer = newcomers.enter(tcp.peer_addr()?.ip()).await?;
    let stream = match tls {
        None => Stream::Plain(tcp),
        Some(tls) => tls.accept(tcp).await?,
    };
    Ok(Wire::new(stream, newcomer))
}

#[cfg(test)]
mod tests;
