//! The writers' ledger: each batch notes itself in its own transaction, so that a commit whose answer was lost is
//! resolved by looking. A writer has one batch in flight, so it can ask for its last note alone; the others are pruned, claims are not.

use super::messages::{Draft, Place, Written, place};
use crate::domain::ChannelId;
use std::collections::{HashMap, VecDeque};
use tokio_postgres::Client;

/// Names a batch for ever: a random number of the writer, and its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchKey {
    /// Drawn when the writer started.
    pub node: i64,
    /// Counts the writer's batches.
    pub number: i64,
}

/// Whether the batch committed: what became of its drafts if it did; `None` if it did not, and from now on never can.
pub async fn resolve(
    client: &Client,
    key: BatchKey,
    drafts: &[&Draft],
) -> Result<Option<Vec<Written>>, tokio_postgres::Error> {
    let claim = include_str!("../../sql/write_batches/claim.sql");
    if client.query_opt(claim, &[&key.node, &key.number]).await?.is_some() {
        return Ok(None);
    }
    let rows = client.query(include_str!("../../sql/write_batches/find.sql"), &[&key.node, &key.number]).await?;
    // The claim of an earlier look, whose own answer was lost.
    if rows.first().is_some_and(|row| row.get("is_claim")) {
        return Ok(None);
    }
    let skipped: Vec<i64> = rows.first().map(|row| row.get("skipped")).unwrap_or_default();
    let skipped = skipped.into_iter().map(|place| (place, Written::Skipped)).collect();
    let created = rows.iter().filter(|row| row.get::<_, Option<i64>>("id").is_some()).map(place);
    Ok(Some(in_draft_order(created, skipped, drafts)))
}

/// Removes notes that nobody can ask for any more: this writer's up to a batch that is settled.
pub async fn prune(client: &Client, upto: BatchKey) -> Result<u64, tokio_postgres::Error> {
    client.execute(include_str!("../../sql/write_batches/prune.sql"), &[&upto.node, &upto.number]).await
}

/// What became of each draft. `created` comes with growing `seq` within a channel, which is the order in which its drafts
/// were sent; `skipped` names the others by their place in the batch, from 1.
pub(super) fn in_draft_order(
    created: impl Iterator<Item = Place>,
    skipped: HashMap<i64, Written>,
    drafts: &[&Draft],
) -> Vec<Written> {
    let mut by_channel: HashMap<ChannelId, VecDeque<Place>> = HashMap::new();
    for place in created {
        by_channel.entry(place.channel_id).or_default().push_back(place);
    }
    let becomes = |(place, draft): (i64, &&Draft)| match skipped.get(&place) {
        Some(written) => *written,
        None => by_channel
            .get_mut(&draft.channel_id())
            .and_then(VecDeque::pop_front)
            .map_or(Written::Gone, Written::Created),
    };
    (1..).zip(drafts).map(becomes).collect()
}
