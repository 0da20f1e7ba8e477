//! How a node stops.

use crate::support::{Socket, spawn_app};
use futures_util::future::{join, join_all};
use madang::domain::close::{DRAINED_WITHIN_MS, RECONNECT_WITHIN_MS};
use std::collections::HashSet;

#[tokio::test]
async fn a_stop_tells_each_client_a_wait_of_its_own() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(app.socket(channel, &mina).await);
        sockets.push(app.gateway(&jun).await.0);
    }
    let closes = join_all(sockets.iter_mut().map(Socket::expect_restart));
    let (waits, ()) = join(closes, app.stop()).await;
    assert!(waits.iter().all(|wait| *wait <= RECONNECT_WITHIN_MS), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait > DRAINED_WITHIN_MS), "they are not spread: {waits:?}");
    assert!(waits.iter().collect::<HashSet<_>>().len() > sockets.len() / 2, "they are not each one's own: {waits:?}");
}
