//! A writer's loop: connect, take what waits, write it, answer, again.

use super::became::{Batch, Became};
use super::link::Link;
use super::queue::{Holder, Queue, Waiting, settle, until_known};
use super::{BATCH_ROWS, Outcome, PRUNE_AFTER, Refused};
use crate::domain::backend::Backend;
use crate::patience::Clock;
use crate::store::changes::ChangeDraft;
use crate::store::log::LogWrite;
use crate::store::messages::{self, Draft, Written};
use crate::store::write_batches::BatchKey;
use crate::store::{Fault, Target};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(320);
/// As often as a batch is sent that PostgreSQL asks to send again.
const ATTEMPTS: u32 = 4;
/// A batch of many is likely to be followed by many: wait this long for company.
const LINGER: Duration = Duration::from_millis(2);
/// For so many batches it is enough that as many have come as were answered, once waiting longer has brought nobody.
const CALM_BATCHES: u32 = 32;

/// As often as an idle writer looks whether its connection lives, and whether it is closed.
const IDLE_TURN: Duration = Duration::from_millis(100);

/// For so many batches each draft is looked at, once one could not be written: after an outage, many have been before.
const WARY_BATCHES: u32 = 64;

struct Run {
    queue: Rc<Queue>,
    database: Target,
    /// How much longer than usual a batch may take.
    patience: Duration,
    link: Option<Link>,
    node: i64,
    number: i64,
    /// The last one that is known to have committed.
    committed: i64,
    pruned: i64,
    /// For how many more batches each draft is looked at.
    wary: u32,
    /// Who served the connections that were lost, as far as they are not known to be gone.
    earlier: Vec<Backend>,
}

/// Ends when the writer is closed and nothing waits any more.
pub async fn run(queue: Rc<Queue>, id: i64, database: Target, is_closed: Arc<AtomicBool>, patience: Duration) {
    let mut run = Run {
        queue,
        database,
        patience,
        link: None,
        node: id,
        number: 0,
        committed: 0,
        pruned: 0,
        wary: 0,
        earlier: Vec::new(),
    };
    let mut last_rows = 0;
    let mut calm = 0;
    loop {
        run.connect().await;
        if tokio::time::timeout(IDLE_TURN, run.queue.not_empty()).await.is_err() {
            if is_closed.load(Ordering::Relaxed) {
                return;
            }
            continue;
        }
        if last_rows > 1 {
            calm = linger(&run.queue, last_rows, calm).await;
        }
        // It may have died meanwhile: what is not given to a dead connection is never in doubt.
        run.connect().await;
        let batch = run.queue.take();
        if batch.is_empty() {
            continue;
        }
        last_rows = batch.len().min(BATCH_ROWS);
        run.write(batch).await;
        run.queue.landed();
        run.prune().await;
    }
}

/// Waits for company, since the last batch had `expected` rows. Senders who wait for their answers are soon all back, and
/// then nobody else comes; others send at their own pace, and each that comes makes the batch cheaper. `calm` counts for how
/// many batches it is known which of the two it is.
async fn linger(queue: &Queue, expected: usize, calm: u32) -> u32 {
    let deadline = Instant::now() + LINGER;
    if queue.fills_a_batch() {
        return calm;
    }
    let all_back = tokio::time::timeout_at(deadline.into(), queue.reaches(expected)).await.is_ok();
    if !all_back {
        return 0;
    }
    if calm > 0 {
        return calm - 1;
    }
    tokio::time::sleep_until(deadline.into()).await;
    if queue.len() > expected { 0 } else { CALM_BATCHES }
}

impl Run {
    /// Returns with a connection that is not known to be dead, and when something may be written, however long that takes.
    async fn connect(&mut self) {
        let mut pause = BACKOFF_MIN;
        let mut lost = false;
        loop {
            if self.link.as_ref().is_some_and(|link| !link.is_closed()) {
                if !self.database.is_ready() {
                    self.database.ready().await;
                    continue;
                }
                if lost {
                    tracing::info!("the writer is connected to PostgreSQL again");
                }
                return;
            }
            self.link = Link::open(&self.database, self.patience).await;
            if self.link.is_none() {
                if !std::mem::replace(&mut lost, true) {
                    tracing::warn!("the writer has no connection to PostgreSQL; sends are refused until it has");
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(BACKOFF_MAX);
            }
        }
    }

    /// Every batch so far is settled: their notes have served.
    async fn prune(&mut self) {
        if self.number - self.pruned < PRUNE_AFTER {
            return;
        }
        self.pruned = self.number;
        if let Some(link) = &self.link
            && !link.prune(self.key()).await
        {
            self.link = None;
        }
    }

    /// Gives a connection up that was sent what is in doubt now: it may still be carried out, until its process is gone.
    fn lose(&mut self) {
        self.earlier.extend(self.link.take().map(|link| link.backend()));
    }

    /// Writes a batch and answers each of its drafts, or puts back what has not been written.
    async fn write(&mut self, batch: Vec<Waiting>) {
        // A change is about messages that its maker has seen, so they are none of this batch's: these may be written first.
        let (messages, changes) = batch.into_iter().partition(|waiting| matches!(*waiting.write, LogWrite::Message(_)));
        // Popped from the end, so that what was given first is written first.
        let mut parts: Vec<Vec<Waiting>> = vec![changes, messages];
        while let Some(part) = parts.pop() {
            // The parts before may have taken their time.
            let now = self.queue.clock.now();
            let (given_up, part) = part.into_iter().partition(|waiting| waiting.is_given_up(now));
            refuse(given_up, Refused::Unavailable);
            match self.write_part(part).await {
                Step::Done => {}
                Step::Split(more) => parts.extend(more.into_iter().rev()),
                Step::Lost(part, in_doubt) => {
                    // What has not been given to PostgreSQL waits in the queue, where it has its time.
                    self.lose();
                    self.queue.put_back(parts.into_iter().rev().flatten().collect());
                    let unwritten = match in_doubt {
                        Some(key) => self.resolve(key, part).await,
                        None => part,
                    };
                    return self.queue.put_back(unwritten);
                }
            }
        }
    }

    async fn write_part(&mut self, part: Vec<Waiting>) -> Step {
        // What another part has left held is not overtaken.
        let part = self.queue.without_held(part);
        if part.is_empty() {
            return Step::Done;
        }
        for attempt in 1.. {
            let key = self.next_key();
            // Nothing is begun while nobody would answer, nor where the database no longer is.
            let Some(link) = self.link.as_ref().filter(|link| !link.is_closed() && self.database.is_ready()) else {
                break;
            };
            let written = match part.first().map(|first| &*first.write) {
                Some(LogWrite::Change(_)) => {
                    let changed = until_known(&self.queue.clock, &part, pin!(link.change(key, &changes(&part)))).await;
                    changed.map(|changed| Some(Batch::of_changes(changed)))
                }
                _ => append(link, &self.queue.clock, key, &part, &mut self.wary).await,
            };
            match written {
                Ok(None) => continue,
                // It was written where the database no longer is.
                Ok(Some(_)) if !link.is_current() => return Step::Lost(part, Some(key)),
                Ok(Some(batch)) => {
                    if batch.is_noted {
                        self.committed = key.number;
                    }
                    let repeats = self.settle_part(part, batch.became);
                    if !repeats.is_empty() {
                        return Step::Split(vec![repeats]);
                    }
                }
                Err(Fault::Lost) => return Step::Lost(part, Some(key)),
                Err(Fault::Unfit) => return Step::Lost(part, None),
                Err(Fault::Retry) if attempt < ATTEMPTS => continue,
                Err(Fault::Data) if part.len() > 1 => return Step::Split(in_halves(part)),
                Err(Fault::Locked) => self.queue.hold(part, Holder::Channel),
                Err(Fault::Data) => refuse(part, Refused::Invalid),
                Err(_) => refuse(part, Refused::Unavailable),
            }
            return Step::Done;
        }
        Step::Lost(part, None)
    }

    /// Answers what is decided, holds back what is held; gives back what stood in the batch twice: what became of the first is known
    /// now.
    fn settle_part(&self, part: Vec<Waiting>, written: Vec<Became>) -> Vec<Waiting> {
        let mut decided = Vec::with_capacity(part.len());
        let (mut by_channel, mut by_author, mut repeats) = (Vec::new(), Vec::new(), Vec::new());
        for (waiting, became) in part.into_iter().zip(written) {
            match became {
                Became::Decided(outcome) => decided.push((waiting, outcome)),
                Became::ChannelHeld => by_channel.push(waiting),
                Became::AuthorHeld => by_author.push(waiting),
                Became::Skipped => repeats.push(waiting),
            }
        }
        self.queue.hold(by_channel, Holder::Channel);
        self.queue.hold(by_author, Holder::Author);
        settle(decided);
        repeats
    }

    /// The answer to a batch was lost: looks whether it committed, however long PostgreSQL is away. Gives back what
    /// has not been written and may still be sent again.
    async fn resolve(&mut self, key: BatchKey, batch: Vec<Waiting>) -> Vec<Waiting> {
        let queue = Rc::clone(&self.queue);
        let Some(written) = until_known(&queue.clock, &batch, pin!(self.look(key, &batch))).await else {
            // Who was told to wait for the outcome gets it; the others have lost nothing yet.
            let (told, unwritten) = batch.into_iter().partition(|waiting| waiting.told.get());
            refuse(told, Refused::Unavailable);
            return unwritten;
        };
        self.settle_part(batch, written)
    }

    async fn look(&mut self, key: BatchKey, batch: &[Waiting]) -> Option<Vec<Became>> {
        loop {
            self.connect().await;
            match self.look_once(key, batch).await {
                Ok(Some(found)) => {
                    self.committed = key.number;
                    return Some(found);
                }
                Ok(None) => return None,
                // The batch is between its first row and its commit: there is nothing to decide yet.
                Err(Fault::Locked) => {}
                Err(fault) => {
                    tracing::warn!(?fault, "a lost commit could not be looked up yet");
                    self.lose();
                }
            }
            tokio::time::sleep(BACKOFF_MIN).await;
        }
    }

    /// First the processes that may still carry the batch out are ended. One that does not end (it is stopped, say) keeps nobody
    /// waiting: the claim stands against it for as long as this node runs, and the next one begins only when it is gone.
    async fn look_once(&mut self, key: BatchKey, batch: &[Waiting]) -> Result<Option<Vec<Became>>, Fault> {
        let Some(link) = &self.link else { return Err(Fault::Lost) };
        self.earlier = link.end(&self.earlier).await?;
        if let Some(stuck) = self.earlier.first() {
            tracing::warn!(
                pid = stuck.pid(),
                "a process of PostgreSQL does not end; its batch is claimed all the same"
            );
        }
        let Some(found) = link.resolve(key).await? else { return Ok(None) };
        Ok(Some(match batch.first().map(|first| &*first.write) {
            Some(LogWrite::Change(_)) => {
                let changed = link.found_changes(&found, &changes(batch)).await?;
                changed.into_iter().map(Became::from).collect()
            }
            _ => messages::found(&found, &drafts(batch)).into_iter().map(Became::from).collect(),
        }))
    }

    fn next_key(&mut self) -> BatchKey {
        self.number += 1;
        self.key()
    }

    fn key(&self) -> BatchKey {
        BatchKey { node: self.node, number: self.number, prev: self.committed }
    }
}

/// What became of a part of a batch.
enum Step {
    /// Each draft has its answer.
    Done,
    /// It is to be written in these parts, in this order.
    Split(Vec<Vec<Waiting>>),
    /// The connection is gone: these are not written, or under a key that says whether they are.
    Lost(Vec<Waiting>, Option<BatchKey>),
}

fn in_halves(mut batch: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let second = batch.split_off(batch.len() / 2);
    vec![batch, second]
}

/// Writes a part that is all messages; `None` where it has to be sent again, and looked at message by message.
async fn append(
    link: &Link,
    clock: &Clock,
    key: BatchKey,
    part: &[Waiting],
    wary: &mut u32,
) -> Result<Option<Batch>, Fault> {
    let written = if *wary == 0 {
        until_known(clock, part, pin!(link.append_all(key, &drafts(part)))).await?
    } else {
        Some(until_known(clock, part, pin!(link.append_each(key, &drafts(part)))).await?)
    };
    let is_usual = written.iter().flatten().all(|became| matches!(became, Written::Created(_)));
    *wary = if written.is_some() && is_usual { wary.saturating_sub(1) } else { WARY_BATCHES };
    // Message by message a batch has a note even where none of it could be written.
    Ok(written.map(|written| Batch { became: written.into_iter().map(Became::from).collect(), is_noted: true }))
}

/// The messages of a part that has nothing else.
fn drafts(part: &[Waiting]) -> Vec<&Draft> {
    part.iter().filter_map(|waiting| waiting.write.as_message()).collect()
}

/// The changes of a part that has nothing else.
fn changes(part: &[Waiting]) -> Vec<&ChangeDraft> {
    part.iter().filter_map(|waiting| waiting.write.as_change()).collect()
}

fn refuse(batch: Vec<Waiting>, refused: Refused) {
    settle(batch.into_iter().map(|waiting| (waiting, Outcome::Refused(refused))));
}
