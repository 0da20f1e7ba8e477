//! Pages of logs that have been read from the database, shared by all channels of the node: a storm of clients that
//! have missed the same is one read. Bound: [`BYTES_MAX`], least recently used first out.

use super::tail::{Entry, Part, part};
use crate::actors::relay::Hears;
use crate::domain::{ChannelId, MessageId, Seq};
use lru::LruCache;
use std::cell::RefCell;
use std::rc::Rc;

/// Entries of the log that a page covers: page 0 has those from 1 to 256.
pub const PAGE: i64 = 256;
/// What all pages may hold.
pub const BYTES_MAX: usize = 64 << 20;

/// Which page of which channel.
pub type PageKey = (ChannelId, PageNumber);

/// A page of a log: 0, 1, 2, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageNumber(i64);

impl PageNumber {
    /// The page of the entry after this one.
    pub fn after(seq: Seq) -> Self {
        Self(seq.0 / PAGE)
    }

    /// The page of this entry.
    pub fn of(seq: Seq) -> Self {
        Self((seq.0 - 1) / PAGE)
    }

    /// The place before its first entry.
    pub fn start(self) -> Seq {
        Seq(self.0 * PAGE)
    }

    /// The place of its last entry.
    pub fn end(self) -> Seq {
        Seq((self.0 + 1) * PAGE)
    }
}

/// What was read of a page.
pub struct Page {
    entries: Vec<Entry>,
    /// How far it goes: the page's end, or the log's end when it was read.
    upto: Seq,
}

impl Page {
    pub fn new(entries: Vec<Entry>, upto: Seq) -> Self {
        Self { entries, upto }
    }

    /// What follows `after`, for a socket that hears this; `None` if the page ends there.
    pub fn after(&self, after: Seq, hears: Hears) -> Option<Part> {
        if after >= self.upto {
            return None;
        }
        let start = self.entries.partition_point(|entry| entry.seq <= after);
        Some(part(self.entries.get(start..).unwrap_or_default().iter(), self.upto, hears))
    }

    fn bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.frame.len() + size_of::<Entry>()).sum()
    }
}

/// See the module; cheap to clone.
#[derive(Clone)]
pub struct Pages(Rc<RefCell<Inner>>);

struct Inner {
    pages: LruCache<PageKey, Rc<Page>>,
    bytes: usize,
    generation: u64,
}

impl Default for Pages {
    fn default() -> Self {
        // Unbounded here means: not allocated in advance.
        Self(Rc::new(RefCell::new(Inner { pages: LruCache::unbounded(), bytes: 0, generation: 0 })))
    }
}

impl Pages {
    /// The page that `after` lies in, if it is here.
    pub fn find(&self, channel: ChannelId, after: Seq) -> Option<Rc<Page>> {
        self.0.borrow_mut().pages.get(&(channel, PageNumber::after(after))).cloned()
    }

    /// Forgets all of them: what was read before may hold a name that is erased now.
    pub fn clear(&self) {
        let mut inner = self.0.borrow_mut();
        inner.pages.clear();
        inner.bytes = 0;
        inner.generation += 1;
    }

    /// Forgets those of a channel that may tell a message made at `seq`: its own page, and all that come later.
    pub fn forget_from(&self, channel: ChannelId, seq: Seq) {
        let first = PageNumber::of(seq);
        self.forget_if(|(of, number), _| *of == channel && number.0 >= first.0);
    }

    /// Forgets those of a channel that have the text of one of these messages.
    pub fn forget_texts(&self, channel: ChannelId, ids: &[MessageId]) {
        let has_it = |page: &Page| page.entries.iter().any(|entry| entry.text_of.is_some_and(|id| ids.contains(&id)));
        self.forget_if(|(of, _), page| *of == channel && has_it(page));
    }

    fn forget_if(&self, is_meant: impl Fn(&PageKey, &Page) -> bool) {
        let mut inner = self.0.borrow_mut();
        let meant = inner.pages.iter().filter(|(key, page)| is_meant(key, page));
        let meant: Vec<PageKey> = meant.map(|(key, _)| *key).collect();
        for key in meant {
            if let Some(page) = inner.pages.pop(&key) {
                inner.bytes -= page.bytes();
            }
        }
    }

    /// How often they have been forgotten: what was read in an earlier generation has to be read again.
    pub fn generation(&self) -> u64 {
        self.0.borrow().generation
    }

    /// Keeps a page.
    pub fn keep(&self, key: PageKey, page: Rc<Page>) {
        let mut inner = self.0.borrow_mut();
        inner.bytes += page.bytes();
        if let Some(old) = inner.pages.put(key, page) {
            inner.bytes -= old.bytes();
        }
        while inner.bytes > BYTES_MAX
            && let Some((_, old)) = inner.pages.pop_lru()
        {
            inner.bytes -= old.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn page(from: i64, count: i64, size: usize) -> Rc<Page> {
        let entry = |seq| Entry {
            seq: Seq(seq),
            frame: Bytes::from(vec![0; size]),
            text_of: None,
            to: Hears::Messages,
            retells: false,
        };
        let entries = (from..from + count).map(entry).collect();
        Rc::new(Page::new(entries, Seq(from + count - 1)))
    }

    #[test]
    fn a_page_goes_as_far_as_it_was_read() {
        let page = page(257, 10, 1);
        assert_eq!(page.after(Seq(260), Hears::All).map(|part| (part.frames.len(), part.upto)), Some((6, Seq(266))));
        assert_eq!(page.after(Seq(266), Hears::All), None);
    }

    #[test]
    fn only_pages_that_have_the_text_are_forgotten() {
        let pages = Pages::default();
        let entry = |seq, id| Entry {
            seq: Seq(seq),
            frame: Bytes::new(),
            text_of: Some(MessageId(id)),
            to: Hears::All,
            retells: false,
        };
        for (channel, number, id) in [(1, 0, 5), (1, 1, 6), (2, 0, 5)] {
            let page = Page::new(vec![entry(number * PAGE + 1, id)], Seq(number * PAGE + 1));
            pages.keep((ChannelId(channel), PageNumber(number)), Rc::new(page));
        }
        pages.forget_texts(ChannelId(1), &[MessageId(5)]);
        let is_here = |channel, after| pages.find(ChannelId(channel), Seq(after)).is_some();
        assert_eq!([is_here(1, 0), is_here(1, PAGE), is_here(2, 0)], [false, true, true]);
        pages.forget_from(ChannelId(1), Seq(1));
        assert!(!is_here(1, PAGE) && is_here(2, 0));
    }

    #[test]
    fn the_least_recently_used_page_goes_first() {
        let pages = Pages::default();
        for number in 0..100 {
            pages.keep((ChannelId(1), PageNumber(number)), page(number * PAGE + 1, 1, 1 << 20));
            assert!(pages.find(ChannelId(1), Seq(0)).is_some());
        }
        assert!(pages.find(ChannelId(1), Seq(PAGE)).is_none());
        assert!(pages.find(ChannelId(1), Seq(99 * PAGE)).is_some());
        assert!(pages.0.borrow().bytes <= BYTES_MAX);
    }
}
