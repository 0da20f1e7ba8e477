//! How a node stops: all its sockets at once, or one after another while it serves.

use crate::support::{By, Socket, TestApp, json, spawn_app, spawn_app_with};
use futures_util::future::{join, join_all};
use madang::domain::close::{DRAINED_WITHIN_MS, RECONNECT_WITHIN_MS};
use std::cell::RefCell;
use std::collections::HashSet;
use std::time::Duration;

/// Longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(86_400);
/// Long enough for a handshake, however slow the machine is.
const A_WHILE: Duration = Duration::from_secs(6);

async fn until_leaving(app: &TestApp) {
    let leaving = json!(["the node is stopping"]);
    while app.get("/readyz", By::Nobody).await.json()["missing"] != leaving {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

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

#[tokio::test]
async fn a_node_that_drains_serves_everybody_until_a_second_signal() {
    let mut app = spawn_app_with(|config| config.drain = FOR_EVER).await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut minas = app.socket(channel, &mina).await;
    app.begin_stop();
    until_leaving(&app).await;
    minas.say_and_hear("still here").await;
    app.said(channel, &jun, "I can call").await;
    minas.hears("I can call").await;
    let mut newcomers = [app.socket(channel, &jun).await, app.subscriber(&jun, channel).await];
    minas.say_and_hear("and who are you?").await;
    for newcomer in &mut newcomers {
        newcomer.hears("and who are you?").await;
    }
    let closes = join_all(newcomers.iter_mut().chain([&mut minas]).map(Socket::expect_restart));
    join(closes, app.stop()).await;
    assert!(tokio::net::TcpStream::connect(app.address).await.is_err(), "it listens still");
}

#[tokio::test]
async fn sockets_end_one_after_another_and_who_comes_meanwhile_last() {
    let mut app = spawn_app_with(|config| (config.drain, config.workers) = (A_WHILE, 1)).await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut sockets = Vec::new();
    for _ in 0..6 {
        sockets.push(app.socket(channel, &mina).await);
        sockets.push(app.subscriber(&jun, channel).await);
    }
    let ended = RefCell::new(Vec::new());
    let old = join_all(sockets.iter_mut().map(async |socket| {
        let (heard, wait) = socket.read_to_restart().await;
        ended.borrow_mut().push("old");
        (heard, wait)
    }));
    let newcomer = async {
        app.begin_stop();
        while ended.borrow().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut newcomer = app.socket(channel, &mina).await;
        // The last ones may end with it.
        while ended.borrow().len() < 8 {
            newcomer.say_and_hear("is anybody there?").await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        newcomer.expect_restart().await
    };
    let (closes, last_wait) = join(old, newcomer).await;
    app.stop().await;
    assert!(closes.iter().all(|(_, wait)| *wait <= DRAINED_WITHIN_MS), "{closes:?}");
    assert!(last_wait <= RECONNECT_WITHIN_MS);
    // The first has heard nothing of the newcomer, the others more and more.
    let heard: HashSet<usize> = closes.iter().map(|(heard, _)| *heard).collect();
    assert!(heard.contains(&0) && heard.len() >= 5, "they end together: {closes:?}");
}
