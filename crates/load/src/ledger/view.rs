//! What one socket has got of a channel.

use super::{Heard, Incoming, Ledger, Telling};
use crate::checks::{Checks, Rule};
use std::collections::BTreeSet;

/// Events that one socket has not got yet although later ones came: beyond that they are counted as lost at once.
const MISSING_MAX: usize = 4_096;
/// A `seq` that is further ahead than this is none.
const JUMP_MAX: i64 = 10_000_000;

/// What one socket has seen of a channel.
#[derive(Debug)]
pub struct View {
    /// Which socket, for examples of violations.
    number: usize,
    last: i64,
    missing: BTreeSet<i64>,
    telling: Telling,
}

impl View {
    /// The view of a socket that hears a channel from its first event on.
    pub fn new(number: usize) -> Self {
        let telling = Telling { is_live: false, known_deletions: 0 };
        Self { number, last: 0, missing: BTreeSet::new(), telling }
    }

    /// It connects: first it is told what it has missed.
    pub fn connect(&mut self, ledger: &Ledger) {
        self.telling = Telling { is_live: false, known_deletions: ledger.fates().buried() };
    }

    /// From now on it is told what happens when it happens.
    pub fn go_live(&mut self) {
        self.telling.is_live = true;
    }

    /// The highest `seq` that it has got.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Takes the next entry, if its bytes are those that another socket has got for it.
    pub fn take_known(&mut self, bytes: &[u8], ledger: &Ledger) -> Option<Heard> {
        let heard = ledger.same(self.last + 1, bytes, self.telling.is_live)?;
        self.last += 1;
        Some(heard)
    }

    /// Takes an entry that has been read, at all numbers that it accounts for.
    pub fn take(&mut self, event: &Incoming<'_>, bytes: &[u8], ledger: &mut Ledger, checks: &Checks) -> Option<Heard> {
        let (socket, channel) = (self.number, ledger.channel_id);
        let (first, last) = event.span()?;
        if first < 1 || last - self.last > JUMP_MAX {
            checks.violate(Rule::NoneLost, || format!("channel {channel}, socket {socket}: seq {last} cannot be"));
            return None;
        }
        let bytes = (first == last).then_some(bytes);
        let mut heard = None;
        for seq in first..=last {
            heard = Some(ledger.learn(seq, event, bytes, self.telling, checks));
            self.take_number(seq, channel, checks);
        }
        heard
    }

    fn take_number(&mut self, seq: i64, channel: i64, checks: &Checks) {
        let socket = self.number;
        if seq > self.last {
            self.missing.extend(self.last + 1..seq);
            self.last = seq;
            while self.missing.len() > MISSING_MAX {
                self.missing.pop_first().into_iter().for_each(|seq| lost(checks, socket, channel, seq));
            }
        } else if self.missing.remove(&seq) {
            checks.violate(Rule::InOrder, || {
                format!("channel {channel}, socket {socket}: seq {seq} came after seq {}", self.last)
            });
        } else {
            checks.violate(Rule::NoneRepeated, || {
                format!("channel {channel}, socket {socket}: seq {seq} came again, after seq {}", self.last)
            });
        }
    }

    /// At the end: what has not come is lost, up to the channel's head.
    pub fn close(&self, head: i64, checks: &Checks, ledger: &Ledger) {
        let lost_now = self.missing.iter().copied().chain(self.last + 1..=head);
        lost_now.for_each(|seq| lost(checks, self.number, ledger.channel_id, seq));
    }
}

fn lost(checks: &Checks, socket: usize, channel: i64, seq: i64) {
    checks.violate(Rule::NoneLost, || format!("channel {channel}, socket {socket}: seq {seq} never came"));
}
