//! A writer's loop: connect, take what waits, write it, answer, again.

use super::link::Link;
use super::queue::{Queue, Waiting, settle, tell_unconfirmed};
use super::{BATCH_ROWS, Outcome, PRUNE_EVERY, Refused, WAIT_MAX};
use crate::domain::ChannelId;
use crate::store::Fault;
use crate::store::messages::{Draft, Place};
use crate::store::write_batches::BatchKey;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::Config;

const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(320);
/// As often as a batch is sent that PostgreSQL asks to send again.
const ATTEMPTS: u32 = 4;
/// A batch of many is likely to be followed by many: wait this long for company.
const LINGER: Duration = Duration::from_millis(1);

/// As often as an idle writer looks whether its connection lives, and whether it is closed.
const IDLE_TURN: Duration = Duration::from_millis(100);

struct Run {
    queue: Rc<Queue>,
    database: Config,
    link: Option<Link>,
    node: i64,
    number: i64,
}

/// Ends when the writer is closed and nothing waits any more.
pub async fn run(queue: Rc<Queue>, database: Config, is_closed: Arc<AtomicBool>) {
    let mut run = Run { queue, database, link: None, node: rand::random(), number: 0 };
    let mut pruned = Instant::now();
    let mut last_rows = 0;
    loop {
        run.connect().await;
        let waited = tokio::time::timeout(IDLE_TURN, run.queue.not_empty()).await;
        if waited.is_err() {
            if is_closed.load(Ordering::Relaxed) {
                return;
            }
            if pruned.elapsed() >= PRUNE_EVERY {
                pruned = Instant::now();
                run.prune().await;
            }
            continue;
        }
        if last_rows > 1 && run.queue.len() < last_rows {
            tokio::time::sleep(LINGER).await;
        }
        // It may have died meanwhile: what is not given to a dead connection is never in doubt.
        run.connect().await;
        let batch = run.queue.take();
        last_rows = batch.len().min(BATCH_ROWS);
        run.write(batch).await;
        run.queue.landed();
    }
}

impl Run {
    /// Returns with a connection that is not known to be dead, however long that takes.
    async fn connect(&mut self) {
        let mut pause = BACKOFF_MIN;
        let mut lost = false;
        loop {
            if self.link.as_ref().is_some_and(|link| !link.is_closed()) {
                if lost {
                    tracing::info!("the writer is connected to PostgreSQL again");
                }
                return;
            }
            self.link = Link::open(&self.database).await;
            if self.link.is_none() {
                if !std::mem::replace(&mut lost, true) {
                    tracing::warn!("the writer has no connection to PostgreSQL; sends are refused until it has");
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(BACKOFF_MAX);
            }
        }
    }

    async fn prune(&mut self) {
        if let Some(link) = &self.link
            && !link.prune().await
        {
            self.link = None;
        }
    }

    /// Writes a batch and answers each of its drafts, or puts back what has not been written.
    async fn write(&mut self, batch: Vec<Waiting>) {
        // Popped from the end, so that what was given first is written first.
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            let unwritten = match self.write_part(part).await {
                Step::Done => continue,
                Step::Split(more) => {
                    parts.extend(more.into_iter().rev());
                    continue;
                }
                Step::Lost(unwritten) => unwritten,
            };
            self.queue.put_back(unwritten.into_iter().chain(parts.into_iter().rev().flatten()).collect());
            return;
        }
    }

    async fn write_part(&mut self, part: Vec<Waiting>) -> Step {
        let mut told = false;
        for attempt in 1.. {
            let key = self.next_key();
            let Some(link) = &self.link else { break };
            match append_within(link, key, &part, &mut told).await {
                Ok(places) => settle(outcomes(part, places)),
                Err(Fault::Lost) => return Step::Lost(self.resolve(key, part, told).await),
                Err(Fault::Retry) if attempt < ATTEMPTS => continue,
                Err(Fault::Data) if part.len() > 1 => return Step::Split(in_halves(part)),
                Err(Fault::Locked) if of_several_channels(&part) => return Step::Split(by_channel(part)),
                Err(Fault::Data) => refuse(part, Refused::Invalid),
                Err(_) => refuse(part, Refused::Unavailable),
            }
            return Step::Done;
        }
        Step::Lost(part)
    }

    /// The answer to a batch was lost: looks whether it committed, however long PostgreSQL is away. Gives back what
    /// has not been written and may still be sent again.
    async fn resolve(&mut self, key: BatchKey, batch: Vec<Waiting>, mut told: bool) -> Vec<Waiting> {
        self.link = None;
        let answer = {
            let mut look = std::pin::pin!(self.look(key, &batch));
            match tokio::time::timeout(patience(&batch), &mut look).await {
                Ok(answer) => answer,
                Err(_) => {
                    if !std::mem::replace(&mut told, true) {
                        tell_unconfirmed(&batch);
                    }
                    look.await
                }
            }
        };
        match answer {
            Some(places) => settle(outcomes(batch, places)),
            None if told => refuse(batch, Refused::Unavailable),
            None => return batch,
        }
        Vec::new()
    }

    async fn look(&mut self, key: BatchKey, batch: &[Waiting]) -> Option<Vec<Option<Place>>> {
        loop {
            self.connect().await;
            if let Some(link) = &self.link {
                match link.resolve(key, &drafts(batch)).await {
                    Ok(answer) => return answer,
                    Err(fault) => tracing::warn!(?fault, "a lost commit could not be looked up yet"),
                }
            }
            self.link = None;
            tokio::time::sleep(BACKOFF_MIN).await;
        }
    }

    fn next_key(&mut self) -> BatchKey {
        self.number += 1;
        BatchKey { node: self.node, number: self.number }
    }
}

/// What became of a part of a batch.
enum Step {
    /// Each draft has its answer.
    Done,
    /// It is to be written in these parts, in this order.
    Split(Vec<Vec<Waiting>>),
    /// The connection is gone, and these are not written.
    Lost(Vec<Waiting>),
}

/// As long as the oldest draft may still wait for its answer.
fn patience(batch: &[Waiting]) -> Duration {
    batch.first().map_or(Duration::ZERO, |first| WAIT_MAX.saturating_sub(first.since.elapsed()))
}

/// Writes, and tells the senders when the answer takes too long; it may still come.
async fn append_within(
    link: &Link,
    key: BatchKey,
    batch: &[Waiting],
    told: &mut bool,
) -> Result<Vec<Option<Place>>, Fault> {
    let drafts = drafts(batch);
    let mut answer = std::pin::pin!(link.append(key, &drafts));
    if !*told {
        match tokio::time::timeout(patience(batch), &mut answer).await {
            Ok(answer) => return answer,
            Err(_) => {
                *told = true;
                tell_unconfirmed(batch);
            }
        }
    }
    answer.await
}

fn in_halves(mut batch: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let second = batch.split_off(batch.len() / 2);
    vec![batch, second]
}

fn drafts(batch: &[Waiting]) -> Vec<&Draft> {
    batch.iter().map(|waiting| &*waiting.draft).collect()
}

fn outcomes(batch: Vec<Waiting>, places: Vec<Option<Place>>) -> impl Iterator<Item = (Waiting, Outcome)> {
    batch
        .into_iter()
        .zip(places)
        .map(|(waiting, place)| (waiting, place.map_or(Outcome::Refused(Refused::Gone), Outcome::Committed)))
}

fn refuse(batch: Vec<Waiting>, refused: Refused) {
    settle(batch.into_iter().map(|waiting| (waiting, Outcome::Refused(refused))));
}

fn of_several_channels(batch: &[Waiting]) -> bool {
    batch.windows(2).any(|pair| matches!(pair, [a, b] if a.draft.channel_id() != b.draft.channel_id()))
}

/// One batch a channel, so that one locked row holds up nobody else's messages.
fn by_channel(batch: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut parts: BTreeMap<ChannelId, Vec<Waiting>> = BTreeMap::new();
    for waiting in batch {
        parts.entry(waiting.draft.channel_id()).or_default().push(waiting);
    }
    parts.into_values().collect()
}
