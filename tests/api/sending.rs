//! Sending exactly once: nonces at both doors, replies, and sends that fail.

use crate::support::raw::masked;
use crate::support::shapes::{MESSAGE, MESSAGE_CREATED, has_shape};
use crate::support::{Answer, Method, Socket, TestApp, User, Value, id, json, spawn_app, spawn_hasty_app};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};

/// How many batches wait for a lock.
const WAITS: &str = "select count(*) from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock' and application_name = 'madang writer'";

async fn post_with_key(app: &TestApp, channel: i64, by: &User, key: &str, body: Value) -> Answer {
    let path = format!("/channels/{channel}/messages");
    app.call(Method::POST, &path, by, |call| call.header("idempotency-key", key).json(&body)).await
}

async fn rows(app: &TestApp) -> i64 {
    app.count("select count(*) from messages").await
}

fn without(mut value: Value, fields: &[&str]) -> Value {
    let object = value.as_object_mut().expect("an object");
    fields.iter().for_each(|field| assert!(object.remove(*field).is_some(), "no `{field}`"));
    value
}

/// The place of a message: what a client keeps of an acknowledgement.
fn place(message: &Value) -> (i64, i64) {
    (id(message), message["seq"].as_i64().expect("a place in the log"))
}

#[tokio::test]
async fn a_nonce_comes_back_with_the_message_and_everyone_sees_it() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut minas, mut juns) = (app.socket(channel, &mina).await, app.socket(channel, &jun).await);
    minas.tell(json!({ "type": "message.send", "content": "hi", "nonce": "민아 №1" })).await;
    let event = minas.hears("hi").await;
    assert_eq!((&event["nonce"], &event["seq"]), (&json!("민아 №1"), &json!(1)));
    has_shape(&without(event.clone(), &["nonce"]), MESSAGE_CREATED);
    assert_eq!(juns.next_event().await, event);
    let posted = app.say(channel, &jun, json!({ "content": "hello", "nonce": "j-1" })).await.is(201);
    assert_eq!((&posted["nonce"], &posted["seq"]), (&json!("j-1"), &json!(2)));
    has_shape(&without(posted.clone(), &["nonce"]), MESSAGE);
    for socket in [&mut minas, &mut juns] {
        assert_eq!(without(socket.hears("hello").await, &["type"]), posted);
        socket.hears_nothing().await;
    }
    let bare = app.say(channel, &jun, json!({ "content": "no nonce", "nonce": null })).await.is(201);
    has_shape(&bare, MESSAGE);
    let history = app.get(&format!("/channels/{channel}/messages"), &mina).await.is(200);
    assert_eq!(history, json!([without(event, &["type"]), posted, bare]));
}

#[tokio::test]
async fn an_idempotency_key_is_a_nonce_bare_or_in_quotes() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let first = post_with_key(&app, channel, &mina, "key-1", json!({ "content": "once" })).await.is(201);
    assert_eq!(first["nonce"], "key-1");
    let again = post_with_key(&app, channel, &mina, "\"key-1\"", json!({ "content": "once" })).await.is(200);
    assert_eq!(again, first);
    let both = json!({ "content": "once", "nonce": "key-1" });
    assert_eq!(post_with_key(&app, channel, &mina, "key-1", both).await.is(200), first);
    let differing = json!({ "content": "once", "nonce": "key-2" });
    let refused = post_with_key(&app, channel, &mina, "key-1", differing).await;
    refused.rejects(&[(json!(["header", "Idempotency-Key"]), "value_error")]);
    for bad in ["", "\"\"", &*"k".repeat(65)] {
        let refused = post_with_key(&app, channel, &mina, bad, json!({ "content": "once" })).await;
        refused.rejects(&[(json!(["header", "Idempotency-Key"]), "nonce_invalid")]);
    }
    post_with_key(&app, channel, &mina, &"k".repeat(64), json!({ "content": "once" })).await.is(201);
    assert_eq!(rows(&app).await, 2);
}

#[tokio::test]
async fn what_is_sent_again_is_answered_with_the_first_at_both_doors() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut minas, mut juns) = (app.socket(channel, &mina).await, app.socket(channel, &jun).await);
    let send = json!({ "content": "once", "nonce": "m-1" });
    minas.tell(send.clone()).await;
    let first = minas.hears("once").await;
    assert_eq!(juns.next_event().await, first);
    for _ in 0..3 {
        minas.tell(send.clone()).await;
        let again = minas.next_message().await;
        assert_eq!(again["duplicate"], true, "{again}");
        assert_eq!(without(again, &["duplicate"]), first);
    }
    let over_http = app.say(channel, &mina, send).await.is(200);
    assert_eq!(over_http, without(first, &["type"]));
    // The other way round: made over HTTP, sent again on a socket.
    let posted = app.say(channel, &mina, json!({ "content": "posted", "nonce": "m-2" })).await.is(201);
    assert_eq!(place(&minas.hears("posted").await), place(&posted));
    minas.tell(json!({ "content": "posted", "nonce": "m-2" })).await;
    let again = minas.hears("posted").await;
    assert_eq!((place(&again), &again["duplicate"]), (place(&posted), &json!(true)));
    minas.hears_nothing().await;
    // Only its sender hears of it.
    juns.hears("posted").await;
    assert_eq!(juns.say_and_hear("barrier").await["seq"], 3);
    assert_eq!(rows(&app).await, 3);
}

#[tokio::test]
async fn a_node_that_has_just_started_knows_what_was_sent_before() {
    let mut app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    socket.tell(json!({ "content": "before", "nonce": "s" })).await;
    let on_socket = place(&socket.hears("before").await);
    let over_http = place(&app.say(channel, &mina, json!({ "content": "before", "nonce": "h" })).await.is(201));
    app.restart().await;
    let mut socket = app.socket(channel, &mina).await;
    for (nonce, made) in [("s", on_socket), ("h", over_http)] {
        let send = json!({ "content": "before", "nonce": nonce });
        socket.tell(send.clone()).await;
        let again = socket.hears("before").await;
        assert_eq!((place(&again), &again["duplicate"]), (made, &json!(true)));
        assert_eq!(place(&app.say(channel, &mina, send).await.is(200)), made);
    }
    assert_eq!(socket.say_and_hear("after").await["seq"], 3);
    assert_eq!(rows(&app).await, 3);
}

#[tokio::test]
async fn a_nonce_with_other_content_is_a_conflict() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    let first = id(&socket.say_and_hear("first").await);
    socket.tell(json!({ "content": "mine", "nonce": "n" })).await;
    socket.hears("mine").await;
    for other in
        [json!({ "content": "mine ", "nonce": "n" }), json!({ "content": "mine", "nonce": "n", "reply_to": first })]
    {
        socket.tell(other.clone()).await;
        assert_eq!(socket.next_error("nonce_conflict").await["nonce"], "n");
        app.say(channel, &mina, other).await.refuses(409, "nonce_conflict");
    }
    // In one burst as well, where both may be in one batch.
    let sends = [r#"{"content": "a", "nonce": "x"}"#, r#"{"content": "b", "nonce": "x"}"#];
    let mut raw = app.raw_socket(channel, &mina.token).await;
    raw.send(&sends.iter().flat_map(|send| masked(0x81, send.as_bytes())).collect::<Vec<_>>()).await;
    assert_eq!(raw.event().await["content"], "a");
    let error = raw.event().await;
    assert_eq!((&error["code"], &error["nonce"]), (&json!("nonce_conflict"), &json!("x")), "{error}");
    socket.hears("a").await;
    assert_eq!(socket.say_and_hear("last").await["seq"], 4, "what was refused took no number");
}

/// All of the burst are in one batch, in which the nonce stands twice.
#[tokio::test]
async fn a_burst_keeps_its_order_also_where_a_nonce_stands_in_it_twice() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let lock = app.lock_messages().await;
    let mut raw = app.raw_socket(channel, &mina.token).await;
    raw.send_frame(0x81, br#"{"content": "plug"}"#).await;
    app.until(WAITS).await;
    let sends = [
        json!({ "content": "first", "nonce": "n", "reply_to": 999_999 }),
        json!({ "content": "first", "nonce": "n" }),
        json!({ "content": "second" }),
    ];
    raw.send(&sends.iter().flat_map(|send| masked(0x81, send.to_string().as_bytes())).collect::<Vec<_>>()).await;
    // Answered by the session itself, so they have been taken.
    raw.send_frame(0x89, b"").await;
    assert_eq!(raw.frame().await.map(|frame| frame.opcode), Some(10));
    lock.batch_execute("commit").await.expect("it was open");
    let mut heard = Vec::new();
    for _ in 0..4 {
        let event = raw.event().await;
        heard.push(event["content"].as_str().or(event["code"].as_str()).unwrap_or_default().to_owned());
    }
    let refused = heard.iter().position(|what| what == "reply_to_not_found").expect("the first of the two is refused");
    heard.remove(refused);
    assert_eq!(heard, ["plug", "first", "second"]);
}

#[tokio::test]
async fn the_same_nonce_of_another_author_or_in_another_channel_is_another_message() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let other = app.channel(&mina, server, "other").await;
    let send = json!({ "content": "the same", "nonce": "n" });
    let calls = [(channel, &mina), (channel, &jun), (other, &mina), (other, &jun)];
    let made = join_all(calls.map(|(channel, by)| app.say(channel, by, send.clone()))).await;
    let ids: BTreeSet<_> = made.iter().map(|answer| id(&answer.is(201))).collect();
    assert_eq!(ids.len(), 4);
    for (answer, (channel, by)) in made.iter().zip(calls) {
        let made = answer.is(201);
        assert_eq!((made["channel_id"].as_i64(), made["author_id"].as_i64()), (Some(channel), Some(by.id)));
        assert_eq!(app.say(channel, by, send.clone()).await.is(200), made);
    }
    assert_eq!(rows(&app).await, 4);
}

#[tokio::test]
async fn twenty_sends_of_one_nonce_at_once_are_one_message_and_twenty_answers() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut sockets: Vec<Socket> = join_all((0..5).map(|_| app.socket(channel, &mina))).await;
    let heard = join_all(sockets.iter_mut().map(async |socket| {
        for _ in 0..4 {
            socket.tell(json!({ "content": "once", "nonce": "same" })).await;
        }
        // Answers to sends of one nonce come in their order: this is the last one.
        socket.tell(json!({ "content": "the end", "nonce": "same" })).await;
        let mut heard = Vec::new();
        loop {
            let event = socket.next_event().await;
            if event["code"] == "nonce_conflict" {
                return heard;
            }
            heard.push(event);
        }
    }))
    .await;
    let places: BTreeSet<_> = heard.iter().flatten().map(place).collect();
    assert_eq!(places.len(), 1, "{heard:?}");
    let duplicates = |heard: &[Value]| heard.iter().filter(|event| event["duplicate"] == true).count();
    assert_eq!(heard.iter().map(|heard| duplicates(heard)).sum::<usize>(), 19, "{heard:?}");
    assert!(heard.iter().all(|heard| heard.len() - duplicates(heard) == 1), "each heard it once: {heard:?}");
    let send = json!({ "content": "posted", "nonce": "at once" });
    let posts = join_all((0..20).map(|_| app.say(channel, &mina, send.clone()))).await;
    let mut statuses: Vec<u16> = posts.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 19].as_slice(), &[201]].concat());
    assert_eq!(posts.iter().map(|answer| place(&answer.json())).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(rows(&app).await, 2);
}

#[tokio::test]
async fn a_send_that_failed_has_not_used_its_nonce_up() {
    let app = spawn_hasty_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    let (on_socket, over_http) =
        (json!({ "content": "poison", "nonce": "s" }), json!({ "content": "poison", "nonce": "h" }));
    app.sql("alter table messages add constraint no_poison check (content <> 'poison')").await;
    socket.tell(on_socket.clone()).await;
    assert_eq!(socket.next_error("invalid_content").await["nonce"], "s");
    app.say(channel, &mina, over_http.clone()).await.refuses(400, "invalid_content");
    app.sql("alter table messages drop constraint no_poison").await;
    let lock = app.lock_channel(channel).await;
    socket.tell(on_socket.clone()).await;
    let error = socket.refused_in_the_end("unavailable").await;
    assert_eq!(error["nonce"], "s");
    assert!(error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
    app.say(channel, &mina, over_http.clone()).await.refuses(503, "unavailable");
    lock.batch_execute("commit").await.expect("it was open");
    assert_eq!(rows(&app).await, 0);
    socket.tell(on_socket).await;
    let event = socket.hears("poison").await;
    assert_eq!((&event["seq"], &event["duplicate"]), (&json!(1), &Value::Null));
    assert_eq!(app.say(channel, &mina, over_http).await.is(201)["seq"], 2);
}

/// 64 may be on their way: which are too many is said by their nonces, and all can be sent again.
#[tokio::test]
async fn what_was_refused_as_busy_can_be_sent_again() {
    let app = spawn_hasty_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut raw = app.raw_socket(channel, &mina.token).await;
    let lock = app.lock_channel(channel).await;
    let send = |at: usize| masked(0x81, format!(r#"{{"content": "m{at}", "nonce": "{at}"}}"#).as_bytes());
    // In one burst, so that all have come before any is given up.
    raw.send(&(0..70).flat_map(send).collect::<Vec<_>>()).await;
    let mut busy: Vec<usize> = Vec::new();
    for _ in 0..70 {
        let error = raw.event().await;
        if error["code"] == "busy" {
            assert!(error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
            busy.push(error["nonce"].as_str().and_then(|nonce| nonce.parse().ok()).expect("the nonce that was sent"));
        } else {
            assert_eq!(error["code"], "unavailable", "{error}");
        }
    }
    assert_eq!(busy, (64..70).collect::<Vec<_>>());
    lock.batch_execute("commit").await.expect("it was open");
    for at in (0..70).rev() {
        raw.send(&send(at)).await;
        let event = raw.event().await;
        assert_eq!((&event["nonce"], &event["seq"]), (&json!(at.to_string()), &json!(70 - at)), "{event}");
    }
    assert_eq!(rows(&app).await, 70);
}

#[tokio::test]
async fn a_reply_names_a_message_of_the_same_channel() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let other = app.channel(&mina, server, "other").await;
    let elsewhere = id(&app.say(other, &mina, json!({ "content": "elsewhere" })).await.is(201));
    let (mut minas, mut juns) = (app.socket(channel, &mina).await, app.socket(channel, &jun).await);
    let first = id(&minas.say_and_hear("first").await);
    juns.hears("first").await;
    juns.tell(json!({ "content": "reply", "reply_to": first, "nonce": "r" })).await;
    let reply = juns.hears("reply").await;
    assert_eq!(reply["reply_to"], first);
    assert_eq!(minas.next_event().await, reply);
    let posted = app.say(channel, &mina, json!({ "content": "again", "reply_to": id(&reply) })).await.is(201);
    assert_eq!(posted["reply_to"], reply["id"]);
    let history = app.get(&format!("/channels/{channel}/messages?after={first}"), &jun).await.is(200);
    assert_eq!(history, json!([without(reply, &["type"]), posted]));
    minas.hears("again").await;
    for nothing in [elsewhere, 999_999] {
        minas.tell(json!({ "content": "to nothing", "reply_to": nothing, "nonce": "x" })).await;
        assert_eq!(minas.next_error("reply_to_not_found").await["nonce"], "x");
        let refused = app.say(channel, &mina, json!({ "content": "to nothing", "reply_to": nothing })).await;
        refused.refuses(400, "reply_to_not_found");
    }
    for bad in [json!("one"), json!(1.5), json!(-1), json!([1])] {
        minas.tell(json!({ "content": "bad", "reply_to": bad })).await;
        assert_eq!(minas.next_error("reply_to_invalid").await["field"], "reply_to");
    }
    app.say(channel, &mina, json!({ "content": "bad", "reply_to": "x" })).await.refuses(422, "validation_error");
    assert_eq!(minas.say_and_hear("last").await["seq"], 4, "what was refused took no number");
}

/// The client is gone before its message is written: it is in the log all the same, or it is not; never twice.
#[tokio::test]
async fn who_hangs_up_during_a_post_has_sent_once_or_not_at_all() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut hearer = app.socket(channel, &mina).await;
    let mut sent = Vec::new();
    for at in 0..12 {
        let body = json!({ "content": "hi", "nonce": format!("n{at}") });
        let text = body.to_string();
        let head = format!(
            "POST /channels/{channel}/messages HTTP/1.1\r\nHost: madang\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            mina.token,
            text.len()
        );
        let lock = app.lock_messages().await;
        let mut raw = app.raw().await;
        raw.send(head.as_bytes()).await;
        // Every third is gone with half of its body.
        let whole = at % 3 != 0;
        raw.send(if whole { text.as_bytes() } else { &text.as_bytes()[..10] }).await;
        if whole {
            app.until(WAITS).await;
        }
        drop(raw);
        lock.batch_execute("commit").await.expect("it was open");
        if whole {
            sent.push(body);
        }
    }
    let mut made = BTreeMap::new();
    for body in &sent {
        let answer = app.say(channel, &mina, body.clone()).await;
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        made.insert(answer.json()["nonce"].to_string(), place(&answer.json()));
    }
    let mut heard = BTreeMap::new();
    for seq in 1..=sent.len() {
        let event = hearer.hears("hi").await;
        assert_eq!(event["seq"], seq, "{event}");
        heard.insert(event["nonce"].to_string(), place(&event));
    }
    assert_eq!(heard, made);
    hearer.hears_nothing().await;
    assert_eq!(rows(&app).await, sent.len() as i64);
}
