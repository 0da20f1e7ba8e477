//! Connections to PostgreSQL, kept open and leased.
//!
//! A connection's I/O runs on the thread that opened it, its home: a query from another thread wakes that thread and is
//! woken by it. So a thread gets its own connections first, and another's only when the pool is full. A thread that has
//! two fewer than the one it would borrow from gets a connection of its own instead.
//!
//! A lease is for one at a time, or [shared](Pool::share): quick reads of one thread that come within [`SHARED_FOR`] go
//! down one connection, one behind the other, and share its system calls. One that hangs holds up those and no others.
//!
//! Bounds: `size` connections in all, [`SHARERS_MAX`] for a shared one, [`WAIT`] for one to be free and [`WAIT`] to open one.

use super::fault::chain;
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, Statement};

const WAIT: Duration = Duration::from_secs(1);
const SHARED_FOR: Duration = Duration::from_millis(2);
const SHARERS_MAX: usize = 32;

/// See the module.
pub(super) struct Pool {
    config: Config,
    size: usize,
    /// One for each connection that may be leased.
    permits: Arc<Semaphore>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    idle: Vec<Arc<Connection>>,
    /// The homes of all that are open or being opened, idle or not.
    homes: Vec<ThreadId>,
    /// At most one for a thread.
    shared: Vec<Shared>,
}

struct Shared {
    by: ThreadId,
    until: Instant,
    lease: Weak<Lease>,
}

/// What to do for a thread that wants a connection.
enum Found {
    Idle(Arc<Connection>),
    Open(Place),
}

/// A connection's place among the open ones, from before it is opened until it is dropped.
struct Place {
    home: ThreadId,
    kept: Weak<Mutex<Kept>>,
}

struct Connection {
    client: Client,
    statements: Mutex<Vec<(&'static str, Statement)>>,
    place: Place,
}

/// A connection in use; it goes back when this is dropped.
pub(super) struct Lease {
    connection: Arc<Connection>,
    kept: Weak<Mutex<Kept>>,
    is_broken: AtomicBool,
    // Dropped last: whoever waits for it finds the connection back.
    permit: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool of at most `size` connections; none is opened yet.
    pub(super) fn new(config: Config, size: usize) -> Self {
        Self { config, size, permits: Arc::new(Semaphore::new(size)), kept: Arc::default() }
    }

    /// A connection for one statement at a time.
    pub(super) async fn lease(&self) -> Result<Arc<Lease>> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let connection = match self.find(std::thread::current().id()) {
            Found::Idle(connection) => connection,
            Found::Open(place) => self.open(place).await?,
        };
        Ok(Arc::new(Lease { connection, kept: Arc::downgrade(&self.kept), is_broken: AtomicBool::new(false), permit }))
    }

    /// A connection for a quick read, behind those that this thread has just sent.
    pub(super) async fn share(&self) -> Result<Arc<Lease>> {
        let here = std::thread::current().id();
        let shared = lock(&self.kept).shared(here);
        if let Some(shared) = shared.filter(|lease| lease.is_good()) {
            return Ok(shared);
        }
        let lease = self.lease().await?;
        let shared = Shared { by: here, until: Instant::now() + SHARED_FOR, lease: Arc::downgrade(&lease) };
        let mut kept = lock(&self.kept);
        kept.shared.retain(|other| other.by != here);
        kept.shared.push(shared);
        Ok(lease)
    }

    /// Closes the idle connections, and each other one when it comes back; later calls are refused.
    pub(super) fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut lock(&self.kept).idle);
        drop(idle);
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit> {
        let acquired = timeout(WAIT, Arc::clone(&self.permits).acquire_owned()).await.map_err(|_| {
            tracing::warn!("no connection to PostgreSQL in time");
            Error::Unavailable
        })?;
        acquired.map_err(|_| Error::Unavailable)
    }

    fn find(&self, here: ThreadId) -> Found {
        let mut kept = lock(&self.kept);
        let (found, dropped) = kept.find(here, self.size);
        let found = found.unwrap_or_else(|| {
            kept.homes.push(here);
            Found::Open(Place { home: here, kept: Arc::downgrade(&self.kept) })
        });
        drop(kept);
        // A connection's drop takes the lock itself.
        drop(dropped);
        found
    }

    async fn open(&self, place: Place) -> Result<Arc<Connection>> {
        let opened = timeout(WAIT, self.config.connect(NoTls)).await.map_err(|_| {
            tracing::warn!("no connection to PostgreSQL in time");
            Error::Unavailable
        })?;
        let (client, connection) = opened.map_err(|error| {
            tracing::warn!(error = %chain(&error), "no connection to PostgreSQL");
            Error::Unavailable
        })?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(error = %chain(&error), "a connection to PostgreSQL was lost");
            }
        });
        Ok(Arc::new(Connection { client, statements: Mutex::default(), place }))
    }
}

impl Kept {
    /// A connection for a thread, if it is not to open one; and those that turned out to be closed, or to be in the way.
    fn find(&mut self, here: ThreadId, size: usize) -> (Option<Found>, Vec<Arc<Connection>>) {
        let mut dropped = Vec::new();
        while let Some(own) = self.idle.iter().rposition(|idle| idle.place.home == here) {
            let idle = self.idle.remove(own);
            if !idle.client.is_closed() {
                return (Some(Found::Idle(idle)), dropped);
            }
            dropped.push(idle);
        }
        dropped.extend(self.idle.extract_if(.., |idle| idle.client.is_closed()));
        if self.homes.len() - dropped.len() < size {
            return (None, dropped);
        }
        let open = |home| self.homes.iter().filter(|of| **of == home).count();
        let richest = (0..self.idle.len()).max_by_key(|at| self.idle.get(*at).map(|idle| open(idle.place.home)));
        let Some(at) = richest else { return (None, dropped) };
        let is_rich = self.idle.get(at).is_some_and(|idle| open(idle.place.home) >= open(here) + 2);
        let other = self.idle.remove(at);
        if is_rich {
            dropped.push(other);
            return (None, dropped);
        }
        (Some(Found::Idle(other)), dropped)
    }

    /// What a thread may share now. A lease is only dropped without the lock, so it is given out whenever it is held.
    fn shared(&self, here: ThreadId) -> Option<Arc<Lease>> {
        let shared = self.shared.iter().find(|shared| shared.by == here)?;
        let has_room = (1..SHARERS_MAX).contains(&shared.lease.strong_count());
        if has_room && Instant::now() < shared.until { shared.lease.upgrade() } else { None }
    }
}

/// What is done under these locks leaves whole what they guard.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(kept) = self.kept.upgrade() else { return };
        let mut kept = lock(&kept);
        if let Some(at) = kept.homes.iter().position(|home| *home == self.home) {
            kept.homes.swap_remove(at);
        }
    }
}

impl Lease {
    /// The statement, prepared once on each connection.
    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let known = |(text, statement): &(&str, Statement)| std::ptr::eq(*text, sql).then(|| statement.clone());
        if let Some(statement) = lock(&self.connection.statements).iter().find_map(known) {
            return Ok(statement);
        }
        let statement = self.client().prepare(sql).await?;
        lock(&self.connection.statements).push((sql, statement.clone()));
        Ok(statement)
    }

    pub(super) fn client(&self) -> &Client {
        &self.connection.client
    }

    /// Has the connection closed instead of given back.
    pub(super) fn discard(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    fn is_good(&self) -> bool {
        !self.is_broken.load(Ordering::Relaxed) && !self.client().is_closed()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let is_open = !self.permit.semaphore().is_closed();
        if let Some(kept) = self.kept.upgrade().filter(|_| is_open && self.is_good()) {
            lock(&kept).idle.push(Arc::clone(&self.connection));
        }
    }
}
