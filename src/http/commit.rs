//! Commit → announce, as one step that nothing interrupts.

use super::Node;
use crate::actors::registry::Change;
use crate::error::{Error, Result};
use crate::store::{channels, servers, user_servers};
use actix_web::{rt, web};
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;
use tracing::Instrument;

/// How often, and how many times, a database that was away is asked what became of a change.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOKS: u32 = 240;

/// What a commit has changed, and the news of it for gateways.
pub type Made = (Change, Option<Bytes>);

/// Commits, then makes the change true on this node, then answers. `unclear` is what may have changed when the answer of
/// the commit is lost, `made` what a good one has changed.
///
/// It runs as a task of its own: actix-web drops a handler whose client hangs up, and a change must not stop between
/// its commit and its announcement. A commit whose answer was lost may have taken effect: then that is found by looking.
pub async fn commit<T, F>(
    node: &web::Data<Node>,
    unclear: Change,
    work: F,
    made: impl FnOnce(&T) -> Made + 'static,
) -> Result<T>
where
    T: 'static,
    F: Future<Output = Result<T>> + 'static,
{
    let node = node.clone();
    let change_and_tell = async move {
        match work.await {
            Ok(done) => {
                let (change, news) = made(&done);
                node.registry.apply(change, news).await;
                Ok(done)
            }
            Err(error) => {
                if matches!(error, Error::Unavailable | Error::Internal) {
                    rt::spawn(look(node, unclear).in_current_span());
                }
                Err(error)
            }
        }
    };
    rt::spawn(change_and_tell.in_current_span()).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change was not carried out");
        Err(Error::Internal)
    })
}

/// Asks until the database answers whether the change took effect, and announces it if so.
async fn look(node: web::Data<Node>, change: Change) {
    node.registry.forget(change).await;
    for _ in 0..LOOKS {
        match took_effect(&node, change).await {
            Ok(true) => return node.registry.apply(change, None).await,
            Ok(false) => return,
            Err(_) => rt::time::sleep(LOOK_EVERY).await,
        }
    }
    tracing::error!(?change, "it could not be found out whether a change took effect; restart the node");
}

async fn took_effect(node: &Node, change: Change) -> Result<bool> {
    Ok(match change {
        Change::Joined(user, server) => user_servers::exists(&node.db, user, server).await?,
        Change::Left(user, server) => !user_servers::exists(&node.db, user, server).await?,
        Change::ServerDeleted(server) => servers::find(&node.db, server).await?.is_none(),
        Change::ChannelDeleted(_, channel) => channels::server(&node.db, channel).await?.is_none(),
        // To announce these for nothing does no harm.
        Change::ServerChanged(_) | Change::MembershipsUnclear(_) | Change::PasswordChanged(_) => {
            node.db.ping().await?;
            true
        }
    })
}
