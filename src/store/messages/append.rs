//! The writers' batches.

use super::{Draft, Known, Place, Written, place};
use crate::store::write_batches::{BatchKey, Found, in_draft_order};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio_postgres::{Client, Error, Row, Statement};

/// The statements that write a batch, prepared on a writer's own connection.
pub struct Append {
    all: Statement,
    each: Statement,
}

impl Append {
    /// Prepares both.
    pub async fn prepare(client: &Client) -> Result<Self, Error> {
        client.query(include_str!("../../../sql/messages/trust_append.sql"), &[]).await?;
        Ok(Self {
            all: client.prepare(include_str!("../../../sql/messages/append.sql")).await?,
            each: client.prepare(include_str!("../../../sql/messages/append_each.sql")).await?,
        })
    }

    /// Writes all `drafts` in one transaction, noted under `key`. Answers what became of each, in order, or nothing if one
    /// of them cannot be written: then none is, and no note either.
    pub async fn all(&self, client: &Client, key: BatchKey, drafts: &[&Draft]) -> Result<Option<Vec<Written>>, Error> {
        let columns = Columns::of(drafts);
        if columns.has_repeats() {
            return Ok(None);
        }
        let mut sizes = BTreeMap::new();
        let count = |channel: &i64| {
            let size = sizes.entry(*channel).or_insert(0);
            *size += 1;
            *size
        };
        let ranks: Vec<i64> = columns.channels.iter().map(count).collect();
        let (channels, sizes): (Vec<i64>, Vec<i64>) = sizes.into_iter().unzip();
        let authors: Vec<i64> = columns.authors.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let Columns { channels: of, authors: by, contents, nonces, replies } = &columns;
        let BatchKey { node, number, prev } = &key;
        let rows = client
            .query(
                &self.all,
                &[node, number, &channels, &sizes, &authors, of, by, contents, nonces, replies, &ranks, prev],
            )
            .await?;
        Ok((!rows.is_empty()).then(|| in_order(rows.iter().map(place), HashMap::new(), drafts)))
    }

    /// Writes those of `drafts` that can be written in one transaction, noted under `key`. Answers what became of each, in
    /// order.
    pub async fn each(&self, client: &Client, key: BatchKey, drafts: &[&Draft]) -> Result<Vec<Written>, Error> {
        let columns = Columns::of(drafts);
        let Columns { channels, authors, contents, nonces, replies } = &columns;
        let BatchKey { node, number, prev } = &key;
        let has_repeats = columns.has_repeats();
        let rows = client
            .query(&self.each, &[node, number, channels, authors, contents, nonces, replies, &has_repeats, prev])
            .await?;
        let (created, other): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| row.get::<_, &str>("verdict") == "written");
        let skipped = other.into_iter().map(|row| (row.get("place"), verdict(row)));
        Ok(in_order(created.into_iter().map(place), skipped.collect(), drafts))
    }
}

/// What became of the drafts of a batch that committed, though its answer was lost.
pub fn found(found: &Found, drafts: &[&Draft]) -> Vec<Written> {
    let skipped = found.skipped.iter().map(|place| (*place, Written::Skipped)).collect();
    in_order(found.messages.iter().copied(), skipped, drafts)
}

fn in_order(created: impl Iterator<Item = Place>, skipped: HashMap<i64, Written>, drafts: &[&Draft]) -> Vec<Written> {
    let created = created.map(|place| (place.channel_id, Written::Created(place)));
    in_draft_order(created, skipped, drafts.iter().map(|draft| draft.channel_id()), || Written::Gone)
}

/// What became of a draft that was not written.
fn verdict(row: &Row) -> Written {
    match row.get("verdict") {
        "duplicate" => Written::Duplicate(place(row)),
        "changed" => Written::Changed(Box::new(Known {
            place: place(row),
            content: row.get::<_, Option<String>>("content").unwrap_or_default(),
            edited_at: row.get("edited_at"),
            is_deleted: row.get("is_deleted"),
        })),
        "nonce_conflict" => Written::NonceConflict,
        "reply_to_nothing" => Written::ReplyToNothing,
        "gone" => Written::Gone,
        "author_held" => Written::AuthorHeld,
        "repeated" => Written::Skipped,
        // What is not known is tried again.
        _ => Written::Held,
    }
}

/// What PostgreSQL gets of each draft.
struct Columns<'a> {
    channels: Vec<i64>,
    authors: Vec<i64>,
    contents: Vec<&'a str>,
    nonces: Vec<Option<&'a str>>,
    replies: Vec<Option<i64>>,
}

impl<'a> Columns<'a> {
    fn of(drafts: &[&'a Draft]) -> Self {
        Self {
            channels: drafts.iter().map(|draft| draft.channel_id().0).collect(),
            authors: drafts.iter().map(|draft| draft.author_id().0).collect(),
            contents: drafts.iter().map(|draft| draft.content()).collect(),
            nonces: drafts.iter().map(|draft| draft.nonce()).collect(),
            replies: drafts.iter().map(|draft| draft.reply_to().map(|id| id.0)).collect(),
        }
    }

    /// Whether a nonce stands in the batch twice.
    fn has_repeats(&self) -> bool {
        let mut seen = HashSet::new();
        let named = self.channels.iter().zip(&self.authors).zip(&self.nonces);
        let mut named = named.filter_map(|((channel, author), nonce)| Some((*channel, *author, (*nonce)?)));
        named.any(|name| !seen.insert(name))
    }
}
