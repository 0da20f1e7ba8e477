//! What a client does to messages that are there: which it may still ask for, what it has asked for and waits for, and the calls over
//! HTTP that are on their way. A change is asked for again until it has a final answer.

use super::api::Changed;
use super::dice::Dice;
use super::history::{ChangeKind, LogEntry, Outcome, Request, Wish};
use super::lines::Ticket;
use super::moment;
use super::outbox;
use std::collections::HashSet;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Changes without an answer; each may be on its way twice, beside the sends of the same socket.
const WINDOW: usize = 10;
/// So often it thinks again where there is nothing to change in the way that it thought of.
const DRAWS_MAX: usize = 4;
/// The messages that a client remembers of itself, and of all others.
const REMEMBERED_MAX: usize = 48;
/// One in so many is asked for twice at once.
const TWICE_ONE_IN: u64 = 25;
/// What is answered so is asked for again.
const NOT_NOW: [&str; 4] = ["busy", "unavailable", "unconfirmed", "not sent"];
/// Written as Unicode recommends: that is how they come back.
pub const EMOJI: [&str; 6] = ["👍", "🎉", "❤️", "😂", "🇰🇷", "1️⃣"];

/// What two changes have in common of which the later one may undo the earlier: a message's text, or one's reaction.
type Subject = (i64, Option<String>);

struct Pending {
    nonce: String,
    wish: Wish,
    tries: usize,
    /// When it is asked for again; `None` while its answer is awaited.
    due: Option<Instant>,
    way: Way,
}

/// Where the answer to a change is to come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// It has not been sent yet.
    Nowhere,
    Socket,
    Call,
}

#[derive(Default)]
pub struct Changer {
    /// All that has been asked for.
    pub requests: Vec<Request>,
    /// Calls that are on their way, each with its nonce.
    pub calls: JoinSet<(String, Changed)>,
    pending: Vec<Pending>,
    own: Vec<i64>,
    others: Vec<i64>,
    /// One's reactions that are there.
    reactions: Vec<(i64, String)>,
    /// What is being changed, or was and a lost try may still come to it: a later change could be undone by that.
    occupied: HashSet<Subject>,
}

impl Changer {
    /// Changes that have no answer yet.
    pub fn unsettled(&self) -> usize {
        self.pending.len()
    }

    /// Remembers what there is to change.
    pub fn learn(&mut self, entry: &LogEntry, me: i64) {
        match entry {
            // A message without a name is a skeptic's, who compares its text.
            LogEntry::Created(event) if event.nonce.is_some() => {
                let list = if event.author == me { &mut self.own } else { &mut self.others };
                if !list.contains(&event.id) {
                    list.push(event.id);
                }
                if list.len() > REMEMBERED_MAX {
                    list.remove(0);
                }
            }
            LogEntry::Tombstone(buried) => self.forget(buried.id),
            LogEntry::Changed(change) => match &change.kind {
                ChangeKind::Deleted { id, .. } => self.forget(*id),
                ChangeKind::DeletedMany { ids } => ids.iter().for_each(|id| self.forget(*id)),
                _ => {}
            },
            _ => {}
        }
    }

    fn forget(&mut self, id: i64) {
        self.own.retain(|own| *own != id);
        self.others.retain(|other| *other != id);
        self.reactions.retain(|(of, _)| *of != id);
    }

    /// Something new, unless too much is on its way or there is nothing to change; and how often it is to be asked for at once.
    pub fn think(&mut self, name: &str, dice: &mut Dice) -> Option<(String, Wish, usize)> {
        if self.pending.len() >= WINDOW {
            return None;
        }
        let wish = (0..DRAWS_MAX).find_map(|_| match dice.between(0..=10) {
            0..=3 => self.edit(name, dice),
            4 => self.delete(dice),
            5..=8 => self.react(dice),
            _ => self.unreact(dice),
        })?;
        if let Some(subject) = subject(&wish) {
            self.occupied.insert(subject);
        }
        let nonce = format!("c{}", self.requests.len());
        self.requests.push(Request { nonce: nonce.clone(), wish: wish.clone(), answers: Vec::new() });
        let tries = if dice.one_in(TWICE_ONE_IN) { 2 } else { 1 };
        let (due, way) = (None, Way::Nowhere);
        self.pending.push(Pending { nonce: nonce.clone(), wish: wish.clone(), tries, due, way });
        Some((nonce, wish, tries))
    }

    fn edit(&self, name: &str, dice: &mut Dice) -> Option<Wish> {
        let free: Vec<i64> = self.own.iter().copied().filter(|id| !self.occupied.contains(&(*id, None))).collect();
        let id = *pick(&free, dice)?;
        Some(Wish::Edit { id, content: outbox::content(&format!("{name} edits"), self.requests.len() as u64, dice) })
    }

    fn delete(&mut self, dice: &mut Dice) -> Option<Wish> {
        let id = *pick(&self.own, dice)?;
        self.forget(id);
        Some(Wish::Delete { id })
    }

    fn react(&self, dice: &mut Dice) -> Option<Wish> {
        let list = if dice.one_in(4) { &self.own } else { &self.others };
        let (id, emoji) = (*pick(list, dice)?, (*dice.pick(&EMOJI)).to_owned());
        let is_free = !self.occupied.contains(&(id, Some(emoji.clone())));
        (is_free && !self.reactions.contains(&(id, emoji.clone()))).then_some(Wish::React { id, emoji })
    }

    fn unreact(&mut self, dice: &mut Dice) -> Option<Wish> {
        let (id, emoji) = pick(&self.reactions, dice)?.clone();
        self.reactions.retain(|reaction| *reaction != (id, emoji.clone()));
        (!self.occupied.contains(&(id, Some(emoji.clone())))).then_some(Wish::Unreact { id, emoji })
    }

    /// A change has been sent on a socket.
    pub fn is_on_socket(&mut self, nonce: &str) {
        self.goes(nonce, Way::Socket);
    }

    fn goes(&mut self, nonce: &str, way: Way) {
        self.pending.iter_mut().filter(|pending| pending.nonce == nonce).for_each(|pending| pending.way = way);
    }

    /// Asks for a change over HTTP.
    pub fn call(&mut self, ticket: &Ticket, nonce: String, wish: Wish) {
        let Ticket { api, token, channel } = ticket.clone();
        self.goes(&nonce, Way::Call);
        self.calls.spawn(async move {
            let changed = api.try_to(&token, channel, &wish).await;
            (nonce, changed)
        });
    }

    /// Everything that is to be asked for again by now.
    pub fn take_due(&mut self, now: Instant) -> Vec<(String, Wish)> {
        let mut due = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| pending.due.is_some_and(|due| due <= now)) {
            (pending.due, pending.way) = (None, Way::Nowhere);
            pending.tries += 1;
            due.push((pending.nonce.clone(), pending.wish.clone()));
        }
        due
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.pending.iter().filter_map(|pending| pending.due).min()
    }

    /// The socket is gone, and with it every answer that was awaited there.
    pub fn lost(&mut self) {
        let lost = self.pending.iter_mut().filter(|pending| pending.way != Way::Call);
        lost.for_each(|pending| pending.due = Some(Instant::now()));
    }

    /// A call has its answer, or never will; says whether that was the first final one.
    pub fn called(&mut self, nonce: &str, changed: Changed, dice: &mut Dice) -> bool {
        match changed {
            Changed::Done => self.done(nonce, None, None),
            Changed::Refused(code) => self.refused(nonce, &code, None, dice),
            Changed::Unknown => self.again(nonce, None, dice),
        }
    }

    /// A change is so; says whether that is news. A gateway says where.
    pub fn done(&mut self, nonce: &str, id: Option<i64>, seq: Option<i64>) -> bool {
        self.answered(nonce, Outcome::Done { id, seq })
    }

    /// A change is refused, for good or for now.
    pub fn refused(&mut self, nonce: &str, code: &str, retry_after_ms: Option<u64>, dice: &mut Dice) -> bool {
        let mut on_socket = self.pending.iter().filter(|pending| pending.way == Way::Socket);
        if code == "unconfirmed" && on_socket.any(|pending| pending.nonce == nonce) && dice.one_in(2) {
            return false;
        }
        if NOT_NOW.contains(&code) {
            return self.again(nonce, retry_after_ms, dice);
        }
        self.answered(nonce, Outcome::Refused(code.to_owned()))
    }

    fn again(&mut self, nonce: &str, retry_after_ms: Option<u64>, dice: &mut Dice) -> bool {
        let pause = Duration::from_millis(retry_after_ms.unwrap_or(50) + dice.between(0..=150));
        let named = self.pending.iter_mut().filter(|pending| pending.nonce == nonce);
        named.for_each(|pending| pending.due = Some(Instant::now() + pause));
        false
    }

    fn answered(&mut self, nonce: &str, outcome: Outcome) -> bool {
        let is_done = matches!(outcome, Outcome::Done { .. });
        if let Some(request) = self.requests.iter_mut().find(|request| request.nonce == nonce) {
            request.answers.push((moment::next(), outcome));
        }
        let Some(at) = self.pending.iter().position(|pending| pending.nonce == nonce) else { return false };
        let Pending { wish, tries, .. } = self.pending.swap_remove(at);
        if let Some(subject) = subject(&wish).filter(|_| is_done && tries == 1) {
            self.occupied.remove(&subject);
            if let Wish::React { id, emoji } = wish {
                self.reactions.push((id, emoji));
            }
        }
        is_done
    }
}

/// Whether it is a change that is so named, and no message.
pub fn is_change(nonce: &str) -> bool {
    nonce.starts_with('c')
}

fn subject(wish: &Wish) -> Option<Subject> {
    match wish {
        Wish::Edit { id, .. } => Some((*id, None)),
        Wish::React { id, emoji } | Wish::Unreact { id, emoji } => Some((*id, Some(emoji.clone()))),
        _ => None,
    }
}

fn pick<'a, T>(from: &'a [T], dice: &mut Dice) -> Option<&'a T> {
    if from.is_empty() { None } else { Some(dice.pick(from)) }
}
