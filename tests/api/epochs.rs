//! Clients that come back to another log than the one that they know.

use crate::support::{Value, json, spawn_app};

/// A log is restored from a backup, and goes on past what a client has seen of the one before: the numbers alone say nothing.
#[tokio::test]
async fn who_names_another_epoch_is_told_to_reload_however_far_the_log_goes() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    for number in 1..=5 {
        app.said(channel, &mina, &number.to_string()).await;
    }
    let known = app.epoch().await;
    let page = app.get(&format!("/channels/{channel}/events?after=3"), &jun).await.is(200);
    assert_eq!(page["epoch"], known.as_str());
    for (path, answer, seqs) in [
        (format!("/ws/{channel}?after=3&epoch={known}"), "replay.done", vec![4, 5]),
        (format!("/ws/{channel}?after=3"), "replay.done", vec![4, 5]),
        (format!("/ws/{channel}?after=3&epoch=another"), "resync", vec![]),
        (format!("/ws/{channel}?after=5&epoch=another"), "resync", vec![]),
    ] {
        let (mut socket, _) = app.socket_at(&format!("{path}&token={}", jun.token), &[]).await;
        for seq in seqs {
            assert_eq!(socket.next_event().await["seq"], seq, "{path}");
        }
        let end = socket.next_event().await;
        assert_eq!((&end["type"], &end["seq"], &end["epoch"]), (&json!(answer), &json!(5), &json!(known)), "{path}");
        socket.close().await;
    }
    for (named, answer) in [(json!(known), "replay.done"), (Value::Null, "replay.done"), (json!("another"), "resync")] {
        let (mut gateway, _) = app.gateway(&jun).await;
        gateway.tell(json!({ "type": "subscribe", "channel_id": channel, "after": 5, "epoch": named })).await;
        gateway.next_of("subscribed").await;
        assert_eq!(gateway.next_of(answer).await["epoch"], known.as_str());
        gateway.tell(json!({ "type": "unsubscribe", "channel_id": channel })).await;
        gateway.next_of("unsubscribed").await;
        let wanted = json!([{ "channel_id": channel, "after": 5, "epoch": named }]);
        gateway.tell(json!({ "type": "subscribe", "channels": wanted })).await;
        gateway.next_of("subscribed").await;
        assert_eq!(gateway.next_of(answer).await["epoch"], known.as_str());
        gateway.close().await;
    }
    let (mut gateway, _) = app.gateway(&jun).await;
    gateway.tell(json!({ "type": "subscribe", "channel_id": channel, "after": 5, "epoch": "another" })).await;
    gateway.next_of("subscribed").await;
    assert_eq!(gateway.next_of("resync").await["seq"], 5);
    app.said(channel, &mina, "next").await;
    assert_eq!(gateway.next_message().await["seq"], 6, "it goes on from there");
    gateway.tell(json!({ "type": "subscribe", "channel_id": channel, "after": 5, "epoch": 7 })).await;
    assert_eq!(gateway.next_error("after_invalid").await["field"], "epoch");
}

#[tokio::test]
async fn another_epoch_begins_with_another_database_and_not_with_a_start() {
    let mut app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let first = app.gateway(&mina).await.1["epoch"].clone();
    app.restart().await;
    assert_eq!(app.gateway(&mina).await.1["epoch"], first);
    // As a backup says that was made elsewhere.
    app.sql("update log_epoch set place = '7/1'").await;
    app.restart().await;
    let second = app.gateway(&mina).await.1["epoch"].clone();
    assert_ne!(second, first);
    app.said(channel, &mina, "one").await;
    let path = format!("/ws/{channel}?after=0&epoch={}&token={}", first.as_str().expect("a name"), mina.token);
    let mut socket = app.socket_at(&path, &[]).await.0;
    assert_eq!(socket.next_of("resync").await["epoch"], second);
    // An operator says so.
    app.sql("update log_epoch set epoch = default").await;
    app.restart().await;
    assert_ne!(app.gateway(&mina).await.1["epoch"], second);
}
