//! Pins, and pages around a message.

use crate::support::{Value, json, spawn_app};

#[tokio::test]
async fn the_owner_pins_and_everyone_sees_it() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (rules, other) = (app.said(channel, &jun, "Rules").await, app.said(channel, &jun, "Other").await);
    let mut gateway = app.subscriber(&jun, channel).await;
    let at = |message: i64| format!("/channels/{channel}/pins/{message}");
    app.put(&at(rules), &jun, Value::Null).await.refuses(403, "missing_permission");
    for message in [rules, other, rules] {
        app.put(&at(message), &mina, Value::Null).await.is(204);
    }
    let pinned =
        json!({ "type": "message.pinned", "seq": 3, "channel_id": channel, "message_id": rules, "user_id": mina.id });
    assert_eq!(gateway.next_event().await, pinned);
    assert_eq!(gateway.next_of("message.pinned").await["message_id"], other);
    let pins = app.get(&format!("/channels/{channel}/pins"), &jun).await.is(200);
    let listed: Vec<&Value> = pins.as_array().expect("a list").iter().map(|pin| &pin["content"]).collect();
    assert_eq!(listed, ["Other", "Rules"], "the newest pin first");
    assert!(pins.as_array().expect("a list").iter().all(|pin| pin["pinned"] == true));
    let page = app.get(&format!("/channels/{channel}/messages"), &jun).await.is(200);
    assert_eq!(page[0]["pinned"], true);
    for _ in 0..2 {
        app.delete(&at(rules), &mina).await.is(204);
    }
    assert_eq!(gateway.next_of("message.unpinned").await["message_id"], rules);
    app.delete(&format!("/channels/{channel}/messages/{other}"), &jun).await.is(204);
    gateway.next_of("message.deleted").await;
    assert_eq!(app.get(&format!("/channels/{channel}/pins"), &jun).await.is(200), json!([]));
    app.put(&at(other), &mina, Value::Null).await.refuses(404, "message_not_found");
    let page = app.get(&format!("/channels/{channel}/messages"), &jun).await.is(200);
    assert_eq!(page[0].get("pinned"), None);
}

#[tokio::test]
async fn a_channel_has_two_hundred_and_fifty_pins_and_no_more() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &jun, 250).await;
    app.sql("update messages set pinned_at = now()").await;
    let message = app.said(channel, &jun, "one more").await;
    let at = format!("/channels/{channel}/pins/{message}");
    app.put(&at, &mina, Value::Null).await.refuses(400, "too_many_pins");
    assert_eq!(app.get(&format!("/channels/{channel}/pins"), &jun).await.is(200).as_array().map(Vec::len), Some(250));
    // A deleted message is no pin.
    let first = app.count("select min(id) from messages").await;
    app.delete(&format!("/channels/{channel}/messages/{first}"), &mina).await.is(204);
    app.put(&at, &mina, Value::Null).await.is(204);
}

#[tokio::test]
async fn a_page_around_a_message_has_what_lies_before_and_after_it() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut ids = Vec::new();
    for number in 0..9 {
        ids.push(app.said(channel, &jun, &number.to_string()).await);
    }
    app.delete(&format!("/channels/{channel}/messages/{}", ids[3]), &mina).await.is(204);
    let around = async |id: i64, limit: i64| {
        let page = app.get(&format!("/channels/{channel}/messages?around={id}&limit={limit}"), &mina).await.is(200);
        let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
        page.as_array().expect("a list").iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(around(ids[4], 5).await, ["1", "2", "4", "5", "6"]);
    assert_eq!(around(ids[4], 1).await, ["4"]);
    // Where one side has fewer, the other fills the page.
    assert_eq!(around(ids[0], 4).await, ["0", "1", "2", "4"]);
    assert_eq!(around(ids[8], 4).await, ["5", "6", "7", "8"]);
    // One that is gone: those on both sides of its place.
    assert_eq!(around(ids[3], 4).await, ["1", "2", "4", "5"]);
    app.get(&format!("/channels/{channel}/messages?around=1&before=2"), &mina)
        .await
        .rejects(&[(json!(["query", "around"]), "value_error")]);
}
