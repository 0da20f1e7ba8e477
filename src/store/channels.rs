//! Channels.

use super::{Db, Purge};
use crate::domain::access::{Caller, ChannelAccess, ManageChannels, ServerAccess};
use crate::domain::channel::{Channel, ChannelPatch, NewChannel};
use crate::domain::frame::LoggedChannel;
use crate::domain::{ChannelId, Seq, ServerId};
use crate::error::{Error, Noun, Result};
use tokio_postgres::Row;

/// Makes a channel.
///
/// # Errors
/// `too_many_channels`.
pub async fn create(db: &Db, access: &ServerAccess<ManageChannels>, new: &NewChannel) -> Result<Channel> {
    let description = new.description.as_ref().map(|text| text.as_str());
    let row = db
        .write(include_str!("../../sql/channels/create.sql"), &[&access.id().0, &new.name.as_str(), &description])
        .await?;
    row.map(|row| channel(&row)).ok_or(Error::Internal)
}

/// The channels of a server, oldest first, for the registry; at most 500.
pub async fn list(db: &Db, server: ServerId) -> Result<Vec<Channel>> {
    let rows = db.look_up(include_str!("../../sql/channels/list.sql"), &[&server.0]).await?;
    Ok(rows.iter().map(channel).collect())
}

/// The channels of the caller's servers with how far their logs go, by server; at most `limit`.
pub async fn of_user(db: &Db, caller: &Caller, limit: i64) -> Result<Vec<LoggedChannel>> {
    let rows = db.read(include_str!("../../sql/channels/of_user.sql"), &[&caller.id().0, &limit]).await?;
    Ok(rows.iter().map(logged).collect())
}

/// The channels of a server with how far their logs go, oldest first, for the registry.
pub async fn list_logged(db: &Db, server: ServerId) -> Result<Vec<LoggedChannel>> {
    let rows = db.look_up(include_str!("../../sql/channels/list.sql"), &[&server.0]).await?;
    Ok(rows.iter().map(logged).collect())
}

/// Which server a channel belongs to, for the registry; it never changes.
pub async fn server(db: &Db, id: ChannelId) -> Result<Option<ServerId>> {
    let row = db.look_up_one(include_str!("../../sql/channels/server.sql"), &[&id.0]).await?;
    Ok(row.map(|row| ServerId(row.get("server_id"))))
}

/// How far logs go, for the registry; those of channels that are gone are left out.
pub async fn last_seqs(db: &Db, ids: &[ChannelId]) -> Result<Vec<(ChannelId, Seq)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows = db.read(include_str!("../../sql/channels/last_seqs.sql"), &[&ids]).await?;
    Ok(rows.iter().map(|row| (ChannelId(row.get("id")), Seq(row.get("last_seq")))).collect())
}

/// Changes a channel.
pub async fn update(db: &Db, access: &ChannelAccess<ManageChannels>, patch: &ChannelPatch) -> Result<Channel> {
    let row = db
        .write(
            include_str!("../../sql/channels/update.sql"),
            &[
                &access.id().0,
                &patch.name.as_ref().map(|name| name.as_str()),
                &patch.description.is_given(),
                &patch.description.value().map(|text| text.as_str()),
            ],
        )
        .await?;
    row.map(|row| channel(&row)).ok_or(Error::NotFound(Noun::Channel))
}

/// Deletes a channel; what it leaves is removed afterwards, by `purge`.
pub async fn delete(db: &Db, purge: &Purge, access: &ChannelAccess<ManageChannels>) -> Result<()> {
    match db.execute(include_str!("../../sql/channels/delete.sql"), &[&access.id().0]).await? {
        0 => Err(Error::NotFound(Noun::Channel)),
        _ => {
            purge.begin();
            Ok(())
        }
    }
}

fn logged(row: &Row) -> LoggedChannel {
    LoggedChannel { channel: channel(row), last_seq: Seq(row.get("last_seq")) }
}

fn channel(row: &Row) -> Channel {
    Channel {
        id: ChannelId(row.get("id")),
        name: row.get("name"),
        description: row.get("description"),
        server_id: ServerId(row.get("server_id")),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}
