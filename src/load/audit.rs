//! After the load: whether the history says what the sockets saw.

use super::Trouble;
use super::call::{Body, Http};
use super::checks::{Checks, Rule};
use super::client::Room;
use super::ledger::{Incoming, Ledger};
use super::people::{People, unexpected};
use super::progress::Progress;
use super::run::Run;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde::Deserialize;
use std::cell::Cell;
use std::rc::Rc;

/// Channels that are read at once.
const AT_ONCE: usize = 4;
/// Events of one answer (the node's limit).
const PAGE: i64 = 1_000;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<Incoming<'a>>,
}

/// Reads every channel's log and compares it with what was seen.
///
/// # Errors
/// When it cannot be read.
pub async fn compare(run: &Run, people: &People, rooms: &[Rc<Room>]) -> Result<(), Trouble> {
    let events: i64 = rooms.iter().map(|room| room.ledger.borrow().head()).sum();
    let progress = Progress::begin("history", events.unsigned_abs());
    let done = Cell::new(0);
    let all = stream::iter(rooms).map(|room| async {
        let (owner, mut http) = (people.owner()?, Http::new(Rc::clone(&run.target)));
        let (channel, head) = (room.ledger.borrow().channel_id(), room.ledger.borrow().head());
        let mut after = 0;
        while after < head {
            let path = format!("/channels/{channel}/events?after={after}&limit={PAGE}");
            let token = owner.token();
            let answer = http.call(Method::GET, &path, &token, Body::None).await?;
            if answer.status == 401 {
                owner.renew(&run.target, &token).await?;
                continue;
            }
            let page = serde_json::from_slice::<Page<'_>>(&answer.body).ok().filter(|_| answer.status == 200);
            let page = page.ok_or_else(|| unexpected("GET /channels/{channel_id}/events", &answer))?;
            let before = after;
            after = compare_page(&run.checks, &room.ledger.borrow(), before, head, &page.events);
            done.set(done.get() + after.abs_diff(before));
            progress.at(done.get());
        }
        Ok(())
    });
    let compared = all.buffer_unordered(AT_ONCE).try_collect::<()>().await;
    progress.end();
    compared
}

/// Compares a page; answers how far the log is compared now.
fn compare_page(checks: &Checks, ledger: &Ledger, after: i64, head: i64, events: &[Incoming<'_>]) -> i64 {
    let channel = ledger.channel_id();
    let violate = |what: String| checks.violate(Rule::SameAsHistory, || format!("channel {channel}: {what}"));
    let mut last = after;
    for event in events.iter().filter(|event| event.seq.is_some_and(|seq| seq <= head)) {
        let seq = event.seq.unwrap_or(0);
        checks.look(Rule::SameAsHistory, 1);
        if seq != last + 1 {
            violate(format!("the history goes on with seq {seq} after seq {last}"));
        }
        last = last.max(seq);
        match ledger.digest(seq) {
            Some(digest) if digest == event.digest() => {}
            Some(_) => violate(format!("seq {seq} is another event in the history than the one that was seen")),
            None => violate(format!("seq {seq} is in the history, and no socket got it")),
        }
    }
    if last == after {
        violate(format!("the history ends at seq {after}, but seq {head} was seen"));
        return head;
    }
    last
}
