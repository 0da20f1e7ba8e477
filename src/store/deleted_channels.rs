//! What deleted channels have left: messages, changes, reactions and earlier texts. A deletion takes the channel's row alone, and a trigger
//! notes it (`channels_deleted`), whoever deletes; the rest is removed here, part by part, so that nobody waits for it. Nobody is shown it
//! meanwhile: what is read of a channel is read by who may see the channel, and an export looks whether it is there.
//!
//! Owner: a task of the node's own, which ends with it. A part is a statement of its own, so an end at any moment costs nothing; the next start
//! goes on. Several nodes do not get into each other's way: a part holds the channel's row of `deleted_channels`, and others pass it over.
//!
//! Bounds: [`AT_ONCE`] rows a part; after each a pause of [`PURGE_PAUSE_MIN`], or as long as the part has taken, so that it never has the database for
//! more than half of the time.

use super::Db;
use crate::domain::ChannelId;
use crate::error::Result;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// As many rows are removed by one statement, at most.
const AT_ONCE: i64 = 1_000;
/// After each of them.
const PURGE_PAUSE_MIN: Duration = Duration::from_millis(20);
/// Before it is tried again where the database has not served.
const PURGE_AGAIN_AFTER: Duration = Duration::from_secs(5);

const PARTS: [&str; 4] = [
    include_str!("../../sql/message_revisions/purge.sql"),
    include_str!("../../sql/reactions/purge.sql"),
    include_str!("../../sql/channel_changes/purge.sql"),
    include_str!("../../sql/messages/purge.sql"),
];

/// Tells the node's purge that there is something to do; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Purge(Arc<Notify>);

impl Purge {
    /// A channel was deleted.
    pub(super) fn begin(&self) {
        self.0.notify_one();
    }
}

/// Removes what deleted channels have left: now, after each deletion of this node, and every `look_every`, since others delete as well.
pub async fn purge_for_ever(db: Db, purge: Purge, look_every: Duration) {
    let (mut after, mut has_failed) = (ChannelId(0), false);
    loop {
        match purge_after(&db, &mut after).await {
            Ok(()) => {
                after = ChannelId(0);
                let pause = if std::mem::take(&mut has_failed) { PURGE_AGAIN_AFTER } else { look_every };
                let _ = timeout(pause, purge.0.notified()).await;
            }
            // It goes on behind the one that failed: a channel whose rows are held keeps no other from being purged.
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(
                        code = error.code().as_str(),
                        "what a deleted channel has left could not be removed yet"
                    );
                }
                sleep(PURGE_AGAIN_AFTER).await;
            }
        }
    }
}

/// One channel after another, behind `after`.
async fn purge_after(db: &Db, after: &mut ChannelId) -> Result<()> {
    let next = include_str!("../../sql/deleted_channels/next.sql");
    while let Some(row) = db.look_up_one(next, &[&after.0]).await? {
        *after = ChannelId(row.get("channel_id"));
        purge_channel(db, *after).await?;
    }
    Ok(())
}

async fn purge_channel(db: &Db, id: ChannelId) -> Result<()> {
    let mut removed = 0;
    for sql in PARTS {
        let mut from = 0_i64;
        loop {
            let begun = Instant::now();
            // Another node is at it.
            let Some(row) = db.write(sql, &[&id.0, &from]).await? else { return Ok(()) };
            sleep(begun.elapsed().max(PURGE_PAUSE_MIN)).await;
            let rows: i64 = row.get("rows");
            removed += rows;
            if rows < AT_ONCE {
                break;
            }
            from = row.get::<_, Option<i64>>("last").unwrap_or(from);
        }
    }
    if db.execute(include_str!("../../sql/deleted_channels/forget.sql"), &[&id.0]).await? > 0 {
        tracing::info!(channel_id = id.0, rows = removed, "all that a deleted channel had left is removed");
    }
    Ok(())
}
