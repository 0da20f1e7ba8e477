//! A client: a task of its own, with its own state, that knows nothing of the others. It writes, it reads, and whenever
//! its socket ends it comes back with `after` and sends again what was not acknowledged.

mod writing;

use super::api::Posted;
use super::changer::{Changer, is_change};
use super::dice::Dice;
use super::door::{Door, Shut, Socket};
use super::history::{Connection, Heard, Hears, Witness};
use super::lines::{Lines, Phase, Progress, Ticket};
use super::moment;
use super::outbox::Outbox;
use super::wire;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

/// Between two bursts, at most; each client draws its pace anew for each round.
const PACES_MS: [u64; 4] = [8, 20, 40, 60];
const RECONNECT_PAUSE_MAX_MS: u64 = 60;
/// As long as a client stays before it leaves by itself, without a word.
const VISIT_MAX_MS: u64 = 1_000;

/// Before one connection in so many something is sent again over HTTP, and what was missed is read over HTTP.
const HTTP_RESEND_ONE_IN: u64 = 3;
const HTTP_RESEND_MAX: usize = 4;
const HTTP_READ_ONE_IN: u64 = 2;
/// One connection in so many is a gateway's, and of the others one in so many asks for every number.
const GATEWAY_ONE_IN: u64 = 2;
const LOG_ONE_IN: u64 = 2;
/// One socket in so many is not closed when its client leaves: it stays until the round is over, and is not read.
const STAYS_UNREAD_ONE_IN: u64 = 6;
const UNREAD_MAX: usize = 3;

pub struct Client {
    pub witness: Witness,
    pub is_writer: bool,
    ticket: Ticket,
    socket: Option<Socket>,
    /// How it came in.
    door: Door,
    /// Left, and not closed: nobody reads them.
    unread: Vec<Socket>,
    outbox: Outbox,
    changer: Changer,
    /// Sends over HTTP that are on their way, each with its nonce, and when it began.
    posts: JoinSet<(String, u64, Posted)>,
    logins: JoinSet<Option<String>>,
    progress: Progress,
    /// What was not acknowledged is sent again after the replay, not before it.
    resends_late: bool,
    has_been_here: bool,
    pace_ms: u64,
}

/// Why a client stops listening to a socket.
enum End {
    Lost,
    Over,
}

impl Client {
    /// Somebody who knows the log up to `view`.
    pub fn new(name: &str, author: i64, ticket: Ticket, is_writer: bool, view: i64) -> Self {
        let witness = Witness {
            name: name.to_owned(),
            author,
            channel: ticket.channel,
            sent: Vec::new(),
            requests: Vec::new(),
            connections: Vec::new(),
            posted: Vec::new(),
            rejections: Vec::new(),
        };
        let progress = Progress { view, ..Progress::default() };
        Self {
            witness,
            is_writer,
            ticket,
            socket: None,
            door: Door::Channel,
            unread: Vec::new(),
            outbox: Outbox::default(),
            changer: Changer::default(),
            posts: JoinSet::new(),
            logins: JoinSet::new(),
            progress,
            resends_late: false,
            has_been_here: false,
            pace_ms: PACES_MS[0],
        }
    }

    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    pub fn progress(&self) -> Progress {
        Progress { unsettled: self.outbox.unsettled() + self.changer.unsettled(), ..self.progress }
    }

    /// All that it knows.
    pub fn testimony(&self) -> Witness {
        Witness { requests: self.changer.requests.clone(), ..self.witness.clone() }
    }

    /// Takes part until it is over. The socket stays open from one round to the next.
    pub async fn take_part(mut self, mut dice: Dice, mut lines: Lines) -> Self {
        self.pace_ms = *dice.pick(&PACES_MS);
        self.unread.clear();
        loop {
            if let Some(socket) = self.socket.take() {
                match self.converse(socket, &mut dice, &mut lines).await {
                    End::Over => return self,
                    End::Lost => self.lost(),
                }
            }
            self.tell(&lines);
            let pause = Instant::now() + Duration::from_millis(dice.between(5..=RECONNECT_PAUSE_MAX_MS));
            let phase = *lines.phase.borrow();
            tokio::select! {
                () = over(&mut lines.phase) => return self,
                () = async { sleep_until(pause).await; self.connect(&mut dice, phase).await } => {}
            }
        }
    }

    fn lost(&mut self) {
        self.outbox.lost();
        self.changer.lost();
        self.progress.is_live = false;
    }

    fn tell(&self, lines: &Lines) {
        // Nobody listens between two rounds.
        let _ = lines.progress.send((lines.number, self.progress()));
    }

    /// Reads what it missed over HTTP: that goes as far as the commits, further than what the sockets know.
    async fn catch_up(&mut self, dice: &mut Dice) {
        let (began, after) = (moment::next(), self.progress.view);
        let Ticket { api, token, channel } = &self.ticket;
        let Some((entries, last_seq)) = api.glance(token, *channel, after).await else { return };
        self.witness.connections.push(Connection { began, after, ..Connection::default() });
        for entry in entries {
            self.hear(Heard::Entry(entry), dice);
        }
        if last_seq < after {
            self.record(Heard::Resync(last_seq));
        }
    }

    async fn connect(&mut self, dice: &mut Dice, phase: Phase) {
        // Both reach a node that knows nothing of the channel yet.
        if phase != Phase::Quiet && dice.one_in(HTTP_RESEND_ONE_IN) {
            for sent in self.outbox.unanswered(HTTP_RESEND_MAX) {
                self.progress.tally.resent += 1;
                self.post(sent);
            }
        }
        if dice.one_in(HTTP_READ_ONE_IN) {
            self.catch_up(dice).await;
        }
        while let Some(login) = self.logins.try_join_next() {
            if let Some(token) = login.expect("a login does not fail") {
                self.ticket.token = token;
                self.progress.tally.logins += 1;
            }
        }
        self.door = match dice.one_in(GATEWAY_ONE_IN) {
            true => Door::Gateway,
            false if dice.one_in(LOG_ONE_IN) => Door::Log,
            false => Door::Channel,
        };
        self.progress.hears = self.door.hears();
        let (began, after) = (moment::next(), self.progress.view);
        match self.door.open(&self.ticket, Some(after)).await {
            Ok(socket) => {
                self.progress.tally.resumes += u64::from(std::mem::replace(&mut self.has_been_here, true));
                let hears = self.door.hears();
                self.witness.connections.push(Connection { hears, began, after, ..Connection::default() });
                self.resends_late = dice.one_in(2);
                if !self.resends_late {
                    self.outbox.send_all_again(Instant::now());
                }
                self.socket = Some(socket);
            }
            Err(Shut::Refused(status)) => self.witness.rejections.push(status),
            Err(Shut::NotNow) => {}
        }
    }

    async fn converse(&mut self, mut socket: Socket, dice: &mut Dice, lines: &mut Lines) -> End {
        let now = Instant::now();
        let mut next_write = now;
        let departure = now + Duration::from_millis(dice.between(100..=VISIT_MAX_MS));
        loop {
            self.tell(lines);
            let phase = *lines.phase.borrow_and_update();
            let (now, is_load) = (Instant::now(), phase == Phase::Load);
            if phase == Phase::Over {
                self.socket = Some(socket);
                return End::Over;
            }
            if is_load && departure <= now {
                if dice.one_in(STAYS_UNREAD_ONE_IN) && self.unread.len() < UNREAD_MAX {
                    self.unread.push(socket);
                }
                return End::Lost;
            }
            let may_write = is_load && self.is_writer && (!self.resends_late || self.progress.is_live);
            if may_write && next_write <= now {
                next_write = now + Duration::from_millis(dice.between(1..=self.pace_ms));
                if self.write(&mut socket, dice).await.is_err() {
                    return End::Lost;
                }
            }
            let is_quiet = phase == Phase::Quiet;
            if !is_quiet && self.send_again(&mut socket, now, dice).await.is_err() {
                return End::Lost;
            }
            let due = self.outbox.next_due(now).into_iter().chain(self.changer.next_due()).min();
            let own = [may_write.then_some(next_write), is_load.then_some(departure), due.filter(|_| !is_quiet)];
            let next = own.into_iter().flatten().min();
            tokio::select! {
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        let heard = wire::hear(&text);
                        self.progress.tally.duplicates += u64::from(matches!(heard, Heard::Answer(..)));
                        let is_end = self.ends_subscription(&heard);
                        self.hear(heard, dice);
                        if is_end {
                            return End::Lost;
                        }
                    }
                    Some(Ok(Message::Close(close))) => {
                        let code = close.map_or(1005, |close| close.code.into());
                        self.record(Heard::Closed(code));
                        return End::Lost;
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return End::Lost,
                },
                Some(posted) = self.posts.join_next() => {
                    let (nonce, began, posted) = posted.expect("a send does not fail");
                    self.posted(nonce, began, posted, dice);
                }
                Some(called) = self.changer.calls.join_next() => {
                    let (nonce, changed) = called.expect("a call does not fail");
                    self.progress.tally.changed += u64::from(self.changer.called(&nonce, changed, dice));
                }
                () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
                _ = lines.phase.changed() => {}
            }
        }
    }

    /// Whether this gateway does not hear the channel any more, or does not hear it at all.
    fn ends_subscription(&self, heard: &Heard) -> bool {
        match heard {
            Heard::Unsubscribed(_) => true,
            // Only a subscription is without a nonce.
            Heard::Error { nonce: None, .. } => self.door == Door::Gateway,
            _ => false,
        }
    }

    fn posted(&mut self, nonce: String, began: u64, posted: Posted, dice: &mut Dice) {
        match posted {
            Posted::Committed { entry, is_duplicate } => {
                self.progress.tally.duplicates += u64::from(is_duplicate);
                self.hear(Heard::Answer(entry, Some(began)), dice);
            }
            Posted::Refused { code } => {
                self.hear(Heard::Error { code, nonce: Some(nonce), retry_after_ms: None }, dice);
            }
            Posted::Lost => self.outbox.refused("lost", Some(&nonce), None, dice),
        }
    }

    fn record(&mut self, heard: Heard) {
        self.witness.connections.last_mut().expect("it is connected").heard.push(heard);
    }

    fn hear(&mut self, heard: Heard, dice: &mut Dice) {
        match &heard {
            Heard::Entry(entry) => {
                if entry.channel() == self.witness.channel {
                    self.progress.view = self.progress.view.max(entry.seq());
                }
                self.changer.learn(entry, self.witness.author);
                if let Some(nonce) = entry.nonce().filter(|_| entry.author() == Some(self.witness.author)) {
                    self.acknowledged(nonce, dice);
                }
            }
            Heard::Answer(entry, _) => {
                self.changer.learn(entry, self.witness.author);
                if let Some(nonce) = entry.nonce() {
                    self.outbox.confirmed(nonce);
                    self.acknowledged(nonce, dice);
                }
            }
            Heard::ReplayDone(seq) => {
                self.progress.is_live = true;
                if self.progress.hears == Hears::Messages {
                    self.progress.view = self.progress.view.max(*seq);
                }
                if self.resends_late {
                    self.outbox.send_all_again(Instant::now());
                }
            }
            Heard::Error { code, nonce, retry_after_ms } => {
                self.progress.tally.refused += 1;
                match nonce.as_deref().filter(|nonce| is_change(nonce)) {
                    Some(nonce) => drop(self.changer.refused(nonce, code, *retry_after_ms, dice)),
                    None => self.outbox.refused(code, nonce.as_deref(), *retry_after_ms, dice),
                }
            }
            Heard::Ack { nonce, id, seq, .. } if is_change(nonce) => {
                self.progress.tally.changed += u64::from(self.changer.done(nonce, Some(*id), *seq));
            }
            Heard::Ack { nonce, is_duplicate, .. } => {
                if *is_duplicate {
                    self.progress.tally.duplicates += 1;
                    self.outbox.confirmed(nonce);
                }
                self.acknowledged(nonce, dice);
            }
            Heard::Resync(_) | Heard::Closed(_) | Heard::Unsubscribed(_) | Heard::News(_) | Heard::Unreadable(_) => {}
        }
        self.record(heard);
    }

    fn acknowledged(&mut self, nonce: &str, dice: &mut Dice) {
        self.progress.tally.acknowledged += u64::from(self.outbox.acknowledged(nonce, dice));
    }
}

async fn over(phase: &mut watch::Receiver<Phase>) {
    // The sender lives as long as the round.
    let _ = phase.wait_for(|phase| *phase == Phase::Over).await;
}
