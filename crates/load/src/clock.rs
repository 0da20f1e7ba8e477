//! The run's clock: what is stamped into a message is read by other sockets, perhaps of another process.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970; in one process it never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_us: u64,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_us: u64::try_from(wall.as_micros()).unwrap_or(0) }
    }

    /// The time.
    pub fn now_us(&self) -> u64 {
        self.started_us + u64::try_from(self.started.elapsed().as_micros()).unwrap_or(0)
    }

    /// The same as the time of a timer.
    pub fn instant(&self, at_us: u64) -> Instant {
        self.started + std::time::Duration::from_micros(at_us.saturating_sub(self.started_us))
    }

    /// Seconds since the start.
    pub fn elapsed_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}
