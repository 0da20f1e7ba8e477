//! The order in which a channel announces its log: each number once, none left out, whatever comes in which order, twice or never.
//! No I/O and no clock: it says what is to be read, and is told what was.
//!
//! Bounds: what has come too early is held up to [`HELD_ENTRIES_MAX`] entries and [`HELD_BYTES_MAX`], the latest go first, and are
//! read like all that never came; a gap of more than [`GAP_MAX`] entries is given up.

use crate::domain::Seq;
use std::collections::VecDeque;

/// The most entries that are held. With a part of a gap they are no more frames than wait for a socket.
pub const HELD_ENTRIES_MAX: usize = 256;
/// The most bytes that are held.
pub const HELD_BYTES_MAX: usize = 64 * 1024;
/// The most entries of a gap that is read. Who has missed more comes back, and takes it at its own pace.
pub const GAP_MAX: i64 = 1_024;

/// Something that has a place in the log.
pub trait Placed {
    /// Its place.
    fn seq(&self) -> Seq;
    /// What it takes to hold it.
    fn bytes(&self) -> usize;
    /// Whether it changes or takes away a text that was told before.
    fn retells(&self) -> bool;
}

/// Entries that have not come: those after one, up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub after: Seq,
    pub upto: Seq,
    /// Which read it is: what an earlier one brings is not wanted any more.
    number: u64,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All is announced that is known of, or a read is under way.
    Nothing,
    /// Read this, and [`Sequence::fill`] it.
    Read(Gap),
    /// The log is too far ahead to be read: [`Sequence::skip`].
    GiveUp,
}

/// The log does not have what it has to have: it is another one, or has a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotThere;

/// See the module.
pub struct Sequence<T> {
    /// The last entry that has been announced; `None` until it is known.
    head: Option<Seq>,
    /// The furthest entry that is known of, where that is further.
    known: Seq,
    /// What has come too early, in its order, each once.
    held: VecDeque<T>,
    held_bytes: usize,
    /// What was made before this entry may have been told otherwise since, as is known here.
    retold: Seq,
    reading: Option<Gap>,
    reads: u64,
}

impl<T: Placed> Sequence<T> {
    /// Begins after `head`, or with whatever comes first.
    pub fn new(head: Option<Seq>) -> Self {
        Self { head, known: Seq(0), held: VecDeque::new(), held_bytes: 0, retold: Seq(0), reading: None, reads: 0 }
    }

    /// The last entry that has been announced; `None` until it is known.
    pub fn head(&self) -> Option<Seq> {
        self.head
    }

    /// The furthest entry that is known of.
    pub fn known(&self) -> Option<Seq> {
        self.head.map(|head| head.max(self.known))
    }

    /// Whether there is more than what has been announced.
    pub fn is_behind(&self) -> bool {
        self.head.is_some_and(|head| self.known > head)
    }

    /// Where nothing is known of the log, it goes up to here. Returns how far it is announced.
    pub fn begin(&mut self, last_seq: Seq) -> Seq {
        *self.head.get_or_insert(last_seq)
    }

    /// Takes an entry, and gives it back if it is announced now. Otherwise it is known already, or held.
    #[inline]
    pub fn arrive(&mut self, entry: T) -> Option<T> {
        if self.head.is_none_or(|head| entry.seq() == head.next()) {
            self.head = Some(entry.seq());
            return Some(entry);
        }
        self.hold(entry);
        None
    }

    /// Holds an entry that may not be announced now.
    pub fn postpone(&mut self, entry: T) {
        self.head.get_or_insert(Seq(entry.seq().0 - 1));
        self.hold(entry);
    }

    /// Whether an entry that comes from elsewhere may have a text by now that it does not bring: it is read.
    pub fn may_be_retold(&self, seq: Seq) -> bool {
        seq < self.retold
    }

    /// The log goes up to here at least.
    pub fn reaches(&mut self, seq: Seq) {
        self.known = self.known.max(seq);
    }

    /// What is held and follows now is announced now.
    pub fn next_held(&mut self) -> Option<T> {
        let head = self.head?;
        while let Some(known) = self.held.pop_front_if(|first| first.seq() <= head) {
            self.held_bytes -= known.bytes();
        }
        let next = self.held.pop_front_if(|first| first.seq() == head.next())?;
        self.held_bytes -= next.bytes();
        self.head = Some(next.seq());
        Some(next)
    }

    #[cold]
    fn hold(&mut self, entry: T) {
        let seq = entry.seq();
        if self.head.is_some_and(|head| seq <= head) {
            return;
        }
        self.reaches(seq);
        if entry.retells() {
            self.retold = self.retold.max(seq);
        }
        let Err(at) = self.held.binary_search_by_key(&seq, Placed::seq) else { return };
        self.held_bytes += entry.bytes();
        self.held.insert(at, entry);
        while (self.held.len() > HELD_ENTRIES_MAX || self.held_bytes > HELD_BYTES_MAX)
            && let Some(last) = self.held.pop_back()
        {
            self.held_bytes -= last.bytes();
        }
    }

    /// What is to be done now. A gap that it names counts as being read from then on.
    pub fn next_step(&mut self) -> Step {
        let Some(after) = self.head.filter(|head| self.known > *head && self.reading.is_none()) else {
            return Step::Nothing;
        };
        let upto = self.held.front().map_or(self.known, |first| Seq(first.seq().0 - 1));
        if upto - after > GAP_MAX {
            return Step::GiveUp;
        }
        self.reads += 1;
        let gap = Gap { after, upto, number: self.reads };
        self.reading = Some(gap);
        Step::Read(gap)
    }

    /// Whether this gap is what is being read.
    pub fn is_reading(&self, gap: Gap) -> bool {
        self.reading == Some(gap)
    }

    /// What was read of a gap, in its order, perhaps not all of it, when the log went up to `last_seq`. Returns what is announced now.
    ///
    /// # Errors
    /// [`NotThere`], if the log does not go so far, or has nothing where the gap begins.
    pub fn fill(&mut self, gap: Gap, entries: Vec<T>, last_seq: Seq) -> Result<Vec<T>, NotThere> {
        if !self.is_reading(gap) {
            return Ok(Vec::new());
        }
        self.reading = None;
        if last_seq < gap.upto {
            return Err(NotThere);
        }
        let mut announced = Vec::with_capacity(entries.len() + self.held.len());
        for entry in entries.into_iter().filter(|entry| entry.seq() <= gap.upto) {
            if self.head.is_some_and(|head| entry.seq() == head.next()) {
                self.head = Some(entry.seq());
                announced.push(entry);
            }
        }
        if self.head == Some(gap.after) {
            return Err(NotThere);
        }
        while let Some(next) = self.next_held() {
            announced.push(next);
        }
        Ok(announced)
    }

    /// A gap that is being read is not announced: it is read again later.
    pub fn drop_read(&mut self, gap: Gap) {
        if self.is_reading(gap) {
            self.reading = None;
        }
    }

    /// Forgets what it holds, not how far the log goes: it is read instead.
    pub fn drop_held(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
        self.retold = self.retold.max(self.known);
    }

    /// Goes on after all that is known of, announced or not.
    pub fn skip(&mut self) {
        self.drop_held();
        self.reading = None;
        self.head = self.known();
    }

    /// The log is another one, and goes up to `last_seq`. Returns whether it has lost what was announced.
    pub fn restart(&mut self, last_seq: Seq) -> bool {
        self.drop_held();
        self.reading = None;
        self.known = self.known.min(last_seq);
        self.retold = self.known;
        let is_lost = self.head.is_some_and(|head| head > last_seq);
        if is_lost {
            self.head = Some(last_seq);
        }
        is_lost
    }
}

#[cfg(test)]
mod tests;
