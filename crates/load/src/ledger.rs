//! A channel's log as this process has seen it, and how one socket's view ([`view`]) is held against it.
//!
//! Everybody gets the same bytes, so an entry is read once: the next socket's bytes are only compared with those that the
//! first one got. A socket that is far behind has its entries read again and compared by their digest. Where messages are changed, a
//! replay may tell some of them otherwise than they were told live ([`Ledger::retell`]).

mod fates;
mod incoming;
mod view;

pub use fates::Fates;
pub use incoming::{EntryKind, Identity, Incoming};
pub use view::View;

use super::checks::{Checks, Rule};
use super::payload::Said;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// An entry that a socket has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its place.
    pub seq: i64,
    /// Of what kind it is.
    pub kind: EntryKind,
    /// The message's.
    pub id: i64,
    /// What a new message says, if it is one of the tool's.
    pub said: Option<Said>,
}

/// How a socket was told an entry.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// When it happened, and not later.
    pub is_live: bool,
    /// How many deletions were known when the connection began.
    pub known_deletions: u64,
}

/// An entry that was read.
struct Entry {
    bytes: Box<[u8]>,
    heard: Heard,
    /// It may have been told otherwise live.
    is_replayed: bool,
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
    /// Where messages are changed, what stays of each entry however it is told.
    identities: Option<Vec<Identity>>,
    /// Entries of which only replays have told yet that may tell them otherwise.
    replayed: HashSet<i64>,
    fates: Fates,
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
    /// The log of a channel in which nothing has been said; `is_mixed` where messages are changed.
    pub fn new(channel_id: i64, recent_max: usize, own: (u32, usize), is_mixed: bool) -> Self {
        Self {
            channel_id,
            digests: Vec::new(),
            recent: VecDeque::new(),
            recent_max,
            own,
            authors: HashMap::new(),
            numbers: HashMap::new(),
            identities: is_mixed.then(Vec::new),
            replayed: HashSet::new(),
            fates: Fates::default(),
        }
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

    /// What has become of its messages.
    pub fn fates(&self) -> &Fates {
        &self.fates
    }

    /// Whether an entry that is told later is the one that was seen at `seq`, however it is told.
    pub fn is_told(&self, seq: i64, event: &Incoming<'_>) -> bool {
        self.digest(seq) == Some(event.digest(seq))
            || (event.is_retold() || self.replayed.contains(&seq))
                && self.identity(seq).is_some_and(|known| known.agrees(event.identity(seq)))
    }

    /// What stays of an entry however it is told; `None` where messages are not changed.
    pub fn identity(&self, seq: i64) -> Option<Identity> {
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.identities.as_ref()?.get(at).copied()
    }

    /// A message is known to be gone: who connects from now on does not get its text.
    pub fn bury(&mut self, id: i64, made_seq: i64) {
        self.forget(id, made_seq, None);
    }

    fn forget(&mut self, id: i64, made_seq: i64, deleted_seq: Option<i64>) {
        let Some(edits) = self.fates.bury(id, deleted_seq) else { return };
        // What was told of it is looked at again each time.
        for seq in edits.into_iter().chain([made_seq]) {
            if let Some(slot) = self.slot(seq) {
                *slot = None;
            }
        }
    }

    /// If these are the bytes of the entry `seq` that another socket has got: what it is.
    fn same(&self, seq: i64, bytes: &[u8], is_live: bool) -> Option<Heard> {
        let entry = self.entry(seq)?;
        (*entry.bytes == *bytes && !(is_live && entry.is_replayed)).then_some(entry.heard)
    }

    /// An entry that is still kept in full.
    fn entry(&self, seq: i64) -> Option<&Entry> {
        self.recent.get(self.place(seq)?)?.as_ref()
    }

    fn slot(&mut self, seq: i64) -> Option<&mut Option<Entry>> {
        let place = self.place(seq)?;
        self.recent.get_mut(place)
    }

    /// Where among the last entries one is.
    fn place(&self, seq: i64) -> Option<usize> {
        let behind = usize::try_from(self.head() - seq).ok()?;
        self.recent.len().checked_sub(behind.checked_add(1)?)
    }

    /// Takes in an entry that has been read, or compares it with what is known; without its bytes where it covers several numbers.
    fn learn(
        &mut self,
        seq: i64,
        event: &Incoming<'_>,
        bytes: Option<&[u8]>,
        telling: Telling,
        checks: &Checks,
    ) -> Heard {
        let kind = event.entry().unwrap_or(EntryKind::Other);
        let text = match kind {
            EntryKind::Created | EntryKind::Updated => event.content.as_deref().and_then(Said::read),
            _ => None,
        };
        let said = text.filter(|_| kind == EntryKind::Created);
        let heard = Heard { seq, kind, id: event.id.unwrap_or(0), said };
        if self.identities.is_some() {
            self.look_for_deleted_text(heard, telling, checks);
        }
        let digest = event.digest(seq);
        let is_same = bytes.zip(self.entry(seq)).is_none_or(|(bytes, entry)| *entry.bytes == *bytes);
        match self.digest(seq) {
            Some(known) if known == digest && is_same && self.replayed.is_empty() => return heard,
            Some(known) => {
                let is_equal = known == digest && is_same;
                if !is_equal && (known == digest || !self.retell(seq, event, telling)) {
                    checks.violate(Rule::SameForAll, || {
                        format!(
                            "channel {}: seq {seq} is not the event that another socket got for it",
                            self.channel_id
                        )
                    });
                }
                if !is_equal {
                    self.compare_texts(seq, text, event, checks);
                }
                if telling.is_live && self.replayed.remove(&seq) {
                    self.keep(seq, digest, bytes, heard, false);
                }
                self.note_fate(heard, event, telling);
                return heard;
            }
            None => {}
        }
        while self.head() < seq {
            self.digests.push(0);
            if let Some(identities) = &mut self.identities {
                identities.push(Identity::Unknown);
            }
            self.recent.push_back(None);
            if self.recent.len() > self.recent_max {
                self.recent.pop_front();
            }
        }
        let is_replayed = !telling.is_live && self.identities.is_some() && event.is_retold();
        if is_replayed {
            self.replayed.insert(seq);
        }
        self.keep(seq, digest, bytes, heard, is_replayed);
        self.keep_identity(seq, event);
        if let Some(said) = said {
            self.count(seq, said, checks);
        }
        self.compare_texts(seq, text, event, checks);
        self.note_fate(heard, event, telling);
        heard
    }

    /// Keeps how an entry was told, for those who are told it next.
    fn keep(&mut self, seq: i64, digest: u64, bytes: Option<&[u8]>, heard: Heard, is_replayed: bool) {
        if let Some(slot) = usize::try_from(seq - 1).ok().and_then(|at| self.digests.get_mut(at)) {
            *slot = digest;
        }
        let is_text = matches!(heard.kind, EntryKind::Created | EntryKind::Updated);
        let is_buried = is_text && !self.fates.may_have_text(heard.id, seq, u64::MAX);
        if let Some(slot) = self.slot(seq) {
            *slot = bytes.filter(|_| !is_buried).map(|bytes| Entry { bytes: bytes.into(), heard, is_replayed });
        }
    }

    fn keep_identity(&mut self, seq: i64, event: &Incoming<'_>) {
        let place = usize::try_from(seq - 1).ok();
        if let Some(slot) = self.identities.as_mut().zip(place).and_then(|(all, at)| all.get_mut(at)) {
            *slot = event.identity(seq);
        }
    }

    /// Whether an entry that is told otherwise than before is told as it may be: a replay tells a message with a later text or as a
    /// tombstone, an edit with a later text or as `skipped`. What was told live stays what the others are compared with.
    fn retell(&mut self, seq: i64, event: &Incoming<'_>, telling: Telling) -> bool {
        let was_replayed = self.replayed.contains(&seq);
        let may_differ = was_replayed || !telling.is_live && event.is_retold();
        let Some(known) = self.identity(seq).filter(|known| may_differ && known.agrees(event.identity(seq))) else {
            return false;
        };
        // Never with an earlier text than it was told with live.
        let told_live = event.id.and_then(|id| self.fates.of(id)?.edits.get(&seq)).copied().unwrap_or(0);
        let number = event.content.as_deref().map_or(0, Said::edits);
        if event.entry() == Some(EntryKind::Updated) && !was_replayed && number < told_live {
            return false;
        }
        if known == Identity::Skipped {
            self.keep_identity(seq, event);
        }
        true
    }

    /// Who connects after a deletion does not get the text, and nobody gets one that is later in the log.
    fn look_for_deleted_text(&self, heard: Heard, telling: Telling, checks: &Checks) {
        let Heard { seq, kind, id, .. } = heard;
        if !matches!(kind, EntryKind::Created | EntryKind::Updated) {
            return;
        }
        checks.look(Rule::Forgotten, 1);
        if !self.fates.may_have_text(id, seq, telling.known_deletions) {
            checks.violate(Rule::Forgotten, || {
                format!("channel {}: seq {seq} has the text of message {id}, which was deleted before", self.channel_id)
            });
        }
    }

    fn note_fate(&mut self, heard: Heard, event: &Incoming<'_>, telling: Telling) {
        let Heard { seq, kind, id, .. } = heard;
        let number = || event.content.as_deref().map_or(0, Said::edits);
        match kind {
            EntryKind::Updated => self.fates.edit(id, seq, number(), telling.is_live),
            EntryKind::Created if event.edited_at.is_some() => self.fates.tell(id, number()),
            EntryKind::Deleted => self.forget(id, event.message_seq.unwrap_or(0), Some(seq)),
            EntryKind::Tombstone => self.forget(id, seq, None),
            _ => {}
        }
    }

    /// Compares a message of the tool's, or an edit of one, with what its sender said.
    fn compare_texts(&self, seq: i64, text: Option<Said>, event: &Incoming<'_>, checks: &Checks) {
        let Some((said, content)) = text.zip(event.content.as_deref()) else { return };
        let is_own = said.run == self.own.0;
        let edits = if event.edited_at.is_some() { Said::edits(content) } else { 0 };
        let is_whole = content == said.edited(if is_own { self.own.1 } else { content.len() }, edits);
        let is_author =
            !is_own || event.author_id.is_some() && event.author_id == self.authors.get(&said.sender).copied();
        let is_here = event.channel_id == Some(self.channel_id);
        // What is edited has the number of an edit, and nothing else has one.
        let is_edit = !is_own || event.edited_at.is_some() == (edits > 0);
        checks.look(Rule::AsSent, 1);
        if !is_whole || !is_author || !is_here || !is_edit || event.nonce.as_deref() != Some(&*said.nonce()) {
            checks.violate(Rule::AsSent, || {
                let author = event.author_id.unwrap_or_default();
                format!("channel {}: seq {seq}, by user {author}, is not what was sent: {content:?}", self.channel_id)
            });
        }
    }

    /// Notes that a message is in the log.
    fn count(&mut self, seq: i64, said: Said, checks: &Checks) {
        checks.look(Rule::OnceInLog, 1);
        if !self.numbers.entry((said.run, said.sender)).or_default().insert(said.number) {
            checks.violate(Rule::OnceInLog, || {
                let Said { sender, number, .. } = said;
                format!("channel {}: message {number} of sender {sender} is there again at seq {seq}", self.channel_id)
            });
        }
    }
}

#[cfg(test)]
mod tests;
