//! One socket of a run: it hears a channel from its first event on, comes back when it is cut off, and may send.

use super::changes::{OwnMessage, Record};
use super::checks::Rule;
use super::close::{Close, pause};
use super::frames::{Kind, write};
use super::ledger::{EntryKind, Heard, Identity, Incoming, Ledger, View};
use super::link::{ConnectError, Link, Reading};
use super::meter::{Times, count};
use super::payload::Said;
use super::people::Person;
use super::report::UNLIMITED;
use super::report::times::{ACKNOWLEDGEMENT, BACK, DELIVERY};
use super::run::{Phase, Run};
use super::talker::Talker;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// As long as a socket tries to come back, after it could not for the first time, before the run is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// A channel of the run.
pub struct Room {
    /// What has been seen of it.
    pub ledger: RefCell<Ledger>,
    /// What was sent of changes.
    pub record: RefCell<Record>,
    /// The last `seq` that the node has named in an answer to what was sent again.
    pub named: Cell<i64>,
    /// The last `seq` that every socket must have got before it goes: others may go on sending.
    pub end: Cell<i64>,
}

/// How far a socket is, for those who wait for it.
#[derive(Default)]
pub struct Seen {
    /// It hears its channel live.
    pub is_live: Cell<bool>,
    /// The last `seq` that it has got.
    pub seq: Cell<i64>,
    /// What was due in its time and has not been sent.
    pub owes: Cell<u64>,
}

/// See the module.
pub struct Client {
    run: Rc<Run>,
    room: Rc<Room>,
    person: Rc<Person>,
    talker: Option<Talker>,
    view: View,
    seen: Rc<Seen>,
    /// What the node said of messages that were sent again.
    named: Vec<Named>,
    deliveries: u64,
    delivery: Rc<Times>,
    acknowledgement: Rc<Times>,
    /// Since when it has been cut off.
    cut_us: Option<u64>,
    /// Whether what it has missed counts as late: where the node ended the connection, and not the tool.
    was_dropped: bool,
    /// What the node said last, if it was that it ends the socket.
    closed: Option<Close>,
    out: Vec<u8>,
}

/// An answer to a message that was sent again: its place, and what is there.
struct Named {
    seq: i64,
    digest: u64,
    identity: Identity,
}

/// Why a connection is over.
enum Left {
    /// The run is.
    Over,
    /// It was told to.
    Cut,
    /// The node, or the network, ended it.
    Closed,
}

impl Named {
    /// Where messages are changed it may be told otherwise by now.
    fn is_in(&self, ledger: &Ledger) -> bool {
        let &Self { seq, digest, identity } = self;
        ledger.digest(seq) == Some(digest) || ledger.identity(seq) == Some(identity)
    }
}

impl Client {
    /// A socket that is not connected; `number` names it in what is reported.
    pub fn new(
        run: &Rc<Run>,
        room: &Rc<Room>,
        person: &Rc<Person>,
        number: usize,
        talker: Option<Talker>,
    ) -> (Self, Rc<Seen>) {
        let seen = Rc::new(Seen::default());
        if let Some(talker) = &talker {
            room.ledger.borrow_mut().introduce(talker.id(), person.id);
        }
        let client = Self {
            run: Rc::clone(run),
            room: Rc::clone(room),
            person: Rc::clone(person),
            talker,
            view: View::new(number),
            seen: Rc::clone(&seen),
            named: Vec::new(),
            deliveries: 0,
            delivery: run.meter.times(DELIVERY),
            acknowledgement: run.meter.times(ACKNOWLEDGEMENT),
            cut_us: None,
            was_dropped: false,
            closed: None,
            out: Vec::new(),
        };
        (client, seen)
    }

    /// Takes part until the run is over; then says what it has missed, up to what others have seen.
    pub async fn take_part(mut self) {
        while let Some(link) = self.connect().await {
            count(&self.run.meter.sockets, 1);
            let left = self.stay(link).await;
            self.run.meter.sockets.set(self.run.meter.sockets.get().saturating_sub(1));
            self.seen.is_live.set(false);
            match left {
                Left::Over => break,
                Left::Cut => {
                    count(&self.run.meter.cut_off, 1);
                    self.cut_us = Some(self.run.clock.now_us());
                    self.was_dropped = false;
                }
                Left::Closed => self.was_closed().await,
            }
        }
        let ledger = self.room.ledger.borrow();
        for rule in [Rule::NoneLost, Rule::NoneRepeated, Rule::InOrder, Rule::SameForAll, Rule::Understood] {
            self.run.checks.look(rule, self.deliveries);
        }
        // A run that could not go on has nothing to say about what did not come any more.
        if self.run.failure().is_none() {
            self.view.close(self.room.end.get(), &self.run.checks, &ledger);
            for Named { seq, .. } in self.named.iter().filter(|named| !named.is_in(&ledger)) {
                self.run.checks.violate(Rule::OnceInLog, || {
                    let channel = ledger.channel_id();
                    format!("channel {channel}: a message that was sent again should be at seq {seq}, and is not")
                });
            }
        }
    }

    async fn connect(&mut self) -> Option<Link> {
        let mut since = None;
        let path = |view: &View, channel: i64| format!("/ws/{channel}?events=all&after={}", view.last());
        let channel = self.room.ledger.borrow().channel_id();
        while self.run.phase() != Phase::Over && self.run.failure().is_none() {
            let token = self.person.token();
            self.view.connect(&self.room.ledger.borrow());
            let why = match Link::open(&self.run, &path(&self.view, channel), &token).await {
                Ok(link) => return Some(link),
                Err(ConnectError::Token) => match self.person.renew(&self.run.target, &token).await {
                    Ok(()) => continue,
                    Err(trouble) => trouble.to_string(),
                },
                Err(ConnectError::Refused(why)) => {
                    self.run.fail(why);
                    return None;
                }
                Err(ConnectError::Failed(why)) => why,
            };
            self.run.meter.error("connecting");
            if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                self.run.fail(format!("the node at {} went away: {why}", self.run.target.url));
                return None;
            }
            pause(None).await;
        }
        None
    }

    async fn was_closed(&mut self) {
        let closed = self.closed.take();
        let kind = closed.map_or("connection lost".to_owned(), |close| format!("closed with {}", close.code));
        self.run.meter.error(&kind);
        count(&self.run.meter.lost, 1);
        self.cut_us = Some(self.run.clock.now_us());
        self.was_dropped = true;
        pause(closed.and_then(|close| close.reconnect_after)).await;
    }

    /// Hears and talks until the connection is over.
    async fn stay(&mut self, mut link: Link) -> Left {
        let mut orders = self.run.orders();
        let cuts = orders.borrow_and_update().cuts;
        let mut has_resent = false;
        loop {
            let phase = self.run.phase();
            if phase == Phase::Over {
                link.close().await;
                return Left::Over;
            }
            let now_us = self.run.clock.now_us();
            let talks = phase == Phase::Talking;
            let mut wakes = None;
            if let Some(talker) = self.talker.as_mut().filter(|_| self.seen.is_live.get()) {
                if !std::mem::replace(&mut has_resent, true) {
                    talker.all_again(now_us);
                }
                talker.write_due(&self.run, now_us, talks, &mut self.out);
                wakes = talker.wakes_us(now_us, talks);
                self.seen.owes.set(talker.owes(self.run.ended_us.get()));
            }
            if !self.out.is_empty() {
                let out = std::mem::take(&mut self.out);
                if link.write(&out).await.is_err() {
                    return Left::Closed;
                }
            }
            let alarm = async {
                match wakes {
                    Some(wakes_us) => tokio::time::sleep_until(self.run.clock.instant(wakes_us).into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = link.readable() => {
                    let now_us = self.run.clock.now_us();
                    let reading = link.read(|kind, payload| self.hear(kind, payload, now_us));
                    self.seen.seq.set(self.view.last());
                    if reading == Reading::Garbled {
                        self.not_understood("bytes that are no frame of a node");
                    }
                    if reading != Reading::Open || self.closed.is_some() {
                        return Left::Closed;
                    }
                }
                _ = orders.changed() => {
                    if orders.borrow_and_update().cuts != cuts {
                        return Left::Cut;
                    }
                }
                () = alarm => {}
                () = change_answered(self.talker.as_ref()) => {}
            }
        }
    }

    fn hear(&mut self, kind: Kind, payload: &[u8], now_us: u64) {
        match kind {
            Kind::Text => {
                let known = self.view.take_known(payload, &self.room.ledger.borrow());
                match known {
                    Some(heard) => self.delivered(heard, now_us),
                    None => self.read(payload, now_us),
                }
            }
            Kind::Ping => write(Kind::Pong, payload, &mut self.out),
            Kind::Pong => {}
            Kind::Close => self.closed = Some(Close::read(payload)),
        }
    }

    fn read(&mut self, payload: &[u8], now_us: u64) {
        let Ok(frame) = serde_json::from_slice::<Incoming<'_>>(payload) else {
            return self.not_understood(&String::from_utf8_lossy(payload));
        };
        match (&*frame.kind, frame.entry()) {
            ("message.created", Some(_)) if frame.duplicate => self.again(&frame, now_us),
            (_, Some(_)) => {
                let room = Rc::clone(&self.room);
                let heard = self.view.take(&frame, payload, &mut room.ledger.borrow_mut(), &self.run.checks);
                match heard {
                    Some(heard) => self.delivered(heard, now_us),
                    None if frame.span().is_none() => self.not_understood(&String::from_utf8_lossy(payload)),
                    None => {}
                }
            }
            ("replay.done", _) => {
                self.seen.is_live.set(true);
                self.view.go_live();
                if let Some(cut_us) = self.cut_us.take() {
                    self.run.meter.times(BACK).note(now_us - cut_us);
                }
            }
            ("resync", _) => {
                let (channel, last) = (self.room.ledger.borrow().channel_id(), self.view.last());
                self.run.checks.violate(Rule::NoneLost, || {
                    format!("channel {channel}: the node does not know seq {last} any more")
                });
            }
            ("message.delayed", _) => self.limited(),
            ("error", _) => self.refused(&frame, now_us),
            _ => self.not_understood(&String::from_utf8_lossy(payload)),
        }
    }

    /// Where sends have to wait, the node's limits are what is measured, and not the node.
    fn limited(&self) {
        count(&self.run.meter.limited, 1);
        self.run.fail(format!("the node limits the rate of messages and frames: {UNLIMITED}"));
    }

    fn not_understood(&self, what: &str) {
        self.run.checks.violate(Rule::Understood, || {
            let (channel, last) = (self.room.ledger.borrow().channel_id(), self.view.last());
            format!("channel {channel}, after seq {last}: {}", what.chars().take(200).collect::<String>())
        });
    }

    /// A message that was sent again was there already.
    fn again(&mut self, frame: &Incoming<'_>, now_us: u64) {
        let Some(seq) = frame.seq else { return };
        self.named.push(Named { seq, digest: frame.digest(seq), identity: frame.identity(seq) });
        self.room.named.set(self.room.named.get().max(seq));
        if let Some(said) = frame.content.as_deref().and_then(Said::read) {
            self.acknowledged(said, (frame.id.unwrap_or(0), seq), now_us);
        }
    }

    fn delivered(&mut self, heard: Heard, now_us: u64) {
        self.deliveries += 1;
        if !matches!(heard.kind, EntryKind::Created | EntryKind::Tombstone) {
            return count(&self.run.meter.change_deliveries, 1);
        }
        count(&self.run.meter.deliveries, 1);
        if heard.kind == EntryKind::Created
            && let Some(talker) = &mut self.talker
        {
            talker.see(heard.id);
        }
        let Some(said) = heard.said else { return };
        if self.seen.is_live.get() || self.was_dropped {
            self.delivery.note(now_us.saturating_sub(said.due_us));
        }
        self.acknowledged(said, (heard.id, heard.seq), now_us);
    }

    /// A message is in the log, with this id at this place.
    fn acknowledged(&mut self, said: Said, (id, seq): (i64, i64), now_us: u64) {
        let Some(talker) = self.talker.as_mut().filter(|talker| said.run == self.run.id && said.sender == talker.id())
        else {
            return;
        };
        if let Some(due_us) = talker.acknowledge(&self.run, said.number) {
            talker.own(OwnMessage { id, seq, said, edits: 0 });
            self.run.checks.look(Rule::Answered, 1);
            if due_us != said.due_us {
                self.run.checks.violate(Rule::AsSent, || {
                    format!(
                        "message {} of sender {} comes back with another time than it had",
                        said.number, said.sender
                    )
                });
            }
            self.acknowledgement.note(now_us.saturating_sub(due_us));
            count(&self.run.meter.acknowledged, 1);
        }
    }

    fn refused(&mut self, frame: &Incoming<'_>, now_us: u64) {
        let code = frame.code.as_deref().unwrap_or("error");
        self.run.meter.error(code);
        let number = frame.nonce.as_deref().and_then(Said::number_of);
        match (code, number, &mut self.talker) {
            // Its outcome is still to come.
            ("unconfirmed", _, _) => {}
            ("busy" | "unavailable", Some(number), Some(talker)) => talker.again(number, now_us, frame.retry_after_ms),
            ("rate_limited", _, _) => self.limited(),
            _ => {
                let detail = frame.detail.as_deref().unwrap_or_default();
                self.run.checks.violate(Rule::Answered, || format!("a send was refused with {code}: {detail}"));
                if let (Some(number), Some(talker)) = (number, &mut self.talker) {
                    talker.acknowledge(&self.run, number);
                }
            }
        }
    }
}

/// Until a change that its sender has sent has its answer.
async fn change_answered(talker: Option<&Talker>) {
    match talker.and_then(Talker::changes_answered) {
        Some(answered) => answered.notified().await,
        None => std::future::pending().await,
    }
}
