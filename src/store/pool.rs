//! Connections to PostgreSQL: deadpool's, with homes, and shared by quick reads.
//!
//! A connection's I/O runs on the thread that opened it: a query from another thread wakes that thread and is woken by it. So
//! there are several pools, and a thread takes from its own, its home; from the others only when its own has none left.
//!
//! A lease is for one at a time, or [shared](AffinePools::share): quick reads of one thread that come within [`SHARED_FOR`]
//! go down one connection, one behind the other, and share its system calls. One that hangs holds up those and no others.
//! Where all connections are in use, one read of a thread waits for the next and the others for that read: they share it.
//!
//! Bounds: the size of all pools together, [`SHARERS_MAX`] for a shared lease, so long for one to be free and so long
//! to open one. One that cannot be opened is not missed while another pool has one idle.

use super::open::{OpenError, Opened};
use super::target::Target;
use crate::domain::backend::Backend;
use crate::error::{Error, Result};
use crate::patience::timeout;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::{BuildError, ClientWrapper, Runtime, TimeoutType, Timeouts};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Config;

/// Who has waited so long and goes away leaves a connection that hangs.
const HANGS_AFTER: Duration = Duration::from_secs(1);
const SHARED_FOR: Duration = Duration::from_millis(2);
const SHARERS_MAX: usize = 32;

type Pool = managed::Pool<Manager>;
type Object = managed::Object<Manager>;
type PoolError = managed::PoolError<OpenError>;

struct Manager {
    target: Target,
    config: Config,
}

/// A connection, and who serves it.
pub(super) struct Connection {
    pub client: ClientWrapper,
    pub backend: Backend,
    generation: u64,
    target: Target,
}

impl Connection {
    fn is_good(&self) -> bool {
        !self.client.is_closed() && self.target.is_current(self.generation)
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = OpenError;

    async fn create(&self) -> Result<Connection, OpenError> {
        let Opened { client, task, backend, generation, .. } = self.target.open(&self.config).await?;
        Ok(Connection { client: ClientWrapper::new(client, task), backend, generation, target: self.target.clone() })
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<OpenError> {
        if connection.is_good() { Ok(()) } else { Err(RecycleError::message("it is closed, or of an earlier lock")) }
    }
}

thread_local! {
    /// Threads get their homes in turn.
    static TURN: usize = TURNS.fetch_add(1, Ordering::Relaxed);
}

static TURNS: AtomicUsize = AtomicUsize::new(0);

/// See the module.
pub(super) struct AffinePools {
    pools: Vec<Pool>,
    /// As many as all pools have room for: who has one finds a place in one of them.
    places: Arc<Semaphore>,
    shared: Mutex<Vec<Shared>>,
    turns: Mutex<Vec<Turn>>,
    /// As long as a connection is waited for.
    wait_max: Duration,
}

/// Where all connections are in use: one read of a thread waits for one, and the others for that read.
struct Turn {
    of: ThreadId,
    is_taken: bool,
    others: Arc<Notify>,
}

/// The turn of a read; the next one has it when this is dropped.
struct TakenTurn<'a> {
    pools: &'a AffinePools,
    of: ThreadId,
}

/// At most one for a thread.
struct Shared {
    by: ThreadId,
    until: Instant,
    lease: Weak<Lease>,
}

/// A connection in use; it goes back when this is dropped.
pub(super) struct Lease {
    /// There until the drop.
    object: Option<Object>,
    is_broken: AtomicBool,
    /// Goes back after the connection.
    _place: OwnedSemaphorePermit,
}

impl AffinePools {
    /// `homes` pools of `size` connections each, for which one waits for `wait_max`; none is opened yet.
    ///
    /// # Errors
    /// When the pools' own settings contradict each other.
    pub(super) fn new(
        target: &Target,
        config: &Config,
        homes: usize,
        size: usize,
        wait_max: Duration,
    ) -> Result<Self, BuildError> {
        let pool = || {
            let manager = Manager { target: target.clone(), config: config.clone() };
            Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1).build()
        };
        let pools = (0..homes).map(|_| pool()).collect::<Result<_, _>>()?;
        let places = Arc::new(Semaphore::new(homes * size));
        Ok(Self { pools, places, shared: Mutex::default(), turns: Mutex::default(), wait_max })
    }

    /// A connection for one statement at a time.
    pub(super) async fn lease(&self) -> Result<Arc<Lease>> {
        let deadline = Instant::now() + self.wait_max;
        self.lease_in(self.place(deadline).await?, deadline).await
    }

    async fn place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit> {
        match timeout(left(deadline), Arc::clone(&self.places).acquire_owned()).await {
            Some(Ok(place)) => Ok(place),
            _ => {
                tracing::warn!("all connections to PostgreSQL are in use");
                Err(Error::Unavailable)
            }
        }
    }

    async fn lease_in(&self, place: OwnedSemaphorePermit, deadline: Instant) -> Result<Arc<Lease>> {
        loop {
            match self.take().await {
                Ok(Some(object)) => return Ok(Lease::new(object, place)),
                // Another thread was faster, between two pools.
                Ok(None) if Instant::now() < deadline => tokio::task::yield_now().await,
                Ok(None) => return Err(Error::Unavailable),
                Err(error) => return Err(unavailable(&error)),
            }
        }
    }

    /// A connection of the first pool that has one, this thread's home before the others.
    async fn take(&self) -> Result<Option<Object>, PoolError> {
        let home = TURN.with(|turn| turn % self.pools.len().max(1));
        let in_time = Some(self.wait_max);
        let at_once = Timeouts { wait: Some(Duration::ZERO), create: in_time, recycle: in_time };
        let mut failed = None;
        for pool in self.pools.iter().cycle().skip(home).take(self.pools.len()) {
            if failed.is_some() && pool.status().available == 0 {
                continue;
            }
            match pool.timeout_get(&at_once).await {
                Ok(object) => return Ok(Some(object)),
                Err(PoolError::Timeout(TimeoutType::Wait)) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// A connection for a quick read, behind those that this thread has just sent.
    pub(super) async fn share(&self) -> Result<Arc<Lease>> {
        let here = std::thread::current().id();
        if let Some(shared) = self.shared_by(here) {
            return Ok(shared);
        }
        let deadline = Instant::now() + self.wait_max;
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return self.lease_to_share(place, here, deadline).await;
        }
        loop {
            let others = match self.take_turn(here) {
                Ok(_turn) => return self.lease_to_share(self.place(deadline).await?, here, deadline).await,
                Err(others) => others,
            };
            if timeout(left(deadline), others.notified()).await.is_none() {
                return Err(Error::Unavailable);
            }
            if let Some(shared) = self.shared_by(here) {
                // As many as have room, one after another; who finds none has the next turn.
                others.notify_one();
                return Ok(shared);
            }
        }
    }

    /// The turn of a thread's reads to wait for a connection, or where to wait for the one that has it.
    fn take_turn(&self, here: ThreadId) -> std::result::Result<TakenTurn<'_>, Arc<Notify>> {
        let mut turns = self.turns.lock();
        match turns.iter_mut().find(|turn| turn.of == here) {
            Some(turn) if turn.is_taken => return Err(Arc::clone(&turn.others)),
            Some(turn) => turn.is_taken = true,
            None => turns.push(Turn { of: here, is_taken: true, others: Arc::default() }),
        }
        Ok(TakenTurn { pools: self, of: here })
    }

    async fn lease_to_share(
        &self,
        place: OwnedSemaphorePermit,
        here: ThreadId,
        deadline: Instant,
    ) -> Result<Arc<Lease>> {
        let lease = self.lease_in(place, deadline).await?;
        let shared = Shared { by: here, until: Instant::now() + SHARED_FOR, lease: Arc::downgrade(&lease) };
        let mut all = self.shared.lock();
        all.retain(|other| other.by != here && other.lease.strong_count() > 0);
        all.push(shared);
        Ok(lease)
    }

    /// What a thread may share now.
    fn shared_by(&self, here: ThreadId) -> Option<Arc<Lease>> {
        let all = self.shared.lock();
        let shared = all.iter().find(|shared| shared.by == here)?;
        let has_room = (1..SHARERS_MAX).contains(&shared.lease.strong_count());
        let lease = if has_room && Instant::now() < shared.until { shared.lease.upgrade() } else { None };
        drop(all);
        lease.filter(|lease| lease.is_good())
    }

    /// Closes the idle connections, and each other one when it comes back; later calls are refused.
    pub(super) fn close(&self) {
        self.pools.iter().for_each(Pool::close);
    }
}

impl Drop for TakenTurn<'_> {
    fn drop(&mut self) {
        if let Some(turn) = self.pools.turns.lock().iter_mut().find(|turn| turn.of == self.of) {
            turn.is_taken = false;
            turn.others.notify_one();
        }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn unavailable(error: &PoolError) -> Error {
    match error {
        PoolError::Backend(error) => tracing::warn!(%error, "no connection to PostgreSQL"),
        other => tracing::warn!(error = %other, "no connection to PostgreSQL in time"),
    }
    Error::Unavailable
}

impl Lease {
    fn new(object: Object, place: OwnedSemaphorePermit) -> Arc<Self> {
        Arc::new(Self { object: Some(object), is_broken: AtomicBool::new(false), _place: place })
    }

    /// The connection; always there, since only the drop takes it.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.object.as_deref()
    }

    /// Has the connection closed instead of given back.
    pub(super) fn discard(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// Says what to do with the connection if its user goes away in the middle of a statement.
    pub(super) fn watch(&self) -> CancelGuard<'_> {
        CancelGuard { lease: self, since: Instant::now() }
    }

    fn is_good(&self) -> bool {
        !self.is_broken.load(Ordering::Relaxed) && self.connection().is_some_and(Connection::is_good)
    }
}

/// A statement under way. Who has waited long and goes away leaves a connection behind that hangs: it is closed.
pub(super) struct CancelGuard<'a> {
    lease: &'a Lease,
    since: Instant,
}

impl CancelGuard<'_> {
    /// The statement is done.
    pub(super) fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        if self.since.elapsed() >= HANGS_AFTER {
            self.lease.discard();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let is_good = self.is_good();
        if let Some(object) = self.object.take().filter(|_| !is_good) {
            drop(Object::take(object));
        }
    }
}
