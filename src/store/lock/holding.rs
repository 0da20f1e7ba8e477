//! How the node stands to its lock, for all who open connections or change something.

use crate::domain::backend::Backend;
use tokio::sync::{mpsc, oneshot, watch};

/// What the node's other connections have to know of its lock.
#[derive(Clone, Copy)]
pub(in crate::store) struct Holding {
    /// Who serves the connection that holds it, or held it last.
    pub backend: Backend,
    pub generation: u64,
    /// Whether what the node remembers is of this history of the database.
    pub(super) is_read: bool,
    pub(super) state: State,
}

/// Whether it is held, and what may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Held,
    /// Its connection is there, and no answer comes: a standby that commits wait for may be away. Reads go on, also over new
    /// connections; nothing is changed.
    Stalled,
    /// No connection can be opened.
    Lost,
}

/// Whether the lock is held, for all who open connections.
pub(in crate::store) struct Lock {
    /// `None` before it is held for the first time.
    pub(super) holding: watch::Sender<Option<Holding>>,
    pub(super) probe: mpsc::Sender<oneshot::Sender<()>>,
}

impl Holding {
    fn is_ready(&self) -> bool {
        self.state == State::Held && self.is_read
    }
}

impl Lock {
    /// Returns when connections may be opened.
    pub(in crate::store) async fn held(&self) -> Holding {
        self.when(|holding| holding.state != State::Lost).await
    }

    /// Returns when something may be changed: it is held, and what the node remembers is true.
    pub(in crate::store) async fn ready(&self) {
        self.when(Holding::is_ready).await;
    }

    /// Whether something may be changed.
    pub(in crate::store) fn is_ready(&self) -> bool {
        self.holding.borrow().is_some_and(|holding| holding.is_ready())
    }

    /// Whether connections of this generation may still be used: the lock has not been held anew since.
    pub(in crate::store) fn is_current(&self, generation: u64) -> bool {
        self.holding.borrow().is_none_or(|holding| holding.generation == generation)
    }

    /// Whether a commit is answered now, where the lock is held. Then all that could be seen there before is safe.
    pub(in crate::store) async fn can_commit(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        let is_held = self.holding.borrow().is_some_and(|holding| holding.state == State::Held);
        is_held && self.probe.try_send(answer).is_ok() && answered.await.is_ok()
    }

    pub(super) fn hold(&self, backend: Backend, generation: u64, is_read: bool) {
        self.holding.send_replace(Some(Holding { backend, generation, is_read, state: State::Held }));
    }

    pub(super) fn set(&self, state: State) {
        self.modify(|holding| holding.state = state);
    }

    pub(super) fn set_read(&self) {
        self.modify(|holding| holding.is_read = true);
    }

    fn modify(&self, change: impl FnOnce(&mut Holding)) {
        self.holding.send_modify(|holding| {
            if let Some(holding) = holding {
                change(holding);
            }
        });
    }

    async fn when(&self, is_so: impl Fn(&Holding) -> bool) -> Holding {
        let mut holding = self.holding.subscribe();
        let found = holding.wait_for(|holding| holding.as_ref().is_some_and(&is_so)).await.map_or(None, |found| *found);
        match found {
            Some(holding) => holding,
            // The sender is ours: it is not gone.
            None => std::future::pending().await,
        }
    }
}
