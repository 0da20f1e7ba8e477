//! The reads of a channel's log, and who waits for them.

use super::Start;
use super::pages::PageNumber;
use super::tail::Entry;
use crate::actors::relay::SessionKey;
use crate::domain::log::LogEntry;
use crate::domain::{MessageId, Seq};
use crate::error::Result;
use crate::store::log::Log;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// What a socket waits for.
#[derive(Clone, Copy)]
pub enum Want {
    /// To hear what is announced from then on.
    Live,
    /// What follows the first, once the log is announced up to the second.
    ResumeAt(Seq, Seq),
    Subscribe(Start),
    Resume(Seq),
}

/// The reads of a channel, and who waits for what.
#[derive(Default)]
pub struct Reads {
    /// These wait until the end of the log is known, or goes as far as they do.
    pub(super) for_head: Vec<(SessionKey, Want)>,
    pub(super) is_reading_end: bool,
    /// The log's end, as read while drafts were on their way: some of it may not have been announced yet.
    pub(super) unadopted: Option<(Vec<Entry>, Seq)>,
    /// These wait until it is asked where the log ends, where others write as well;
    pub(super) asking: Vec<(SessionKey, Seq)>,
    /// for these it is being asked.
    pub(super) asked: Vec<(SessionKey, Seq)>,
    pub(super) is_asking: bool,
    /// These wait for a page.
    pub(super) for_page: HashMap<PageNumber, Vec<(SessionKey, Seq)>>,
    /// These go on in a moment.
    pub(super) again: Vec<(SessionKey, Seq)>,
    /// Messages whose text was changed or taken away while something was being read, and when: what was read since before then may have
    /// the old one.
    pub(super) retold: HashMap<MessageId, u64>,
    /// How often a message was retold.
    pub(super) clock: Rc<Cell<u64>>,
    /// What was read since before then may have any old text.
    pub(super) outdated: u64,
    /// Gaps that are being read.
    pub(super) gaps: usize,
}

impl Reads {
    /// A socket waits until more is announced, or may be told.
    pub(super) fn wait(&mut self, key: SessionKey, want: Want) {
        self.for_head.push((key, want));
    }

    /// Forgets what has been read and not yet used.
    pub(super) fn clear(&mut self) {
        if let Some((entries, _)) = &mut self.unadopted {
            entries.clear();
        }
    }

    /// A message is told otherwise from now on; what was read before may have its old text.
    pub(super) fn retell(&mut self, id: MessageId) {
        if self.is_under_way() {
            self.clock.set(self.clock.get() + 1);
            self.retold.insert(id, self.clock.get());
        }
        if let Some((entries, _)) = &mut self.unadopted
            && entries.iter().any(|entry| entry.text_of == Some(id))
        {
            entries.clear();
        }
    }

    /// Whether what has just been read, since a time, has a text that is told otherwise by now.
    pub(super) fn has_old_text(&self, log: &Result<Option<Log>>, since: u64) -> bool {
        let texts = log.iter().flatten().flat_map(|log| log.entries.iter().filter_map(LogEntry::text_of));
        since < self.outdated
            || !self.retold.is_empty() && texts.into_iter().any(|id| self.retold.get(&id).is_some_and(|at| *at > since))
    }

    /// A read is over; once none is under way, whatever is read begins after all that has been retold.
    pub(super) fn is_read(&mut self) {
        if !self.is_under_way() {
            self.retold.clear();
        }
    }

    fn is_under_way(&self) -> bool {
        self.is_reading_end || !self.for_page.is_empty() || self.gaps > 0
    }

    /// Any text may be told otherwise from now on.
    pub(super) fn outdate(&mut self) {
        self.clear();
        self.clock.set(self.clock.get() + 1);
        self.outdated = self.clock.get();
    }

    /// A gap is being read. Returns the time of the reads, which is to be looked at when the read begins.
    pub(super) fn begin_gap(&mut self) -> Rc<Cell<u64>> {
        self.gaps += 1;
        Rc::clone(&self.clock)
    }

    /// A gap is read, or cannot be.
    pub(super) fn end_gap(&mut self) {
        self.gaps = self.gaps.saturating_sub(1);
        self.is_read();
    }

    /// Nobody of this key waits any more.
    pub(super) fn forget(&mut self, key: SessionKey) {
        self.for_head.retain(|(waiting, _)| *waiting != key);
        self.again.retain(|(waiting, _)| *waiting != key);
        self.asking.retain(|(waiting, _)| *waiting != key);
        self.asked.retain(|(waiting, _)| *waiting != key);
        self.for_page.values_mut().for_each(|waiting| waiting.retain(|(waiting, _)| *waiting != key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_forgotten_waits_for_nothing_more() {
        let key = SessionKey::test;
        let mut reads = Reads::default();
        for slot in [1, 2] {
            reads.for_head.push((key(slot), Want::Resume(Seq(7))));
            reads.again.push((key(slot), Seq(7)));
            reads.for_page.entry(PageNumber::after(Seq(0))).or_default().push((key(slot), Seq(7)));
        }
        reads.forget(key(1));
        assert!(reads.for_head.iter().all(|(waiting, _)| *waiting == key(2)) && reads.for_head.len() == 1);
        assert_eq!(reads.again, [(key(2), Seq(7))]);
        assert_eq!(reads.for_page[&PageNumber::after(Seq(0))], [(key(2), Seq(7))]);
    }
}
