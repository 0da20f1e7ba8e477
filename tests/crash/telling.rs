//! What somebody was told of an entry, held against the log. An entry is told as things are at that moment: a message with the text that
//! it has then, or as deleted; never with an older text than was answered before the telling began, nor with one that nobody sent.

use super::history::{Erased, Event, LogEntry, Tombstone};
use super::index::{Index, Text, entry};
use super::violation::{Place, Violation};

/// What is told of an author whose account is gone.
const NOBODY: &str = "deleted user";

/// What is wrong with `told`, which was asked for at the moment `began`.
pub fn judge(index: &Index<'_>, erased: &[Erased], at: Place, told: &LogEntry, began: u64) -> Option<Violation> {
    let (known, said) = (index.by_seq.get(&told.seq()), entry(told));
    match told {
        LogEntry::Created(event) => {
            let is_place = index.rows.get(&event.id).is_some_and(|row| row.event.seq == event.seq);
            let telling = Telling { index, erased, at, told, event, is_place, began };
            telling.judge()
        }
        LogEntry::Updated { event, message_seq } => {
            let row = index.changes.get(&event.seq);
            let is_edit = row.is_some_and(|row| row.kind == "message.updated" && row.message == Some(event.id));
            let made = index.rows.get(&event.id).map(|row| row.event.seq);
            let telling =
                Telling { index, erased, at, told, event, is_place: is_edit && made == Some(*message_seq), began };
            telling.judge()
        }
        LogEntry::Tombstone(Tombstone { id, seq, channel, author, author_username, content, nonce, .. }) => {
            let Some(row) = index.rows.get(id) else { return Some(Violation::SeenNotInLog { at, entry: said }) };
            if author.is_some() || !author_username.is_empty() || !content.is_empty() {
                return Some(Violation::SeenTombstoneWithText { at, entry: said });
            }
            let is_so = row.is_deleted && row.event.seq == *seq && row.event.channel == *channel;
            let is_named = nonce.is_none() || *nonce == row.event.nonce;
            (!is_so || !is_named || !has_times(told, &row.event))
                .then_some(Violation::SeenOtherwise { at, entry: said })
        }
        LogEntry::Changed(_) if known == Some(told) => None,
        LogEntry::Changed(_) if known.is_some() => Some(Violation::SeenOtherwise { at, entry: said }),
        LogEntry::Changed(_) => Some(Violation::SeenNotInLog { at, entry: said }),
        LogEntry::Skipped { from, to, .. } => {
            let says_something = |seq: &i64| !matches!(index.by_seq.get(seq), Some(LogEntry::Skipped { .. }));
            let seq = (*from..=*to).find(says_something)?;
            Some(Violation::SkippedWrongly { at, seq })
        }
    }
}

fn has_times(told: &LogEntry, row: &Event) -> bool {
    let LogEntry::Tombstone(Tombstone { created_at, updated_at, .. }) = told else { return false };
    *created_at == row.created_at && *updated_at == row.updated_at
}

/// A message that was told with a text.
struct Telling<'a> {
    index: &'a Index<'a>,
    erased: &'a [Erased],
    at: Place,
    told: &'a LogEntry,
    event: &'a Event,
    /// Whether the entry is where the log has it.
    is_place: bool,
    began: u64,
}

impl Telling<'_> {
    fn judge(self) -> Option<Violation> {
        let (event, said) = (self.event, entry(self.told));
        let at = self.at.clone();
        let Some(row) = self.index.rows.get(&event.id) else {
            return Some(Violation::SeenNotInLog { at, entry: said });
        };
        let mut texts = self.index.texts.get(&event.id).into_iter().flatten();
        let Some(text) = texts.rfind(|text| text.content == event.content) else {
            let is_edit = matches!(self.told, LogEntry::Updated { .. });
            return Some(match is_edit {
                true => Violation::SeenUnsentText { at, entry: said },
                false => Violation::SeenOtherwise { at, entry: said },
            });
        };
        if self.index.buried.get(&event.id).is_some_and(|answered| *answered < self.began) {
            return Some(Violation::SeenDeletedText { at, entry: said });
        }
        if text.seq.is_some_and(|seq| seq < self.oldest()) {
            return Some(Violation::SeenOlderText { at, entry: said });
        }
        let plain = |event: &Event| Event {
            seq: 0,
            author_username: String::new(),
            content: String::new(),
            updated_at: String::new(),
            edited_at: None,
            ..event.clone()
        };
        if !self.is_place || plain(event) != plain(&row.event) || !self.has_times(text, &row.event) {
            return Some(Violation::SeenOtherwise { at, entry: said });
        }
        self.judge_name(&row.event)
    }

    /// The entry of the oldest text that may be told: an edit's own, or the last one whose answer was there before.
    fn oldest(&self) -> i64 {
        let own = if matches!(self.told, LogEntry::Updated { .. }) { self.event.seq } else { 0 };
        let edits = self.index.edited.get(&self.event.id).into_iter().flatten();
        edits.filter(|(answered, _)| *answered < self.began).map(|(_, seq)| *seq).max().unwrap_or(0).max(own)
    }

    /// The times are those of the edit that gave the text.
    fn has_times(&self, text: &Text<'_>, row: &Event) -> bool {
        let Event { created_at, updated_at, edited_at, .. } = self.event;
        let was =
            |seq: i64| self.index.changes.get(&seq).is_some_and(|edit| Some(&edit.created_at) == edited_at.as_ref());
        match text.seq {
            Some(seq) if seq == row.seq => edited_at.is_none() && updated_at == created_at,
            Some(seq) => was(seq) && Some(updated_at) == edited_at.as_ref(),
            None => {
                let mut edits = self.index.changes.values();
                edits.any(|edit| edit.message == Some(row.id) && edit.kind == "message.updated" && was(edit.seq))
            }
        }
    }

    /// An account that was erased meanwhile had a name before.
    fn judge_name(self, row: &Event) -> Option<Violation> {
        let (Self { at, told, event, began, .. }, erased) = (&self, self.erased);
        if event.author_username == row.author_username {
            return None;
        }
        let (at, entry) = (at.clone(), entry(told));
        let erased = erased.iter().find(|erased| erased.author == event.author);
        let Some(erased) = erased.filter(|of| of.name == event.author_username && row.author_username == NOBODY) else {
            return Some(Violation::SeenOtherwise { at, entry });
        };
        erased.answered.is_some_and(|answered| answered < *began).then_some(Violation::SeenErasedName { at, entry })
    }
}
