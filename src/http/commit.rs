//! Commit → announce, as one step that nothing interrupts.

use super::Node;
use crate::actors::registry::Change;
use crate::error::{Conflict, Error, Result};
use crate::store::{Db, channels, servers, user_servers, users};
use crate::telemetry::RequestId;
use actix_web::{rt, web};
use bytes::Bytes;
use std::future::Future;
use std::time::{Duration, Instant};

/// How often a database that was away is asked what became of a change,
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// and for how long, beyond the time that the change itself may take.
const LOOK_MAX: Duration = Duration::from_secs(600);

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
    let (node, call) = (node.clone(), RequestId::current());
    let change_and_tell = async move {
        match work.await {
            Ok(done) => {
                let (change, news) = made(&done);
                node.registry.apply(change, news).await;
                Ok(done)
            }
            Err(error) => {
                match &error {
                    Error::Unavailable | Error::Internal => {
                        drop(rt::spawn(RequestId::in_current(call, look(node, unclear))))
                    }
                    // The database knows of a change that this node does not: whatever it missed, it makes true now.
                    Error::NotFound(_) | Error::Conflict(Conflict::NotMember | Conflict::AlreadyMember) => {
                        node.registry.apply(unclear, None).await;
                    }
                    _ => {}
                }
                Err(error)
            }
        }
    };
    rt::spawn(RequestId::in_current(call, change_and_tell)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change was not carried out");
        Err(Error::Internal)
    })
}

/// Asks until the database answers whether the change took effect, and announces it if so. That it has not is certain
/// only when the statement can no longer be running.
async fn look(node: web::Data<Node>, change: Change) {
    let start = Instant::now();
    let runs_max = match change {
        Change::ServerDeleted(_) | Change::ChannelDeleted(..) => Db::CASCADE_MAX,
        _ => Db::STATEMENT_MAX,
    };
    while start.elapsed() < runs_max + LOOK_MAX {
        let is_decided = start.elapsed() > runs_max;
        match took_effect(&node, change).await {
            Ok(Some(true)) => return node.registry.apply(change, None).await,
            Ok(None) if is_decided => return node.registry.apply(change, None).await,
            Ok(Some(false)) if is_decided => return node.registry.forget(change).await,
            _ => rt::time::sleep(LOOK_EVERY).await,
        }
    }
    tracing::error!(?change, "it could not be found out whether a change took effect; restart the node");
}

/// Whether the database shows the change; `None` where that cannot be seen, and to announce it for nothing does no harm.
async fn took_effect(node: &Node, change: Change) -> Result<Option<bool>> {
    Ok(match change {
        Change::Joined(user, server) => Some(user_servers::exists(&node.db, user, server).await?),
        Change::Left(user, server) => Some(!user_servers::exists(&node.db, user, server).await?),
        Change::ServerDeleted(server) => Some(servers::find(&node.db, server).await?.is_none()),
        Change::ChannelDeleted(_, channel) => Some(channels::server(&node.db, channel).await?.is_none()),
        Change::AccountDeleted(user) => Some(users::account(&node.db, user).await?.is_none()),
        Change::ServerChanged(_) | Change::MembershipsUnclear(_) | Change::LoggedIn(_) | Change::SessionsEnded(..) => {
            node.db.ping().await?;
            None
        }
    })
}
