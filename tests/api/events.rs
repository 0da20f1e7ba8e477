//! `GET /channels/{channel_id}/events`: a channel's log over HTTP.

use crate::support::shapes::{MESSAGE_CREATED, has_shape};
use crate::support::{By, Value, json, keys, spawn_app};

#[tokio::test]
async fn the_log_over_http_is_what_sockets_hear() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let path = format!("/channels/{channel}/events");
    let epoch = app.epoch().await;
    assert_eq!(app.get(&path, &jun).await.is(200), json!({ "events": [], "last_seq": 0, "epoch": epoch }));
    let mut socket = app.socket(channel, &jun).await;
    let first = socket.say_and_hear("first").await;
    has_shape(&first, MESSAGE_CREATED);
    socket.tell(json!({ "content": "second", "nonce": "n", "reply_to": first["id"] })).await;
    let second = socket.hears("second").await;
    // A message that is sent again is in the log as it was sent first.
    socket.tell(json!({ "content": "second", "nonce": "n", "reply_to": first["id"] })).await;
    assert_eq!(socket.hears("second").await["duplicate"], true);
    let all = app.get(&path, &mina).await.is(200);
    assert_eq!(all, json!({ "events": [first, second], "last_seq": 2, "epoch": epoch }));
    let text = app.get(&format!("{path}?after=1"), &mina).await;
    assert_eq!(text.is(200), json!({ "events": [second], "last_seq": 2, "epoch": epoch }));
    assert!(text.text.contains(&second["created_at"].to_string()), "{text:?}");
    for ahead in ["2", "3", "9223372036854775807"] {
        let beyond = app.get(&format!("{path}?after={ahead}"), &mina).await.is(200);
        assert_eq!(beyond, json!({ "events": [], "last_seq": 2, "epoch": epoch }), "{ahead}");
    }
}

#[tokio::test]
async fn the_log_is_read_in_pages_to_its_end() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 2_345).await;
    let path = format!("/channels/{channel}/events");
    let page = async |query: &str| {
        let page = app.get(&format!("{path}{query}"), &jun).await.is(200);
        assert_eq!((keys(&page), &page["last_seq"]), (vec!["epoch", "events", "last_seq"], &json!(2_345)));
        let seqs = page["events"].as_array().expect("a list").iter().map(|event| event["seq"].as_i64().expect("a seq"));
        seqs.collect::<Vec<_>>()
    };
    assert_eq!(page("").await, (1..=100).collect::<Vec<_>>());
    assert_eq!(page("?limit=1").await, [1]);
    assert_eq!(page("?limit=1000&after=2000").await, (2_001..=2_345).collect::<Vec<_>>());
    let (mut read, mut after) = (Vec::new(), 0);
    while after < 2_345 {
        let page = page(&format!("/?after={after}&limit=1000")).await;
        after = *page.last().expect("more");
        read.extend(page);
    }
    assert_eq!(read, (1..=2_345).collect::<Vec<_>>());
}

#[tokio::test]
async fn only_a_member_reads_the_log_and_only_within_its_limits() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let ara = app.register("ara").await;
    let path = format!("/channels/{channel}/events");
    for (query, issues) in [
        ("limit=0", vec![("limit", "greater_than_equal")]),
        ("limit=1001", vec![("limit", "less_than_equal")]),
        ("limit=x&after=-1", vec![("after", "greater_than_equal"), ("limit", "int_parsing")]),
    ] {
        let issues: Vec<_> = issues.into_iter().map(|(name, why)| (json!(["query", name]), why)).collect();
        app.get(&format!("{path}?{query}"), &mina).await.rejects(&issues);
    }
    app.get(&path, By::Nobody).await.refuses(401, "not_authenticated");
    app.get(&path, &ara).await.refuses(403, "not_a_member");
    app.get("/channels/999999/events", &mina).await.refuses(404, "channel_not_found");
    app.get("/channels/x/events", &mina).await.refuses(422, "validation_error");
    app.get(&path, &jun).await.is(200);
    app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    app.get(&path, &jun).await.refuses(403, "not_a_member");
    app.delete(&format!("/channels/{channel}"), &mina).await.is(204);
    app.get(&path, &mina).await.refuses(404, "channel_not_found");
}
