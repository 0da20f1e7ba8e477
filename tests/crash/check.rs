//! The checker: a pure function from what was observed to what was wrong.

use super::history::{Event, Fate, Log, Observations, Skeptic, Visitor};
use super::view;
use super::violation::{Account, Entry, Violation};
use std::collections::{HashMap, HashSet};

/// Everything that is wrong with a history in which all is quiet.
pub fn check(observations: &Observations) -> Vec<Violation> {
    let mut violations = Vec::new();
    for log in &observations.logs {
        check_order(log.channel, Account::Served, &log.served, &mut violations);
        check_order(log.channel, Account::Stored, &log.stored, &mut violations);
        check_ends(log, &mut violations);
        check_accounts(log, &mut violations);
        check_origin(log, observations, &mut violations);
    }
    for skeptic in &observations.skeptics {
        let log = observations.logs.iter().find(|log| log.channel == skeptic.channel);
        check_fates(skeptic, log.map_or(&[], |log| &log.stored), &mut violations);
    }
    let indexes: HashMap<i64, Index<'_>> =
        observations.logs.iter().map(|log| (log.channel, Index::new(&log.stored))).collect();
    let nothing = Index::new(&[]);
    for witness in &observations.witnesses {
        let index = indexes.get(&witness.channel).unwrap_or(&nothing);
        view::check(witness, index, &observations.erased, &mut violations);
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

/// The log, by each of the ways in which somebody may ask about it.
pub struct Index<'a> {
    pub by_seq: HashMap<i64, &'a Event>,
    pub by_id: HashMap<i64, &'a Event>,
    pub by_nonce: HashMap<(i64, &'a str), &'a Event>,
    pub end: i64,
}

impl<'a> Index<'a> {
    fn new(log: &'a [Event]) -> Self {
        let named = |event: &'a Event| Some(((event.author, event.nonce.as_deref()?), event));
        Self {
            by_seq: log.iter().map(|event| (event.seq, event)).collect(),
            by_id: log.iter().map(|event| (event.id, event)).collect(),
            by_nonce: log.iter().filter_map(named).collect(),
            end: end(log),
        }
    }
}

pub fn entry(event: &Event) -> Entry {
    Entry { id: event.id, seq: event.seq }
}

fn end(log: &[Event]) -> i64 {
    log.iter().map(|event| event.seq).max().unwrap_or(0)
}

/// Dense from 1, in order, each id and each nonce once.
fn check_order(channel: i64, account: Account, log: &[Event], violations: &mut Vec<Violation>) {
    let (mut seqs, mut ids, mut nonces) = (HashSet::new(), HashSet::new(), HashSet::new());
    let (mut last_seq, mut last_id) = (0, 0);
    for event in log {
        if event.channel != channel {
            violations.push(Violation::LogForeign { account, channel, entry: entry(event) });
        }
        let seq = event.seq;
        if !seqs.insert(seq) {
            violations.push(Violation::LogRepeat { account, channel, seq });
        } else if seq <= last_seq {
            violations.push(Violation::LogOutOfOrder { account, channel, seq });
        } else if seq > last_seq + 1 {
            violations.push(Violation::LogHole { account, channel, after: last_seq, seq });
        }
        if !ids.insert(event.id) {
            violations.push(Violation::IdTwice { account, channel, id: event.id });
        } else if event.id <= last_id {
            violations.push(Violation::IdOutOfOrder { account, channel, entry: entry(event) });
        }
        if let Some(nonce) = &event.nonce
            && !nonces.insert((event.author, nonce))
        {
            violations.push(Violation::NonceTwice { account, channel, author: event.author, nonce: nonce.clone() });
        }
        last_seq = last_seq.max(seq);
        last_id = last_id.max(event.id);
    }
}

/// Everyone who says where the log ends is right.
fn check_ends(log: &Log, violations: &mut Vec<Violation>) {
    let served = log.served_last_seqs.iter().map(|said| (Account::Served, *said, end(&log.served)));
    let stored = [(Account::Stored, log.stored_last_seq, end(&log.stored))];
    for (account, said, end) in served.chain(stored) {
        if said != end {
            violations.push(Violation::LastSeqWrong { account, channel: log.channel, said, end });
        }
    }
}

/// What is served is what is stored.
fn check_accounts(log: &Log, violations: &mut Vec<Violation>) {
    if log.served == log.stored {
        return;
    }
    for at in 0..log.served.len().max(log.stored.len()) {
        let (served, stored) = (log.served.get(at), log.stored.get(at));
        if served != stored {
            let seq = stored.or(served).map_or(0, |event| event.seq);
            violations.push(Violation::AccountsDiffer { channel: log.channel, seq });
        }
    }
}

/// The log holds what was sent, and only that.
fn check_origin(log: &Log, observations: &Observations, violations: &mut Vec<Violation>) {
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
    for event in &log.stored {
        let meant = event.nonce.as_deref().and_then(|nonce| sent.get(&(event.author, nonce)));
        let (channel, entry) = (log.channel, entry(event));
        match meant {
            None if event.nonce.is_none() && unnamed.contains(&(event.author, &event.content)) => {}
            None => violations.push(Violation::NeverSent { channel, entry }),
            Some(content) if *content != event.content => {
                violations.push(Violation::ContentChanged { channel, entry });
            }
            Some(_) => {}
        }
    }
}

/// What was told of a send without a nonce is so, now as at every moment since.
pub fn check_fates(skeptic: &Skeptic, log: &[Event], violations: &mut Vec<Violation>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for event in log.iter().filter(|event| event.author == skeptic.author && event.nonce.is_none()) {
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
