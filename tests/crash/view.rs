//! One client's part of the check: what it saw and what it was promised, held against the log.

use super::history::{Connection, Erased, Heard, Hears, LogEntry, Witness};
use super::index::{Index, entry};
use super::telling::judge;
use super::violation::{Entry, Place, Violation};
use std::collections::{HashMap, HashSet};

/// What a send may be answered with while something is down. It is sent again with the same nonce.
pub const EXCUSED_ERRORS: [&str; 3] = ["busy", "unavailable", "unconfirmed"];
/// The server stops or restarts; this client was too slow for what came: each is followed by a resume.
const EXCUSED_CLOSES: [u16; 3] = [1001, 1012, 4430];

/// Checks what `witness` heard, to the end of the log.
pub fn check(witness: &Witness, log: &Index<'_>, erased: &[Erased], violations: &mut Vec<Violation>) {
    let mut walk = Walk::new(witness, log, erased, violations);
    for connection in 0..witness.connections.len() {
        walk.connection(connection);
    }
    walk.order_of_sends();
    walk.settled();
}

/// Checks what `witness` heard, who may have left before the end of the log.
pub fn check_part(witness: &Witness, log: &Index<'_>, erased: &[Erased], violations: &mut Vec<Violation>) {
    let mut walk = Walk::new(witness, log, erased, violations);
    for connection in 0..witness.connections.len() {
        walk.connection(connection);
    }
}

/// Where in a connection something is told.
#[derive(Clone, Copy)]
struct Part {
    at_seam: bool,
    is_live: bool,
    hears: Hears,
}

struct Walk<'a> {
    witness: &'a Witness,
    log: &'a Index<'a>,
    erased: &'a [Erased],
    sent: HashSet<&'a str>,
    /// The changes that it has asked for: what was answered to them is judged elsewhere.
    asked: HashSet<&'a str>,
    seen: HashSet<i64>,
    /// How far the view goes.
    view: i64,
    /// Whether the connection that was walked last, or is being walked, is past its replay.
    is_replayed: bool,
    acknowledged: HashMap<&'a str, Entry>,
    violations: &'a mut Vec<Violation>,
}

impl<'a> Walk<'a> {
    fn new(witness: &'a Witness, log: &'a Index<'a>, erased: &'a [Erased], violations: &'a mut Vec<Violation>) -> Self {
        Self {
            witness,
            log,
            erased,
            sent: witness.sent.iter().map(|sent| &*sent.nonce).collect(),
            asked: witness.requests.iter().map(|request| &*request.nonce).collect(),
            seen: HashSet::new(),
            view: witness.connections.first().map_or(0, |first| first.after),
            is_replayed: false,
            acknowledged: HashMap::new(),
            violations,
        }
    }

    fn connection(&mut self, number: usize) {
        let connection = &self.witness.connections[number];
        let (client, after) = (&self.witness.name, connection.after);
        if after != self.view {
            let client = client.clone();
            self.violations.push(Violation::SeamMisplaced { client, connection: number, after, view: self.view });
            self.view = after;
        }
        let mut at_seam = true;
        self.is_replayed = false;
        for (frame, heard) in connection.heard.iter().enumerate() {
            let at = Place { client: client.clone(), connection: number, frame };
            match heard {
                Heard::Entry(entry) | Heard::Answer(entry, _) if entry.channel() != self.witness.channel => {
                    self.foreign(at, entry.channel(), self::entry(entry));
                }
                Heard::Entry(told) => {
                    self.order(&at, told, Part { at_seam, is_live: self.is_replayed, hears: connection.hears });
                    at_seam = false;
                    self.violations.extend(judge(self.log, self.erased, at.clone(), told, connection.began));
                    if told.author() == Some(self.witness.author) {
                        self.acknowledgement(at, self.witness.author, told.nonce(), entry(told));
                    }
                }
                Heard::Answer(told, began) => {
                    let began = began.unwrap_or(connection.began);
                    self.violations.extend(judge(self.log, self.erased, at.clone(), told, began));
                    // Of a deleted message nobody is told whose it was.
                    let author = told.author().unwrap_or(self.witness.author);
                    self.acknowledgement(at, author, told.nonce(), entry(told));
                }
                Heard::Ack { channel, id, seq, .. } if *channel != self.witness.channel => {
                    self.foreign(at, *channel, Entry { id: *id, seq: seq.unwrap_or_default() });
                }
                Heard::Ack { nonce, .. } if self.asked.contains(&**nonce) => {}
                Heard::Ack { nonce, id, seq, .. } => {
                    let said = Entry { id: *id, seq: seq.unwrap_or_default() };
                    self.acknowledgement(at, self.witness.author, Some(nonce), said);
                }
                Heard::ReplayDone(_) if self.is_replayed => self.violations.push(Violation::ReplayDoneTwice { at }),
                Heard::ReplayDone(said) => {
                    self.is_replayed = true;
                    self.replay_done(at, *said, connection.hears);
                }
                Heard::Resync(seq) => self.violations.push(Violation::Resync { at, seq: *seq }),
                Heard::Error { code, .. } if EXCUSED_ERRORS.contains(&&**code) => {}
                Heard::Error { nonce: Some(nonce), .. } if self.asked.contains(&**nonce) => {}
                Heard::Error { code, .. } => self.violations.push(Violation::Refused { at, code: code.clone() }),
                Heard::Closed(code) if EXCUSED_CLOSES.contains(code) => {}
                Heard::Closed(code) => self.violations.push(Violation::Closed { at, code: *code }),
                Heard::Unsubscribed(reason) if reason == "restart" => {}
                Heard::Unsubscribed(reason) => {
                    self.violations.push(Violation::Unsubscribed { at, reason: reason.clone() });
                }
                Heard::News(_) => {}
                Heard::Unreadable(text) => self.violations.push(Violation::Unreadable { at, text: text.clone() }),
            }
        }
    }

    fn foreign(&mut self, at: Place, channel: i64, entry: Entry) {
        self.violations.push(Violation::SeenForeign { at, entry, channel });
    }

    /// Within a connection each number is the next one, and the first is the one after `after`. Who hears messages only misses none that
    /// is there; as long as it is live, none at all.
    fn order(&mut self, at: &Place, told: &LogEntry, part: Part) {
        let (at, after, seq) = (at.clone(), self.view, told.first_seq());
        let is_new = self.seen.insert(seq);
        let is_hole = match part.hears {
            Hears::All => seq > after + 1,
            Hears::Messages => self.misses(seq - 1, part.is_live),
        };
        if part.hears == Hears::Messages && !matches!(told, LogEntry::Created(_)) {
            self.violations.push(Violation::SeenUnasked { at: at.clone(), entry: entry(told) });
        }
        if part.at_seam && is_hole {
            self.violations.push(Violation::SeamHole { at, after, seq });
        } else if part.at_seam && seq <= after {
            self.violations.push(Violation::SeamRepeat { at, after, seq });
        } else if is_hole {
            self.violations.push(Violation::ViewHole { at, after, seq });
        } else if seq <= after && is_new {
            self.violations.push(Violation::ViewOutOfOrder { at, seq });
        } else if seq <= after {
            self.violations.push(Violation::ViewRepeat { at, seq });
        }
        self.view = self.view.max(told.seq());
    }

    /// Whether there is a message behind the view, up to a number.
    fn misses(&self, upto: i64, is_live: bool) -> bool {
        let messages = if is_live { &self.log.made } else { &self.log.shown };
        self.view < upto && messages.range(self.view + 1..=upto).next().is_some()
    }

    fn replay_done(&mut self, at: Place, said: i64, hears: Hears) {
        let view = self.view;
        let is_right = match hears {
            Hears::All => said == view,
            Hears::Messages => (view..=self.log.end).contains(&said) && !self.misses(said, false),
        };
        if !is_right {
            self.violations.push(Violation::ReplayDoneWrong { at, said, view });
        }
        if hears == Hears::Messages {
            self.view = view.max(said);
        }
    }

    /// The client has been told that its message is safe.
    fn acknowledgement(&mut self, at: Place, author: i64, nonce: Option<&'a str>, said: Entry) {
        let client = self.witness.name.clone();
        let own = nonce.filter(|nonce| author == self.witness.author && self.sent.contains(nonce));
        let Some(nonce) = own else {
            let nonce = nonce.map(str::to_owned);
            return self.violations.push(Violation::AcknowledgedUnsent { at, nonce });
        };
        if let Some(first) = self.acknowledged.get(nonce).copied() {
            if first != said {
                let nonce = nonce.to_owned();
                self.violations.push(Violation::AcknowledgedTwice { client, nonce, first, second: said });
            }
            return;
        }
        self.acknowledged.insert(nonce, said);
        match self.log.by_nonce.get(&(self.witness.author, nonce)).copied() {
            Some(log) if log == said => {}
            Some(log) => {
                let nonce = nonce.to_owned();
                self.violations.push(Violation::AcknowledgedElsewhere { client, nonce, said, log });
            }
            None => {
                let nonce = nonce.to_owned();
                self.violations.push(Violation::AcknowledgedLost { client, nonce, entry: said });
            }
        }
    }

    /// What was sent once is in the log in the order in which it was sent: of one connection, all of it.
    fn order_of_sends(&mut self) {
        let mut times: HashMap<&str, usize> = HashMap::new();
        let on_sockets = self.witness.connections.iter().flat_map(|connection| &connection.sent);
        for nonce in on_sockets.chain(&self.witness.posted) {
            *times.entry(nonce).or_default() += 1;
        }
        for (number, Connection { sent, .. }) in self.witness.connections.iter().enumerate() {
            let mut last_seq = 0;
            for nonce in sent.iter().filter(|nonce| times.get(nonce.as_str()) == Some(&1)) {
                let Some(logged) = self.log.by_nonce.get(&(self.witness.author, nonce)) else { continue };
                if logged.seq < last_seq {
                    let (client, nonce) = (self.witness.name.clone(), nonce.clone());
                    self.violations.push(Violation::SentOutOfOrder { client, connection: number, nonce });
                }
                last_seq = last_seq.max(logged.seq);
            }
        }
    }

    /// All is quiet: everything that was sent has its answer, and everything in the log has been seen.
    fn settled(&mut self) {
        let client = &self.witness.name;
        if !self.is_replayed && !self.witness.connections.is_empty() {
            let (client, connection) = (client.clone(), self.witness.connections.len() - 1);
            self.violations.push(Violation::ReplayDoneMissing { client, connection });
        }
        for sent in self.witness.sent.iter().filter(|sent| !self.acknowledged.contains_key(&*sent.nonce)) {
            self.violations.push(Violation::Unacknowledged { client: client.clone(), nonce: sent.nonce.clone() });
        }
        let is_at_end = match self.witness.connections.last().map(|last| last.hears) {
            Some(Hears::Messages) => self.view <= self.log.end && !self.misses(self.log.end, false),
            _ => self.view == self.log.end,
        };
        if !is_at_end {
            let (client, view, end) = (client.clone(), self.view, self.log.end);
            self.violations.push(Violation::ViewEndsEarly { client, view, end });
        }
        for status in &self.witness.rejections {
            self.violations.push(Violation::Rejected { client: client.clone(), status: *status });
        }
    }
}
