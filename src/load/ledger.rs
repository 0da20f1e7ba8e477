//! A channel's log as this process has seen it, and how one socket's view is held against it.
//!
//! Everybody gets the same bytes, so an event is read once: the next socket's bytes are only compared with those that the
//! first one got. A socket that is far behind has its events read again and compared by their digest.

use super::checks::{Checks, Rule};
use super::payload::Said;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Events that one socket has not got yet although later ones came: beyond that they are counted as lost at once.
const MISSING_MAX: usize = 4_096;
/// A `seq` that is further ahead than this is none.
const JUMP_MAX: i64 = 10_000_000;

/// A frame of the node, as far as the tool has to understand it.
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// `message.created`, `replay.done`, `error`, …
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// The place in the log.
    pub seq: Option<i64>,
    /// The message's.
    pub id: Option<i64>,
    /// Who wrote it.
    pub author_id: Option<i64>,
    /// The same, by name.
    #[serde(borrow)]
    pub author_username: Option<Cow<'a, str>>,
    /// Where.
    pub channel_id: Option<i64>,
    /// Which message it answers.
    pub reply_to: Option<i64>,
    /// When it was committed.
    #[serde(borrow)]
    pub created_at: Option<Cow<'a, str>>,
    /// When it last changed.
    #[serde(borrow)]
    pub updated_at: Option<Cow<'a, str>>,
    /// What it says.
    #[serde(borrow)]
    pub content: Option<Cow<'a, str>>,
    /// Under which key it was sent.
    #[serde(borrow)]
    pub nonce: Option<Cow<'a, str>>,
    /// Whether it is the answer to a send that is in the log already.
    #[serde(default)]
    pub duplicate: bool,
    /// An error's.
    #[serde(borrow)]
    pub code: Option<Cow<'a, str>>,
    /// What to do about it.
    #[serde(borrow)]
    pub detail: Option<Cow<'a, str>>,
    /// When.
    pub retry_after_ms: Option<u64>,
}

impl Incoming<'_> {
    /// What makes an event this one; never 0.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seq, self.id, self.author_id, &self.author_username, self.channel_id).hash(&mut hasher);
        (&self.content, &self.nonce, self.reply_to, &self.created_at, &self.updated_at).hash(&mut hasher);
        hasher.finish().max(1)
    }
}

/// An event that was read.
struct Entry {
    bytes: Box<[u8]>,
    said: Option<Said>,
}

/// A channel's log.
pub struct Ledger {
    channel_id: i64,
    /// The digest of every event from `seq` 1 on; 0 where only later ones have been seen yet.
    digests: Vec<u64>,
    /// The last of them, in full.
    recent: VecDeque<Option<Entry>>,
    recent_max: usize,
    /// This run, and the bytes of each of its contents.
    own: (u32, usize),
    /// Who speaks here for each of this run's senders.
    authors: HashMap<u32, i64>,
    /// For each sender of each run, which of its numbers are in the log.
    numbers: HashMap<(u32, u32), Numbers>,
}

/// Which numbers have come: all below `next`, and these.
#[derive(Default)]
struct Numbers {
    next: u64,
    early: BTreeSet<u64>,
}

impl Numbers {
    /// False if it is there already.
    fn insert(&mut self, number: u64) -> bool {
        if number < self.next || !self.early.insert(number) {
            return false;
        }
        while self.early.remove(&self.next) {
            self.next += 1;
        }
        true
    }
}

impl Ledger {
    /// The log of a channel in which nothing has been said.
    pub fn new(channel_id: i64, recent_max: usize, own: (u32, usize)) -> Self {
        let (digests, recent) = (Vec::new(), VecDeque::new());
        Self { channel_id, digests, recent, recent_max, own, authors: HashMap::new(), numbers: HashMap::new() }
    }

    /// One of this run's senders speaks here, as this user.
    pub fn introduce(&mut self, sender: u32, author_id: i64) {
        self.authors.insert(sender, author_id);
    }

    /// Which channel.
    pub fn channel_id(&self) -> i64 {
        self.channel_id
    }

    /// The last `seq` that anybody has seen.
    pub fn head(&self) -> i64 {
        i64::try_from(self.digests.len()).unwrap_or(i64::MAX)
    }

    /// The digest of an event; `None` if nobody has seen it.
    pub fn digest(&self, seq: i64) -> Option<u64> {
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.digests.get(at).copied().filter(|digest| *digest != 0)
    }

    /// If these are the bytes of the event `seq` that another socket has got: what it says, if it is one of the tool's.
    fn same(&self, seq: i64, bytes: &[u8]) -> Option<Option<Said>> {
        let entry = self.entry(seq)?;
        (*entry.bytes == *bytes).then_some(entry.said)
    }

    /// An event that is still kept in full.
    fn entry(&self, seq: i64) -> Option<&Entry> {
        let behind = usize::try_from(self.head() - seq).ok()?;
        let at = self.recent.len().checked_sub(behind.checked_add(1)?)?;
        self.recent.get(at)?.as_ref()
    }

    /// Takes in an event that has been read, or compares it with what is known.
    fn learn(&mut self, seq: i64, event: &Incoming<'_>, bytes: &[u8], checks: &Checks) -> Option<Said> {
        let said = event.content.as_deref().and_then(Said::read);
        let digest = event.digest();
        let is_same = self.entry(seq).is_none_or(|entry| *entry.bytes == *bytes);
        match self.digest(seq) {
            Some(known) if known == digest && is_same => return said,
            Some(_) => {
                checks.violate(Rule::SameForAll, || {
                    format!("channel {}: seq {seq} is not the event that another socket got for it", self.channel_id)
                });
                return said;
            }
            None => {}
        }
        while self.head() < seq {
            self.digests.push(0);
            self.recent.push_back(None);
            if self.recent.len() > self.recent_max {
                self.recent.pop_front();
            }
        }
        let behind = usize::try_from(self.head() - seq).unwrap_or(usize::MAX);
        if let Some(place) = self.digests.len().checked_sub(behind.saturating_add(1))
            && let Some(slot) = self.digests.get_mut(place)
        {
            *slot = digest;
        }
        if let Some(place) = self.recent.len().checked_sub(behind.saturating_add(1))
            && let Some(slot) = self.recent.get_mut(place)
        {
            *slot = Some(Entry { bytes: bytes.into(), said });
        }
        if let Some(said) = said {
            self.compare(seq, said, event, checks);
        }
        said
    }

    /// Compares an event of the tool's with what its sender said, and whether that was its first time.
    fn compare(&mut self, seq: i64, said: Said, event: &Incoming<'_>, checks: &Checks) {
        let is_own = said.run == self.own.0;
        let is_whole = event.content.as_deref().is_some_and(|content| {
            let bytes = if is_own { self.own.1 } else { content.len() };
            content == said.content(bytes)
        });
        let is_author =
            !is_own || event.author_id.is_some() && event.author_id == self.authors.get(&said.sender).copied();
        let is_here = event.channel_id == Some(self.channel_id);
        checks.look(Rule::AsSent, 1);
        if !is_whole || !is_author || !is_here || event.nonce.as_deref() != Some(&*said.nonce()) {
            checks.violate(Rule::AsSent, || {
                let (author, content) = (event.author_id.unwrap_or_default(), &event.content);
                format!("channel {}: seq {seq}, by user {author}, is not what was sent: {content:?}", self.channel_id)
            });
        }
        checks.look(Rule::OnceInLog, 1);
        if !self.numbers.entry((said.run, said.sender)).or_default().insert(said.number) {
            checks.violate(Rule::OnceInLog, || {
                let Said { sender, number, .. } = said;
                format!("channel {}: message {number} of sender {sender} is there again at seq {seq}", self.channel_id)
            });
        }
    }
}

/// What one socket has seen of a channel.
#[derive(Debug)]
pub struct View {
    /// Which socket, for examples of violations.
    number: usize,
    last: i64,
    missing: BTreeSet<i64>,
}

impl View {
    /// The view of a socket that hears a channel from its first event on.
    pub fn new(number: usize) -> Self {
        Self { number, last: 0, missing: BTreeSet::new() }
    }

    /// The highest `seq` that it has got.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Takes the next event, if its bytes are those that another socket has got for it.
    pub fn take_known(&mut self, bytes: &[u8], ledger: &Ledger) -> Option<Option<Said>> {
        let said = ledger.same(self.last + 1, bytes)?;
        self.last += 1;
        Some(said)
    }

    /// Takes an event that has been read.
    pub fn take(
        &mut self,
        seq: i64,
        event: &Incoming<'_>,
        bytes: &[u8],
        ledger: &mut Ledger,
        checks: &Checks,
    ) -> Option<Said> {
        let (socket, channel) = (self.number, ledger.channel_id);
        if seq < 1 || seq - self.last > JUMP_MAX {
            checks.violate(Rule::NoneLost, || format!("channel {channel}, socket {socket}: seq {seq} cannot be"));
            return None;
        }
        let said = ledger.learn(seq, event, bytes, checks);
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
        said
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

#[cfg(test)]
mod tests;
