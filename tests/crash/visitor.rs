//! Somebody who joins and leaves, again and again, and hears nothing that is said after a leave has its answer.

use super::api::{Account, Changed};
use super::dice::Dice;
use super::door::{Door, Socket};
use super::history::{Heard, Visitor};
use super::lines::{Phase, Ticket};
use super::wire;
use futures_util::StreamExt;
use reqwest::StatusCode;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::Message;

const STAY_MAX_MS: u64 = 300;
/// So long it listens after it has left.
const LISTENS_MS: u64 = 150;
const PAUSE: Duration = Duration::from_millis(20);

/// Where it goes, and who tells it where a log ends.
pub struct Path {
    pub ticket: Ticket,
    pub server: i64,
    pub observer: Account,
}

#[derive(Clone, Copy)]
enum Step {
    Join,
    Leave,
}

struct Walk<'a> {
    path: &'a Path,
    seen: &'a mut Visitor,
    /// A call had no answer, at so many restarts of the node: it may still be carried out, until PostgreSQL has ended what carries it
    /// out, or another node has begun. Nothing is concluded from a membership that may change so.
    in_doubt: Option<u64>,
}

/// Comes and goes until the load is over, and then stays away.
pub async fn visit_again(mut seen: Visitor, path: &Path, mut dice: Dice, phase: watch::Receiver<Phase>) -> Visitor {
    let mut walk = Walk { path, seen: &mut seen, in_doubt: None };
    while *phase.borrow() == Phase::Load {
        if walk.insist(Step::Join, &phase).await {
            walk.visit(&mut dice, &phase).await;
        }
    }
    seen
}

impl Walk<'_> {
    /// Asks until the answer says that it belongs to the server, or does not.
    async fn insist(&mut self, step: Step, phase: &watch::Receiver<Phase>) -> bool {
        let Path { ticket, server, .. } = self.path;
        while *phase.borrow() != Phase::Over {
            let restarts = ticket.api.restarts();
            let (changed, is_so_already) = match step {
                Step::Join => (ticket.api.try_to_join(&ticket.token, *server).await, "already_member"),
                Step::Leave => (ticket.api.try_to_leave(&ticket.token, *server).await, "not_a_member"),
            };
            if matches!(&changed, Changed::Done) {
                self.in_doubt = self.in_doubt.filter(|doubted| *doubted >= restarts);
            }
            match changed {
                Changed::Done => return true,
                Changed::Refused(code) if code == is_so_already => return true,
                Changed::Refused(code) if matches!(&*code, "not sent" | "unavailable" | "busy") => {}
                Changed::Refused(code) => self.seen.wrong_answers.push(format!("a change is refused: {code}")),
                Changed::Unknown => self.in_doubt = Some(restarts),
            }
            sleep(PAUSE).await;
        }
        false
    }

    async fn visit(&mut self, dice: &mut Dice, phase: &watch::Receiver<Phase>) {
        let ticket = &self.path.ticket;
        self.expect(StatusCode::OK).await;
        let after = if dice.one_in(2) { Some(0) } else { None };
        let mut sockets = Vec::new();
        for door in [Door::Gateway, Door::Channel, Door::Log] {
            if let Ok(socket) = door.open(ticket, after).await {
                sockets.push(socket);
            }
        }
        let until = Instant::now() + Duration::from_millis(dice.between(0..=STAY_MAX_MS));
        for socket in &mut sockets {
            hear(socket, ticket.channel, until).await;
        }
        if !self.insist(Step::Leave, phase).await {
            return;
        }
        self.expect(StatusCode::FORBIDDEN).await;
        // What was committed before the answer may have been announced before it, and may still be under way.
        let Some((_, end)) = ticket.api.glance(&self.path.observer.token, ticket.channel, i64::MAX).await else {
            return;
        };
        let until = Instant::now() + Duration::from_millis(LISTENS_MS);
        for socket in &mut sockets {
            let heard = hear(socket, ticket.channel, until).await;
            if self.in_doubt.is_none() {
                self.seen.after_leave.push((end, heard));
            }
        }
        self.expect(StatusCode::FORBIDDEN).await;
    }

    /// A call for members is answered as it should be, where it is answered and nothing is in doubt.
    async fn expect(&mut self, status: StatusCode) {
        let ticket = &self.path.ticket;
        let answered = ticket.api.knock(&ticket.token, ticket.channel).await;
        if let Some(answered) = answered.filter(|answered| *answered != status && self.in_doubt.is_none()) {
            self.seen.wrong_answers.push(format!("{answered} instead of {status}"));
        }
    }
}

/// The highest `seq` that is heard until then, or until the socket ends.
async fn hear(socket: &mut Socket, channel: i64, until: Instant) -> Option<i64> {
    let mut last = None;
    while let Ok(Some(Ok(message))) = timeout_at(until, socket.next()).await {
        let Message::Text(text) = message else { continue };
        if let Heard::Entry(entry) = wire::hear(&text)
            && entry.channel() == channel
        {
            last = last.max(Some(entry.seq()));
        }
    }
    last
}
