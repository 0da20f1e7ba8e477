//! A client: a task of its own, with its own state, that knows nothing of the others. It writes, it reads, and whenever
//! its socket ends it comes back with `after` and sends again what was not acknowledged.

use super::api::{Api, Posted};
use super::dice::Dice;
use super::history::{Connection, Heard, Sent, Witness};
use super::outbox::Outbox;
use super::tally::Tally;
use super::wire;
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A node that is starting listens before it answers.
const HANDSHAKE_MAX: Duration = Duration::from_secs(20);
const BURST_MAX: u64 = 4;
/// Between two bursts, at most; each client draws its pace anew for each round.
const PACES_MS: [u64; 4] = [8, 20, 40, 60];
const RECONNECT_PAUSE_MAX_MS: u64 = 60;
/// As long as a client stays before it leaves by itself, without a word.
const VISIT_MAX_MS: u64 = 1_000;

/// One send in so many goes over HTTP. Before one connection in so many something is sent again over HTTP, and what was
/// missed is read over HTTP.
const HTTP_SEND_ONE_IN: u64 = 10;
const HTTP_RESEND_ONE_IN: u64 = 3;
const HTTP_RESEND_MAX: usize = 4;
const HTTP_READ_ONE_IN: u64 = 2;

type Socket = WebSocketStream<TcpStream>;

/// What the clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Write, read, come and go.
    Load,
    /// Write nothing new.
    Settle,
    /// Report.
    Over,
}

/// What a client tells of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub unsettled: usize,
    /// How far its view goes.
    pub view: i64,
    /// Its socket is open, and the replay is done.
    pub is_live: bool,
    pub tally: Tally,
}

/// Where a client is to go.
#[derive(Clone)]
pub struct Ticket {
    pub api: Api,
    pub token: String,
    pub channel: i64,
}

/// A client's lines to the one who watches.
pub struct Lines {
    pub number: usize,
    pub phase: watch::Receiver<Phase>,
    pub progress: mpsc::UnboundedSender<(usize, Progress)>,
}

pub struct Client {
    pub witness: Witness,
    pub is_writer: bool,
    ticket: Ticket,
    socket: Option<Socket>,
    outbox: Outbox,
    /// Sends over HTTP that are on their way, each with its nonce.
    posts: JoinSet<(String, Posted)>,
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
            connections: Vec::new(),
            rejections: Vec::new(),
        };
        let progress = Progress { view, ..Progress::default() };
        Self {
            witness,
            is_writer,
            ticket,
            socket: None,
            outbox: Outbox::default(),
            posts: JoinSet::new(),
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
        Progress { unsettled: self.outbox.unsettled(), ..self.progress }
    }

    /// Takes part until it is over. The socket stays open from one round to the next.
    pub async fn take_part(mut self, mut dice: Dice, mut lines: Lines) -> Self {
        self.pace_ms = *dice.pick(&PACES_MS);
        loop {
            if let Some(socket) = self.socket.take() {
                match self.converse(socket, &mut dice, &mut lines).await {
                    End::Over => return self,
                    End::Lost => self.lost(),
                }
            }
            self.tell(&lines);
            let pause = Instant::now() + Duration::from_millis(dice.between(5..=RECONNECT_PAUSE_MAX_MS));
            tokio::select! {
                () = over(&mut lines.phase) => return self,
                () = async { sleep_until(pause).await; self.connect(&mut dice).await } => {}
            }
        }
    }

    fn lost(&mut self) {
        self.outbox.lost();
        self.progress.is_live = false;
    }

    fn tell(&self, lines: &Lines) {
        // Nobody listens between two rounds.
        let _ = lines.progress.send((lines.number, self.progress()));
    }

    /// Reads what it missed over HTTP: that goes as far as the commits, further than what the sockets know.
    async fn catch_up(&mut self, dice: &mut Dice) {
        let after = self.progress.view;
        let Ticket { api, token, channel } = &self.ticket;
        let Some((events, last_seq)) = api.glance(token, *channel, after).await else { return };
        self.witness.connections.push(Connection { after, heard: Vec::new() });
        for event in events {
            self.hear(Heard::Event(event), dice);
        }
        if last_seq < after {
            self.record(Heard::Resync(last_seq));
        }
    }

    async fn connect(&mut self, dice: &mut Dice) {
        // Both reach a node that knows nothing of the channel yet.
        if dice.one_in(HTTP_RESEND_ONE_IN) {
            for sent in self.outbox.unanswered(HTTP_RESEND_MAX) {
                self.progress.tally.resent += 1;
                self.post(sent);
            }
        }
        if dice.one_in(HTTP_READ_ONE_IN) {
            self.catch_up(dice).await;
        }
        let Ticket { api, token, channel } = &self.ticket;
        let Ok(stream) = TcpStream::connect(&api.address).await else { return };
        let _ = stream.set_nodelay(true);
        let (address, after) = (&api.address, self.progress.view);
        let request = format!("ws://{address}/ws/{channel}?token={token}&after={after}");
        let request = request.into_client_request().expect("a good URL");
        match timeout(HANDSHAKE_MAX, client_async(request, stream)).await {
            Ok(Ok((socket, _))) => {
                self.progress.tally.resumes += u64::from(std::mem::replace(&mut self.has_been_here, true));
                self.witness.connections.push(Connection { after, heard: Vec::new() });
                self.resends_late = dice.one_in(2);
                if !self.resends_late {
                    self.outbox.send_all_again(Instant::now());
                }
                self.socket = Some(socket);
            }
            Ok(Err(WebSocketError::Http(answer))) if answer.status() != 503 => {
                self.witness.rejections.push(answer.status().as_u16());
            }
            Ok(Err(_)) | Err(_) => {}
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
                return End::Lost;
            }
            let may_write = is_load && self.is_writer && (!self.resends_late || self.progress.is_live);
            if may_write && next_write <= now {
                next_write = now + Duration::from_millis(dice.between(1..=self.pace_ms));
                if self.write(&mut socket, dice).await.is_err() {
                    return End::Lost;
                }
            }
            if self.send_again(&mut socket, now).await.is_err() {
                return End::Lost;
            }
            let own = [may_write.then_some(next_write), is_load.then_some(departure), self.outbox.next_due(now)];
            let next = own.into_iter().flatten().min();
            tokio::select! {
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        let heard = wire::hear(&text);
                        self.progress.tally.duplicates += u64::from(matches!(heard, Heard::Answer(_)));
                        self.hear(heard, dice);
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
                    let (nonce, posted) = posted.expect("a send does not fail");
                    self.posted(nonce, posted, dice);
                }
                () = sleep_until(next.unwrap_or(now)), if next.is_some() => {}
                _ = lines.phase.changed() => {}
            }
        }
    }

    async fn write(&mut self, socket: &mut Socket, dice: &mut Dice) -> Result<(), WebSocketError> {
        for _ in 0..dice.between(1..=BURST_MAX) {
            let Some((sent, times)) = self.outbox.write(&self.witness.name, dice) else { break };
            let text = wire::send(&sent.nonce, &sent.content);
            self.witness.sent.push(sent.clone());
            self.progress.tally.resent += u64::from(times > 1);
            if dice.one_in(HTTP_SEND_ONE_IN) {
                for _ in 0..times {
                    self.post(sent.clone());
                }
                continue;
            }
            for _ in 0..times {
                socket.feed(Message::text(text.clone())).await?;
            }
        }
        socket.flush().await
    }

    async fn send_again(&mut self, socket: &mut Socket, now: Instant) -> Result<(), WebSocketError> {
        let due = self.outbox.take_due(now);
        for Sent { nonce, content } in &due {
            self.progress.tally.resent += 1;
            socket.feed(Message::text(wire::send(nonce, content))).await?;
        }
        if due.is_empty() { Ok(()) } else { socket.flush().await }
    }

    fn post(&mut self, sent: Sent) {
        let Ticket { api, token, channel } = self.ticket.clone();
        self.posts.spawn(async move {
            let posted = api.send(&token, channel, &sent).await;
            (sent.nonce, posted)
        });
    }

    fn posted(&mut self, nonce: String, posted: Posted, dice: &mut Dice) {
        match posted {
            Posted::Committed { event, is_duplicate } => {
                self.progress.tally.duplicates += u64::from(is_duplicate);
                self.hear(Heard::Answer(event), dice);
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
            Heard::Event(event) => {
                if event.channel == self.witness.channel {
                    self.progress.view = self.progress.view.max(event.seq);
                }
                if event.author == self.witness.author
                    && let Some(nonce) = &event.nonce
                {
                    self.acknowledged(nonce, dice);
                }
            }
            Heard::Answer(event) => {
                if let Some(nonce) = &event.nonce {
                    self.outbox.confirmed(nonce);
                    self.acknowledged(nonce, dice);
                }
            }
            Heard::ReplayDone(_) => {
                self.progress.is_live = true;
                if self.resends_late {
                    self.outbox.send_all_again(Instant::now());
                }
            }
            Heard::Error { code, nonce, retry_after_ms } => {
                self.progress.tally.refused += 1;
                self.outbox.refused(code, nonce.as_deref(), *retry_after_ms, dice);
            }
            Heard::Resync(_) | Heard::Closed(_) | Heard::Unreadable(_) => {}
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
