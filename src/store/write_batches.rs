//! The writers' ledger: each batch notes itself in its own transaction, so that a commit whose answer was lost is
//! resolved by looking. A writer has one batch in flight, so it can ask for its last note alone; the others are pruned.

use super::messages::{Draft, Place, place};
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

/// Whether the batch committed: its places in draft order if it did; `None` if it did not, and from now on never can.
pub async fn resolve(
    client: &Client,
    key: BatchKey,
    drafts: &[&Draft],
) -> Result<Option<Vec<Option<Place>>>, tokio_postgres::Error> {
    let claim = include_str!("../../sql/write_batches/claim.sql");
    if client.query_opt(claim, &[&key.node, &key.number]).await?.is_some() {
        return Ok(None);
    }
    let rows = client.query(include_str!("../../sql/write_batches/find.sql"), &[&key.node, &key.number]).await?;
    Ok(Some(in_draft_order(rows.iter().map(place), drafts)))
}

/// Removes notes that nobody can ask for any more: this writer's up to a batch that is settled, and those of writers
/// that have been gone for a day.
pub async fn prune(client: &Client, upto: BatchKey) -> Result<u64, tokio_postgres::Error> {
    client.execute(include_str!("../../sql/write_batches/prune.sql"), &[&upto.node, &upto.number]).await
}

/// Places come with growing `seq` within a channel, which is the order in which its drafts were sent.
pub(super) fn in_draft_order(places: impl Iterator<Item = Place>, drafts: &[&Draft]) -> Vec<Option<Place>> {
    let mut by_channel: HashMap<ChannelId, VecDeque<Place>> = HashMap::new();
    for place in places {
        by_channel.entry(place.channel_id).or_default().push_back(place);
    }
    drafts.iter().map(|draft| by_channel.get_mut(&draft.channel_id())?.pop_front()).collect()
}
