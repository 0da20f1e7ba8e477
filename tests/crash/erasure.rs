//! Somebody whose account is erased in the middle of what it says.

use super::api::Changed;
use super::dice::Dice;
use super::history::{Erased, Sent};
use super::lines::{Phase, Ticket};
use super::moment;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

const SAYS_MAX: u64 = 12;
const PAUSE_MAX_MS: u64 = 60;
/// A change waits up to 2 s until it has reached everybody.
const PROMPT: Duration = Duration::from_secs(1);

/// Speaks for a while, then is erased, however often that has to be asked for.
pub async fn speak_and_be_erased(
    mut erased: Erased,
    ticket: Ticket,
    mut dice: Dice,
    phase: watch::Receiver<Phase>,
) -> Erased {
    let count = dice.between(1..=SAYS_MAX);
    for number in 0..count {
        if *phase.borrow() != Phase::Load {
            break;
        }
        let sent = Sent { nonce: number.to_string(), content: format!("{} {number}", erased.name) };
        erased.sent.push(sent.clone());
        // Whatever becomes of it: what is in the log is what was sent, and that is all that is asked.
        let _ = ticket.api.send(&ticket.token, ticket.channel, &sent).await;
        sleep(Duration::from_millis(dice.between(0..=PAUSE_MAX_MS))).await;
    }
    let mut is_first = true;
    while *phase.borrow() != Phase::Over {
        let asked = Instant::now();
        match ticket.api.try_to_erase(&ticket.token).await {
            // The answer means that it has reached everybody, unless that took too long.
            Changed::Done => {
                erased.is_gone = true;
                erased.answered = (is_first && asked.elapsed() < PROMPT).then(moment::next);
                break;
            }
            // The second one is of an account that is gone; who has its name is not known yet.
            Changed::Refused(code) if code == "invalid_token" => {
                erased.is_gone = true;
                break;
            }
            Changed::Refused(_) => {}
            Changed::Unknown => is_first = false,
        }
        sleep(Duration::from_millis(PAUSE_MAX_MS)).await;
    }
    erased
}
