//! One socket as its relay and its session share it: the stream, what waits to be written, and how it ends.
//!
//! Bounds: [`QUEUE_BYTES`] or [`QUEUE_FRAMES`] of frames that the peer does not take, then the end `4430`;
//! [`Times::silence_max_s`] without a sign of life, then `4408`; [`Times::linger_s`] for an ended socket to take its close frame.

use super::close_frame::close_frame;
use crate::domain::close::End;
use crate::domain::{ChannelId, Seq};
use crate::net::Stream;
use crate::times::Times;
use crate::websocket::encode;
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};

/// The most bytes that wait for a peer.
pub const QUEUE_BYTES: usize = 256 * 1024;
/// The most frames that wait for a peer.
pub const QUEUE_FRAMES: usize = 512;
/// The most frames that wait while a gateway's state is read.
pub(super) const HELD_FRAMES: usize = QUEUE_FRAMES / 2;
/// As much as the kernel may hold for a peer that does not read, before user space notices.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// As much as goes out in one write when frames have queued up.
const BATCH_BYTES: usize = 64 * 1024;

/// What a relay tells a socket's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A part of the channel's log is on its way out, up to here.
    Replayed {
        /// Whose log.
        channel_id: ChannelId,
        /// The last entry.
        upto: Seq,
    },
    /// The replay of this channel is over.
    Live(ChannelId),
    /// The subscription has been ended.
    Revoked(ChannelId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not yet joined: frames wait behind the handshake's answer.
    Opening,
    Open,
    /// Frames wait until the session releases them.
    Holding,
    /// The close frame is queued; nothing follows it.
    Ending,
    /// Nothing more can be written or read.
    Dead,
}

/// Frames that go to many sockets in one write each.
pub(super) struct Batch<'a> {
    frames: &'a [Bytes],
    /// The same, end to end.
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The first [`BATCH_BYTES`] of `left`, or one frame that is larger, joined in `joined`; `None` when nothing is left.
    pub(super) fn first<'left: 'a>(left: &mut &'left [Bytes], joined: &'a mut Vec<u8>) -> Option<Self> {
        let mut bytes = 0;
        let fits = |frame: &&Bytes| {
            bytes += frame.len();
            bytes <= BATCH_BYTES
        };
        let count = left.iter().take_while(fits).count().max(1);
        let (frames, rest) = left.split_at_checked(count)?;
        *left = rest;
        if let [one] = frames {
            return Some(Self { frames, bytes: one });
        }
        joined.clear();
        frames.iter().for_each(|frame| joined.extend_from_slice(frame));
        Some(Self { frames, bytes: joined })
    }
}

/// See the module. In this order, because a delivery to thousands of sockets looks at the first three of each only.
#[repr(C)]
pub struct Socket {
    stream: Stream,
    phase: Cell<Phase>,
    queue: RefCell<Queue>,
    /// The second of the last sign of life; when ending, the second of the end.
    heard: Cell<u32>,
    pinged: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    notices: RefCell<Vec<Notice>>,
    held: RefCell<Vec<Bytes>>,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// How many of the bytes do not count: they belong to a frame that is larger than the bound.
    exempt: usize,
}

impl Socket {
    /// Takes over a stream; `handshake` is the answer that goes out once the socket is opened.
    pub fn new(stream: Stream, handshake: Bytes) -> Self {
        stream.with_tcp(|tcp| {
            let socket = socket2::SockRef::from(tcp);
            // A socket that cannot be tuned still works.
            let _ = socket.set_send_buffer_size(SEND_BUFFER_BYTES);
            let _ = socket.set_tcp_nodelay(true);
        });
        let queue = Queue { bytes: handshake.len(), frames: VecDeque::from([handshake]), exempt: 0 };
        Self {
            stream,
            queue: RefCell::new(queue),
            phase: Cell::new(Phase::Opening),
            heard: Cell::new(0),
            pinged: Cell::new(false),
            waker: RefCell::new(None),
            notices: RefCell::default(),
            held: RefCell::default(),
        }
    }

    /// Answers the handshake; from here on frames go out.
    pub(super) fn open(&self) {
        if self.phase.get() == Phase::Opening {
            self.phase.set(Phase::Open);
            self.flush();
        }
    }

    /// Whether the session has nothing left to do.
    pub fn is_dead(&self) -> bool {
        self.phase.get() == Phase::Dead
    }

    /// Whether its handshake has no answer yet.
    pub(super) fn is_opening(&self) -> bool {
        self.phase.get() == Phase::Opening
    }

    /// Whether frames that come in still count.
    pub fn is_open(&self) -> bool {
        matches!(self.phase.get(), Phase::Open | Phase::Opening | Phase::Holding)
    }

    /// Notes a sign of life.
    pub fn heard(&self, now_s: u32) {
        if self.is_open() {
            self.heard.set(now_s);
            self.pinged.set(false);
        }
    }

    /// Sends frames that many sockets share.
    pub(super) fn deliver(&self, batch: &Batch<'_>) {
        match self.phase.get() {
            Phase::Open if self.queue.borrow().frames.is_empty() => {}
            Phase::Open | Phase::Opening | Phase::Holding => {
                return batch.frames.iter().for_each(|frame| self.queue(frame.clone()));
            }
            Phase::Ending | Phase::Dead => return,
        }
        let mut written = match self.stream.send(batch.bytes) {
            Ok(count) if count == batch.bytes.len() && !self.stream.has_unsent() => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => return self.die(),
        };
        for frame in batch.frames {
            if frame.len() <= written {
                written -= frame.len();
            } else {
                self.queue(frame.slice(std::mem::take(&mut written)..));
            }
        }
        self.wake();
    }

    /// Sends one frame to this socket alone.
    pub fn send(&self, frame: Bytes) {
        if self.is_open() {
            let was_empty = self.queue.borrow().frames.is_empty();
            self.queue(frame);
            if was_empty {
                self.flush();
            }
        }
    }

    /// Sends frames to this socket alone.
    pub(super) fn send_all(&self, frames: Vec<Bytes>) {
        frames.into_iter().for_each(|frame| self.queue(frame));
        self.flush();
    }

    /// Lets frames wait until [`release`](Self::release).
    pub fn hold(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Holding);
        }
    }

    /// Sends `first`, which may be larger than the bound of what waits, then what was held.
    pub fn release(&self, first: Bytes) {
        if self.phase.get() == Phase::Holding {
            self.phase.set(Phase::Open);
            self.queue.borrow_mut().exempt += first.len();
            self.queue(first);
            self.send_all(self.held.take());
        }
    }

    /// Forgets what was held: without what should have come first it is nothing that its client can use.
    pub fn drop_held(&self) {
        if self.phase.get() == Phase::Holding {
            self.phase.set(Phase::Open);
            self.held.take();
        }
    }

    /// Tells the session something.
    pub(super) fn notify(&self, notice: Notice) {
        if self.is_open() {
            self.notices.borrow_mut().push(notice);
            self.wake();
        }
    }

    /// For the session: what it has been told.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.borrow_mut())
    }

    /// Whether the peer has taken everything, as far as this node can see.
    pub fn is_drained(&self) -> bool {
        self.queue.borrow().frames.is_empty() && !self.stream.has_unsent()
    }

    /// Ends the socket: what is queued goes out, then the close frame, then nothing.
    pub fn end(&self, end: End) {
        self.end_with(close_frame(end));
    }

    /// Ends the socket with this close frame.
    pub fn end_with(&self, close: Bytes) {
        match self.phase.get() {
            Phase::Opening => self.die(),
            Phase::Open | Phase::Holding => {
                self.phase.set(Phase::Ending);
                self.heard.set(u32::MAX);
                let mut queue = self.queue.borrow_mut();
                queue.bytes += close.len();
                queue.frames.push_back(close);
                drop(queue);
                self.flush();
                self.wake();
            }
            Phase::Ending | Phase::Dead => {}
        }
    }

    /// Nothing more is written or read.
    pub fn die(&self) {
        self.phase.set(Phase::Dead);
        *self.queue.borrow_mut() = Queue::default();
        self.wake();
    }

    /// Whether the peer sends nothing more, whatever of it lies unread.
    pub fn is_hung_up(&self) -> bool {
        self.stream.is_hung_up()
    }

    pub(super) fn queue(&self, frame: Bytes) {
        if !self.is_open() {
            return;
        }
        if self.phase.get() == Phase::Holding {
            let mut held = self.held.borrow_mut();
            held.push(frame);
            if held.len() > HELD_FRAMES {
                held.clear();
                drop(held);
                self.end(End::TOO_SLOW);
            }
            return;
        }
        let mut queue = self.queue.borrow_mut();
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        if queue.bytes - queue.exempt <= QUEUE_BYTES && queue.frames.len() <= QUEUE_FRAMES {
            return;
        }
        // The first frame may be half written: it stays, or the close frame could not be read.
        queue.frames.truncate(1);
        queue.bytes = queue.frames.iter().map(Bytes::len).sum();
        queue.exempt = 0;
        drop(queue);
        self.end(End::TOO_SLOW);
    }

    /// Writes what the kernel takes.
    pub(super) fn flush(&self) {
        if self.phase.get() == Phase::Opening {
            return;
        }
        match self.write_queue() {
            Ok(()) if self.phase.get() == Phase::Ending => {
                // The peer sees the end of the stream; what it still sends is read and dropped until it hangs up.
                self.stream.finish();
            }
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wake(),
            Err(_) => self.die(),
        }
    }

    fn write_queue(&self) -> io::Result<()> {
        let mut queue = self.queue.borrow_mut();
        while !queue.frames.is_empty() {
            let mut slices = [IoSlice::new(&[]); 16];
            let count = slices.iter_mut().zip(&queue.frames).map(|(slice, frame)| *slice = IoSlice::new(frame)).count();
            let written = self.stream.try_write(&slices[..count])?;
            queue.advance(written);
        }
        queue.frames.shrink_to_fit();
        self.stream.try_flush()
    }

    /// Once a second.
    pub(super) fn sweep(&self, now_s: u32, times: &Times) {
        match self.phase.get() {
            Phase::Ending if self.heard.get() == u32::MAX => self.heard.set(now_s),
            Phase::Ending if now_s.saturating_sub(self.heard.get()) >= times.linger_s => {
                self.stream.reset_when_closed();
                self.die();
            }
            Phase::Ending | Phase::Dead => {}
            Phase::Opening | Phase::Open | Phase::Holding => {
                let silent_s = now_s.saturating_sub(self.heard.get());
                if silent_s >= times.silence_max_s {
                    self.end(End::SILENT);
                } else if silent_s >= times.ping_after_s && !self.pinged.replace(true) {
                    self.send(encode::ping(b""));
                }
            }
        }
    }

    /// Lets the session look at everything again.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// For the session: reads what has come into `buffer`. `Ready(Ok(0))` is the end of the stream.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream.poll_take(cx, buffer)
    }

    /// For the session: writes what waits, and asks to be woken when more can be written or the socket ends.
    pub fn poll_flush(&self, cx: &mut Context<'_>) {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        while self.phase.get() != Phase::Opening && !self.is_drained() {
            match self.stream.poll_write_ready(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => self.flush(),
                Poll::Ready(Err(_)) => return self.die(),
            }
            *self.waker.borrow_mut() = Some(cx.waker().clone());
        }
    }

    /// The stream, for an answer that is not a WebSocket's.
    pub fn into_stream(self) -> Stream {
        self.stream
    }
}

impl Queue {
    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        self.exempt = self.exempt.min(self.bytes);
        while let Some(front) = self.frames.front_mut() {
            if written < front.len() {
                bytes::Buf::advance(front, written);
                return;
            }
            written -= front.len();
            self.frames.pop_front();
        }
    }
}
