//! What a batch of changes has made of its channels, written down.

use super::{Batch, Changed, Changes, ReactionColumns};
use crate::domain::emoji::Emoji;
use crate::domain::log::{LogEntry, MessageState, Writes};
use crate::domain::message::ReactionCount;
use crate::domain::{ChannelId, MessageId, UserId};
use crate::store::write_batches::BatchKey;
use futures_util::future::try_join4;
use time::OffsetDateTime;
use tokio_postgres::{Client, Error};

impl Changes {
    /// Writes all of it, in as few round trips as what has to be gone before allows.
    pub(super) async fn write(
        &self,
        client: &Client,
        key: BatchKey,
        batch: &Batch,
        changed: &[Changed],
    ) -> Result<(), Error> {
        try_join4(
            self.write_entries(client, key, batch, changed),
            self.write_messages(client, batch),
            self.write_reactions(client, batch),
            self.write_revisions(client, batch),
        )
        .await?;
        Ok(())
    }

    async fn write_entries(
        &self,
        client: &Client,
        key: BatchKey,
        batch: &Batch,
        changed: &[Changed],
    ) -> Result<(), Error> {
        let first = |id: &ChannelId| batch.before.get(id).map_or(1, |before| before.next().0);
        let (ids, firsts): (Vec<i64>, Vec<i64>) = batch.channels.keys().map(|id| (id.0, first(id))).unzip();
        let lasts: Vec<i64> = batch.channels.values().map(|state| state.last_seq().0).collect();
        let mut skipped: Vec<i64> = Vec::new();
        let mut rows = EntryColumns::default();
        for (place, changed) in (1..).zip(changed) {
            match changed {
                Changed::Made(made) => rows.add(&made.entry),
                _ => skipped.push(place),
            }
        }
        let EntryColumns { channels, seqs, kinds, messages, lists, users, emoji } = &rows;
        let (BatchKey { node, number, prev }, at) = (&key, &batch.at);
        client
            .execute(
                &self.add_entries,
                &[
                    node, number, &ids, &firsts, &lasts, &skipped, at, channels, seqs, kinds, messages, lists, users,
                    emoji, prev,
                ],
            )
            .await?;
        Ok(())
    }

    /// The messages as they are now.
    async fn write_messages(&self, client: &Client, batch: &Batch) -> Result<(), Error> {
        let touched: Vec<&MessageState> = batch
            .channels
            .values()
            .flat_map(|state| state.writes().messages.iter().filter_map(|id| state.message(*id)))
            .collect();
        let messages = || touched.iter().map(|state| &state.message);
        let ids: Vec<i64> = messages().map(|message| message.id.0).collect();
        let text = |state: &&'_ MessageState| state.has_new_text.then(|| state.message.content.clone().into_owned());
        let contents: Vec<Option<String>> = touched.iter().map(text).collect();
        let updated: Vec<OffsetDateTime> = messages().map(|message| message.updated_at).collect();
        let edited: Vec<Option<OffsetDateTime>> = messages().map(|message| message.edited_at).collect();
        let deleted: Vec<bool> = touched.iter().map(|state| state.is_deleted).collect();
        let pinned: Vec<bool> = messages().map(|message| message.pinned).collect();
        let reactions: Vec<Option<String>> = messages().map(|message| counts(&message.reactions)).collect();
        client
            .execute(
                &self.change_messages,
                &[&ids, &contents, &updated, &edited, &deleted, &pinned, &batch.at, &reactions],
            )
            .await?;
        Ok(())
    }

    async fn write_reactions(&self, client: &Client, batch: &Batch) -> Result<(), Error> {
        let cleared: Vec<(i64, i64, Option<&str>)> = batch
            .writes()
            .flat_map(|(id, writes)| writes.cleared.iter().map(move |cleared| (id, cleared)))
            .map(|(id, (message, emoji))| (id.0, message.0, emoji.as_ref().map(Emoji::as_str)))
            .collect();
        if !cleared.is_empty() {
            let channels: Vec<i64> = cleared.iter().map(|(channel, ..)| *channel).collect();
            let messages: Vec<i64> = cleared.iter().map(|(_, message, _)| *message).collect();
            let emoji: Vec<Option<&str>> = cleared.iter().map(|(.., emoji)| *emoji).collect();
            client.execute(&self.clear_reactions, &[&channels, &messages, &emoji]).await?;
        }
        let (mut gone, mut new) = (ReactionColumns::default(), ReactionColumns::default());
        for (id, writes) in batch.writes() {
            for ((message, emoji, user), is_there) in &writes.reactions {
                let columns = if *is_there { &mut new } else { &mut gone };
                columns.add(id, *message, emoji, *user);
            }
        }
        if !gone.users.is_empty() {
            let ReactionColumns { channels, messages, emoji, users } = &gone;
            client.execute(&self.remove_reactions, &[channels, messages, emoji, users]).await?;
        }
        if !new.users.is_empty() {
            let ReactionColumns { channels, messages, emoji, users } = &new;
            client.execute(&self.add_reactions, &[channels, messages, emoji, users, &batch.at]).await?;
        }
        Ok(())
    }

    async fn write_revisions(&self, client: &Client, batch: &Batch) -> Result<(), Error> {
        let erased = batch.writes().flat_map(|(id, writes)| writes.erased.iter().map(move |message| (id.0, message.0)));
        let (channels, messages): (Vec<i64>, Vec<i64>) = erased.unzip();
        if !channels.is_empty() {
            client.execute(&self.erase_revisions, &[&channels, &messages]).await?;
        }
        let replaced: Vec<_> = batch
            .writes()
            .flat_map(|(id, writes)| writes.revisions.iter().map(move |revision| (id.0, revision)))
            .collect();
        if replaced.is_empty() {
            return Ok(());
        }
        let channels: Vec<i64> = replaced.iter().map(|(channel, _)| *channel).collect();
        let messages: Vec<i64> = replaced.iter().map(|(_, revision)| revision.message_id.0).collect();
        let seqs: Vec<i64> = replaced.iter().map(|(_, revision)| revision.seq.0).collect();
        let authors: Vec<i64> = replaced.iter().map(|(_, revision)| revision.author_id.0).collect();
        let contents: Vec<&str> = replaced.iter().map(|(_, revision)| revision.content.as_str()).collect();
        let written: Vec<OffsetDateTime> = replaced.iter().map(|(_, revision)| revision.written_at).collect();
        client
            .execute(&self.add_revisions, &[&channels, &messages, &seqs, &authors, &contents, &written, &batch.at])
            .await?;
        Ok(())
    }
}

impl Batch {
    fn writes(&self) -> impl Iterator<Item = (ChannelId, &Writes)> {
        self.channels.iter().map(|(id, state)| (*id, state.writes()))
    }
}

/// The column of a message's reactions; `None` where there are none.
fn counts(reactions: &[ReactionCount]) -> Option<String> {
    // What it is made of can always be written.
    (!reactions.is_empty()).then(|| serde_json::to_string(reactions).ok()).flatten()
}

/// Entries as PostgreSQL gets them.
#[derive(Default)]
struct EntryColumns<'a> {
    channels: Vec<i64>,
    seqs: Vec<i64>,
    kinds: Vec<&'static str>,
    messages: Vec<Option<i64>>,
    lists: Vec<Option<String>>,
    users: Vec<i64>,
    emoji: Vec<Option<&'a str>>,
}

impl<'a> EntryColumns<'a> {
    fn add(&mut self, entry: &'a LogEntry<'static>) {
        let (kind, channel, message, user, emoji): (_, ChannelId, Option<MessageId>, UserId, Option<&Emoji>) =
            match entry {
                LogEntry::MessageUpdated(updated) => {
                    let message = &updated.message;
                    ("message.updated", message.channel_id, Some(message.id), message.author_id, None)
                }
                LogEntry::MessageDeleted(deleted) => {
                    ("message.deleted", deleted.channel_id, Some(deleted.id), deleted.deleted_by, None)
                }
                LogEntry::MessagesDeleted(deleted) => {
                    ("messages.deleted", deleted.channel_id, None, deleted.deleted_by, None)
                }
                LogEntry::ReactionAdded(reaction) => {
                    let emoji = Some(&reaction.emoji);
                    ("reaction.added", reaction.channel_id, Some(reaction.message_id), reaction.user_id, emoji)
                }
                LogEntry::ReactionRemoved(reaction) => {
                    let emoji = Some(&reaction.emoji);
                    ("reaction.removed", reaction.channel_id, Some(reaction.message_id), reaction.user_id, emoji)
                }
                LogEntry::ReactionsCleared(cleared) => {
                    let emoji = cleared.emoji.as_ref();
                    ("reactions.cleared", cleared.channel_id, Some(cleared.message_id), cleared.user_id, emoji)
                }
                LogEntry::MessagePinned(pin) => {
                    ("message.pinned", pin.channel_id, Some(pin.message_id), pin.user_id, None)
                }
                LogEntry::MessageUnpinned(pin) => {
                    ("message.unpinned", pin.channel_id, Some(pin.message_id), pin.user_id, None)
                }
                // No change makes one: it is a message's, or says nothing.
                LogEntry::MessageCreated(_) | LogEntry::Skipped(_) => return,
            };
        self.channels.push(channel.0);
        self.seqs.push(entry.seq().0);
        self.kinds.push(kind);
        self.messages.push(message.map(|id| id.0));
        self.lists.push(list(entry));
        self.users.push(user.0);
        self.emoji.push(emoji.map(Emoji::as_str));
    }
}

/// The ids of an entry about several messages, as PostgreSQL writes an array.
fn list(entry: &LogEntry<'_>) -> Option<String> {
    let LogEntry::MessagesDeleted(deleted) = entry else { return None };
    let ids: Vec<String> = deleted.ids.iter().map(ToString::to_string).collect();
    Some(format!("{{{}}}", ids.join(",")))
}
