//! What happens by the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A socket that has been silent for so long is pinged, in seconds.
pub const PING_AFTER_S: u32 = 25;
/// A socket that has been silent for so long is ended, in seconds.
pub const SILENCE_MAX_S: u32 = 35;
/// As long as a client may take to say who it is, in seconds.
pub const IDENTIFY_MAX_S: u32 = 10;
/// As long as an ended socket may take to read its close frame, in seconds.
pub const LINGER_S: u32 = 5;
/// As long as a part of a gap in a log may take to be read: who has written waits for it.
const GAP_READ_MAX: Duration = Duration::from_secs(1);
/// A question to the registry: a load or two from a database that is slow, and what comes before them.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// As long as a load may wait for its turn while none of those before it ends.
const STANDSTILL_MAX: Duration = Duration::from_secs(1);
/// As long as a connection to PostgreSQL is waited for.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(1);

/// As often as a node looks what others on its database have written and changed.
pub const FOLLOW_EVERY: Duration = Duration::from_millis(100);
/// The same where the bus brings it sooner.
pub const FOLLOW_WITH_BUS_EVERY: Duration = Duration::from_millis(250);

/// What happens by the clock. Only tests have others than the default ones.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A channel that nobody has needed for so long ends.
    pub idle: Duration,
    /// A question to the registry that has no answer after so long is given up.
    pub answer_max: Duration,
    /// A load waits so long for its turn while none of those before it ends.
    pub standstill_max: Duration,
    /// A statement waits so long for a connection, and for one to be opened.
    pub connection_wait_max: Duration,
    /// A send waits for so much longer than its bounds say.
    pub send_patience: Duration,
    /// As often as the logs of the channels with life are looked at: whether they have gone on without this node.
    pub watch_every: Duration,
    /// As often as it is looked what other nodes have written and changed,
    pub follow_every: Duration,
    /// and where the bus brings it: this finds what it has not brought.
    pub follow_with_bus_every: Duration,
    /// As often as somebody else's deletions of channels are looked for, whose rows are to be removed.
    pub purge_every: Duration,
    /// A part of a gap in a log that has not been read after so long is given up.
    pub gap_read_max: Duration,
    /// A socket that has been silent for so long is pinged, in seconds,
    pub ping_after_s: u32,
    /// and ended after so long.
    pub silence_max_s: u32,
    /// A gateway whose client has not said who it is ends after so long, in seconds.
    pub identify_max_s: u32,
    /// A socket that has ended, and has not read its close frame after so long, is dropped, in seconds.
    pub linger_s: u32,
    /// What tokens and logins are judged by.
    pub clock: WallClock,
    /// What limits by rate are judged by.
    pub uptime: Uptime,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            answer_max: ANSWER_MAX,
            standstill_max: STANDSTILL_MAX,
            connection_wait_max: CONNECTION_WAIT_MAX,
            send_patience: Duration::ZERO,
            watch_every: Duration::from_secs(10),
            follow_every: FOLLOW_EVERY,
            follow_with_bus_every: FOLLOW_WITH_BUS_EVERY,
            purge_every: Duration::from_secs(60),
            gap_read_max: GAP_READ_MAX,
            ping_after_s: PING_AFTER_S,
            silence_max_s: SILENCE_MAX_S,
            identify_max_s: IDENTIFY_MAX_S,
            linger_s: LINGER_S,
            clock: WallClock::default(),
            uptime: Uptime::default(),
        }
    }
}

/// The system's clock; or one that is ahead of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    ahead_s: Option<&'static AtomicU64>,
}

impl WallClock {
    /// A clock that is so many seconds ahead, which may change at any time.
    #[must_use]
    pub fn ahead_by(seconds: &'static AtomicU64) -> Self {
        Self { ahead_s: Some(seconds) }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now_s(self) -> u64 {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        now_s + self.ahead_s.map_or(0, |ahead_s| ahead_s.load(Ordering::Relaxed))
    }
}

/// The time since a start; or one that goes on only where it is told to.
#[derive(Clone, Copy, Debug)]
pub struct Uptime {
    started: Instant,
    told_us: Option<&'static AtomicU64>,
}

impl Default for Uptime {
    fn default() -> Self {
        Self { started: Instant::now(), told_us: None }
    }
}

impl Uptime {
    /// A time that is so many microseconds, which may grow at any time.
    #[must_use]
    pub fn told_by(microseconds: &'static AtomicU64) -> Self {
        Self { told_us: Some(microseconds), ..Self::default() }
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn now_us(self) -> u64 {
        let passed_us = || u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.told_us.map_or_else(passed_us, |told_us| told_us.load(Ordering::Relaxed))
    }
}
