//! How other actors reach a relay and one of its sockets.

use super::{
    BACKLOG_MAX, CloseTopic, CountOpen, Deliver, DeliverNews, DeliverOnce, DrainSockets, EndScope, EndSockets, Notice,
    Relay, SocketCommand, ToSocket, Topic, Unsubscribe, UnsubscribeSilently,
};
use crate::actors::tell;
use crate::domain::auth_session::Ended;
use crate::domain::close::End;
use crate::domain::{ChannelId, Seq, ServerId, UserId};
use actix::Addr;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// Sends of one socket that are not yet committed before `busy`.
pub const UNACKED_MAX: u32 = 64;

/// Names a socket of this node, and never another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub(super) worker: u32,
    pub(super) slot: u32,
    pub(super) generation: u32,
}

#[cfg(test)]
impl SessionKey {
    /// Of nobody.
    pub(in crate::actors) fn test(slot: u32) -> Self {
        Self { worker: 0, slot, generation: 0 }
    }
}

/// How other actors reach a relay.
#[derive(Clone)]
pub struct RelayHandle {
    worker: u32,
    addr: Addr<Relay>,
    backlog: Arc<AtomicUsize>,
}

/// The relays of a node's workers, as they come up.
#[derive(Clone, Default)]
pub struct Relays(Arc<Mutex<Vec<RelayHandle>>>);

impl Relays {
    /// One more.
    pub fn add(&self, relay: RelayHandle) {
        self.0.lock().push(relay);
    }

    /// Those that are up.
    pub fn all(&self) -> Vec<RelayHandle> {
        self.0.lock().clone()
    }
}

/// Travels with a change; when every copy is gone, the change has reached every socket.
#[derive(Clone, Debug)]
pub struct Completion {
    _open: mpsc::Sender<()>,
}

impl Completion {
    /// One that somebody waits for, by waiting for the end of what comes with it.
    pub fn awaited() -> (Self, mpsc::Receiver<()>) {
        let (open, ended) = mpsc::channel(1);
        (Self { _open: open }, ended)
    }

    /// One that nobody waits for.
    pub fn ignored() -> Self {
        Self::awaited().0
    }
}

impl RelayHandle {
    pub(super) fn new(worker: u32, addr: Addr<Relay>, backlog: Arc<AtomicUsize>) -> Self {
        Self { worker, addr, backlog }
    }

    /// The relay's place among a node's relays.
    pub fn worker(&self) -> u32 {
        self.worker
    }

    /// Whether so many events are on their way that no more should be made.
    pub fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) >= BACKLOG_MAX
    }

    /// Hands frames to the sockets of this worker that hear the topic: to all of them, or to those that hear all.
    pub fn deliver(&self, topic: Topic, frames: Arc<[Bytes]>, to: Hears) {
        self.backlog.fetch_add(frames.len(), Ordering::Relaxed);
        tell(&self.addr, Deliver { topic, frames, to });
    }

    /// Hands news to the sockets of this worker that hear the topic.
    pub fn deliver_news(&self, topic: Topic, frame: Bytes, completion: Completion) {
        self.backlog.fetch_add(1, Ordering::Relaxed);
        tell(&self.addr, DeliverNews { topic, frame, _completion: completion });
    }

    /// Hands news to the sockets of this worker that hear one of the topics, and to these others, to each once.
    pub fn deliver_once(&self, topics: Arc<[Topic]>, others: Vec<SessionKey>, frame: Bytes, completion: Completion) {
        self.backlog.fetch_add(1, Ordering::Relaxed);
        tell(&self.addr, DeliverOnce { topics, others, frame, _completion: completion });
    }

    /// Whether a socket is one of this worker's.
    pub fn has(&self, key: SessionKey) -> bool {
        key.worker == self.worker
    }

    /// Ends sockets; no later event reaches them.
    pub fn end(&self, keys: Vec<SessionKey>, end: End, completion: Completion) {
        tell(&self.addr, EndSockets { whom: EndScope::These(keys), end, _completion: completion });
    }

    /// Ends those of a user's sockets that have lost their right.
    pub fn end_user(&self, user: UserId, ended: Ended, end: End, completion: Completion) {
        tell(&self.addr, EndSockets { whom: EndScope::User(user, ended), end, _completion: completion });
    }

    /// Ends every socket of the worker.
    pub fn end_all(&self, end: End, completion: Completion) {
        tell(&self.addr, EndSockets { whom: EndScope::All, end, _completion: completion });
    }

    /// Ends the sockets that the worker has now, one after another over this time; those that come meanwhile stay.
    pub fn drain(&self, over: Duration, completion: Completion) {
        tell(&self.addr, DrainSockets { over, completion });
    }

    /// Lets sockets hear a topic no longer; `last` is the last that they hear of it. Their sessions are told.
    pub fn unsubscribe(&self, keys: Vec<SessionKey>, topic: Topic, last: Bytes, completion: Completion) {
        tell(&self.addr, Unsubscribe { keys, topic, last, _completion: completion });
    }

    /// Lets a socket hear a topic no longer, without a word to it or its session: nothing of theirs hangs on it.
    pub fn unsubscribe_silently(&self, key: SessionKey, topic: Topic) {
        tell(&self.addr, UnsubscribeSilently { key, topic });
    }

    /// Lets nobody hear a topic any more; `last` is the last that they hear of it.
    pub fn close(&self, topic: Topic, last: Bytes, completion: Completion) {
        tell(&self.addr, CloseTopic { topic, last, _completion: completion });
    }

    /// How many sockets are open; `None` if the relay is gone.
    pub async fn open_sockets(&self) -> Option<usize> {
        self.addr.send(CountOpen).await.ok()
    }
}

/// A send of a socket that has no final answer yet. Dropped without one (the channel that held it has failed), it ends the socket,
/// which comes back to learn what has become of it.
pub struct OpenSend {
    outbox: Outbox,
    is_finished: bool,
}

impl OpenSend {
    /// The way back to its socket.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// It has its final answer; the socket may send one more.
    pub fn finish(&mut self) {
        if !std::mem::replace(&mut self.is_finished, true) {
            self.outbox.0.unacked.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for OpenSend {
    fn drop(&mut self) {
        if !self.is_finished {
            self.finish();
            let completion = Completion::ignored();
            self.outbox.relay().end(vec![self.outbox.key()], End::RESTART, completion);
        }
    }
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One channel: when the right to it ends, so does the socket.
    Channel,
    /// As many as its client wants: when the right to one ends, so does that subscription.
    Gateway,
}

/// Which entries of a log a socket hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Messages and errors, and where a replay ends: what a channel socket has always heard.
    Messages,
    /// Every type of frame, also those that came later.
    All,
}

/// The way up to one socket, shared by everyone who has something to say to it.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    relay: RelayHandle,
    key: SessionKey,
    kind: Kind,
    hears: Hears,
    unacked: AtomicU32,
}

impl Outbox {
    pub(super) fn new(relay: RelayHandle, key: SessionKey, kind: Kind, hears: Hears) -> Self {
        Self(Arc::new(Inner { relay, key, kind, hears, unacked: AtomicU32::new(0) }))
    }

    /// The relay that owns the socket.
    pub fn relay(&self) -> &RelayHandle {
        &self.0.relay
    }

    /// Which of its sockets.
    pub fn key(&self) -> SessionKey {
        self.0.key
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Which entries of a log it hears.
    pub fn hears(&self) -> Hears {
        self.0.hears
    }

    /// Counts a send on its way; `None` if there are [`UNACKED_MAX`] already.
    pub fn begin_send(&self) -> Option<OpenSend> {
        // Only the socket's session adds, so what it reads can only have become less.
        let is_free = self.0.unacked.load(Ordering::Relaxed) < UNACKED_MAX;
        if is_free {
            self.0.unacked.fetch_add(1, Ordering::Relaxed);
        }
        is_free.then(|| OpenSend { outbox: self.clone(), is_finished: false })
    }

    /// Answers the handshake.
    pub fn open(&self) {
        self.to_socket(SocketCommand::Open);
    }

    /// Writes `first`, then lets the socket hear its channel from here on; the session of one that was behind is told.
    pub fn join(&self, channel_id: ChannelId, first: Vec<Bytes>, was_behind: bool) {
        let notice = was_behind.then_some(Notice::Live(channel_id));
        self.to_socket(SocketCommand::Join { topic: Topic::Channel(channel_id), first, notice });
    }

    /// Lets the socket hear the news of a server.
    pub fn subscribe_server(&self, server_id: ServerId) {
        self.to_socket(SocketCommand::Join { topic: Topic::Server(server_id), first: Vec::new(), notice: None });
    }

    /// Writes a part of a channel's log; the session asks for the next one when the peer has taken it.
    pub fn replay(&self, channel_id: ChannelId, frames: Vec<Bytes>, upto: Seq) {
        self.to_socket(SocketCommand::Replay { frames, notice: Notice::Replayed { channel_id, upto } });
    }

    /// Sends one frame to this socket alone.
    pub fn send(&self, frame: Bytes) {
        self.to_socket(SocketCommand::Send(frame));
    }

    fn to_socket(&self, what: SocketCommand) {
        tell(&self.0.relay.addr, ToSocket { key: self.0.key, what });
    }
}
