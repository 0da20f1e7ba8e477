//! Frames of a socket: a bucket while its client is nobody, and how far it goes over its rate.

use super::GUEST_FRAMES as FRAMES;
use std::time::Duration;

/// Frames a second that a socket may send for ever.
const PER_SECOND: u32 = (Duration::from_secs(1).as_millis() / FRAMES.refill.as_millis()) as u32;
/// Frames over the rate, with no good one between, before the socket ends with `4429`.
const FLOOD_FRAMES: u32 = 1_000;

/// A socket's bucket. The clock has seconds; a frame costs one token.
#[derive(Debug)]
pub struct FrameRate {
    tokens: u32,
    at_s: u32,
    over: u32,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it.
    Good,
    /// Refuse it.
    TooMany {
        /// When the next one will be taken.
        retry_after_ms: u32,
    },
    /// End the socket.
    Flood,
}

impl Default for FrameRate {
    fn default() -> Self {
        Self { tokens: FRAMES.burst, at_s: 0, over: 0 }
    }
}

impl FrameRate {
    /// What becomes of a frame that was counted for its user.
    pub fn judge(&mut self, counted: Result<(), u32>) -> Verdict {
        match counted {
            Ok(()) => {
                // A bucket that fills a little all the time excuses as little.
                self.over = self.over.saturating_sub(1);
                Verdict::Good
            }
            Err(retry_after_ms) => self.over(retry_after_ms),
        }
    }

    /// The last frame over the rate was one of those that are bounded otherwise.
    pub fn excuse(&mut self) {
        self.over = self.over.saturating_sub(1);
    }

    /// The last frame over the rate asked for so many things.
    pub fn weigh(&mut self, things: usize) {
        self.over = self.over.saturating_add(u32::try_from(things.saturating_sub(1)).unwrap_or(u32::MAX));
    }

    fn over(&mut self, retry_after_ms: u32) -> Verdict {
        self.over += 1;
        if self.over > FLOOD_FRAMES { Verdict::Flood } else { Verdict::TooMany { retry_after_ms } }
    }

    /// Counts a frame of nobody's at `now_s`.
    pub fn check(&mut self, now_s: u32) -> Verdict {
        let passed_s = now_s.saturating_sub(self.at_s);
        self.at_s = now_s;
        self.tokens = passed_s.saturating_mul(PER_SECOND).saturating_add(self.tokens).min(FRAMES.burst);
        if self.tokens > 0 {
            self.tokens -= 1;
            self.over = 0;
            return Verdict::Good;
        }
        self.over(1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_then_the_rate_then_a_flood_ends() {
        let mut rate = FrameRate::default();
        assert!((0..120).all(|_| rate.check(0) == Verdict::Good));
        assert_eq!(rate.check(0), Verdict::TooMany { retry_after_ms: 1_000 });
        assert!((0..2).all(|_| rate.check(1) == Verdict::Good));
        assert!((0..FLOOD_FRAMES).all(|_| rate.check(1) != Verdict::Flood));
        assert_eq!(rate.check(1), Verdict::Flood);
        assert_eq!(rate.check(2), Verdict::Good);
        assert!((0..120).all(|second| (0..2).all(|_| rate.check(100 + second) == Verdict::Good)), "120 a minute");
    }
}
