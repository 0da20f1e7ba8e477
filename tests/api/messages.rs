//! A channel's history.

use crate::support::shapes::{MESSAGE, has_shape};
use crate::support::{TestApp, User, Value, id, json, spawn_app};

/// A member with a channel of `count` messages, numbered from 1.
async fn channel_with(app: &TestApp, count: i64) -> (User, i64) {
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.sql(&format!(
        "insert into messages (channel_id, author_id, seq, content, created_at, updated_at)
         select {channel}, {}, n, n, now(), now() from generate_series(1, {count}) n;
         update channels set last_seq = {count} where id = {channel}",
        mina.id
    ))
    .await;
    (mina, channel)
}

async fn page(app: &TestApp, user: &User, channel: i64, query: &str) -> Vec<Value> {
    let page = app.get(&format!("/channels/{channel}/messages{query}"), user).await.is(200);
    page.as_array().expect("a list").clone()
}

/// The numbers that the messages of a page have as their content.
fn numbers(page: &[Value]) -> Vec<i64> {
    page.iter()
        .map(|message| message["content"].as_str().and_then(|text| text.parse().ok()).expect("a number"))
        .collect()
}

#[tokio::test]
async fn what_is_said_on_the_socket_is_in_the_history() {
    let app = spawn_app().await;
    let (mina, channel) = channel_with(&app, 0).await;
    assert_eq!(page(&app, &mina, channel, "").await, [] as [Value; 0]);
    let mut socket = app.socket(channel, &mina).await;
    let mut events = Vec::new();
    for content in ["Hello, World!", " kept as sent \n", "🏡 마당", "\"quoted\" \\ \u{1}"] {
        events.push(socket.say_and_hear(content).await);
    }
    let history = page(&app, &mina, channel, "").await;
    history.iter().for_each(|message| has_shape(message, MESSAGE));
    for (event, message) in events.iter_mut().zip(&history) {
        event.as_object_mut().expect("an event").remove("type");
        assert_eq!(event, message);
    }
    assert_eq!(history.len(), events.len());
    assert_eq!((&history[0]["author_username"], history[0]["author_id"].as_i64()), (&json!("mina"), Some(mina.id)));
}

#[tokio::test]
async fn a_page_has_the_newest_messages_oldest_first() {
    let app = spawn_app().await;
    let (mina, channel) = channel_with(&app, 120).await;
    for (query, from, to) in [
        ("", 71, 120),
        ("?limit=3", 118, 120),
        ("?limit=100", 21, 120),
        ("?limit=3&offset=1", 117, 119),
        ("?offset=100", 1, 20),
        ("?limit=100&offset=119", 1, 1),
        ("?limit=%33&offset=0&unknown=x", 118, 120),
    ] {
        assert_eq!(numbers(&page(&app, &mina, channel, query).await), (from..=to).collect::<Vec<_>>(), "{query}");
    }
    assert_eq!(page(&app, &mina, channel, "?offset=120").await, [] as [Value; 0]);
    assert_eq!(page(&app, &mina, channel, "?offset=10000").await, [] as [Value; 0]);
}

#[tokio::test]
async fn before_and_after_walk_the_whole_history_in_both_directions() {
    let app = spawn_app().await;
    let (mina, channel) = channel_with(&app, 25).await;
    let all = page(&app, &mina, channel, "?limit=100").await;
    let (mut back, mut cursor) = (page(&app, &mina, channel, "?limit=10").await, 0);
    while let Some(first) = back.first().filter(|first| id(first) != cursor) {
        cursor = id(first);
        let mut older = page(&app, &mina, channel, &format!("?limit=10&before={cursor}")).await;
        older.append(&mut back);
        back = older;
    }
    assert_eq!(back, all);
    let (mut forth, mut cursor) = (Vec::new(), 0);
    loop {
        let newer = page(&app, &mina, channel, &format!("?limit=10&after={cursor}")).await;
        let Some(last) = newer.last() else { break };
        cursor = id(last);
        forth.extend(newer);
    }
    assert_eq!(forth, all);
    let middle = id(&all[12]);
    let near = page(&app, &mina, channel, &format!("?limit=2&before={middle}")).await;
    assert_eq!(numbers(&near), [11, 12]);
    let near = page(&app, &mina, channel, &format!("?limit=2&after={middle}&offset=0")).await;
    assert_eq!(numbers(&near), [14, 15]);
    assert_eq!(page(&app, &mina, channel, &format!("?after={}", i64::MAX)).await, [] as [Value; 0]);
}

#[tokio::test]
async fn a_query_out_of_range_is_named_with_its_place() {
    let app = spawn_app().await;
    let (mina, channel) = channel_with(&app, 1).await;
    for (query, field, kind) in [
        ("limit=0", "limit", "greater_than_equal"),
        ("limit=-1", "limit", "greater_than_equal"),
        ("limit=101", "limit", "less_than_equal"),
        ("limit=many", "limit", "int_parsing"),
        ("limit=", "limit", "int_parsing"),
        ("limit=1.5", "limit", "int_parsing"),
        ("offset=-1", "offset", "greater_than_equal"),
        ("offset=10001", "offset", "less_than_equal"),
        ("offset=99999999999999999999", "offset", "less_than_equal"),
        ("before=x", "before", "int_parsing"),
        ("after=-1", "after", "greater_than_equal"),
        ("before=1&after=1", "after", "value_error"),
        ("before=1&offset=1", "offset", "value_error"),
    ] {
        let answer = app.get(&format!("/channels/{channel}/messages?{query}"), &mina).await;
        answer.rejects(&[(json!(["query", field]), kind)]);
    }
    let two = app.get(&format!("/channels/{channel}/messages?limit=0&offset=x"), &mina).await;
    two.rejects(&[(json!(["query", "limit"]), "greater_than_equal"), (json!(["query", "offset"]), "int_parsing")]);
}

#[tokio::test]
async fn only_members_read_a_history() {
    let app = spawn_app().await;
    let (mina, channel) = channel_with(&app, 1).await;
    let jun = app.register("jun").await;
    app.get(&format!("/channels/{channel}/messages"), &jun).await.refuses(403, "not_a_member");
    app.get(&format!("/channels/{}/messages", channel + 1), &mina).await.refuses(404, "channel_not_found");
}

#[tokio::test]
async fn a_channel_has_its_own_messages_only() {
    let app = spawn_app().await;
    let (mina, channel) = channel_with(&app, 3).await;
    let server = app.get(&format!("/channels/{channel}"), &mina).await.is(200)["server_id"].as_i64().expect("an id");
    let other = app.channel(&mina, server, "other").await;
    app.socket(other, &mina).await.say_and_hear("elsewhere").await;
    assert_eq!(numbers(&page(&app, &mina, channel, "").await), [1, 2, 3]);
    let elsewhere = page(&app, &mina, other, "").await;
    assert_eq!((elsewhere.len(), &elsewhere[0]["seq"]), (1, &json!(1)));
}
