//! Limits by rate. One token bucket a socket for the frames that its client sends; calls have none yet.

/// Frames a second that a socket may send for ever.
pub const FRAMES_PER_SECOND: u32 = 50;
/// Frames that a socket may send at once after a quiet time.
pub const FRAME_BURST: u32 = 500;
/// Frames over the rate, with no good one between, before the socket ends with `4429`.
pub const FLOOD_FRAMES: u32 = 1_000;

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
        Self { tokens: FRAME_BURST, at_s: 0, over: 0 }
    }
}

impl FrameRate {
    /// Counts a frame at `now_s`.
    pub fn check(&mut self, now_s: u32) -> Verdict {
        let passed_s = now_s.saturating_sub(self.at_s);
        self.at_s = now_s;
        self.tokens = passed_s.saturating_mul(FRAMES_PER_SECOND).saturating_add(self.tokens).min(FRAME_BURST);
        if self.tokens > 0 {
            self.tokens -= 1;
            self.over = 0;
            return Verdict::Good;
        }
        self.over += 1;
        if self.over > FLOOD_FRAMES { Verdict::Flood } else { Verdict::TooMany { retry_after_ms: 1_000 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_then_the_rate_then_a_flood_ends() {
        let mut rate = FrameRate::default();
        assert!((0..FRAME_BURST).all(|_| rate.check(0) == Verdict::Good));
        assert_eq!(rate.check(0), Verdict::TooMany { retry_after_ms: 1_000 });
        assert!((0..FRAMES_PER_SECOND).all(|_| rate.check(1) == Verdict::Good));
        assert!((0..FLOOD_FRAMES).all(|_| rate.check(1) != Verdict::Flood));
        assert_eq!(rate.check(1), Verdict::Flood);
        assert_eq!(rate.check(2), Verdict::Good);
    }
}
