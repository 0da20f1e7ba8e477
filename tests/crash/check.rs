//! The checker: a pure function from what was observed to what was wrong.

use super::history::{Fate, Log, LogEntry, MessageRow, Observations, Skeptic, Visitor};
use super::index::{Index, entry};
use super::violation::{Account, Entry, Violation};
use super::{fold, promise, view};
use std::collections::{HashMap, HashSet};

/// Everything that is wrong with a history in which all is quiet.
pub fn check(observations: &Observations) -> Vec<Violation> {
    let mut violations = Vec::new();
    let indexes: HashMap<i64, Index<'_>> =
        observations.logs.iter().map(|log| (log.channel, Index::new(log, observations))).collect();
    for log in &observations.logs {
        let index = &indexes[&log.channel];
        check_order(log.channel, Account::Served, &log.served, &mut violations);
        check_order(log.channel, Account::Stored, &index.now, &mut violations);
        check_names(log, &mut violations);
        check_ends(log, index, &mut violations);
        check_accounts(log, index, &mut violations);
        check_origin(log, index, observations, &mut violations);
        fold::check(log, &mut violations);
        promise::check(log, index, &mut violations);
    }
    for skeptic in &observations.skeptics {
        let log = observations.logs.iter().find(|log| log.channel == skeptic.channel);
        check_fates(skeptic, log.map_or(&[], |log| &log.stored.messages), &mut violations);
    }
    for witness in &observations.witnesses {
        view::check(witness, &indexes[&witness.channel], &observations.erased, &mut violations);
    }
    for witness in &observations.latecomers {
        view::check_part(witness, &indexes[&witness.channel], &observations.erased, &mut violations);
    }
    for Visitor { name, after_leave, wrong_answers, .. } in &observations.visitors {
        for &(end, heard) in after_leave {
            if let Some(seq) = heard.filter(|seq| *seq > end) {
                violations.push(Violation::HeardAfterLeave { client: name.clone(), end, seq });
            }
        }
        let wrong =
            wrong_answers.iter().map(|what| Violation::WrongAnswer { client: name.clone(), what: what.clone() });
        violations.extend(wrong);
    }
    violations
}

fn end(log: &[LogEntry]) -> i64 {
    log.iter().map(LogEntry::seq).max().unwrap_or(0)
}

/// Dense from 1, in order, each message's id once.
fn check_order(channel: i64, account: Account, log: &[LogEntry], violations: &mut Vec<Violation>) {
    let (mut seqs, mut ids) = (HashSet::new(), HashSet::new());
    let (mut last_seq, mut last_id) = (0, 0);
    for told in log {
        let entry = entry(told);
        if told.channel() != channel {
            violations.push(Violation::LogForeign { account, channel, entry });
        }
        let seq = told.first_seq();
        if !seqs.insert(seq) {
            violations.push(Violation::LogRepeat { account, channel, seq });
        } else if seq <= last_seq {
            violations.push(Violation::LogOutOfOrder { account, channel, seq });
        } else if seq > last_seq + 1 {
            violations.push(Violation::LogHole { account, channel, after: last_seq, seq });
        }
        last_seq = last_seq.max(told.seq());
        if !matches!(told, LogEntry::Created(_) | LogEntry::Tombstone(_)) {
            continue;
        }
        if !ids.insert(entry.id) {
            violations.push(Violation::IdTwice { account, channel, id: entry.id });
        } else if entry.id <= last_id {
            violations.push(Violation::IdOutOfOrder { account, channel, entry });
        }
        last_id = last_id.max(entry.id);
    }
}

/// Each nonce is there once.
fn check_names(log: &Log, violations: &mut Vec<Violation>) {
    let (account, channel, mut names) = (Account::Stored, log.channel, HashSet::new());
    for MessageRow { event, .. } in &log.stored.messages {
        if let Some(nonce) = &event.nonce
            && !names.insert((event.author, nonce))
        {
            violations.push(Violation::NonceTwice { account, channel, author: event.author, nonce: nonce.clone() });
        }
    }
}

/// Everyone who says where the log ends is right.
fn check_ends(log: &Log, index: &Index<'_>, violations: &mut Vec<Violation>) {
    let served = log.served_last_seqs.iter().map(|said| (Account::Served, *said, end(&log.served)));
    let stored = [(Account::Stored, log.stored.last_seq, index.end)];
    for (account, said, end) in served.chain(stored) {
        if said != end {
            violations.push(Violation::LastSeqWrong { account, channel: log.channel, said, end });
        }
    }
}

/// What is served is what is stored.
fn check_accounts(log: &Log, index: &Index<'_>, violations: &mut Vec<Violation>) {
    let (channel, stored) = (log.channel, &index.now);
    let served: Vec<LogEntry> = log.served.iter().flat_map(one_by_one).collect();
    for at in 0..served.len().max(stored.len()) {
        let (served, stored) = (served.get(at), stored.get(at));
        if served != stored {
            let seq = stored.or(served).map_or(0, LogEntry::seq);
            violations.push(Violation::AccountsDiffer { channel, seq });
        }
    }
}

/// Numbers that are skipped together, each for itself.
fn one_by_one(entry: &LogEntry) -> Vec<LogEntry> {
    let LogEntry::Skipped { channel, from, to } = *entry else { return vec![entry.clone()] };
    (from..=to).map(|seq| LogEntry::Skipped { channel, from: seq, to: seq }).collect()
}

/// The log holds messages that were sent, with the texts with which they were, and no others.
fn check_origin(log: &Log, index: &Index<'_>, observations: &Observations, violations: &mut Vec<Violation>) {
    let mut sent: HashMap<(i64, &str), &str> = HashMap::new();
    let skeptics = observations.skeptics.iter().filter(|skeptic| skeptic.channel == log.channel);
    let unnamed: HashSet<(i64, &str)> = skeptics
        .flat_map(|skeptic| skeptic.fates.iter().map(|(content, _)| (skeptic.author, content.as_str())))
        .collect();
    for witness in observations.witnesses.iter().filter(|witness| witness.channel == log.channel) {
        sent.extend(witness.sent.iter().map(|sent| ((witness.author, &*sent.nonce), &*sent.content)));
    }
    for erased in observations.erased.iter().filter(|erased| erased.channel == log.channel) {
        sent.extend(erased.sent.iter().map(|sent| ((erased.author, &*sent.nonce), &*sent.content)));
    }
    for MessageRow { event, is_deleted, .. } in &log.stored.messages {
        let meant = event.nonce.as_deref().and_then(|nonce| sent.get(&(event.author, nonce)));
        let (channel, entry) = (log.channel, Entry { id: event.id, seq: event.seq });
        let first = index.texts.get(&event.id).and_then(|texts| texts.first()).map(|text| text.content);
        match meant {
            None if event.nonce.is_none() && unnamed.contains(&(event.author, &event.content)) => {}
            None => violations.push(Violation::NeverSent { channel, entry }),
            Some(content) if !is_deleted && first != Some(content) => {
                violations.push(Violation::ContentChanged { channel, entry });
            }
            Some(_) => {}
        }
    }
}

/// What was told of a send without a nonce is so, now as at every moment since.
pub fn check_fates(skeptic: &Skeptic, log: &[MessageRow], violations: &mut Vec<Violation>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let events = log.iter().map(|row| &row.event);
    for event in events.filter(|event| event.author == skeptic.author && event.nonce.is_none()) {
        *counts.entry(&event.content).or_default() += 1;
    }
    for (content, fate) in &skeptic.fates {
        let (client, content) = (skeptic.name.clone(), content.clone());
        violations.extend(match (fate, counts.get(content.as_str()).copied().unwrap_or(0)) {
            (Fate::Refused, 1..) => Some(Violation::RefusedSaved { client, content }),
            (Fate::Saved, 0) => Some(Violation::SavedLost { client, content }),
            (_, 2..) => Some(Violation::SavedTwice { client, content }),
            _ => None,
        });
    }
}
