//! The writers' ledger: each batch notes itself in its own transaction, so that a commit whose answer was lost is
//! resolved by looking. A writer has one batch in flight, so it can ask for its last note alone; the others are pruned, claims are not.

use super::messages::{Place, place};
use crate::domain::{ChannelId, Seq};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio_postgres::Client;

/// Names a batch for ever: a random number of the writer, and its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchKey {
    /// Drawn when the writer started.
    pub node: i64,
    /// Counts the writer's batches.
    pub number: i64,
    /// The writer's last batch that has committed; 0 before there is one.
    pub prev: i64,
}

/// What a batch that committed has written.
#[derive(Debug, Default)]
pub struct Found {
    /// The numbers that it gave out: of which channel, from the first to the last.
    pub ranges: Vec<(ChannelId, Seq, Seq)>,
    /// The messages among them, with growing `seq` within a channel.
    pub messages: Vec<Place>,
    /// What it did not write, by the places in the batch, from 1.
    pub skipped: Vec<i64>,
}

/// Whether the batch committed: what it has written if it did; `None` if it did not, and from now on never can.
pub async fn resolve(client: &Client, key: BatchKey) -> Result<Option<Found>, tokio_postgres::Error> {
    let claim = include_str!("../../sql/write_batches/claim.sql");
    if client.query_opt(claim, &[&key.node, &key.number]).await?.is_some() {
        return Ok(None);
    }
    let rows = client.query(include_str!("../../sql/write_batches/find.sql"), &[&key.node, &key.number]).await?;
    let Some(first) = rows.first() else { return Ok(Some(Found::default())) };
    // The claim of an earlier look, whose own answer was lost.
    if first.get("is_claim") {
        return Ok(None);
    }
    let numbers = |name| first.get::<_, Vec<i64>>(name).into_iter();
    let ranges = numbers("channel_ids").zip(numbers("first_seqs")).zip(numbers("last_seqs"));
    let ranges = ranges.map(|((channel, first), last)| (ChannelId(channel), Seq(first), Seq(last))).collect();
    let messages = rows.iter().filter(|row| row.get::<_, Option<i64>>("id").is_some()).map(place).collect();
    Ok(Some(Found { ranges, messages, skipped: numbers("skipped").collect() }))
}

/// Removes notes that nobody can ask for any more: this writer's up to a batch that is settled, where they are older than `kept`.
pub async fn prune(client: &Client, upto: BatchKey, kept: Duration) -> Result<u64, tokio_postgres::Error> {
    let prune = include_str!("../../sql/write_batches/prune.sql");
    client.execute(prune, &[&upto.node, &upto.number, &kept.as_secs_f64()]).await
}

/// Forgets what was noted and claimed by nodes that are long gone.
pub async fn prune_old(client: &Client) -> Result<u64, tokio_postgres::Error> {
    client.execute(include_str!("../../sql/write_batches/prune_earlier.sql"), &[]).await
}

/// What became of each draft of a batch. `made` comes in the order of the log within a channel, which is the order in which its drafts
/// were sent; `skipped` names the others by their places in the batch, from 1. `channels` are those of the drafts.
pub(super) fn in_draft_order<T>(
    made: impl Iterator<Item = (ChannelId, T)>,
    mut skipped: HashMap<i64, T>,
    channels: impl Iterator<Item = ChannelId>,
    missing: impl Fn() -> T,
) -> Vec<T> {
    let mut by_channel: HashMap<ChannelId, VecDeque<T>> = HashMap::new();
    for (channel, made) in made {
        by_channel.entry(channel).or_default().push_back(made);
    }
    let becomes = |(place, channel)| match skipped.remove(&place) {
        Some(skipped) => skipped,
        None => by_channel.get_mut(&channel).and_then(VecDeque::pop_front).unwrap_or_else(&missing),
    };
    (1..).zip(channels).map(becomes).collect()
}
