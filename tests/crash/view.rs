//! One client's part of the check: what it saw and what it was promised, held against the log.

use super::check::{Index, entry};
use super::history::{Connection, Erased, Event, Heard, Witness};
use super::violation::{Entry, Place, Violation};
use std::collections::{HashMap, HashSet};

/// What a send may be answered with while something is down. It is sent again with the same nonce.
pub const EXCUSED_ERRORS: [&str; 3] = ["busy", "unavailable", "unconfirmed"];
/// The server stops or restarts; this client was too slow for what came: each is followed by a resume.
const EXCUSED_CLOSES: [u16; 3] = [1001, 1012, 4430];

/// What is told of an author whose account is gone.
const NOBODY: &str = "deleted user";

/// Checks what `witness` heard.
pub fn check(witness: &Witness, log: &Index<'_>, erased: &[Erased], violations: &mut Vec<Violation>) {
    let mut walk = Walk {
        witness,
        log,
        erased,
        sent: witness.sent.iter().map(|sent| &*sent.nonce).collect(),
        seen: HashSet::new(),
        view: witness.connections.first().map_or(0, |first| first.after),
        acknowledged: HashMap::new(),
        violations,
    };
    for connection in 0..witness.connections.len() {
        walk.connection(connection);
    }
    walk.order_of_sends();
    walk.settled();
}

struct Walk<'a> {
    witness: &'a Witness,
    log: &'a Index<'a>,
    erased: &'a [Erased],
    sent: HashSet<&'a str>,
    seen: HashSet<i64>,
    /// How far the view goes.
    view: i64,
    acknowledged: HashMap<&'a str, Entry>,
    violations: &'a mut Vec<Violation>,
}

impl<'a> Walk<'a> {
    fn connection(&mut self, number: usize) {
        let connection = &self.witness.connections[number];
        let (client, after) = (&self.witness.name, connection.after);
        if after != self.view {
            let client = client.clone();
            self.violations.push(Violation::SeamMisplaced { client, connection: number, after, view: self.view });
            self.view = after;
        }
        let (mut at_seam, mut is_replayed) = (true, false);
        for (frame, heard) in connection.heard.iter().enumerate() {
            let at = Place { client: client.clone(), connection: number, frame };
            match heard {
                Heard::Event(event) if event.channel != self.witness.channel => self.foreign(at, event),
                Heard::Event(event) => {
                    self.order(&at, event.seq, at_seam);
                    at_seam = false;
                    self.truth(&at, event, connection.began);
                    if event.author == self.witness.author {
                        self.acknowledgement(at, event.author, event.nonce.as_deref(), entry(event));
                    }
                }
                Heard::Answer(event) if event.channel != self.witness.channel => self.foreign(at, event),
                Heard::Answer(event) => {
                    self.truth(&at, event, connection.began);
                    self.acknowledgement(at, event.author, event.nonce.as_deref(), entry(event));
                }
                Heard::Ack { nonce, channel, id, seq, .. } if *channel == self.witness.channel => {
                    let said = Entry { id: *id, seq: *seq };
                    self.acknowledgement(at, self.witness.author, Some(nonce), said);
                }
                Heard::Ack { channel, id, seq, .. } => {
                    let (channel, entry) = (*channel, Entry { id: *id, seq: *seq });
                    self.violations.push(Violation::SeenForeign { at, entry, channel });
                }
                Heard::ReplayDone(_) if is_replayed => self.violations.push(Violation::ReplayDoneTwice { at }),
                Heard::ReplayDone(said) => {
                    is_replayed = true;
                    if *said != self.view {
                        self.violations.push(Violation::ReplayDoneWrong { at, said: *said, view: self.view });
                    }
                }
                Heard::Resync(seq) => self.violations.push(Violation::Resync { at, seq: *seq }),
                Heard::Error { code, .. } if EXCUSED_ERRORS.contains(&&**code) => {}
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
        let is_last = number + 1 == self.witness.connections.len();
        if is_last && !is_replayed {
            let client = client.clone();
            self.violations.push(Violation::ReplayDoneMissing { client, connection: number });
        }
    }

    fn foreign(&mut self, at: Place, event: &Event) {
        self.violations.push(Violation::SeenForeign { at, entry: entry(event), channel: event.channel });
    }

    /// Within a connection each event is the next one; the first is the one after `after`.
    fn order(&mut self, at: &Place, seq: i64, at_seam: bool) {
        let (at, after) = (at.clone(), self.view);
        let is_new = self.seen.insert(seq);
        if at_seam && seq > after + 1 {
            self.violations.push(Violation::SeamHole { at, after, seq });
        } else if at_seam && seq <= after {
            self.violations.push(Violation::SeamRepeat { at, after, seq });
        } else if seq > after + 1 {
            self.violations.push(Violation::ViewHole { at, after, seq });
        } else if seq <= after && is_new {
            self.violations.push(Violation::ViewOutOfOrder { at, seq });
        } else if seq <= after {
            self.violations.push(Violation::ViewRepeat { at, seq });
        }
        self.view = self.view.max(seq);
    }

    /// What is told of an entry is what the log has, in every field. An account that was erased meanwhile had a name before.
    fn truth(&mut self, at: &Place, event: &Event, began: u64) {
        let (at, told) = (at.clone(), entry(event));
        let erased = self.erased.iter().find(|erased| erased.author == event.author);
        match self.log.by_seq.get(&event.seq) {
            Some(logged) if *logged == event => {}
            Some(logged) if erased.is_some_and(|erased| had_name(erased, event, logged)) => {
                if erased.and_then(|erased| erased.answered).is_some_and(|answered| answered < began) {
                    self.violations.push(Violation::SeenErasedName { at, entry: told });
                }
            }
            _ if self.log.by_id.contains_key(&event.id) => {
                self.violations.push(Violation::SeenOtherwise { at, entry: told });
            }
            _ => self.violations.push(Violation::SeenNotInLog { at, entry: told }),
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
        match self.log.by_nonce.get(&(self.witness.author, nonce)).map(|logged| entry(logged)) {
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
        for sent in self.witness.sent.iter().filter(|sent| !self.acknowledged.contains_key(&*sent.nonce)) {
            self.violations.push(Violation::Unacknowledged { client: client.clone(), nonce: sent.nonce.clone() });
        }
        if self.view != self.log.end {
            let (client, view, end) = (client.clone(), self.view, self.log.end);
            self.violations.push(Violation::ViewEndsEarly { client, view, end });
        }
        for status in &self.witness.rejections {
            self.violations.push(Violation::Rejected { client: client.clone(), status: *status });
        }
    }
}

/// Whether an event is the one that the log has, told while its author had a name.
fn had_name(erased: &Erased, told: &Event, logged: &Event) -> bool {
    let nobodys = Event { author_username: NOBODY.to_owned(), ..told.clone() };
    told.author_username == erased.name && nobodys == *logged
}
