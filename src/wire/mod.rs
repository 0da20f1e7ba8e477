//! A client's connection: plain TCP or TLS, below HTTP and below sockets, and how long it may keep HTTP waiting.
//!
//! actix-http ends a first request whose head does not come; nothing in it ends a later one, an answer that is not read, or a
//! body that nobody asked for. [`Wire`] does, as a stream between the two. A socket takes the [`Stream`] out of it, with
//! bounds of its own.

mod exchange;
mod stall;
mod stream;
pub mod tls;

pub use exchange::{Exchange, HEAD_MAX};
pub use stream::Stream;

use crate::error::Error;
use actix_web::ResponseError;
use stall::Stall;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// As long as a peer may leave the kernel with bytes that it does not take; what listens hands it on to every connection.
pub const USER_TIMEOUT: Duration = Duration::from_secs(15);
/// As much as the kernel may hold of an answer that is not read; it may double it.
pub const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// A connection that speaks HTTP.
pub struct Wire {
    stream: Stream,
    exchange: Rc<Exchange>,
    /// Of the head that is on its way; made when one keeps the node waiting.
    timer: Option<Pin<Box<Sleep>>>,
    stall: Stall,
}

impl Wire {
    /// A connection whose first request is to come.
    pub fn new(stream: Stream) -> Self {
        Self { stream, exchange: Rc::new(Exchange::new(Instant::now())), timer: None, stall: Stall::default() }
    }

    /// What its calls tell it.
    pub fn exchange(&self) -> Rc<Exchange> {
        Rc::clone(&self.exchange)
    }

    /// The connection, for what is not HTTP.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<io::Result<()>> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline.into())));
        if timer.deadline().into_std() != deadline {
            timer.as_mut().reset(deadline.into());
        }
        ready!(timer.as_mut().poll(cx));
        if self.exchange.has_begun() {
            // A peer that does not take it gets none.
            let _ = self.stream.try_write(&[io::IoSlice::new(&refusal())]);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// The answer to a head that does not come; the connection closes after it.
fn refusal() -> Vec<u8> {
    let error = Error::TooSlow(HEAD_MAX.as_secs());
    let body = error.body().to_string();
    let status = error.status_code();
    let reason = status.canonical_reason().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\ncontent-length: {}\r\nconnection: close\r\nx-request-id: {}\r\n\r\n",
        status.as_u16(),
        body.len(),
        crate::telemetry::RequestId::random().as_str(),
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(done) => {
                self.exchange.received(&buffer.filled()[before..]);
                Poll::Ready(done)
            }
            Poll::Pending => match self.exchange.deadline() {
                Some(deadline) => self.poll_deadline(cx, deadline),
                None => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(taken)) => {
                self.stall.took(taken);
                self.exchange.answering();
                Poll::Ready(Ok(taken))
            }
            Poll::Ready(failed) => Poll::Ready(failed),
            Poll::Pending => self.stall.poll(cx).map(Err),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(done) => {
                self.stall.over();
                Poll::Ready(done)
            }
            Poll::Pending => self.stall.poll(cx).map(Err),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => self.stall.poll(cx).map(Err),
            done => done,
        }
    }
}

/// Takes a connection over: does TLS, where the node does.
///
/// # Errors
/// When the handshake fails or takes longer than [`tls::HANDSHAKE_MAX`].
pub async fn accept(tcp: TcpStream, tls: Option<&tls::Tls>) -> io::Result<Wire> {
    let stream = match tls {
        None => Stream::Plain(tcp),
        Some(tls) => tls.accept(tcp).await?,
    };
    Ok(Wire::new(stream))
}
