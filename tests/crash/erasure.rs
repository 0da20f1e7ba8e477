//! Somebody whose account is erased in the middle of what it says.

use super::api::Changed;
use super::dice::Dice;
use super::history::{Erased, Sent};
use super::lines::{Phase, Ticket};
use super::moment;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

const SAYS_MAX: u64 = 12;
const PAUSE_MAX_MS: u64 = 60;

/// Speaks for a while, then is erased, however often that has to be asked for.
pub async fn vanish(mut erased: Erased, ticket: Ticket, mut dice: Dice, phase: watch::Receiver<Phase>) -> Erased {
    let count = dice.between(1..=SAYS_MAX);
    for number in 0..count {
        let sent = Sent { nonce: number.to_string(), content: format!("{} {number}", erased.name) };
        erased.sent.push(sent.clone());
        // Whatever becomes of it: what is in the log is what was sent, and that is all that is asked.
        let _ = ticket.api.send(&ticket.token, ticket.channel, &sent).await;
        sleep(Duration::from_millis(dice.between(0..=PAUSE_MAX_MS))).await;
    }
    while *phase.borrow() != Phase::Over {
        match ticket.api.try_to_erase(&ticket.token).await {
            // The second one is of an account that is gone.
            Changed::Done => break,
            Changed::Refused(code) if code == "invalid_token" => break,
            Changed::Refused(_) | Changed::Unknown => sleep(Duration::from_millis(PAUSE_MAX_MS)).await,
        }
    }
    if *phase.borrow() != Phase::Over {
        erased.answered = Some(moment::next());
    }
    erased
}
