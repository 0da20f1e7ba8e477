//! What the channels of a node have in common.

use super::newest::NewestPages;
use super::pages::Pages;
use super::tail::NodeBytes;
use crate::actors::bus::Bus;
use crate::actors::lease::Lease;
use crate::actors::registry::Registry;
use crate::actors::writer::Writer;
use crate::domain::epoch::Epoch;
use crate::domain::log::MadeChange;
use crate::domain::user::DELETED_USER;
use crate::domain::{ChannelId, Seq, UserId};
use crate::store::Db;
use crate::store::messages::Draft;
use crate::times::Times;
use actix::Addr;
use lru::LruCache;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use tokio::sync::Semaphore;

/// Erased accounts that are remembered: of drafts that were on their way when theirs was.
const ERASED_MAX: usize = 65_536;
/// Reads of logs that run at once on a node: fewer than the pool has connections.
const READS_AT_ONCE: usize = 4;

/// What channels have to know of the logs that they write to.
pub struct Logs {
    /// Which they are.
    pub epoch: Epoch,
    /// Whether what is remembered of rights may be told, and whether others write to them.
    pub lease: Lease,
    /// By which those hear of it sooner.
    pub bus: Bus,
}

impl Logs {
    /// Those of a node that has its database for itself.
    pub fn alone(epoch: Epoch) -> Self {
        Self { epoch, lease: Lease::unlimited(), bus: Bus::default() }
    }
}

/// What all channels of a node share; they live on one thread.
#[derive(Clone)]
pub struct Shared {
    pub(super) registry: Addr<Registry>,
    pub(super) writer: Writer,
    pub(super) db: Db,
    pub(super) read_slots: Rc<Semaphore>,
    pub(super) pages: Pages,
    pub(super) newest: NewestPages,
    pub(super) node_bytes: NodeBytes,
    pub(super) times: Times,
    /// Whether what is remembered may be told, and whether others write to the logs.
    pub(super) lease: Lease,
    pub(super) epoch: Epoch,
    pub(super) bus: Bus,
    pub(super) erased: Rc<RefCell<LruCache<UserId, ()>>>,
    /// How far channels that panicked had announced their logs.
    pub(super) heads: Rc<RefCell<HashMap<ChannelId, Seq>>>,
    /// How often the database came to have another history.
    pub(super) histories: Rc<Cell<u64>>,
}

impl Shared {
    pub(in crate::actors) fn new(
        registry: Addr<Registry>,
        writer: Writer,
        db: Db,
        newest: NewestPages,
        times: Times,
        logs: Logs,
    ) -> Self {
        let Logs { epoch, lease, bus } = logs;
        let read_slots = Rc::new(Semaphore::new(READS_AT_ONCE));
        let (pages, node_bytes, heads) = (Pages::default(), NodeBytes::default(), Rc::default());
        // Unbounded here means: not allocated in advance.
        let erased = Rc::new(RefCell::new(LruCache::unbounded()));
        let histories = Rc::default();
        Self {
            registry,
            writer,
            db,
            read_slots,
            pages,
            newest,
            node_bytes,
            times,
            epoch,
            lease,
            bus,
            erased,
            heads,
            histories,
        }
    }

    pub(in crate::actors) fn lease(&self) -> &Lease {
        &self.lease
    }

    pub(in crate::actors) fn bus(&self) -> &Bus {
        &self.bus
    }

    /// An account has been erased: what was read of the logs is forgotten, and what is still to come has the name no more. The
    /// channels have to forget their own as well.
    pub(in crate::actors) fn erase(&self, user: UserId) {
        self.pages.clear();
        let mut erased = self.erased.borrow_mut();
        erased.put(user, ());
        while erased.len() > ERASED_MAX {
            erased.pop_lru();
        }
    }

    pub(super) fn is_erased(&self, user: UserId) -> bool {
        self.erased.borrow().contains(&user)
    }

    /// The database has another history: what was read of the logs is forgotten, and how far channels that are gone had announced them.
    pub(in crate::actors) fn forget_logs(&self) {
        self.pages.clear();
        self.newest.forget();
        // What the bus brings from the earlier one is not taken any more.
        self.bus.set_history(None);
        self.heads.borrow_mut().clear();
        self.histories.set(self.histories.get() + 1);
    }

    /// A channel is let go, or has failed: what it has had ready is answered no more.
    pub(in crate::actors) fn let_go(&self, id: ChannelId) {
        self.newest.end(id);
    }

    /// Which history the database has now: how far a log went in an earlier one is nothing to go by.
    pub(in crate::actors) fn history(&self) -> u64 {
        self.histories.get()
    }

    /// Under which name a draft is announced.
    pub(super) fn name_of<'a>(&self, draft: &'a Draft) -> &'a str {
        if self.is_erased(draft.author_id()) { DELETED_USER } else { draft.author_username() }
    }

    /// A change as it is told where its author may have been erased since it was made.
    pub(super) fn without_erased_name<'a>(&self, user: UserId, made: &'a MadeChange) -> Cow<'a, MadeChange> {
        if !self.is_erased(user) {
            return Cow::Borrowed(made);
        }
        let mut made = made.clone();
        let entries = made.retold.iter_mut().flatten().chain([&mut made.entry]);
        entries.for_each(|entry| entry.rename(user, DELETED_USER));
        Cow::Owned(made)
    }

    pub(super) fn leave_head(&self, id: ChannelId, head: Option<Seq>, history: u64) {
        if let Some(head) = head.filter(|_| history == self.history()) {
            self.heads.borrow_mut().insert(id, head);
        }
    }
}
