//! Somebody who joins a server and is given the role by which its channels are seen, again and again; who leaves, is banned or has the role taken,
//! and hears nothing that is said after that has its answer.

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

/// Where it goes, and who tells it where a log ends, lets it see the channels, and throws it out.
pub struct Path {
    pub ticket: Ticket,
    pub server: i64,
    /// Without it nobody sees the server's channels.
    pub role: i64,
    pub observer: Account,
}

#[derive(Clone, Copy)]
enum Step {
    /// What a ban leaves is lifted.
    LiftBan,
    Join,
    /// It is given the role.
    See,
    Leave,
    /// The role is taken.
    LoseSight,
    Ban,
}

/// In which ways it comes to hear nothing more.
const ENDS: [Step; 3] = [Step::Leave, Step::LoseSight, Step::Ban];

/// What is answered where an earlier call, which had no answer, has come between.
const UNDONE: [&str; 4] = ["already_member", "banned", "not_a_member", "user_not_found"];

struct Walk<'a> {
    path: &'a Path,
    seen: &'a mut Visitor,
    /// A call had no answer, at so many restarts of the node: it may still be carried out, until PostgreSQL has ended what carries it
    /// out, or another node has begun. Nothing is concluded from a right that may change so.
    in_doubt: Option<u64>,
}

/// Comes and goes until the load is over, and then stays away.
pub async fn visit_again(mut seen: Visitor, path: &Path, mut dice: Dice, phase: watch::Receiver<Phase>) -> Visitor {
    let mut walk = Walk { path, seen: &mut seen, in_doubt: None };
    while *phase.borrow() == Phase::Load {
        let mut is_in = true;
        for step in [Step::LiftBan, Step::Join, Step::See] {
            is_in = is_in && walk.insist(step, &phase).await;
        }
        if is_in {
            walk.visit(&mut dice, &phase).await;
        }
    }
    seen
}

impl Walk<'_> {
    async fn attempt(&self, step: Step) -> Changed {
        let Path { ticket, server, role, observer } = self.path;
        let (api, by, user) = (&ticket.api, &observer.token, self.seen.author);
        match step {
            Step::LiftBan => api.try_to_ban(by, *server, user, false).await,
            Step::Join => api.try_to_join(&ticket.token, *server).await,
            Step::See => api.try_to_give(by, (*server, *role), user, true).await,
            Step::Leave => api.try_to_leave(&ticket.token, *server).await,
            Step::LoseSight => api.try_to_give(by, (*server, *role), user, false).await,
            Step::Ban => api.try_to_ban(by, *server, user, true).await,
        }
    }

    /// Asks until the answer says that it is so; gives up where an earlier call, which had no answer, has come between.
    async fn insist(&mut self, step: Step, phase: &watch::Receiver<Phase>) -> bool {
        let is_so_already = match step {
            Step::LiftBan => "ban_not_found",
            Step::Join => "already_member",
            Step::Leave => "not_a_member",
            Step::See | Step::LoseSight | Step::Ban => "",
        };
        while *phase.borrow() != Phase::Over {
            let restarts = self.path.ticket.api.restarts();
            let changed = self.attempt(step).await;
            if matches!(&changed, Changed::Done) {
                self.in_doubt = self.in_doubt.filter(|doubted| *doubted >= restarts);
            }
            match changed {
                Changed::Done => return true,
                Changed::Refused(code) if code == is_so_already => return true,
                Changed::Refused(code) if matches!(&*code, "not sent" | "unavailable" | "busy") => {}
                Changed::Refused(code) if self.in_doubt.is_some() && UNDONE.contains(&&*code) => return false,
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
        if !self.insist(*dice.pick(&ENDS), phase).await {
            return;
        }
        // Those who do not see a channel, members or not, are told that there is none.
        self.expect(StatusCode::NOT_FOUND).await;
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
        self.expect(StatusCode::NOT_FOUND).await;
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
