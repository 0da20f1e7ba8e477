//! Another history of the database: what is remembered is forgotten, and what was announced is compared with it.

use super::{ReadAgain, Registry};
use crate::actors::channel::ChannelHandle;
use crate::domain::{ChannelId, Seq};
use crate::store::{Db, channels};
use actix::{ActorFutureExt, Handler, ResponseActFuture, WrapFuture};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::time::Duration;

const AGAIN_AFTER: Duration = Duration::from_millis(250);
const READ_AT_ONCE: usize = 1_000;

impl Handler<ReadAgain> for Registry {
    type Result = ResponseActFuture<Self, bool>;

    fn handle(&mut self, _: ReadAgain, _: &mut Self::Context) -> Self::Result {
        self.cache.with(|cache| *cache = super::cache::Cache::default());
        self.loading.values_mut().for_each(|loading| loading.is_stale = true);
        self.snapshots.iter_mut().for_each(|(_, telling)| telling.is_stale = true);
        self.shared.forget_logs();
        let live: Vec<ChannelHandle> = self.live.values().map(|live| live.handle.clone()).collect();
        let db = self.db.clone();
        let compare = async move {
            let mut is_lost = false;
            for some in live.chunks(READ_AT_ONCE) {
                let ends = last_seqs(&db, some).await;
                // A channel that the database does not have is lost whole.
                let lost =
                    some.iter().map(|channel| channel.read_again(ends.get(&channel.id()).copied().unwrap_or_default()));
                is_lost |= join_all(lost).await.contains(&true);
            }
            is_lost
        };
        Box::pin(compare.into_actor(self).map(|is_lost, _, _| {
            tracing::warn!(is_lost, "the database has another history: what was remembered of it has been read again");
            is_lost
        }))
    }
}

/// However long it takes: nothing is written before it is known.
async fn last_seqs(db: &Db, channels: &[ChannelHandle]) -> HashMap<ChannelId, Seq> {
    let ids: Vec<ChannelId> = channels.iter().map(ChannelHandle::id).collect();
    loop {
        match channels::last_seqs(db, &ids).await {
            Ok(ends) => return ends.into_iter().collect(),
            Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
}
