//! What a client has sent and still waits for. The next try of everything is a moment here; no I/O.

use super::dice::Dice;
use super::history::Sent;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// The server takes 64 unacknowledged sends and changes a socket; each of these may be on its way twice, and so may 10 changes.
const WINDOW: usize = 22;
/// One in so many is sent twice at once, and one in so many once more after its acknowledgement.
const TWICE_ONE_IN: u64 = 25;
/// One in so many is as long as a message may be.
const LONG_ONE_IN: u64 = 60;
const CONTENT_CHARS_MAX: usize = 4_000;

struct Pending {
    sent: Sent,
    /// When it is sent again; `None` while its answer is awaited.
    due: Option<Instant>,
}

#[derive(Default)]
pub struct Outbox {
    pending: Vec<Pending>,
    /// Acknowledged, and to be sent once more: the answer must be the original.
    doubted: Vec<Sent>,
    /// Acknowledged, sent once more, not answered yet.
    asked_again: HashSet<String>,
    count: u64,
}

impl Outbox {
    /// Sends that have no answer yet.
    pub fn unsettled(&self) -> usize {
        self.pending.len() + self.doubted.len() + self.asked_again.len()
    }

    /// Something new, unless too much is on its way; and how often it is to be sent at once.
    pub fn write(&mut self, name: &str, dice: &mut Dice) -> Option<(Sent, usize)> {
        if self.pending.len() >= WINDOW {
            return None;
        }
        self.count += 1;
        // Another author's nonces are the same: they are each author's own.
        let sent = Sent { nonce: self.count.to_string(), content: content(name, self.count, dice) };
        self.pending.push(Pending { sent: sent.clone(), due: None });
        Some((sent, if dice.one_in(TWICE_ONE_IN) { 2 } else { 1 }))
    }

    /// Everything that is to be sent again by now.
    pub fn take_due(&mut self, now: Instant) -> Vec<Sent> {
        let mut due = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| pending.due.is_some_and(|due| due <= now)) {
            pending.due = None;
            due.push(pending.sent.clone());
        }
        for sent in self.doubted.drain(..) {
            self.asked_again.insert(sent.nonce.clone());
            due.push(sent);
        }
        due
    }

    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        let doubted = (!self.doubted.is_empty()).then_some(now);
        self.pending.iter().filter_map(|pending| pending.due).chain(doubted).min()
    }

    /// The connection is gone, and with it every answer that was awaited.
    pub fn lost(&mut self) {
        self.pending.iter_mut().for_each(|pending| pending.due = None);
        self.doubted.clear();
        self.asked_again.clear();
    }

    /// The first of those that have no answer.
    pub fn unanswered(&self, count: usize) -> Vec<Sent> {
        self.pending.iter().take(count).map(|pending| pending.sent.clone()).collect()
    }

    /// Sends everything again that has no answer.
    pub fn send_all_again(&mut self, now: Instant) {
        self.pending.iter_mut().for_each(|pending| pending.due = Some(now));
    }

    /// One's own message came back; says whether that is news.
    pub fn acknowledged(&mut self, nonce: &str, dice: &mut Dice) -> bool {
        let Some(at) = self.pending.iter().position(|pending| pending.sent.nonce == nonce) else { return false };
        let sent = self.pending.swap_remove(at).sent;
        if dice.one_in(TWICE_ONE_IN) {
            self.doubted.push(sent);
        }
        true
    }

    /// The answer to something that was acknowledged already.
    pub fn confirmed(&mut self, nonce: &str) {
        self.asked_again.remove(nonce);
    }

    /// The server could not take it, or cannot say yet. Whose outcome is to follow is waited for, or not.
    pub fn refused(&mut self, code: &str, nonce: Option<&str>, retry_after_ms: Option<u64>, dice: &mut Dice) {
        if let Some(nonce) = nonce {
            self.asked_again.remove(nonce);
        }
        if code == "unconfirmed" && dice.one_in(2) {
            return;
        }
        let pause = Duration::from_millis(retry_after_ms.unwrap_or(50) + dice.between(0..=150));
        let names = |pending: &&mut Pending| nonce.is_none_or(|nonce| pending.sent.nonce == nonce);
        for pending in self.pending.iter_mut().filter(names) {
            pending.due = Some(Instant::now() + pause);
        }
    }
}

/// A text that says who wrote it, and is not always plain or short.
pub fn content(name: &str, count: u64, dice: &mut Dice) -> String {
    const TAILS: [&str; 6] = ["", " 안녕", " 🦀 \"quoted\"", " line\nline\t\\", " \u{1}<b>&amp;", " e\u{301}"];
    let text = format!("{name} {count}{}", dice.pick(&TAILS));
    if dice.one_in(LONG_ONE_IN) {
        return text.chars().chain(std::iter::repeat('가')).take(CONTENT_CHARS_MAX).collect();
    }
    text
}
