//! The gateway: who is at the other end, and what it starts with.

use crate::support::raw::{HANDSHAKE, masked};
use crate::support::shapes::{PROFILE, SERVER, has_shape};
use crate::support::{Socket, TestApp, User, Value, json, keys, spawn_app, spawn_app_with};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_client_says_who_it_is_in_the_handshake_or_in_its_first_frame() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let bearer = ("authorization", format!("Bearer {}", mina.token));
    let pair = ("sec-websocket-protocol", format!("bearer, {}", mina.token));
    let mut sockets = vec![
        app.socket_at(&format!("/gateway?token={}", mina.token), &[]).await.0,
        app.socket_at("/gateway/", &[bearer]).await.0,
        app.socket_at("/gateway", &[pair]).await.0,
    ];
    let mut first_frame = app.unknown_gateway().await;
    first_frame.tell_well(json!({ "type": "identify", "token": mina.token })).await;
    sockets.push(first_frame);
    let mut sessions = std::collections::BTreeSet::new();
    for socket in &mut sockets {
        let ready = socket.next_of("ready").await;
        assert_eq!(ready["user"]["id"], mina.id);
        sessions.insert(ready["session_id"].as_str().expect("a name").to_owned());
        socket.tell_well(json!({ "type": "identify", "token": mina.token })).await;
        socket.next_error("already_identified").await;
        socket.hears_nothing().await;
    }
    assert_eq!(sessions.len(), sockets.len());
}

#[tokio::test]
async fn ready_is_the_state_that_the_client_would_ask_for() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let other = app.server(&jun, "Other").await;
    app.say(channel, &mina, json!({ "content": "one" })).await.is(201);
    let second = app.channel(&mina, server, "second").await;
    let (_, ready) = app.gateway(&jun).await;
    assert_eq!(keys(&ready), ["epoch", "heartbeat_interval_ms", "limits", "servers", "session_id", "type", "user"]);
    assert_eq!(ready["epoch"], app.epoch().await);
    has_shape(&ready["user"], PROFILE);
    assert_eq!(ready["user"], app.get("/users/me", &jun).await.is(200));
    assert_eq!(ready["heartbeat_interval_ms"], 25_000);
    let limits = json!({
        "content_characters": 4_000, "nonce_characters": 64, "frame_bytes": 65_536, "unacknowledged_sends": 64,
        "subscriptions": 500, "frames_per_second": null, "frame_burst": null, "channel_messages_per_second": null,
        "channel_message_burst": null, "messages_per_second": null, "message_burst": null, "content_kib_per_second": null,
        "content_kib_burst": null, "sockets": null,
    });
    assert_eq!(ready["limits"], limits);
    let mut expected = Vec::new();
    for (id, seqs) in [(server, vec![1, 0]), (other, vec![])] {
        let mut detail = app.get(&format!("/servers/{id}"), &jun).await.is(200);
        for (channel, seq) in detail["channels"].as_array_mut().expect("a list").iter_mut().zip(seqs) {
            channel["last_seq"] = json!(seq);
        }
        expected.push(detail);
    }
    assert_eq!(ready["servers"], Value::from(expected));
    assert_eq!(ready["servers"][0]["channels"][1]["id"], second);
    let mut bare = ready["servers"][1].clone();
    for of_members in ["channels", "roles", "my_role_ids", "my_timeout_until", "my_permissions"] {
        assert!(bare.as_object_mut().expect("a server").remove(of_members).is_some(), "{of_members}");
    }
    has_shape(&bare, SERVER);
    let ara = app.register("ara").await;
    assert_eq!(app.gateway(&ara).await.1["servers"], json!([]));
}

#[tokio::test]
async fn who_is_not_known_is_told_so_and_a_bad_token_ends_it() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.unknown_gateway().await;
    for frame in [
        json!({ "type": "subscribe", "channel_id": channel }),
        json!({ "type": "unsubscribe", "channel_id": channel }),
        json!({ "type": "message.send", "channel_id": channel, "content": "hi", "nonce": "n" }),
        json!({ "type": "ping" }),
    ] {
        socket.tell(frame.clone()).await;
        let error = socket.next_error("not_identified").await;
        // Which send it was.
        assert_eq!((&error["nonce"], &error["channel_id"]), (&frame["nonce"], &frame["channel_id"]));
    }
    for (frame, code) in [
        (json!({ "type": "identify" }), "token_missing"),
        (json!({ "type": "identify", "token": 7 }), "token_invalid"),
        (json!({ "token": mina.token }), "type_missing"),
        (json!({ "type": "hello" }), "unknown_type"),
        (json!(["identify"]), "invalid_frame"),
    ] {
        socket.tell(frame).await;
        socket.next_error(code).await;
    }
    socket.tell_well(json!({ "type": "identify", "token": mina.token })).await;
    socket.next_of("ready").await;
    assert_eq!(app.count("select count(*) from messages").await, 0);
    for bad in ["", "garbage", "a.b.c", &mina.token[1..]] {
        let mut socket = app.unknown_gateway().await;
        socket.tell_well(json!({ "type": "identify", "token": bad })).await;
        socket.expect_close(4401).await;
        let line = format!("GET /gateway?token={bad} HTTP/1.1");
        app.refusal(&line, HANDSHAKE).await.refuses(401, "invalid_token");
    }
}

#[tokio::test]
async fn who_does_not_say_who_it_is_is_ended_after_a_while() {
    let app = spawn_app_with(|config| config.times.identify_max_s = 2).await;
    let mina = app.register("mina").await;
    let (mut silent, mut known) = (app.raw().await, app.unknown_gateway().await);
    silent.send(format!("GET /gateway HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n").as_bytes()).await;
    assert_eq!(silent.answer("handshake").await.status, 101);
    known.tell_well(json!({ "type": "identify", "token": mina.token })).await;
    known.next_of("ready").await;
    // What it sends otherwise gives it no more time.
    silent.send_frame(0x81, br#"{"type": "ping"}"#).await;
    assert_eq!(silent.event().await["code"], "not_identified");
    silent.expect_close(4408).await;
    known.hears_nothing().await;
}

#[tokio::test]
async fn a_burst_that_comes_with_the_handshake_is_carried_out_whole() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut raw = app.raw().await;
    let frames = [
        json!({ "type": "subscribe", "channel_id": channel, "after": 0 }),
        json!({ "type": "message.send", "channel_id": channel, "content": "hi", "nonce": "n" }),
        json!({ "type": "ping", "t": 1 }),
    ];
    let mut bytes =
        format!("GET /gateway?token={} HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n", mina.token).into_bytes();
    frames.iter().for_each(|frame| bytes.extend(masked(0x81, frame.to_string().as_bytes())));
    raw.send(&bytes).await;
    assert_eq!(raw.answer("handshake").await.status, 101);
    assert_eq!(raw.event().await["type"], "ready");
    let mut types = Vec::new();
    for _ in 0..5 {
        types.push(raw.event().await["type"].as_str().expect("a type").to_owned());
    }
    // The message may be a part of the replay, and acknowledged before it is told.
    types.sort_unstable();
    assert_eq!(types, ["ack", "message.created", "pong", "replay.done", "subscribed"]);
}

#[tokio::test]
async fn a_pong_holds_what_the_ping_held() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let (mut socket, _) = app.gateway(&mina).await;
    socket.tell(json!({ "type": "ping" })).await;
    assert_eq!(socket.next_event().await, json!({ "type": "pong" }));
    let deep = (0..10).fold(json!("마당"), |inner, _| json!([inner]));
    for t in [
        json!(0),
        json!(-1.5),
        json!(u64::MAX),
        json!("\u{0}\"\\"),
        json!([]),
        json!({ "a": [1, null, {}] }),
        json!(false),
        deep,
    ] {
        socket.tell(json!({ "type": "ping", "t": t })).await;
        assert_eq!(socket.next_event().await, json!({ "type": "pong", "t": t }));
    }
    socket.tell(json!({ "type": "ping", "t": null })).await;
    assert_eq!(socket.next_event().await["t"], Value::Null);
    let too_deep = (0..16).fold(json!(1), |inner, _| json!([inner]));
    socket.tell(json!({ "type": "ping", "t": too_deep })).await;
    socket.next_error("too_deep").await;
}

/// More than 4 MiB of channels: the later servers come without theirs, and the socket lives.
#[tokio::test]
async fn a_ready_that_would_be_too_large_leaves_channels_out() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let mut servers = Vec::new();
    for at in 0..12 {
        servers.push(app.server(&mina, &format!("Server {at:02}")).await);
    }
    app.sql(
        "insert into channels (name, description, server_id)
        select 'c' || n, repeat('d', 1024), s.id from servers s, generate_series(1, 450) n",
    )
    .await;
    let (mut socket, ready) = app.gateway(&mina).await;
    assert!(ready.to_string().len() < 5 << 20);
    let listed = ready["servers"].as_array().expect("a list");
    assert_eq!(listed.iter().filter_map(|server| server["id"].as_i64()).collect::<Vec<_>>(), servers);
    let whole =
        listed.iter().take_while(|server| server["channels"].as_array().is_some_and(|all| all.len() == 450)).count();
    assert!((1..12).contains(&whole), "{whole}");
    assert!(
        listed[whole..].iter().all(|server| server.get("channels").is_none()),
        "all or none of a server's channels"
    );
    let channel = app.count("select max(id) from channels").await;
    socket.subscribe(channel).await;
    socket.say_in(channel, "here", "n").await;
    socket.hears("here").await;
    socket.next_ack("n").await;
}

/// Renames a channel until it is told to stop; the last name is what everyone is to know in the end.
async fn rename(app: &TestApp, owner: &User, channel: i64, times: usize) -> String {
    for at in 0..times {
        app.put(&format!("/channels/{channel}"), owner, json!({ "name": format!("name {at}") })).await.is(200);
    }
    format!("name {}", times - 1)
}

/// The state is read slowly while more happens than a socket may have waiting: it starts with `ready` all the same and
/// knows the end, or it is ended. It never starts with something else, and never ends with something old.
#[tokio::test]
async fn news_that_come_while_ready_is_read_come_after_it() {
    for times in [20, 700] {
        let app = spawn_app().await;
        let (mina, jun, _, channel) = app.two_members().await;
        app.get(&format!("/channels/{channel}"), &jun).await.is(200);
        app.gateway(&jun).await.0.close().await;
        let lock = crate::support::database::connect(&app.database).await;
        lock.batch_execute("begin; lock table user_servers in access exclusive mode").await.expect("free");
        let mut socket: Socket = app.socket_at(&format!("/gateway?token={}", jun.token), &[]).await.0;
        app.until(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .await;
        let name = rename(&app, &mina, channel, times).await;
        lock.batch_execute("commit").await.expect("it was open");
        match socket.next_frame().await {
            Some(Message::Text(text)) => {
                let ready: Value = serde_json::from_str(&text).expect("JSON");
                if ready["code"] == "unavailable" {
                    // It took longer than anybody waits.
                    socket.expect_close(1012).await;
                    continue;
                }
                assert_eq!(
                    ready["type"],
                    "ready",
                    "after {times} changes, the first frame is {}",
                    &text[..text.len().min(200)]
                );
                let mut known = ready["servers"][0]["channels"][0]["name"].clone();
                for event in socket.events_until_pong().await {
                    assert_eq!(event["type"], "channel.updated", "{event}");
                    known = event["name"].clone();
                }
                assert_eq!(known, *name);
            }
            Some(Message::Close(Some(close))) => assert_eq!(u16::from(close.code), 4430),
            other => panic!("{other:?}"),
        }
    }
}

/// What was held for a state that could not be read in time is of no use without it.
#[tokio::test]
async fn a_gateway_that_cannot_be_told_its_state_hears_nothing_else() {
    let app = spawn_app_with(|config| config.times.answer_max = std::time::Duration::from_millis(500)).await;
    let (mina, jun, server, channel) = app.two_members().await;
    app.get(&format!("/channels/{channel}"), &jun).await.is(200);
    app.gateway(&jun).await.0.close().await;
    // Its account and memberships are known: it hears its servers while its state is read.
    let lock = crate::support::database::connect(&app.database).await;
    lock.batch_execute("begin; lock table user_servers in access exclusive mode").await.expect("free");
    let mut socket: Socket = app.socket_at(&format!("/gateway?token={}", jun.token), &[]).await.0;
    app.put(&format!("/servers/{server}"), &mina, json!({ "name": "Garden" })).await.is(200);
    let error = socket.next_error("unavailable").await;
    assert!(error["retry_after_ms"].is_u64(), "{error}");
    socket.expect_close(1012).await;
    lock.batch_execute("commit").await.expect("it was open");
}
