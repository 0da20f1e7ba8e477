//! What the changes of a batch are about, as it is.

use super::{Batch, ChangeDraft, Changes, ReactionColumns};
use crate::domain::emoji::Emoji;
use crate::domain::log::{MessageChange, MessageState};
use crate::domain::message::Message;
use crate::domain::{ChannelId, MessageId, UserId};
use crate::store::messages::{counts, message};
use futures_util::future::try_join3;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::{Client, Error, Row};

impl Changes {
    /// Reads it, in one round trip.
    pub(super) async fn read(&self, client: &Client, batch: &mut Batch, drafts: &[&ChangeDraft]) -> Result<(), Error> {
        let here: Vec<&ChangeDraft> =
            drafts.iter().copied().filter(|draft| batch.channels.contains_key(&draft.channel_id())).collect();
        let (messages, pins, there) = try_join3(
            self.read_messages(client, &here),
            self.count_pins(client, &here),
            self.find_reactions(client, &here),
        )
        .await?;
        for row in &messages {
            let id = ChannelId(row.get("channel_id"));
            if let Some(state) = batch.channels.get_mut(&id) {
                state.add_message(target(row, id));
            }
        }
        for row in &pins {
            if let Some(state) = batch.channels.get_mut(&ChannelId(row.get("id"))) {
                state.set_pins(row.get("pins"));
            }
        }
        for (channel, message, emoji, user) in there {
            if let Some(state) = batch.channels.get_mut(&channel) {
                state.add_reaction(message, emoji.clone(), user);
            }
        }
        Ok(())
    }

    async fn read_messages(&self, client: &Client, drafts: &[&ChangeDraft]) -> Result<Vec<Row>, Error> {
        let mut named: BTreeMap<(i64, i64), bool> = BTreeMap::new();
        for draft in drafts {
            for id in draft.change.message_ids() {
                let needs_text = matches!(draft.change, MessageChange::Edit(..));
                *named.entry((draft.channel_id().0, id.0)).or_default() |= needs_text;
            }
        }
        let (channels, ids): (Vec<i64>, Vec<i64>) = named.keys().copied().unzip();
        let needs_text: Vec<bool> = named.into_values().collect();
        client.query(&self.messages, &[&channels, &ids, &needs_text]).await
    }

    async fn count_pins(&self, client: &Client, drafts: &[&ChangeDraft]) -> Result<Vec<Row>, Error> {
        let pinning = drafts.iter().filter(|draft| matches!(draft.change, MessageChange::Pin(_)));
        let channels: BTreeSet<i64> = pinning.map(|draft| draft.channel_id().0).collect();
        let channels: Vec<i64> = channels.into_iter().collect();
        if channels.is_empty() {
            return Ok(Vec::new());
        }
        client.query(&self.pins, &[&channels]).await
    }

    /// Which of the reactions that they add or take away are there.
    async fn find_reactions<'a>(&self, client: &Client, drafts: &[&'a ChangeDraft]) -> Result<Vec<There<'a>>, Error> {
        let reaction = |draft: &&'a ChangeDraft| {
            let (message, emoji, user) = draft.change.reaction(draft.user_id())?;
            Some((draft.channel_id(), message, emoji, user))
        };
        let wanted: Vec<There<'a>> = drafts.iter().filter_map(reaction).collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let mut columns = ReactionColumns::default();
        wanted.iter().for_each(|(channel, message, emoji, user)| columns.add(*channel, *message, emoji, *user));
        let ReactionColumns { channels, messages, emoji, users } = &columns;
        let rows = client.query(&self.reactions, &[channels, messages, emoji, users]).await?;
        let places = rows.iter().filter_map(|row| usize::try_from(row.get::<_, i64>("place") - 1).ok());
        Ok(places.filter_map(|place| wanted.get(place).copied()).collect())
    }
}

/// A reaction that is there: in which channel, to which message, with what, whose.
type There<'a> = (ChannelId, MessageId, &'a Emoji, UserId);

fn target(row: &Row, channel_id: ChannelId) -> MessageState {
    let message = Message { pinned: row.get("is_pinned"), reactions: counts(row), ..message(row, channel_id) };
    MessageState { message, is_deleted: row.get("is_deleted"), has_new_text: false }
}
