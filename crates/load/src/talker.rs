//! What one socket sends: when the next message is due, which ones are on their way, which to send again.

use super::changes::{Changer, OwnMessage};
use super::frames::{Kind, write};
use super::payload::Said;
use super::report::times::SENT_LATE;
use super::run::Run;
use std::collections::BTreeMap;
use tokio::sync::Notify;

/// The node refuses more on their way than this (its limit for one socket).
const PENDING_MAX: usize = 64;
/// After a refusal that names no time.
const AGAIN_AFTER_US: u64 = 100_000;

/// When a sender sends.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many are on their way at any time.
    Window(usize),
    /// On a schedule, whatever becomes of the ones before.
    Every {
        /// The time from one to the next.
        interval_us: f64,
        /// When the next is due; before the run begins, how long after that the first is.
        next_us: f64,
    },
}

struct Pending {
    due_us: u64,
    /// When to send it again, if it is to be.
    again_us: Option<u64>,
}

/// See the module.
pub struct Talker {
    id: u32,
    next: u64,
    pending: BTreeMap<u64, Pending>,
    pace: Pace,
    /// What of its sends are changes.
    changer: Option<Changer>,
    has_begun: bool,
    /// Whether the node, and not the tool's own timer, made it wait.
    was_held: bool,
}

impl Talker {
    /// A sender that has sent nothing.
    pub fn new(id: u32, pace: Pace, changer: Option<Changer>) -> Self {
        Self { id, next: 0, pending: BTreeMap::new(), pace, changer, has_begun: false, was_held: false }
    }

    /// Its socket has got a message.
    pub fn see(&mut self, id: i64) {
        self.changer.iter_mut().for_each(|changer| changer.see(id));
    }

    /// A message of its own is in the log.
    pub fn own(&self, message: OwnMessage) {
        self.changer.iter().for_each(|changer| changer.own(message));
    }

    /// Told when one of its changes was answered, if it makes any.
    pub fn changes_answered(&self) -> Option<&Notify> {
        self.changer.as_ref().map(Changer::answered)
    }

    fn on_their_way(&self) -> usize {
        self.pending.len() + self.changer.as_ref().map_or(0, Changer::on_their_way)
    }

    /// Its number among the run's senders.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Appends what is to be sent now; new messages only while the run talks.
    pub fn write_due(&mut self, run: &Run, now_us: u64, talks: bool, into: &mut Vec<u8>) {
        for (number, pending) in &mut self.pending {
            if pending.again_us.is_some_and(|again_us| again_us <= now_us) {
                pending.again_us = None;
                say(run, Said { run: run.id, sender: self.id, number: *number, due_us: pending.due_us }, into);
            }
        }
        if talks
            && !std::mem::replace(&mut self.has_begun, true)
            && let Pace::Every { next_us, .. } = &mut self.pace
        {
            *next_us += run.began_us.get() as f64;
        }
        let is_late = |talker: &Self| talker.owes(run.ended_us.get()) > 0;
        while (talks || is_late(self))
            && let Some(due_us) = self.next_due_us(now_us).filter(|due_us| *due_us <= now_us)
        {
            if let Pace::Every { interval_us, next_us } = &mut self.pace {
                *next_us += *interval_us;
            }
            if !self.was_held && matches!(self.pace, Pace::Every { .. }) {
                run.meter.times(SENT_LATE).note(now_us - due_us);
            }
            if self.changer.as_mut().is_some_and(|changer| changer.takes(due_us)) {
                continue;
            }
            let number = self.next;
            self.next += 1;
            self.pending.insert(number, Pending { due_us, again_us: None });
            run.unanswered.set(run.unanswered.get() + 1);
            say(run, Said { run: run.id, sender: self.id, number, due_us }, into);
        }
        self.was_held = self.on_their_way() >= PENDING_MAX;
    }

    /// How many messages of its schedule were due before `ended_us` and have not been sent.
    pub fn owes(&self, ended_us: u64) -> u64 {
        match self.pace {
            Pace::Every { interval_us, next_us } if self.has_begun && ended_us != u64::MAX => {
                ((ended_us as f64 - next_us) / interval_us).ceil().max(0.0) as u64
            }
            _ => 0,
        }
    }

    /// When the next new message is due; `None` while too many are on their way.
    fn next_due_us(&self, now_us: u64) -> Option<u64> {
        match self.pace {
            Pace::Window(most) => (self.on_their_way() < most.min(PENDING_MAX)).then_some(now_us),
            Pace::Every { next_us, .. } => (self.on_their_way() < PENDING_MAX).then_some(next_us as u64),
        }
    }

    /// When there is next something to send that nothing else will remind of.
    pub fn wakes_us(&self, now_us: u64, talks: bool) -> Option<u64> {
        let again = self.pending.values().filter_map(|pending| pending.again_us).min();
        let due = self.next_due_us(now_us).filter(|_| talks && matches!(self.pace, Pace::Every { .. }));
        again.into_iter().chain(due).min()
    }

    /// A message is in the log: answers when it was due, unless that was known.
    pub fn acknowledge(&mut self, run: &Run, number: u64) -> Option<u64> {
        let pending = self.pending.remove(&number)?;
        run.unanswered.set(run.unanswered.get().saturating_sub(1));
        Some(pending.due_us)
    }

    /// A message was refused for now.
    pub fn again(&mut self, number: u64, now_us: u64, after_ms: Option<u64>) {
        if let Some(pending) = self.pending.get_mut(&number) {
            pending.again_us = Some(now_us + after_ms.map_or(AGAIN_AFTER_US, |ms| ms * 1_000));
        }
    }

    /// After a new connection: nobody knows what became of those that were on their way.
    pub fn all_again(&mut self, now_us: u64) {
        self.was_held = true;
        self.pending.values_mut().for_each(|pending| pending.again_us = Some(now_us));
    }
}

fn say(run: &Run, said: Said, into: &mut Vec<u8>) {
    // Contents and nonces of the tool hold nothing that JSON would escape.
    let text = format!(r#"{{"content":"{}","nonce":"{}"}}"#, said.content(run.content_bytes), said.nonce());
    write(Kind::Text, text.as_bytes(), into);
}
