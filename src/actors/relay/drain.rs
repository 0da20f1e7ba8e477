//! Ending a relay's sockets one after another, evenly over a time.

use super::{Completion, SessionKey};
use std::time::Duration;

/// As often as those are ended whose turn has come.
pub(super) const DRAIN_EVERY: Duration = Duration::from_millis(100);

/// Sockets that are to be ended, and until when.
pub(super) struct Drain {
    waiting: Vec<SessionKey>,
    count: usize,
    over: Duration,
    _completion: Completion,
}

impl Drain {
    pub(super) fn new(sockets: Vec<SessionKey>, over: Duration, completion: Completion) -> Self {
        Self { count: sockets.len(), waiting: sockets, over, _completion: completion }
    }

    /// Those whose turn has come when so much time has passed. The last of them has waited for all of it.
    pub(super) fn take(&mut self, passed: Duration) -> Vec<SessionKey> {
        let left = self.over.saturating_sub(passed).as_secs_f64() / self.over.as_secs_f64();
        let stay = (self.count as f64 * left).ceil() as usize;
        self.waiting.split_off(stay.min(self.waiting.len()))
    }

    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_turn_once_and_the_turns_are_spread_evenly() {
        for count in [0, 1, 7, 40, 1_000] {
            let sockets: Vec<_> = (0..count).map(SessionKey::test).collect();
            let over = Duration::from_secs(4);
            let mut drain = Drain::new(sockets.clone(), over, Completion::ignored());
            let (mut passed, mut ended) = (Duration::ZERO, Vec::new());
            assert!(drain.take(passed).is_empty(), "none before its time");
            while !drain.is_over() {
                passed += DRAIN_EVERY;
                ended.extend(drain.take(passed));
                let share = count as f64 * (passed.as_secs_f64() / over.as_secs_f64()).min(1.0);
                assert!(
                    (share - 1.0..=share).contains(&(ended.len() as f64)),
                    "{} of {share} after {passed:?}",
                    ended.len()
                );
            }
            assert!(passed <= over, "{passed:?}");
            ended.sort_by_key(|key| key.slot);
            assert_eq!(ended, sockets);
        }
    }

    /// The worker had no time for it meanwhile.
    #[test]
    fn what_is_late_is_ended_at_once() {
        let mut drain =
            Drain::new((0..9).map(SessionKey::test).collect(), Duration::from_secs(1), Completion::ignored());
        assert_eq!(drain.take(Duration::from_secs(30)).len(), 9);
        assert!(drain.is_over());
    }
}
