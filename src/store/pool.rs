//! Connections to PostgreSQL: deadpool's, with homes, and shared by quick reads.
//!
//! A connection's I/O runs on the thread that opened it: a query from another thread wakes that thread and is woken by it. So
//! there are several pools, and a thread takes from its own, its home; from the others only when its own has none left.
//!
//! A lease is for one at a time, or [shared](Homes::share): quick reads of one thread that come within [`SHARED_FOR`] go
//! down one connection, one behind the other, and share its system calls. One that hangs holds up those and no others.
//!
//! Bounds: the size of all pools together, [`SHARERS_MAX`] for a shared lease, [`WAIT`] for one to be free and [`WAIT`] to
//! open one.

use super::fault::chain;
use crate::error::{Error, Result};
use deadpool_postgres::{
    BuildError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use tokio_postgres::{Config, NoTls};

const WAIT: Duration = Duration::from_secs(1);
const SHARED_FOR: Duration = Duration::from_millis(2);
const SHARERS_MAX: usize = 32;

thread_local! {
    /// Threads get their homes in turn.
    static TURN: usize = TURNS.fetch_add(1, Ordering::Relaxed);
}

static TURNS: AtomicUsize = AtomicUsize::new(0);

/// See the module.
pub(super) struct Homes {
    pools: Vec<Pool>,
    shared: Mutex<Vec<Shared>>,
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
}

impl Homes {
    /// `homes` pools of `size` connections each; none is opened yet.
    ///
    /// # Errors
    /// When the pools' own settings contradict each other.
    pub(super) fn new(config: &Config, homes: usize, size: usize) -> Result<Self, BuildError> {
        let pool = || {
            let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
            let manager = Manager::from_config(config.clone(), NoTls, recycling);
            Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1).build()
        };
        Ok(Self { pools: (0..homes).map(|_| pool()).collect::<Result<_, _>>()?, shared: Mutex::default() })
    }

    /// A connection for one statement at a time.
    pub(super) async fn lease(&self) -> Result<Arc<Lease>> {
        let count = self.pools.len().max(1);
        let home = TURN.with(|turn| turn % count);
        let at_once = Timeouts { wait: Some(Duration::ZERO), create: Some(WAIT), recycle: Some(WAIT) };
        for pool in self.pools.iter().cycle().skip(home).take(count) {
            match pool.timeout_get(&at_once).await {
                Ok(object) => return Ok(Lease::new(object)),
                Err(PoolError::Timeout(TimeoutType::Wait)) => {}
                Err(error) => return Err(unavailable(&error)),
            }
        }
        let patient = Timeouts { wait: Some(WAIT), ..at_once };
        let pool = self.pools.get(home).ok_or(Error::Unavailable)?;
        pool.timeout_get(&patient).await.map(Lease::new).map_err(|error| unavailable(&error))
    }

    /// A connection for a quick read, behind those that this thread has just sent.
    pub(super) async fn share(&self) -> Result<Arc<Lease>> {
        let here = std::thread::current().id();
        if let Some(shared) = self.shared_by(here) {
            return Ok(shared);
        }
        let lease = self.lease().await?;
        let shared = Shared { by: here, until: Instant::now() + SHARED_FOR, lease: Arc::downgrade(&lease) };
        let mut all = self.lock();
        all.retain(|other| other.by != here && other.lease.strong_count() > 0);
        all.push(shared);
        Ok(lease)
    }

    /// What a thread may share now.
    fn shared_by(&self, here: ThreadId) -> Option<Arc<Lease>> {
        let all = self.lock();
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

    /// What is done under this lock leaves whole what it guards.
    fn lock(&self) -> MutexGuard<'_, Vec<Shared>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(error: &PoolError) -> Error {
    match error {
        PoolError::Backend(error) => tracing::warn!(error = %chain(error), "no connection to PostgreSQL"),
        other => tracing::warn!(error = %other, "no connection to PostgreSQL in time"),
    }
    Error::Unavailable
}

impl Lease {
    fn new(object: Object) -> Arc<Self> {
        Arc::new(Self { object: Some(object), is_broken: AtomicBool::new(false) })
    }

    /// The connection; always there, since only the drop takes it.
    pub(super) fn connection(&self) -> Option<&Object> {
        self.object.as_ref()
    }

    /// Has the connection closed instead of given back.
    pub(super) fn discard(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    fn is_good(&self) -> bool {
        !self.is_broken.load(Ordering::Relaxed) && self.connection().is_some_and(|object| !object.is_closed())
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
