//! What was answered to changes, held against the log: an answer names the right entry, nothing that was answered is lost, and nothing
//! is made twice.

use super::history::{Log, Outcome, Request, Wish};
use super::index::{Index, Requester, ids, seq};
use super::violation::Violation;
use std::collections::{HashMap, HashSet};

/// Checks the changes of all who have asked for any in a channel, and that the log has no others.
pub fn check(log: &Log, index: &Index<'_>, violations: &mut Vec<Violation>) {
    let channel = log.channel;
    for row in log.stored.changes.iter().filter(|row| !index.is_asked_for(row)) {
        violations.push(Violation::ChangeNeverAsked { channel, seq: row.seq });
    }
    check_edits(log, index, violations);
    let mut named = HashSet::new();
    for requester in &index.requesters {
        for (at, request) in requester.requests.iter().enumerate() {
            let promise = Promise { requester, request, index };
            promise.check_answers(&mut named, violations);
            if request.answers.iter().any(|(_, outcome)| matches!(outcome, Outcome::Done { .. })) {
                promise.check_effect(&requester.requests[at + 1..], violations);
            }
        }
    }
}

/// Each text that a message was given is one that its author asked for.
fn check_edits(log: &Log, index: &Index<'_>, violations: &mut Vec<Violation>) {
    let mut meant: HashSet<(i64, i64, &str)> = HashSet::new();
    let mut times: HashMap<i64, (&str, &Request, usize)> = HashMap::new();
    for Requester { name, author, requests } in &index.requesters {
        for request in *requests {
            let Wish::Edit { id, content } = &request.wish else { continue };
            meant.insert((*id, *author, content));
            let (_, last, times) = times.entry(*id).or_insert((name, request, 0));
            (*last, *times) = (request, *times + 1);
        }
    }
    for row in log.stored.messages.iter().filter(|row| !row.is_deleted) {
        let edits = index.texts.get(&row.event.id).into_iter().flatten().skip(1);
        for text in edits.filter(|text| !meant.contains(&(row.event.id, row.event.author, text.content))) {
            let seq = text.seq.unwrap_or_default();
            violations.push(Violation::EditNeverSent { channel: log.channel, seq });
        }
    }
    for (id, (name, request, times)) in times {
        let rows = log.stored.changes.iter().filter(|row| row.kind == "message.updated" && row.message == Some(id));
        if rows.count() > times {
            let (client, nonce) = (name.to_owned(), request.nonce.clone());
            violations.push(Violation::ChangeMadeTwice { client, nonce });
        }
    }
}

struct Promise<'a> {
    requester: &'a Requester<'a>,
    request: &'a Request,
    index: &'a Index<'a>,
}

impl Promise<'_> {
    fn check_answers(&self, named: &mut HashSet<i64>, violations: &mut Vec<Violation>) {
        let Request { nonce, wish, answers } = self.request;
        let name = || (self.requester.name.to_owned(), nonce.clone());
        if answers.is_empty() {
            let (client, nonce) = name();
            violations.push(Violation::ChangeUnanswered { client, nonce });
        }
        let mut first = None;
        for (_, outcome) in answers {
            match outcome {
                // Gone by then, or made and gone while its answer was lost.
                Outcome::Refused(code) if code == "message_not_found" => {
                    if !ids(wish).iter().any(|id| self.index.is_deleted(*id)) {
                        let ((client, nonce), code) = (name(), code.clone());
                        violations.push(Violation::ChangeRefused { client, nonce, code });
                    }
                }
                Outcome::Refused(code) => {
                    let ((client, nonce), code) = (name(), code.clone());
                    violations.push(Violation::ChangeRefused { client, nonce, code });
                }
                Outcome::Done { id, seq: Some(seq) } => {
                    let (client, nonce) = name();
                    if first.is_some_and(|first| first != *seq) {
                        violations.push(Violation::ChangeMadeTwice { client, nonce });
                    } else if !self.is_entry(*id, *seq) || first.is_none() && !named.insert(*seq) {
                        violations.push(Violation::ChangeAcknowledgedElsewhere { client, nonce, seq: *seq });
                    }
                    first = Some(*seq);
                }
                Outcome::Done { seq: None, .. } => {}
            }
        }
    }

    /// Whether this entry is the change, of this message.
    fn is_entry(&self, id: Option<i64>, seq: i64) -> bool {
        let Request { wish, .. } = self.request;
        let is_id = id.is_none_or(|id| ids(wish).first() == Some(&id));
        let is_there = self.index.entries_of(wish, self.requester.author).iter().any(|row| row.seq == seq);
        let is_text = match wish {
            Wish::Edit { id, content } if !self.index.is_deleted(*id) => {
                let mut texts = self.index.texts.get(id).into_iter().flatten();
                texts.any(|text| text.seq == Some(seq) && text.content == content)
            }
            _ => true,
        };
        is_id && is_there && is_text
    }

    /// What was answered as done is so, as far as nothing later has undone it.
    fn check_effect(&self, later: &[Request], violations: &mut Vec<Violation>) {
        let Request { nonce, wish, .. } = self.request;
        let (client, nonce) = (self.requester.name.to_owned(), nonce.clone());
        let (index, author) = (self.index, self.requester.author);
        let rows = index.entries_of(wish, author);
        match wish {
            Wish::Edit { id, content } if !index.is_deleted(*id) => {
                let texts = index.texts.get(id).into_iter().flatten();
                match texts.filter(|text| text.content == content).count() {
                    0 => violations.push(Violation::ChangeLost { client, nonce }),
                    1 => {}
                    _ => violations.push(Violation::ChangeMadeTwice { client, nonce }),
                }
            }
            Wish::Edit { .. } | Wish::React { .. } | Wish::Pin { .. } if rows.is_empty() => {
                violations.push(Violation::ChangeLost { client, nonce });
            }
            Wish::Delete { .. } | Wish::DeleteMany { .. } if ids(wish).iter().any(|id| !index.is_deleted(*id)) => {
                violations.push(Violation::ChangeLost { client, nonce });
            }
            Wish::React { id, emoji } => {
                let opposite = Wish::Unreact { id: *id, emoji: emoji.clone() };
                let added = self.request.answers.iter().find_map(|(_, outcome)| seq(outcome));
                let removed = index.entries_of(&opposite, author).iter().map(|row| row.seq).max();
                let is_removed = added.is_some_and(|added| removed.is_some_and(|removed| removed > added));
                if is_removed && !later.iter().any(|later| later.wish == opposite) {
                    violations.push(Violation::ChangeLost { client, nonce });
                }
            }
            _ => {}
        }
    }
}
