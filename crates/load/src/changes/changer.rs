//! A sender's choice of what to change, and its changes that have no answer yet.

use super::send::Sending;
use super::{Change, Kind, OwnMessage, Record};
use crate::client::Room;
use crate::people::Person;
use crate::run::Run;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::Notify;

/// As many messages as a sender remembers, of its own and of those that it has seen.
const REMEMBERED: usize = 64;

/// What a sender and its calls share.
#[derive(Default)]
pub struct Outstanding {
    /// A change was answered.
    answered: Notify,
    count: Cell<usize>,
    /// Messages of the sender's that no change is on its way to: its edits are made one after another, so that the log has them in the
    /// order of their numbers.
    own: RefCell<VecDeque<OwnMessage>>,
}

impl Outstanding {
    /// A change has its answer; a message that is still there can be changed again.
    pub fn finish(&self, run: &Run, message: Option<OwnMessage>) {
        self.count.set(self.count.get().saturating_sub(1));
        run.unanswered.set(run.unanswered.get().saturating_sub(1));
        if let Some(message) = message {
            self.remember(message);
        }
        self.answered.notify_one();
    }

    fn remember(&self, message: OwnMessage) {
        let mut own = self.own.borrow_mut();
        own.push_back(message);
        if own.len() > REMEMBERED {
            own.pop_front();
        }
    }
}

/// See the module.
pub struct Changer {
    run: Rc<Run>,
    room: Rc<Room>,
    person: Rc<Person>,
    outstanding: Rc<Outstanding>,
    /// Messages that its socket has got lately.
    seen: VecDeque<i64>,
}

impl Changer {
    /// The choice of a sender, if the run has changes.
    pub fn new(run: &Rc<Run>, room: &Rc<Room>, person: &Rc<Person>) -> Option<Self> {
        let (run, room, person) = (Rc::clone(run), Rc::clone(room), Rc::clone(person));
        (!run.mix.is_none()).then(|| Self { run, room, person, outstanding: Rc::default(), seen: VecDeque::new() })
    }

    /// Told when a change was answered.
    pub fn answered(&self) -> &Notify {
        &self.outstanding.answered
    }

    /// How many of its changes have no answer yet.
    pub fn on_their_way(&self) -> usize {
        self.outstanding.count.get()
    }

    /// Its socket has got a message.
    pub fn see(&mut self, id: i64) {
        self.seen.push_back(id);
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
    }

    /// A message of its own is in the log.
    pub fn own(&self, message: OwnMessage) {
        self.outstanding.remember(message);
    }

    /// Whether what is due now is a change; if so, it is on its way. Where there is nothing to change yet, it is a message.
    pub fn takes(&mut self, due_us: u64) -> bool {
        let run = &self.run;
        let Some(change) = run.mix.pick().and_then(|kind| self.choose(kind)) else { return false };
        self.room.record.borrow_mut().send(&change, self.person.id);
        self.outstanding.count.set(self.outstanding.count.get() + 1);
        run.unanswered.set(run.unanswered.get() + 1);
        let (room, person) = (Rc::clone(&self.room), Rc::clone(&self.person));
        let (run, outstanding) = (Rc::clone(run), Rc::clone(&self.outstanding));
        tokio::task::spawn_local(Sending { run, room, person, outstanding, change, due_us }.send());
        true
    }

    fn choose(&self, kind: Kind) -> Option<Change> {
        if kind == Kind::Reaction {
            let record = self.room.record.borrow();
            return self.pick_seen(&record);
        }
        let mut own = self.outstanding.own.borrow_mut();
        let place = rand::random_range(0..own.len().max(1));
        let message = own.remove(place)?;
        Some(match kind {
            Kind::Deletion => Change::Deletion(message),
            _ => Change::Edit(OwnMessage { edits: message.edits + 1, ..message }),
        })
    }

    /// A message that is not known to be deleted, and an emoji that this user has not given it.
    fn pick_seen(&self, record: &Record) -> Option<Change> {
        let place = rand::random_range(0..self.seen.len().max(1));
        let id = *self.seen.get(place)?;
        record.unused_emoji(id, self.person.id).map(|emoji| Change::Reaction(id, emoji))
    }
}
