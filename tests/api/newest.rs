//! The newest page of a channel with life: from memory, and always what the database would say.

use crate::support::database::connect;
use crate::support::{Method, PASSWORD, Socket, TestApp, User, Value, json, spawn_app};
use futures_util::future::join_all;

const THUMB: &str = "%F0%9F%91%8D";

fn newest(channel: i64, limit: i64) -> String {
    format!("/channels/{channel}/messages?limit={limit}")
}

/// Asks until the page is in memory, if it is ever kept.
async fn warm(app: &TestApp, channel: i64, by: &User) {
    for _ in 0..3 {
        app.get(&newest(channel, 50), by).await.is(200);
    }
}

/// From memory it is the same, to the byte, as from the database, for everyone.
async fn is_as_stored(app: &TestApp, channel: i64, readers: &[&User]) {
    for reader in readers {
        warm(app, channel, reader).await;
        for limit in [1, 2, 50, 100] {
            let stored = app.get(&format!("{}&before={}", newest(channel, limit), i64::MAX), *reader).await;
            let here = app.get(&newest(channel, limit), *reader).await;
            assert_eq!((here.status, here.header("content-type")), (200, "application/json"));
            assert_eq!(here.text, stored.text, "the last {limit}");
        }
    }
}

/// Answers though nobody can read messages from the database.
async fn needs_no_database(app: &TestApp, channel: i64, by: &User) -> Value {
    warm(app, channel, by).await;
    let lock = app.lock_messages().await;
    let page = app.get(&newest(channel, 100), by).await.is(200);
    lock.batch_execute("rollback").await.expect("it is open");
    page
}

/// Asks while nobody can read messages, and sees that PostgreSQL was asked.
async fn asks_the_database(app: &TestApp, channel: i64, by: &User) {
    warm(app, channel, by).await;
    let lock = app.lock_messages().await;
    let asked = async {
        app.until(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name = 'madang' and wait_event_type = 'Lock'",
        )
        .await;
        lock.batch_execute("rollback").await.expect("it is open");
    };
    let path = newest(channel, 50);
    let (answer, ()) = tokio::join!(app.get(&path, by), asked);
    answer.is(200);
}

/// Says something, and waits until it is heard, whatever comes before it.
async fn say(socket: &mut Socket, content: &str) {
    socket.say(content).await;
    while socket.next_event().await["content"] != content {}
}

#[tokio::test]
async fn the_newest_page_is_as_stored_after_every_kind_of_entry() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let all: [&User; 2] = [&mina, &jun];
    is_as_stored(&app, channel, &all).await;
    let mut socket = app.hears_all(channel, &mina, None).await;
    is_as_stored(&app, channel, &all).await;
    let first = app.said(channel, &jun, "first \u{1f3e1} \"\\\u{7f}").await;
    say(&mut socket, "second").await;
    app.say(channel, &jun, json!({ "content": "an answer", "reply_to": first, "nonce": "n\"1" })).await.is(201);
    is_as_stored(&app, channel, &all).await;
    for number in 0..120 {
        say(&mut socket, &format!("{number} {}", "a longer one ".repeat(number))).await;
        if number % 40 == 0 {
            is_as_stored(&app, channel, &all).await;
        }
    }
    assert_eq!(needs_no_database(&app, channel, &jun).await.as_array().map(Vec::len), Some(100));
    let (last, other) = (app.said(channel, &jun, "the last").await, app.said(channel, &jun, "another").await);
    let at = |message: i64| format!("/channels/{channel}/messages/{message}");
    let reaction = |message: i64, emoji: &str| format!("{}/reactions/{emoji}/me", at(message));
    let changes: [(Method, String, &User, Value); 10] = [
        (Method::PATCH, at(last), &jun, json!({ "content": "edited" })),
        (Method::PUT, reaction(last, THUMB), &jun, Value::Null),
        (Method::PUT, reaction(last, THUMB), &mina, Value::Null),
        (Method::PUT, reaction(last, "1%EF%B8%8F%E2%83%A3"), &mina, Value::Null),
        (Method::PUT, reaction(other, THUMB), &mina, Value::Null),
        (Method::PUT, format!("/channels/{channel}/pins/{last}"), &mina, Value::Null),
        (Method::DELETE, reaction(last, THUMB), &jun, Value::Null),
        (Method::DELETE, format!("/channels/{channel}/pins/{last}"), &mina, Value::Null),
        (Method::DELETE, format!("{}/reactions", at(other)), &mina, Value::Null),
        (Method::DELETE, at(last), &jun, Value::Null),
    ];
    for (method, path, by, body) in changes {
        let answer = app.call(method, &path, by, |call| if body.is_null() { call } else { call.json(&body) }).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        is_as_stored(&app, channel, &all).await;
        say(&mut socket, "and one more").await;
        is_as_stored(&app, channel, &all).await;
    }
    let page = needs_no_database(&app, channel, &jun).await;
    assert!(!page.to_string().contains("edited"), "{page}");
    app.call(Method::DELETE, "/users/me", &jun, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
    let page = app.get(&newest(channel, 100), &mina).await.is(200);
    assert!(!page.to_string().contains("\"jun\"") && page.to_string().contains("deleted user"), "{page}");
    is_as_stored(&app, channel, &[&mina]).await;
}

/// Whoever asks once a message was answered finds it, whoever asks once a deletion was answered does not, however many ask meanwhile.
#[tokio::test]
async fn a_page_has_what_was_answered_and_nothing_that_is_gone() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let _life = app.socket(channel, &mina).await;
    let path = newest(channel, 50);
    for round in 0..25 {
        let content = format!("secret of round {round}");
        let is_over = std::cell::Cell::new(false);
        let readers = join_all((0..6).map(|number| {
            let (app, path, by, is_over) = (&app, &path, if number % 2 == 0 { &mina } else { &jun }, &is_over);
            async move {
                while !is_over.get() {
                    app.get(path, by).await.is(200);
                }
            }
        }));
        let writer = async {
            let id = app.said(channel, &jun, &content).await;
            let page = app.get(&path, &mina).await;
            assert!(page.text.contains(&content), "{}", page.text);
            app.delete(&format!("/channels/{channel}/messages/{id}"), &jun).await.is(204);
            let page = app.get(&path, &mina).await;
            assert!(!page.text.contains(&content), "{}", page.text);
            is_over.set(true);
        };
        tokio::join!(readers, writer);
    }
    is_as_stored(&app, channel, &[&mina, &jun]).await;
}

#[tokio::test]
async fn what_somebody_else_has_written_is_in_the_page_once_it_is_heard() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("one").await;
    warm(&app, channel, &mina).await;
    app.write_behind(channel, &jun, 2).await;
    socket.say("four").await;
    for content in ["entry 2", "entry 3", "four"] {
        assert_eq!(socket.next_message().await["content"], content);
    }
    assert_eq!(app.get(&newest(channel, 50), &jun).await.is(200).as_array().map(Vec::len), Some(4));
    is_as_stored(&app, channel, &[&mina, &jun]).await;
}

/// A send that is refused gives a channel life, and no place in its log.
#[tokio::test]
async fn a_channel_that_does_not_know_its_log_keeps_no_page() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    for nonce in ["a", "b"] {
        app.say(channel, &mina, json!({ "content": "to nothing", "reply_to": 1_000, "nonce": nonce }))
            .await
            .refuses(400, "reply_to_not_found");
        warm(&app, channel, &mina).await;
        app.write_behind(channel, &jun, 1).await;
        is_as_stored(&app, channel, &[&mina]).await;
    }
    app.said(channel, &mina, "three").await;
    is_as_stored(&app, channel, &[&mina]).await;
    assert_eq!(needs_no_database(&app, channel, &mina).await.as_array().map(Vec::len), Some(3));
}

/// A channel without life is not remembered, nor is a page with so many reactions that whose they are would fill the memory.
#[tokio::test]
async fn what_is_not_kept_is_asked_of_the_database() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Lunch?").await;
    needs_no_database(&app, channel, &jun).await;
    app.restart().await;
    asks_the_database(&app, channel, &jun).await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("life").await;
    needs_no_database(&app, channel, &jun).await;
    let database = connect(&app.database).await;
    let many = format!(
        "insert into reactions (channel_id, message_id, emoji, user_id, created_at)
             select {channel}, {message}, '👍', 1000000 + n, now() from generate_series(1, 1000) n;
         update messages set reactions = '[{{\"emoji\":\"👍\",\"count\":1000}}]' where id = {message}"
    );
    database.batch_execute(&many).await.expect("good SQL");
    // The node is told of the next one.
    socket.say_and_hear("what is kept is forgotten at a change").await;
    let path = format!("/channels/{channel}/messages/{message}/reactions/{THUMB}/me");
    for user in [&mina, &jun] {
        app.put(&path, user, Value::Null).await.is(204);
    }
    asks_the_database(&app, channel, &jun).await;
    app.delete(&path, &jun).await.is(204);
    asks_the_database(&app, channel, &jun).await;
    app.delete(&path, &mina).await.is(204);
    let page = needs_no_database(&app, channel, &jun).await;
    assert_eq!(page[0]["reactions"], json!([{ "emoji": "👍", "count": 1_000, "me": false }]));
}
