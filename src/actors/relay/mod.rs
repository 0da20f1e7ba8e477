//! The relay: one per worker thread, owner of that thread's sockets.
//!
//! It takes one message per event and worker, and writes the shared bytes straight to its sockets, once its mailbox is
//! drained, so that queued events share a system call. A socket that blocks is left to its session.
//!
//! Order: what a channel sends arrives in that order. Bound: a channel stops taking posts while a relay has
//! [`BACKLOG_MAX`] events of it to come. A panic ends the node.

pub mod frame;
mod socket;
mod table;

pub use socket::{End, Socket};
pub use table::RelayPort;

use super::{Vital, tell};
use crate::domain::ChannelId;
use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, WrapFuture};
use bytes::Bytes;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use table::Table;
use tokio::sync::mpsc;

/// Events on their way to one relay before channels answer `busy`.
pub const BACKLOG_MAX: usize = 10_000;
const SWEEP: Duration = Duration::from_secs(1);

/// Names a socket of this node, and never another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    worker: u32,
    slot: u32,
    generation: u32,
}

/// How other actors reach a relay.
#[derive(Clone)]
pub struct RelayHandle {
    worker: u32,
    addr: Addr<Relay>,
    backlog: Arc<AtomicUsize>,
}

/// The way up to one socket: given to the channel at birth.
#[derive(Clone)]
pub struct Outbox {
    /// The relay that owns the socket.
    pub relay: RelayHandle,
    /// Which of its sockets.
    pub key: SessionKey,
}

/// Travels with a change; when every copy is gone, the change has reached every socket.
pub type Settling = mpsc::Sender<()>;

impl RelayHandle {
    /// The relay's place among a node's relays.
    pub fn worker(&self) -> usize {
        self.worker as usize
    }

    /// Whether so many events are on their way that no more should be made.
    pub fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) >= BACKLOG_MAX
    }

    /// Hands events to every socket of the channel on this worker.
    pub fn deliver(&self, channel_id: ChannelId, frames: Arc<[Bytes]>) {
        self.backlog.fetch_add(frames.len(), Ordering::Relaxed);
        tell(&self.addr, Deliver { channel_id, frames });
    }

    /// Ends sockets; no later event reaches them.
    pub fn end(&self, keys: Vec<SessionKey>, end: End, settling: Settling) {
        tell(&self.addr, EndSockets { keys, end, _settling: settling });
    }

    /// Ends every socket of the worker.
    pub fn end_all(&self, end: End, settling: Settling) {
        tell(&self.addr, EndAll { end, _settling: settling });
    }

    /// How many sockets are open; `None` if the relay is gone.
    pub async fn open_sockets(&self) -> Option<usize> {
        self.addr.send(CountOpen).await.ok()
    }
}

impl Outbox {
    /// Lets the socket hear its channel from here on, and answers its handshake.
    pub fn join(&self, channel_id: ChannelId) {
        tell(&self.relay.addr, Join { key: self.key, channel_id });
    }

    /// Sends one frame to this socket alone.
    pub fn send(&self, frame: Bytes) {
        tell(&self.relay.addr, Unicast { key: self.key, frame });
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Deliver {
    channel_id: ChannelId,
    frames: Arc<[Bytes]>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Join {
    key: SessionKey,
    channel_id: ChannelId,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Unicast {
    key: SessionKey,
    frame: Bytes,
}

#[derive(Message)]
#[rtype(result = "()")]
struct EndSockets {
    keys: Vec<SessionKey>,
    end: End,
    _settling: Settling,
}

#[derive(Message)]
#[rtype(result = "()")]
struct EndAll {
    end: End,
    _settling: Settling,
}

#[derive(Message)]
#[rtype(result = "usize")]
struct CountOpen;

/// The actor itself; see the module.
pub struct Relay {
    table: Rc<RefCell<Table>>,
    backlog: Arc<AtomicUsize>,
    flush_is_due: bool,
    _vital: Vital,
}

impl Relay {
    /// Starts the relay of the current thread.
    pub fn start_here(worker: usize) -> RelayPort {
        let backlog = Arc::new(AtomicUsize::new(0));
        let table = Rc::new(RefCell::new(Table::default()));
        let relay =
            Self { table: table.clone(), backlog: backlog.clone(), flush_is_due: false, _vital: Vital("relay") };
        let handle = RelayHandle { worker: u32::try_from(worker).unwrap_or(u32::MAX), addr: relay.start(), backlog };
        RelayPort::new(handle, table)
    }

    /// Futures of a context are polled after its mailbox is empty: the flush comes after all that waits.
    fn schedule_flush(&mut self, ctx: &mut Context<Self>) {
        if !self.flush_is_due {
            self.flush_is_due = true;
            ctx.spawn(async {}.into_actor(self).map(|(), relay, _| {
                relay.flush_is_due = false;
                relay.table.borrow_mut().flush();
            }));
        }
    }
}

impl Actor for Relay {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(SWEEP, |relay, _| relay.table.borrow_mut().sweep());
    }
}

impl Handler<Deliver> for Relay {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, ctx: &mut Self::Context) {
        self.backlog.fetch_sub(deliver.frames.len(), Ordering::Relaxed);
        self.table.borrow_mut().deliver(deliver.channel_id, &deliver.frames);
        self.schedule_flush(ctx);
    }
}

impl Handler<Join> for Relay {
    type Result = ();

    fn handle(&mut self, join: Join, _: &mut Self::Context) {
        self.table.borrow_mut().join(join.key, join.channel_id);
    }
}

impl Handler<Unicast> for Relay {
    type Result = ();

    fn handle(&mut self, unicast: Unicast, _: &mut Self::Context) {
        self.table.borrow_mut().unicast(unicast.key, unicast.frame);
    }
}

impl Handler<EndSockets> for Relay {
    type Result = ();

    fn handle(&mut self, message: EndSockets, _: &mut Self::Context) {
        self.table.borrow_mut().end(&message.keys, message.end);
    }
}

impl Handler<EndAll> for Relay {
    type Result = ();

    fn handle(&mut self, message: EndAll, _: &mut Self::Context) {
        self.table.borrow_mut().end_all(message.end);
    }
}

impl Handler<CountOpen> for Relay {
    type Result = usize;

    fn handle(&mut self, _: CountOpen, _: &mut Self::Context) -> usize {
        self.table.borrow().len()
    }
}
