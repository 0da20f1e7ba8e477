//! The writers' batches.

use super::{Draft, Written, place};
use crate::store::write_batches::{BatchKey, in_draft_order};
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
        let (node, number) = (&key.node, &key.number);
        let rows = client
            .query(&self.all, &[node, number, &channels, &sizes, &authors, of, by, contents, nonces, replies, &ranks])
            .await?;
        let written = || in_draft_order(rows.iter().map(place), HashMap::new(), drafts);
        Ok((!rows.is_empty()).then(written))
    }

    /// Writes those of `drafts` that can be written in one transaction, noted under `key`. Answers what became of each, in
    /// order.
    pub async fn each(&self, client: &Client, key: BatchKey, drafts: &[&Draft]) -> Result<Vec<Written>, Error> {
        let columns = Columns::of(drafts);
        let Columns { channels, authors, contents, nonces, replies } = &columns;
        let rows = client
            .query(
                &self.each,
                &[&key.node, &key.number, channels, authors, contents, nonces, replies, &columns.has_repeats()],
            )
            .await?;
        let (created, other): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.get::<_, i32>("verdict") == 0);
        let skipped = other.into_iter().map(|row| {
            let written = match row.get("verdict") {
                1 => Written::Duplicate(place(row)),
                2 => Written::NonceConflict,
                3 => Written::ReplyToNothing,
                5 => Written::Held,
                7 => Written::AuthorHeld,
                6 => Written::Skipped,
                _ => Written::Gone,
            };
            (row.get("place"), written)
        });
        Ok(in_draft_order(created.into_iter().map(place), skipped.collect(), drafts))
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
