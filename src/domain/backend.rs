//! Which process of the database has been given a change.

use time::OffsetDateTime;

/// A process of PostgreSQL, and no other that comes to have its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend {
    pid: i32,
    started_at: OffsetDateTime,
}

impl Backend {
    /// The process with this id that began then: later another one may have the id.
    pub fn new(pid: i32, started_at: OffsetDateTime) -> Self {
        Self { pid, started_at }
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// When it began.
    pub fn started_at(&self) -> OffsetDateTime {
        self.started_at
    }
}
