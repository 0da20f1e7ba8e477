//! The owner of a server, who tidies a channel up: deletes messages together, pins, takes pins and reactions away. One change at a time,
//! each asked for until it has its answer; it learns what there is from the log.

use super::api::Changed;
use super::changer::EMOJI;
use super::dice::Dice;
use super::history::{ChangeKind, LogEntry, Outcome, Owner, Request, Wish};
use super::lines::{Phase, Ticket};
use super::moment;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

const PAUSE_MAX_MS: u64 = 160;
const AGAIN: Duration = Duration::from_millis(60);
/// The messages that it remembers.
const REMEMBERED_MAX: usize = 48;
/// A channel has no more pins than that, for long.
const PINS_MAX: usize = 40;
const DELETED_TOGETHER_MAX: u64 = 4;

/// What an owner knows of its channel.
#[derive(Clone, Default)]
pub struct Survey {
    after: i64,
    messages: Vec<i64>,
    /// Those that somebody has reacted to.
    reacted: Vec<i64>,
    pinned: Vec<i64>,
}

impl Survey {
    fn learn(&mut self, entry: &LogEntry) {
        match entry {
            // A message without a name is a skeptic's, who compares its text.
            LogEntry::Created(event) if event.nonce.is_some() => remember(&mut self.messages, event.id),
            LogEntry::Changed(change) => match &change.kind {
                ChangeKind::Deleted { id, .. } => self.forget(*id),
                ChangeKind::DeletedMany { ids } => ids.iter().for_each(|id| self.forget(*id)),
                ChangeKind::ReactionAdded { id, .. } => remember(&mut self.reacted, *id),
                ChangeKind::Pinned { id } => self.pinned.push(*id),
                ChangeKind::Unpinned { id } => self.pinned.retain(|pinned| pinned != id),
                ChangeKind::ReactionRemoved { .. } | ChangeKind::ReactionsCleared { .. } => {}
            },
            _ => {}
        }
        self.after = entry.seq();
    }

    fn forget(&mut self, id: i64) {
        for list in [&mut self.messages, &mut self.reacted, &mut self.pinned] {
            list.retain(|known| *known != id);
        }
    }

    fn think(&self, dice: &mut Dice) -> Option<Wish> {
        let of = |list: &[i64], dice: &mut Dice| (!list.is_empty()).then(|| *dice.pick(list));
        if self.pinned.len() > PINS_MAX {
            return Some(Wish::Unpin { id: of(&self.pinned, dice)? });
        }
        match dice.between(0..=9) {
            0 => self.delete_together(dice),
            1 => Some(Wish::Delete { id: of(&self.messages, dice)? }),
            2..=5 => Some(Wish::Pin { id: of(&self.messages, dice)? }),
            6..=7 => Some(Wish::Unpin { id: of(&self.pinned, dice)? }),
            _ => {
                let emoji = dice.one_in(2).then(|| (*dice.pick(&EMOJI)).to_owned());
                Some(Wish::Clear { id: of(&self.reacted, dice)?, emoji })
            }
        }
    }

    fn delete_together(&self, dice: &mut Dice) -> Option<Wish> {
        let mut left = self.messages.clone();
        let mut ids = Vec::new();
        for _ in 0..dice.between(2..=DELETED_TOGETHER_MAX) {
            let at = usize::try_from(dice.roll() % u64::try_from(left.len()).ok()?.max(1)).ok()?;
            ids.push((at < left.len()).then(|| left.swap_remove(at))?);
        }
        Some(Wish::DeleteMany { ids })
    }
}

fn remember(list: &mut Vec<i64>, id: i64) {
    list.push(id);
    if list.len() > REMEMBERED_MAX {
        list.remove(0);
    }
}

/// Tidies up until the load is over. What has no answer then is asked for until it has, or where nothing may be sent, the next time.
pub async fn tidy_up(
    mut owner: Owner,
    mut survey: Survey,
    ticket: Ticket,
    mut dice: Dice,
    phase: watch::Receiver<Phase>,
) -> (Owner, Survey) {
    insist(&mut owner, &ticket, &phase).await;
    while *phase.borrow() == Phase::Load {
        sleep(Duration::from_millis(dice.between(10..=PAUSE_MAX_MS))).await;
        let Some((entries, _)) = ticket.api.glance(&ticket.token, ticket.channel, survey.after).await else { continue };
        entries.iter().for_each(|entry| survey.learn(entry));
        let wish = survey.think(&mut dice);
        let Some(wish) = wish.filter(|_| *phase.borrow() == Phase::Load) else { continue };
        let nonce = owner.requests.len().to_string();
        owner.requests.push(Request { nonce, wish, answers: Vec::new() });
        insist(&mut owner, &ticket, &phase).await;
    }
    (owner, survey)
}

/// Asks for what it has asked for last, until that has an answer.
async fn insist(owner: &mut Owner, ticket: &Ticket, phase: &watch::Receiver<Phase>) {
    let Some(request) = owner.requests.last_mut().filter(|request| request.answers.is_empty()) else { return };
    while !matches!(*phase.borrow(), Phase::Quiet | Phase::Over) {
        let outcome = match ticket.api.try_to(&ticket.token, ticket.channel, &request.wish).await {
            Changed::Done => Some(Outcome::Done { id: None, seq: None }),
            Changed::Refused(code) if matches!(&*code, "not sent" | "unavailable" | "busy") => None,
            Changed::Refused(code) => Some(Outcome::Refused(code)),
            Changed::Unknown => None,
        };
        if let Some(outcome) = outcome {
            return request.answers.push((moment::next(), outcome));
        }
        sleep(AGAIN).await;
    }
}
