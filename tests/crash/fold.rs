//! What the log of a channel adds up to, message by message, held against what the tables have. It shares nothing with the node.

use super::history::{ChangeRow, Log, MessageRow, Tables};
use super::violation::Violation;
use std::collections::{BTreeMap, BTreeSet};

/// A message, as far as the log has been added up.
#[derive(Default)]
struct Sum<'a> {
    author: i64,
    is_deleted: bool,
    is_pinned: bool,
    /// Who has reacted with what, in the order in which the kinds came.
    reactions: Vec<(&'a str, BTreeSet<i64>)>,
    /// The edits' entries.
    edits: Vec<&'a ChangeRow>,
}

/// An entry that cannot be where it is.
enum Fault {
    /// The message is not there, or no longer, or the entry says nothing.
    OfNothing,
    /// It was so already.
    Redundant,
    /// An edit by somebody else.
    NotTheAuthor,
}

/// Checks that each entry of a log changes something that is there, and that the tables have what comes of it.
pub fn check(log: &Log, violations: &mut Vec<Violation>) {
    let (channel, tables) = (log.channel, &log.stored);
    let mut sums: BTreeMap<i64, Sum<'_>> = BTreeMap::new();
    let mut messages = tables.messages.iter().peekable();
    for row in &tables.changes {
        while let Some(made) = messages.next_if(|made| made.event.seq < row.seq) {
            sums.insert(made.event.id, Sum { author: made.event.author, ..Sum::default() });
        }
        let seq = row.seq;
        violations.extend(match add(&mut sums, row) {
            Ok(()) => None,
            Err(Fault::OfNothing) => Some(Violation::ChangeOfNothing { channel, seq }),
            Err(Fault::Redundant) => Some(Violation::ChangeRedundant { channel, seq }),
            Err(Fault::NotTheAuthor) => Some(Violation::EditNotTheAuthors { channel, seq }),
        });
    }
    let nothing = Sum::default();
    for row in &tables.messages {
        compare(channel, row, sums.get(&row.event.id).unwrap_or(&nothing), tables, violations);
    }
    let is_there = |id: i64| tables.messages.iter().any(|row| row.event.id == id);
    let astray = tables.reactions.iter().find(|row| !is_there(row.message));
    violations.extend(astray.map(|row| Violation::ReactionsDiffer { channel, id: row.message }));
}

fn add<'a>(sums: &mut BTreeMap<i64, Sum<'a>>, row: &'a ChangeRow) -> Result<(), Fault> {
    if row.kind == "messages.deleted" {
        let ids = row.messages.as_ref().filter(|ids| !ids.is_empty()).ok_or(Fault::OfNothing)?;
        return ids.iter().try_for_each(|id| bury(sums, *id));
    }
    let id = row.message.ok_or(Fault::OfNothing)?;
    if row.kind == "message.deleted" {
        return bury(sums, id);
    }
    let sum = sums.get_mut(&id).filter(|sum| !sum.is_deleted).ok_or(Fault::OfNothing)?;
    let emoji = row.emoji.as_deref();
    let is_new = match &*row.kind {
        "message.updated" if sum.author != row.user => return Err(Fault::NotTheAuthor),
        "message.updated" => {
            sum.edits.push(row);
            true
        }
        "reaction.added" => {
            let emoji = emoji.ok_or(Fault::OfNothing)?;
            match sum.reactions.iter_mut().find(|(with, _)| *with == emoji) {
                Some((_, users)) => users.insert(row.user),
                None => {
                    sum.reactions.push((emoji, [row.user].into()));
                    true
                }
            }
        }
        "reaction.removed" => {
            let reactions = &mut sum.reactions;
            let is_gone = reactions.iter_mut().any(|(with, users)| Some(*with) == emoji && users.remove(&row.user));
            reactions.retain(|(_, users)| !users.is_empty());
            is_gone
        }
        "reactions.cleared" => {
            let before = sum.reactions.len();
            sum.reactions.retain(|(with, _)| emoji.is_some_and(|emoji| emoji != *with));
            sum.reactions.len() < before
        }
        "message.pinned" => !std::mem::replace(&mut sum.is_pinned, true),
        "message.unpinned" => std::mem::replace(&mut sum.is_pinned, false),
        _ => return Err(Fault::OfNothing),
    };
    if is_new { Ok(()) } else { Err(Fault::Redundant) }
}

fn bury(sums: &mut BTreeMap<i64, Sum<'_>>, id: i64) -> Result<(), Fault> {
    let sum = sums.get_mut(&id).ok_or(Fault::OfNothing)?;
    if sum.is_deleted {
        return Err(Fault::Redundant);
    }
    *sum = Sum { author: sum.author, is_deleted: true, ..Sum::default() };
    Ok(())
}

fn compare(channel: i64, row: &MessageRow, sum: &Sum<'_>, tables: &Tables, violations: &mut Vec<Violation>) {
    let id = row.event.id;
    if row.is_deleted != sum.is_deleted {
        violations.push(Violation::DeletionDiffers { channel, id });
    }
    if row.is_deleted && !row.event.content.is_empty() {
        violations.push(Violation::DeletedTextKept { channel, id });
    }
    if row.is_pinned != sum.is_pinned {
        violations.push(Violation::PinDiffers { channel, id });
    }
    let mut reactions = BTreeSet::new();
    for reaction in tables.reactions.iter().filter(|reaction| reaction.message == id) {
        if !reactions.insert((&*reaction.emoji, reaction.user)) {
            violations.push(Violation::ReactionTwice { channel, id });
        }
    }
    let summed = sum.reactions.iter().flat_map(|(emoji, users)| users.iter().map(move |user| (*emoji, *user)));
    if reactions != summed.collect() {
        violations.push(Violation::ReactionsDiffer { channel, id });
    }
    let counts = sum.reactions.iter().map(|(emoji, users)| (*emoji, users.len() as i64));
    if !row.counts.iter().map(|(emoji, count)| (&**emoji, *count)).eq(counts) {
        violations.push(Violation::CountsDiffer { channel, id });
    }
    let revisions = tables.revisions.iter().filter(|revision| revision.message == id).map(|revision| revision.seq);
    if !revisions.eq(sum.edits.iter().map(|edit| edit.seq)) {
        violations.push(Violation::RevisionsDiffer { channel, id });
    }
    let edited_at = sum.edits.last().map(|edit| &edit.created_at);
    if !row.is_deleted && row.event.edited_at.as_ref() != edited_at {
        violations.push(Violation::EditedAtDiffers { channel, id });
    }
}
