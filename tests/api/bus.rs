//! Several nodes with a bus: what it brings comes by it, what it does not bring is found all the same, and nobody else brings anything.

use crate::cluster::{all_hear_one_order, messages};
use crate::support::nats::NatsServer;
use crate::support::{Method, PASSWORD, SOON, TestApp, Value, json, refusal_beside, spawn_app, spawn_nodes_with};
use async_nats::Client;
use futures_util::StreamExt;
use madang::config::Config;
use std::time::Duration;
use tokio::time::timeout;

/// Nodes that hear of each other by the bus alone, but for what is changed of rights.
async fn spawn_nodes_on<const N: usize>(nats: &NatsServer) -> [TestApp; N] {
    spawn_nodes_that_look_every(2 * SOON, nats).await
}

async fn spawn_nodes_that_look_every<const N: usize>(every: Duration, nats: &NatsServer) -> [TestApp; N] {
    let url = nats.url();
    let nodes: [TestApp; N] = spawn_nodes_with(|config: &mut Config| {
        config.nats = Some(url.parse().expect("a URL"));
        config.times.follow_with_bus_every = every;
    })
    .await;
    until_heard(&nodes).await;
    nodes
}

/// Returns when what is said through the first is heard on each: a subscription is not answered by NATS.
async fn until_heard(nodes: &[TestApp]) {
    let one = nodes.first().expect("one at least");
    let somebody = one.register("somebody").await;
    let server = one.server(&somebody, "Elsewhere").await;
    let channel = one.channel(&somebody, server, "hall").await;
    for node in nodes {
        let mut socket = node.socket(channel, &somebody).await;
        loop {
            one.said(channel, &somebody, "does anybody hear this?").await;
            if timeout(Duration::from_millis(500), socket.next_message()).await.is_ok() {
                break;
            }
        }
        socket.close().await;
    }
}

#[tokio::test]
async fn what_is_said_through_any_node_is_brought_to_all_in_one_order() {
    let Some(nats) = NatsServer::start(&[]).await else { return };
    all_hear_one_order(&spawn_nodes_on(&nats).await).await;
}

#[tokio::test]
async fn edits_deletions_and_reactions_are_brought_and_no_old_text_is_told() {
    let Some(nats) = NatsServer::start(&[]).await else { return };
    let [one, two]: [TestApp; 2] = spawn_nodes_on(&nats).await;
    let (mina, jun, _, channel) = one.two_members().await;
    let mut gateway = two.subscriber(&jun, channel).await;
    for round in 0..5 {
        let secret = format!("secret {round}");
        let message = one.said(channel, &mina, &secret).await;
        let created = gateway.hears(&secret).await["seq"].as_i64().expect("a place");
        let path = format!("/channels/{channel}/messages/{message}");
        one.patch(&path, &mina, json!({ "content": "final" })).await.is(200);
        assert_eq!(gateway.next_of("message.updated").await["content"], "final");
        // Who comes back to the node that was told of the edit is not told what was before it.
        let mut back = two.hears_all(channel, &jun, Some(created - 1)).await;
        loop {
            let event = back.next_event().await;
            assert!(!event.to_string().contains(&secret), "{event}");
            if event["type"] == "replay.done" {
                break;
            }
        }
        back.close().await;
        one.delete(&path, &mina).await.is(204);
        gateway.next_of("message.deleted").await;
    }
}

#[tokio::test]
async fn a_right_that_ends_through_one_node_has_ended_on_every_other_when_that_is_answered() {
    let Some(nats) = NatsServer::start(&[]).await else { return };
    let [one, two]: [TestApp; 2] = spawn_nodes_on(&nats).await;
    let (mina, jun, server, channel) = one.two_members().await;
    for round in 0..10 {
        let mut gateway = two.subscriber(&jun, channel).await;
        two.get(&format!("/channels/{channel}"), &jun).await.is(200);
        one.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
        two.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
        let secret = format!("secret {round}");
        one.said(channel, &mina, &secret).await;
        two.said(channel, &mina, &secret).await;
        for event in gateway.events_until_pong().await {
            assert!(!event.to_string().contains(&secret), "{event}");
        }
        one.join(&jun, server).await;
        gateway.close().await;
    }
}

/// An account that is erased leaves no name in what a node keeps, however late the bus brings what it has said.
#[tokio::test]
async fn an_erased_name_is_told_by_no_node_any_more() {
    let Some(nats) = NatsServer::start(&[]).await else { return };
    let [one, two]: [TestApp; 2] = spawn_nodes_on(&nats).await;
    let (mina, jun, _, channel) = one.two_members().await;
    let mut socket = two.socket(channel, &mina).await;
    one.said(channel, &jun, "hello").await;
    assert_eq!(messages(&mut socket, 1).await[0].1, "hello");
    one.call(Method::DELETE, "/users/me", &jun, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
    let mut back = two.hears_all(channel, &mina, Some(0)).await;
    let told = back.next_of("message.created").await;
    assert_ne!(told["author_username"], "jun");
}

#[tokio::test]
async fn while_the_bus_is_away_everything_is_heard_all_the_same_and_afterwards_by_it_again() {
    let Some(mut nats) = NatsServer::start(&[]).await else { return };
    let [one, two]: [TestApp; 2] = spawn_nodes_that_look_every(Duration::from_millis(250), &nats).await;
    let (mina, jun, server, channel) = one.two_members().await;
    let mut socket = two.socket(channel, &jun).await;
    nats.kill();
    for number in 1..=10 {
        one.said(channel, &mina, &number.to_string()).await;
    }
    assert_eq!(messages(&mut socket, 10).await.last().map(|(seq, _)| *seq), Some(10));
    one.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    two.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
    one.join(&jun, server).await;
    let mut socket = two.socket(channel, &jun).await;
    nats.start_again();
    let client = connect(&nats).await;
    let mut entries = client.subscribe("madang.*.entries").await.expect("it listens");
    let mut number = 10;
    loop {
        number += 1;
        one.said(channel, &mina, &number.to_string()).await;
        assert_eq!(messages(&mut socket, 1).await, [(number, number.to_string())]);
        if timeout(Duration::from_millis(500), entries.next()).await.is_ok() {
            break;
        }
    }
}

async fn connect(nats: &NatsServer) -> Client {
    loop {
        match async_nats::connect(nats.url()).await {
            Ok(client) => return client,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Whoever can publish there: nothing that is not sealed by a node of this database is told to anybody.
#[tokio::test]
async fn what_no_node_of_the_database_has_said_is_left_out() {
    let Some(nats) = NatsServer::start(&[]).await else { return };
    let [one, two]: [TestApp; 2] = spawn_nodes_on(&nats).await;
    // Another installation with the same key.
    let [other]: [TestApp; 1] = spawn_nodes_on(&nats).await;
    let client = connect(&nats).await;
    let mut heard = client.subscribe("madang.>").await.expect("it listens");
    client.flush().await.expect("it is there");
    let (mina, jun, _, channel) = one.two_members().await;
    let (nina, _, _, same) = other.two_members().await;
    assert_eq!(same, channel, "both begin with the same numbers");
    let mut socket = two.socket(channel, &jun).await;
    other.said(same, &nina, "from another installation").await;
    let forged = loop {
        let message = timeout(SOON, heard.next()).await.expect("in time").expect("it goes on");
        if message.subject.as_str().ends_with(".entries") {
            break message;
        }
    };
    for payload in [&b""[..], b"garbage", &[0; 4_096], &[0xff; 64]] {
        for subject in [&forged.subject, &forged.subject.as_str().replace("entries", "news").into()] {
            client.publish(subject.clone(), payload.to_vec().into()).await.expect("it is sent");
        }
    }
    // One letter of what a node has said.
    let mut bent = forged.payload.to_vec();
    let at = bent.len() - 40;
    bent[at] ^= 1;
    client.publish(forged.subject.clone(), bent.into()).await.expect("it is sent");
    client.publish(forged.subject.clone(), forged.payload.clone()).await.expect("it is sent");
    client.flush().await.expect("it is sent");
    one.said(channel, &mina, "from here").await;
    assert_eq!(messages(&mut socket, 1).await, [(1, "from here".to_owned())]);
}

#[tokio::test]
async fn a_bus_that_refuses_a_node_stops_its_start_and_one_that_is_away_does_not() {
    let Some(nats) = NatsServer::start(&["--user", "madang", "--pass", "the password"]).await else { return };
    let alone = spawn_app().await;
    let [beside]: [TestApp; 1] = spawn_nodes_with(|config: &mut Config| {
        // Nobody listens there.
        config.nats = Some("nats://127.0.0.1:1".parse().expect("a URL"));
    })
    .await;
    beside.two_members().await;
    for (url, says) in [
        (nats.url().replace("//", "//madang:wrong@"), "authorization"),
        (nats.url(), "authorization"),
        (nats.url().replace("nats://", "tls://madang:wrong@"), "TLS"),
    ] {
        let said = refusal_beside(&beside, |config| {
            config.cluster = true;
            config.nats = Some(url.parse().expect("a URL"));
        })
        .await;
        assert!(said.starts_with("NATS_URL: ") && said.contains(says) && !said.contains("wrong"), "{said}");
    }
    drop(alone);
}
