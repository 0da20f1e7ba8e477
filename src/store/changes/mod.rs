//! The writers' batches of changes to messages: one transaction each. The channels' rows are locked first, then what the changes are about
//! is read, [`ChannelState`] decides, and what has become of it is written with the entries and the batch's note.

mod read;
mod write;

use super::log::between;
use super::turns::Turns;
use super::write_batches::{BatchKey, Found, in_draft_order};
use crate::domain::access::Participant;
use crate::domain::emoji::Emoji;
use crate::domain::log::{ChangeRefused, ChannelState, MadeChange, MessageChange};
use crate::domain::{ChannelId, MessageId, Seq, UserId};
use futures_util::future;
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Statement};

/// A change on its way into the log, from someone who may change messages there.
#[derive(Debug)]
pub struct ChangeDraft {
    maker: Participant,
    change: MessageChange,
}

impl ChangeDraft {
    /// A change by `maker`.
    pub fn new(maker: Participant, change: MessageChange) -> Self {
        Self { maker, change }
    }

    /// The channel whose messages it is about.
    pub fn channel_id(&self) -> ChannelId {
        self.maker.channel_id()
    }

    /// Who makes it.
    pub fn user_id(&self) -> UserId {
        self.maker.id()
    }

    /// What is to be done.
    pub fn change(&self) -> &MessageChange {
        &self.change
    }
}

/// What became of a change in a committed batch.
#[derive(Clone, Debug)]
pub enum Changed {
    /// It is this entry of the log.
    Made(Box<MadeChange>),
    /// All was as it would have made it.
    Unchanged,
    /// It cannot be made.
    Refused(ChangeRefused),
    /// The channel, or who would change it, is gone.
    Gone,
    /// Someone else holds the channel's row: it has not been made, and may be sent again.
    Held,
    /// Someone else holds the row of who makes it: as for [`Held`](Self::Held).
    MakerHeld,
    /// Its batch did not make it; to learn why, it has to be sent again.
    Skipped,
}

/// The statements of a batch, prepared on a writer's own connection.
pub struct Changes {
    lock: Statement,
    messages: Statement,
    pins: Statement,
    reactions: Statement,
    change_messages: Statement,
    add_reactions: Statement,
    remove_reactions: Statement,
    clear_reactions: Statement,
    add_revisions: Statement,
    erase_revisions: Statement,
    add_entries: Statement,
}

/// What a batch knows of its channels; all that it does is done at one time.
struct Batch {
    at: OffsetDateTime,
    channels: BTreeMap<ChannelId, ChannelState>,
    /// How far their logs went before.
    before: BTreeMap<ChannelId, Seq>,
    /// Channels whose rows someone else holds.
    held: BTreeSet<ChannelId>,
    /// Those who make the changes, and whether somebody else holds their rows; who is not here is gone.
    editors: BTreeMap<UserId, bool>,
}

impl Changes {
    /// Prepares all, in one round trip.
    pub async fn prepare(client: &Client) -> Result<Self, Error> {
        let (
            lock,
            messages,
            pins,
            reactions,
            change_messages,
            add_reactions,
            remove_reactions,
            clear_reactions,
            add_revisions,
            erase_revisions,
            add_entries,
        ) = tokio::try_join!(
            client.prepare(include_str!("../../../sql/channels/lock.sql")),
            client.prepare(include_str!("../../../sql/messages/targets.sql")),
            client.prepare(include_str!("../../../sql/messages/count_pins.sql")),
            client.prepare(include_str!("../../../sql/reactions/find.sql")),
            client.prepare(include_str!("../../../sql/messages/change.sql")),
            client.prepare(include_str!("../../../sql/reactions/add.sql")),
            client.prepare(include_str!("../../../sql/reactions/remove.sql")),
            client.prepare(include_str!("../../../sql/reactions/clear.sql")),
            client.prepare(include_str!("../../../sql/message_revisions/create.sql")),
            client.prepare(include_str!("../../../sql/message_revisions/erase.sql")),
            client.prepare(include_str!("../../../sql/channel_changes/create.sql")),
        )?;
        Ok(Self {
            lock,
            messages,
            pins,
            reactions,
            change_messages,
            add_reactions,
            remove_reactions,
            clear_reactions,
            add_revisions,
            erase_revisions,
            add_entries,
        })
    }

    /// Makes those of `drafts` that can be made in one transaction, noted under `key`. Answers what became of each, in order.
    /// With `turns`, whoever else writes to their channels is waited for.
    pub async fn make(
        &self,
        client: &Client,
        turns: Option<&Turns>,
        key: BatchKey,
        drafts: &[&ChangeDraft],
    ) -> Result<Vec<Changed>, Error> {
        let made = self.make_or_fail(client, turns, key, drafts).await;
        if made.is_err() {
            // If the connection is gone, so is the transaction.
            drop(client.batch_execute("rollback").await);
        }
        made
    }

    async fn make_or_fail(
        &self,
        client: &Client,
        turns: Option<&Turns>,
        key: BatchKey,
        drafts: &[&ChangeDraft],
    ) -> Result<Vec<Changed>, Error> {
        let mut batch = self.begin(client, turns, drafts).await?;
        self.read(client, &mut batch, drafts).await?;
        let changed: Vec<Changed> = drafts.iter().map(|draft| batch.apply(draft)).collect();
        batch.forget_unchanged();
        if batch.channels.is_empty() {
            client.batch_execute("rollback").await?;
        } else {
            self.write(client, key, &batch, &changed).await?;
            client.batch_execute("commit").await?;
        }
        Ok(changed)
    }

    async fn begin(&self, client: &Client, turns: Option<&Turns>, drafts: &[&ChangeDraft]) -> Result<Batch, Error> {
        let distinct =
            |ids: &mut dyn Iterator<Item = i64>| ids.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
        let channels = distinct(&mut drafts.iter().map(|draft| draft.channel_id().0));
        let editors = distinct(&mut drafts.iter().map(|draft| draft.user_id().0));
        let lock: [&(dyn ToSql + Sync); 2] = [&channels, &editors];
        // Sent together, carried out one after the other.
        let turn = async {
            match turns {
                Some(turns) => turns.wait(client, &channels).await,
                None => Ok(()),
            }
        };
        let begin = client.batch_execute("begin");
        let (_, (), rows) = future::try_join3(begin, turn, client.query(&self.lock, &lock)).await?;
        let at = rows.iter().map(|row| row.get("at")).max().unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (channels, before, held, editors) = Default::default();
        let mut batch = Batch { at, channels, before, held, editors };
        for row in &rows {
            if !row.get::<_, bool>("is_channel") {
                batch.editors.insert(UserId(row.get("id")), row.get("is_held"));
                continue;
            }
            let id = ChannelId(row.get("id"));
            if let Some(last_seq) = row.get::<_, Option<i64>>("last_seq").map(Seq) {
                batch.channels.insert(id, ChannelState::new(id, last_seq, at));
                batch.before.insert(id, last_seq);
            } else {
                batch.held.insert(id);
            }
        }
        Ok(batch)
    }
}

impl Batch {
    fn apply(&mut self, draft: &ChangeDraft) -> Changed {
        let id = draft.channel_id();
        match self.editors.get(&draft.user_id()) {
            Some(false) => {}
            Some(true) => return Changed::MakerHeld,
            None => return Changed::Gone,
        }
        match self.channels.get_mut(&id).map(|state| state.apply(&draft.maker, &draft.change)) {
            Some(Ok(Some(made))) => Changed::Made(made),
            Some(Ok(None)) => Changed::Unchanged,
            Some(Err(refused)) => Changed::Refused(refused),
            None if self.held.contains(&id) => Changed::Held,
            None => Changed::Gone,
        }
    }

    fn forget_unchanged(&mut self) {
        let before = &self.before;
        self.channels.retain(|id, state| before.get(id).is_some_and(|before| state.last_seq() > *before));
    }
}

/// Reactions as PostgreSQL gets them.
#[derive(Default)]
struct ReactionColumns<'a> {
    channels: Vec<i64>,
    messages: Vec<i64>,
    emoji: Vec<&'a str>,
    users: Vec<i64>,
}

impl<'a> ReactionColumns<'a> {
    fn add(&mut self, channel: ChannelId, message: MessageId, emoji: &'a Emoji, user: UserId) {
        self.channels.push(channel.0);
        self.messages.push(message.0);
        self.emoji.push(emoji.as_str());
        self.users.push(user.0);
    }
}

/// What became of the changes of a batch that committed, though its answer was lost.
pub async fn found(client: &Client, found: &Found, drafts: &[&ChangeDraft]) -> Result<Vec<Changed>, Error> {
    let mut made = Vec::new();
    for (channel, first, last) in &found.ranges {
        let entries = between(client, *channel, *first, *last).await?;
        let changed = |entry| Changed::Made(Box::new(MadeChange { entry, retold: None }));
        made.extend(entries.into_iter().map(|entry| (*channel, changed(entry))));
    }
    let skipped = found.skipped.iter().map(|place| (*place, Changed::Skipped)).collect();
    let channels = drafts.iter().map(|draft| draft.channel_id());
    Ok(in_draft_order(made.into_iter(), skipped, channels, || Changed::Gone))
}
