//! Several nodes on one database: to a client they are one.

use crate::support::database::connect;
use crate::support::{
    Method, PASSWORD, Socket, TestApp, User, Value, json, refusal_beside, spawn_app, spawn_app_with, spawn_nodes,
};
use futures_util::future::{join, join_all};
use std::pin::pin;
use tokio_tungstenite::tungstenite::Message;

/// The numbers and texts of the next messages.
pub async fn messages(socket: &mut Socket, count: usize) -> Vec<(i64, String)> {
    let mut heard = Vec::new();
    for _ in 0..count {
        let event = socket.next_message().await;
        heard.push((event["seq"].as_i64().expect("a place"), event["content"].as_str().expect("a text").to_owned()));
    }
    heard
}

/// How a socket ends, whatever it hears before.
async fn close_of(socket: &mut Socket) -> u16 {
    loop {
        match socket.next_frame().await {
            Some(Message::Close(close)) => return close.map_or(1005, |close| close.code.into()),
            Some(_) => {}
            None => panic!("it ends without a word"),
        }
    }
}

#[tokio::test]
async fn what_is_said_through_any_node_is_heard_on_all_in_one_order() {
    all_hear_one_order(&spawn_nodes().await).await;
}

/// People talk through three nodes at once; whoever listens, at whichever of them and in whichever way, hears the same.
pub async fn all_hear_one_order(nodes: &[TestApp; 3]) {
    let [one, two, three] = nodes;
    let (mina, jun, _, channel) = one.two_members().await;
    let mut sockets = Vec::new();
    for node in nodes {
        sockets.push(node.socket(channel, &mina).await);
        sockets.push(node.subscriber(&jun, channel).await);
    }
    const EACH: usize = 40;
    let posts = [(one, &mina, "a"), (two, &jun, "b"), (three, &mina, "c")].map(|(node, by, name)| async move {
        for number in 0..EACH {
            node.say(channel, by, json!({ "content": format!("{name}{number}"), "nonce": format!("{name}{number}") }))
                .await
                .is(201);
        }
    });
    join_all(posts).await;
    let heard = join_all(sockets.iter_mut().map(|socket| messages(socket, 3 * EACH))).await;
    assert_eq!(heard[0].iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=3 * EACH as i64).collect::<Vec<_>>());
    for other in &heard[1..] {
        assert_eq!(other, &heard[0]);
    }
    // What somebody has said through one node keeps its order.
    for name in ["a", "b", "c"] {
        let own = heard[0].iter().filter(|(_, text)| text.starts_with(name)).map(|(_, text)| text.clone());
        assert_eq!(own.collect::<Vec<_>>(), (0..EACH).map(|number| format!("{name}{number}")).collect::<Vec<_>>());
    }
    for node in nodes {
        assert_eq!(node.log(channel, &jun).await.len(), 3 * EACH);
    }
}

/// The node that it comes to has never heard of the channel, or is a moment behind.
#[tokio::test]
async fn who_comes_back_through_another_node_goes_on_where_it_was() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, _, channel) = one.two_members().await;
    let mut watcher = two.socket(channel, &jun).await;
    for number in 1..=20 {
        one.said(channel, &mina, &number.to_string()).await;
        // Behind what it has: told as what was missed, or, where this node hears of it only now, as what has just come.
        let mut back = two.hears_all(channel, &mina, Some(number - 1)).await;
        let mut told = Vec::new();
        while told.len() < 2 {
            told.push(back.next_event().await);
        }
        let message = told.iter().find(|event| event["type"] == "message.created").expect("one of both");
        assert_eq!(
            (&message["seq"], told.iter().filter(|event| event["type"] == "replay.done").count()),
            (&json!(number), 1)
        );
        back.close().await;
        // All of it, as it has just been told through the other node: nobody is told that the log has lost something.
        let mut back = two.hears_all(channel, &mina, Some(number)).await;
        assert_eq!(back.next_of("replay.done").await["seq"], number);
        back.close().await;
    }
    // This node has not heard of it yet.
    for number in 21..=40 {
        one.said(channel, &mina, &number.to_string()).await;
        let mut back = two.hears_all(channel, &mina, Some(number)).await;
        assert_eq!(back.next_of("replay.done").await["seq"], number);
        back.close().await;
    }
    assert_eq!(messages(&mut watcher, 40).await.last().map(|(seq, _)| *seq), Some(40));
    let mut beyond = two.hears_all(channel, &mina, Some(41)).await;
    assert_eq!(beyond.next_of("resync").await["seq"], 40);
}

/// Whoever has seen the socket open misses nothing that is said after, through whichever node.
#[tokio::test]
async fn who_is_connected_misses_nothing_that_is_said_elsewhere() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, server, _) = one.two_members().await;
    for round in 0..10 {
        let channel = one.channel(&mina, server, &format!("room {round}")).await;
        one.said(channel, &mina, "before").await;
        let mut socket = two.socket(channel, &jun).await;
        one.said(channel, &mina, "after").await;
        let mut heard = messages(&mut socket, 1).await;
        // It may be told a little more than it has asked for.
        if heard[0].1 == "before" {
            heard = messages(&mut socket, 1).await;
        }
        assert_eq!(heard, [(2, "after".to_owned())]);
    }
}

/// It is committed elsewhere while this node looks where the log ends: the socket opens only then.
#[tokio::test]
async fn a_socket_opens_where_the_log_ends_by_then() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, _, channel) = one.two_members().await;
    two.get(&format!("/channels/{channel}"), &jun).await.is(200);
    let elsewhere = connect(&one.database).await;
    elsewhere.batch_execute("begin; lock table channels in access exclusive mode").await.expect("it is free");
    let mut opening = pin!(two.socket(channel, &jun));
    let is_read = "select count(*) from pg_locks where not granted and relation = 'channels'::regclass";
    let opened = tokio::select! {
        opened = &mut opening => Some(opened),
        () = one.until(is_read) => None,
    };
    let write = format!(
        "insert into messages (channel_id, author_id, seq, content, created_at, updated_at)
            values ({channel}, {}, 1, 'elsewhere', now(), now());
        update channels set last_seq = 1 where id = {channel};
        commit",
        mina.id
    );
    elsewhere.batch_execute(&write).await.expect("it is written");
    let mut socket = match opened {
        Some(mut opened) => {
            assert_eq!(messages(&mut opened, 1).await, [(1, "elsewhere".to_owned())]);
            opened
        }
        None => opening.await,
    };
    one.said(channel, &mina, "after").await;
    assert_eq!(messages(&mut socket, 1).await, [(2, "after".to_owned())]);
}

#[tokio::test]
async fn a_nonce_is_one_message_through_whichever_nodes_it_is_sent() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, _, _, channel) = one.two_members().await;
    for number in 0..10 {
        let body = json!({ "content": "once", "nonce": format!("n{number}") });
        let (first, second) = join(one.say(channel, &mina, body.clone()), two.say(channel, &mina, body)).await;
        let (first, second) = (first.json(), second.json());
        assert_eq!((&first["id"], &first["seq"]), (&second["id"], &second["seq"]), "{first} {second}");
    }
    assert_eq!(one.log(channel, &mina).await.len(), 10);
}

#[tokio::test]
async fn a_right_that_ends_through_one_node_has_ended_on_every_other_when_that_is_answered() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, server, channel) = one.two_members().await;
    for round in 0..10 {
        let (mut socket, mut gateway) = (two.socket(channel, &jun).await, two.subscriber(&jun, channel).await);
        two.get(&format!("/channels/{channel}"), &jun).await.is(200);
        let ban = format!("/servers/{server}/bans/{}", jun.id);
        match round % 3 {
            0 => one.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204),
            1 => one.delete(&format!("/servers/{server}/members/{}", jun.id), &mina).await.is(204),
            _ => one.put(&ban, &mina, Value::Null).await.is(200),
        };
        two.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
        if round % 3 == 2 {
            two.post(&format!("/servers/{server}/join"), &jun, Value::Null).await.refuses(403, "banned");
            two.delete(&ban, &mina).await.is(204);
        }
        two.say(channel, &jun, json!({ "content": "still here" })).await.refuses(403, "not_a_member");
        let secret = format!("secret {round}");
        one.said(channel, &mina, &secret).await;
        two.said(channel, &mina, &secret).await;
        assert_eq!(close_of(&mut socket).await, 4403);
        for event in gateway.events_until_pong().await {
            assert!(!event.to_string().contains(&secret), "{event}");
        }
        one.join(&jun, server).await;
        two.get(&format!("/channels/{channel}"), &jun).await.is(200);
        gateway.close().await;
    }
}

#[tokio::test]
async fn a_login_and_a_logout_are_true_on_every_node_when_they_are_answered() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (_, jun, _, channel) = one.two_members().await;
    two.get("/users/me", &jun).await.is(200);
    for _ in 0..5 {
        let token = one.login("jun", PASSWORD).await.is(200)["access_token"].as_str().expect("a token").to_owned();
        let login = User { id: jun.id, token };
        two.get("/users/me", &login).await.is(200);
        let mut socket = two.socket(channel, &login).await;
        one.post("/auth/logout", &login, Value::Null).await.is(204);
        two.get("/users/me", &login).await.refuses(401, "token_revoked");
        assert_eq!(close_of(&mut socket).await, 4401);
    }
    two.get("/users/me", &jun).await.is(200);
}

#[tokio::test]
async fn gateways_of_one_node_hear_what_is_changed_through_another() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, server, channel) = one.two_members().await;
    let (mut gateway, _) = two.gateway(&jun).await;
    let created = one.channel(&mina, server, "garden").await;
    assert_eq!(gateway.next_of("channel.created").await["id"], created);
    one.put(&format!("/channels/{created}"), &mina, json!({ "name": "orchard" })).await.is(200);
    assert_eq!(gateway.next_of("channel.updated").await["name"], "orchard");
    one.delete(&format!("/channels/{created}"), &mina).await.is(204);
    assert_eq!(gateway.next_of("channel.deleted").await["id"], created);
    one.put(&format!("/servers/{server}"), &mina, json!({ "name": "Yard" })).await.is(200);
    assert_eq!(gateway.next_of("server.updated").await["name"], "Yard");
    one.put("/users/me", &mina, json!({ "display_name": "Mina" })).await.is(200);
    assert_eq!(gateway.next_of("user.updated").await["user"]["display_name"], "Mina");
    let ara = one.register("ara").await;
    one.join(&ara, server).await;
    assert_eq!(gateway.next_of("member.joined").await["member"]["user_id"], ara.id);
    one.call(Method::DELETE, "/users/me", &ara, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
    assert_eq!(gateway.next_of("member.left").await["user_id"], ara.id);
    let other = one.server(&jun, "Elsewhere").await;
    assert_eq!(gateway.next_of("server.joined").await["id"], other);
    // Nobody is told twice.
    let mut of_mina = one.gateway(&mina).await.0;
    one.put(&format!("/channels/{channel}"), &mina, json!({ "name": "hall" })).await.is(200);
    two.put(&format!("/channels/{channel}"), &mina, json!({ "name": "lobby" })).await.is(200);
    for socket in [&mut gateway, &mut of_mina] {
        assert_eq!(socket.next_of("channel.updated").await["name"], "hall");
        assert_eq!(socket.next_of("channel.updated").await["name"], "lobby");
        assert!(socket.events_until_pong().await.is_empty());
    }
    one.delete(&format!("/servers/{server}"), &mina).await.is(204);
    assert_eq!(gateway.next_of("server.deleted").await["id"], server);
    two.get(&format!("/channels/{channel}"), &jun).await.refuses(404, "channel_not_found");
}

#[tokio::test]
async fn edits_deletions_and_reactions_through_one_node_are_told_by_another() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, _, channel) = one.two_members().await;
    let mut gateway = two.subscriber(&jun, channel).await;
    let message = one.said(channel, &mina, "draft").await;
    assert_eq!(gateway.hears("draft").await["seq"], 1);
    let path = format!("/channels/{channel}/messages/{message}");
    one.patch(&path, &mina, json!({ "content": "final" })).await.is(200);
    assert_eq!(gateway.next_of("message.updated").await["content"], "final");
    assert_eq!(two.get(&path, &jun).await.is(200)["content"], "final");
    one.delete(&path, &mina).await.is(204);
    assert_eq!(gateway.next_of("message.deleted").await["seq"], 3);
    let page = two.get(&format!("/channels/{channel}/messages"), &jun).await.is(200);
    assert_eq!(page, json!([]));
}

/// Also where somebody has just read the page, and it could be answered from memory.
#[tokio::test]
async fn a_page_has_what_was_said_through_another_node() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, _, channel) = one.two_members().await;
    let _watching = two.socket(channel, &jun).await;
    for number in 1..=10 {
        one.said(channel, &mina, &number.to_string()).await;
        let page = two.get(&format!("/channels/{channel}/messages?limit=50"), &jun).await.is(200);
        assert_eq!(page.as_array().map(Vec::len), Some(number));
    }
}

/// A failover has lost what commits did not wait for: what is changed next has numbers that nodes have applied already.
#[tokio::test]
async fn nodes_begin_anew_where_the_database_has_lost_what_they_have_applied() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (_, jun, server, channel) = one.two_members().await;
    let mut socket = two.socket(channel, &jun).await;
    one.sql("begin; delete from rights; update rights_head set last_seq = 0; commit").await;
    assert_eq!(close_of(&mut socket).await, 1012);
    one.until("select (count(*) = 2)::int::bigint from nodes where applied = 0 and beat > 0").await;
    two.get(&format!("/channels/{channel}"), &jun).await.is(200);
    one.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    two.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
}

/// The log has grown past what was lost before a node has looked again.
#[tokio::test]
async fn nodes_begin_anew_where_the_database_has_something_else_in_the_place_of_what_they_have_applied() {
    let [one, two]: [TestApp; 2] = spawn_nodes().await;
    let (_, jun, _, channel) = one.two_members().await;
    let mut socket = two.socket(channel, &jun).await;
    one.sql(
        "update rights set written_at = written_at - interval '1 ms' where seq = (select last_seq from rights_head)",
    )
    .await;
    assert_eq!(close_of(&mut socket).await, 1012);
    two.get(&format!("/channels/{channel}"), &jun).await.is(200);
}

#[tokio::test]
async fn a_node_that_stops_is_waited_for_by_nobody_and_the_next_one_takes_its_place() {
    let [one, mut two]: [TestApp; 2] = spawn_nodes().await;
    let (mina, jun, server, channel) = one.two_members().await;
    two.stop().await;
    assert_eq!(one.count("select count(*) from nodes").await, 1);
    one.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    one.said(channel, &mina, "alone").await;
    assert_eq!(one.count("select count(*) from write_batches").await, 1);
}

#[tokio::test]
async fn nodes_that_do_not_go_together_say_so() {
    let alone = spawn_app().await;
    let said = refusal_beside(&alone, |config| config.cluster = true).await;
    assert!(said.contains("for itself alone") && said.contains("CLUSTER=on"), "{said}");
    let [one, _two]: [TestApp; 2] = spawn_nodes().await;
    let said = refusal_beside(&one, |_| {}).await;
    assert!(said.contains("another node uses this database") && said.contains("CLUSTER=on"), "{said}");
    let other_key = "another key that the nodes of these tests do not sign with";
    let said = refusal_beside(&one, |config| {
        config.cluster = true;
        config.secret_key = Some(other_key.into());
    })
    .await;
    assert!(said.contains("another SECRET_KEY") && !said.contains(other_key), "{said}");
    one.sql("update nodes set protocol = 7").await;
    let said = refusal_beside(&one, |config| config.cluster = true).await;
    assert!(said.contains("speaks version 7"), "{said}");
}

/// Where nobody shares it, nothing is noted for others.
#[tokio::test]
async fn a_node_alone_notes_nothing_for_others() {
    let app = spawn_app_with(|_| {}).await;
    app.two_members().await;
    assert_eq!(app.count("select count(*) + (select last_seq from rights_head) from rights").await, 0);
}
