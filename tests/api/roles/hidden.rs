//! Channels that somebody may not see are not there for them; what was said before may be kept from those who see them.

use super::{all_but, every_member_may, held, role_of, until};
use crate::support::{Socket, TestApp, Value, json, spawn_app, spawn_nodes};

/// The types of everything that a gateway hears now.
async fn types(gateway: &mut Socket) -> Vec<String> {
    let events = gateway.events_until_pong().await;
    events.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn who_may_not_see_a_channel_loses_it_before_the_call_is_answered() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let (mut gateway, mut socket) = (app.subscriber(&jun, channel).await, app.socket(channel, &jun).await);
    let mut owners = app.subscriber(&mina, channel).await;
    every_member_may(&app, &mina, server, &all_but(&["view_channel"])).await;
    app.said(channel, &mina, "behind a back").await;
    socket.expect_close(4404).await;
    let lost = json!({ "type": "unsubscribed", "channel_id": channel, "reason": "channel_not_found" });
    let heard = gateway.events_until_pong().await;
    assert!(heard.contains(&lost), "{heard:?}");
    assert!(!heard.iter().any(|event| event.to_string().contains("behind a back")), "{heard:?}");
    assert_eq!(until(&mut owners, "message.created").await["content"], "behind a back");
    // As if there were none, at both doors.
    app.get(&format!("/channels/{channel}"), &jun).await.refuses(404, "channel_not_found");
    app.get(&format!("/channels/{channel}/messages"), &jun).await.refuses(404, "channel_not_found");
    app.post(&format!("/channels/{channel}/messages"), &jun, json!({ "content": "hi" }))
        .await
        .refuses(404, "channel_not_found");
    gateway.tell(json!({ "type": "subscribe", "channel_id": channel })).await;
    assert_eq!(until(&mut gateway, "error").await["code"], "channel_not_found");
    gateway.say_in(channel, "hi", "n1").await;
    assert_eq!(until(&mut gateway, "error").await["code"], "channel_not_found");
    let detail = app.get(&format!("/servers/{server}"), &jun).await.is(200);
    assert_eq!(detail["channels"], json!([]));
    assert_eq!(app.get(&format!("/servers/{server}"), &mina).await.is(200)["channels"][0]["id"], channel);
    assert_eq!(app.gateway(&jun).await.1["servers"][0]["channels"], json!([]));
}

#[tokio::test]
async fn news_of_hidden_channels_are_for_those_who_see_them() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let ara = app.register("ara").await;
    app.join(&ara, server).await;
    let seers = app.role(&mina, server, json!({ "name": "seers", "permissions": ["view_channel"] })).await;
    app.give(&mina, server, &ara, seers).await;
    every_member_may(&app, &mina, server, &all_but(&["view_channel"])).await;
    let (mut juns, mut aras) = (app.gateway(&jun).await.0, app.gateway(&ara).await.0);
    let garden = app.channel(&mina, server, "garden").await;
    app.put(&format!("/channels/{garden}"), &mina, json!({ "name": "herbs" })).await.is(200);
    app.delete(&format!("/channels/{garden}"), &mina).await.is(204);
    assert_eq!(types(&mut aras).await, ["channel.created", "channel.updated", "channel.deleted"]);
    assert_eq!(types(&mut juns).await, [] as [&str; 0]);
    // Whoever comes to see them is told the server anew, and whoever does no longer is, too.
    app.give(&mina, server, &jun, seers).await;
    let seen = until(&mut juns, "server.joined").await;
    assert_eq!((&seen["channels"][0]["id"], &seen["my_role_ids"]), (&json!(channel), &json!([seers])));
    juns.subscribe(channel).await;
    app.patch(&role_of(server, seers), &mina, json!({ "permissions": [] })).await.is(200);
    for gateway in [&mut juns, &mut aras] {
        let hidden = until(gateway, "server.joined").await;
        assert_eq!((&hidden["channels"], &hidden["id"]), (&json!([]), &json!(server)));
    }
    every_member_may(&app, &mina, server, &all_but(&[])).await;
    assert_eq!(until(&mut juns, "server.joined").await["channels"][0]["id"], channel);
}

#[tokio::test]
async fn who_may_not_read_what_was_said_before_hears_what_is_said_now() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    app.said(channel, &mina, "before").await;
    app.said(channel, &mina, "before that").await;
    every_member_may(&app, &mina, server, &all_but(&["read_history"])).await;
    for path in ["messages", "events", "pins"] {
        let answer = app.get(&format!("/channels/{channel}/{path}"), &jun).await;
        answer.refuses(403, "missing_permission");
        assert!(answer.json()["detail"].as_str().is_some_and(|detail| detail.contains("`read_history`")));
    }
    let mut gateway = app.gateway(&jun).await.0;
    gateway.tell(json!({ "type": "subscribe", "channel_id": channel, "after": 0 })).await;
    gateway.next_of("subscribed").await;
    let skipped = json!({ "type": "skipped", "channel_id": channel, "from": 1, "to": 2 });
    assert_eq!(gateway.next_event().await, skipped);
    assert_eq!(gateway.next_of("replay.done").await["seq"], 2);
    let mut socket = app.socket_at(&format!("/ws/{channel}?token={}&after=0", jun.token), &[]).await.0;
    assert_eq!(socket.next_event().await["type"], "replay.done");
    app.said(channel, &mina, "now").await;
    assert_eq!(
        (gateway.hears("now").await["seq"].clone(), socket.hears("now").await["seq"].clone()),
        (3.into(), 3.into())
    );
}

#[tokio::test]
async fn who_may_not_write_is_told_so_on_every_way() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let (mut gateway, mut socket) = (app.subscriber(&jun, channel).await, app.socket(channel, &jun).await);
    every_member_may(&app, &mina, server, &all_but(&["send_messages", "send_in_threads"])).await;
    let answer = app.post(&format!("/channels/{channel}/messages"), &jun, json!({ "content": "hi" })).await;
    answer.refuses(403, "missing_permission");
    assert_eq!(gateway.next_of("role.updated").await["server_id"], server);
    gateway.say_in(channel, "hi", "n1").await;
    let error = gateway.next_of("error").await;
    assert_eq!((&error["code"], &error["nonce"]), (&json!("missing_permission"), &json!("n1")));
    socket.tell(json!({ "content": "hi", "nonce": "n2" })).await;
    let error = socket.next_of("error").await;
    assert_eq!((&error["code"], &error["nonce"]), (&json!("missing_permission"), &json!("n2")));
    every_member_may(&app, &mina, server, &all_but(&[])).await;
    assert_eq!(gateway.next_of("role.updated").await["server_id"], server);
    gateway.say_in(channel, "hi", "n1").await;
    until(&mut gateway, "ack").await;
}

/// Who has left and joined again before a node has looked has none of the roles that they had.
#[tokio::test]
async fn who_comes_back_at_once_has_lost_what_their_roles_gave() {
    let [one, two, three] = spawn_nodes().await;
    let (mina, jun, server, channel) = one.two_members().await;
    let seers = one.role(&mina, server, json!({ "name": "seers", "permissions": ["view_channel"] })).await;
    every_member_may(&one, &mina, server, &all_but(&["view_channel"])).await;
    one.give(&mina, server, &jun, seers).await;
    let (mut gateway, mut socket) = (two.subscriber(&jun, channel).await, three.socket(channel, &jun).await);
    let (user, columns) = (jun.id, "(user_id, server_id)");
    one.sql(&format!(
        "begin;
        delete from user_servers where user_id = {user} and server_id = {server};
        insert into user_servers {columns} values ({user}, {server});
        commit"
    ))
    .await;
    assert_eq!(until(&mut gateway, "unsubscribed").await["channel_id"], channel);
    socket.expect_close(4404).await;
    one.get(&format!("/channels/{channel}"), &jun).await.refuses(404, "channel_not_found");
}

/// Whatever is taken at one node is gone at all of them when that is answered.
#[tokio::test]
async fn a_channel_is_hidden_on_every_node() {
    let [one, two, three] = spawn_nodes().await;
    let (mina, jun, server, channel) = one.two_members().await;
    let seers = one.role(&mina, server, json!({ "name": "seers", "permissions": ["view_channel"] })).await;
    every_member_may(&one, &mina, server, &all_but(&["view_channel"])).await;
    let loses = async |node: &TestApp, by: &TestApp, round: usize| {
        by.give(&mina, server, &jun, seers).await;
        let (mut gateway, mut socket) = (node.subscriber(&jun, channel).await, node.socket(channel, &jun).await);
        match round % 2 {
            0 => drop(by.delete(&held(server, &jun, seers), &mina).await.is(204)),
            _ => drop(by.patch(&role_of(server, seers), &mina, json!({ "permissions": [] })).await.is(200)),
        }
        let content = format!("behind a back {round}");
        by.said(channel, &mina, &content).await;
        socket.expect_close(4404).await;
        let heard = gateway.events_until_pong().await;
        assert!(heard.iter().any(|event| event["type"] == "unsubscribed"), "{heard:?}");
        assert!(!heard.iter().any(|event| event["content"] == json!(content)), "{heard:?}");
        node.get(&format!("/channels/{channel}"), &jun).await.refuses(404, "channel_not_found");
        one.patch(&role_of(server, seers), &mina, json!({ "permissions": ["view_channel"] })).await.is(200);
    };
    for round in 0..4 {
        loses(&two, &one, round).await;
        loses(&three, &two, round).await;
        loses(&one, &one, round).await;
    }
    one.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
}
