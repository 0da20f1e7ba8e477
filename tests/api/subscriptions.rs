//! A gateway's channels: subscribing, hearing, sending, and when the right to one ends.

use crate::support::raw::masked;
use crate::support::{Socket, TestApp, User, Value, json, spawn_app};
use tokio_tungstenite::tungstenite::Message;

async fn subscribe(socket: &mut Socket, channel: i64, after: i64) -> Value {
    socket.tell_well(json!({ "type": "subscribe", "channel_id": channel, "after": after })).await;
    socket.next_of("subscribed").await
}

#[tokio::test]
async fn a_subscriber_hears_what_the_channels_sockets_hear() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let other = app.channel(&mina, server, "other").await;
    app.say(channel, &mina, json!({ "content": "before" })).await.is(201);
    let mut socket = app.socket(channel, &mina).await;
    let mut gateways = [app.gateway(&jun).await.0, app.gateway(&jun).await.0, app.gateway(&mina).await.0];
    for gateway in &mut gateways {
        let told = json!({ "type": "subscribed", "channel_id": channel, "seq": 1, "epoch": app.epoch().await });
        assert_eq!(gateway.subscribe(channel).await, told);
    }
    socket.tell(json!({ "content": "by socket", "nonce": "n" })).await;
    app.say(channel, &jun, json!({ "content": "by POST" })).await.is(201);
    app.say(other, &jun, json!({ "content": "not for them" })).await.is(201);
    for _ in 0..2 {
        let text = socket.next_text().await;
        for gateway in &mut gateways {
            assert_eq!(gateway.next_text().await, text, "the same bytes");
        }
    }
    let [first, second, minas] = &mut gateways;
    first.tell_well(json!({ "type": "unsubscribe", "channel_id": channel })).await;
    assert_eq!(first.next_event().await, json!({ "type": "unsubscribed", "channel_id": channel }));
    minas.say_in(channel, "by gateway", "g").await;
    let text = minas.next_text().await;
    assert_eq!((socket.next_text().await, second.next_text().await), (text.clone(), text.clone()));
    let event: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((&event["nonce"], &event["seq"]), (&json!("g"), &json!(4)));
    let ack = json!({ "type": "ack", "nonce": "g", "channel_id": channel, "id": event["id"], "seq": event["seq"] });
    assert_eq!(minas.next_event().await, ack, "after the event");
    first.hears_nothing().await;
    first.subscribe(channel).await;
    app.say(channel, &mina, json!({ "content": "back" })).await.is(201);
    first.hears("back").await;
}

#[tokio::test]
async fn a_subscription_can_begin_after_any_entry_of_the_log() {
    const COUNT: i64 = 900;
    let mut app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let second = app.channel(&mina, server, "second").await;
    app.write_behind(channel, &mina, COUNT).await;
    app.write_behind(second, &mina, 300).await;
    let log = app.log(channel, &jun).await;
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        let (mut gateway, ready) = app.gateway(&jun).await;
        assert_eq!(ready["servers"][0]["channels"][0]["last_seq"], COUNT);
        for after in [0, 500, COUNT - 1, COUNT] {
            assert_eq!(subscribe(&mut gateway, channel, after).await["seq"], COUNT);
            assert!(gateway.replay(after, COUNT).await == log[after as usize..], "after {after}");
            gateway.tell_well(json!({ "type": "unsubscribe", "channel_id": channel })).await;
            gateway.next_of("unsubscribed").await;
        }
        assert_eq!(subscribe(&mut gateway, channel, COUNT + 1).await["seq"], COUNT);
        let resync = json!({ "type": "resync", "channel_id": channel, "seq": COUNT, "epoch": app.epoch().await });
        assert_eq!(gateway.next_event().await, resync);
        // Two at once: one after the other, each in order and whole.
        let (mut gateway, _) = app.gateway(&jun).await;
        for (channel, after) in [(channel, 100), (second, 0)] {
            gateway.tell_well(json!({ "type": "subscribe", "channel_id": channel, "after": after })).await;
        }
        let mut last = [(channel, 100), (second, 0)];
        let mut done = 0;
        while done < 2 {
            let event = gateway.next_event().await;
            let (_, last) = last.iter_mut().find(|(id, _)| event["channel_id"] == *id).expect("one of the two");
            match event["type"].as_str() {
                Some("subscribed") => continue,
                Some("replay.done") => done += 1,
                _ => *last += 1,
            }
            assert_eq!(event["seq"], *last, "{event}");
        }
        assert_eq!(last, [(channel, COUNT), (second, 300)]);
    }
}

/// A page is being read for a subscription that is over when it comes: it is not for the next one.
#[tokio::test]
async fn what_was_read_for_an_earlier_subscription_is_not_told_to_the_next() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 600).await;
    // The end of the log is known from here on, what is older has to be read.
    app.subscriber(&jun, channel).await;
    let lock = crate::support::database::connect(&app.database).await;
    lock.batch_execute("begin; lock table messages in access exclusive mode").await.expect("free");
    let (mut gateway, _) = app.gateway(&jun).await;
    assert_eq!(subscribe(&mut gateway, channel, 0).await["seq"], 600);
    app.until(
        "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%entries of the log after%'",
    )
    .await;
    gateway.tell_well(json!({ "type": "unsubscribe", "channel_id": channel })).await;
    gateway.next_of("unsubscribed").await;
    assert_eq!(subscribe(&mut gateway, channel, 500).await["seq"], 600);
    gateway.replay(500, 600).await;
    lock.batch_execute("commit").await.expect("it was open");
    // Whoever waits for the same page is served after the one who came first.
    let (mut other, _) = app.gateway(&jun).await;
    subscribe(&mut other, channel, 0).await;
    other.replay(0, 600).await;
    app.say(channel, &mina, json!({ "content": "live" })).await.is(201);
    assert_eq!(gateway.hears("live").await["seq"], 601);
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused_and_the_socket_lives_on() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let ara = app.register("ara").await;
    let mut minas = app.subscriber(&mina, channel).await;
    minas.tell_well(json!({ "type": "subscribe", "channel_id": channel })).await;
    assert_eq!(minas.next_error("already_subscribed").await["channel_id"], channel);
    let (mut aras, _) = app.gateway(&ara).await;
    for (id, code) in [(channel, "not_a_member"), (999_999, "channel_not_found")] {
        aras.tell(json!({ "type": "subscribe", "channel_id": id, "after": 0 })).await;
        assert_eq!(aras.next_error(code).await["channel_id"], id);
        aras.tell(json!({ "type": "unsubscribe", "channel_id": id })).await;
        assert_eq!(aras.next_error("not_subscribed").await["channel_id"], id);
        aras.say_in(id, "hi", "n").await;
        let error = aras.next_error(code).await;
        assert_eq!((&error["nonce"], &error["channel_id"]), (&json!("n"), &json!(id)), "{error}");
    }
    for (frame, code) in [
        (json!({ "type": "subscribe" }), "channel_id_missing"),
        (json!({ "type": "subscribe", "channel_id": "one" }), "channel_id_invalid"),
        (json!({ "type": "subscribe", "channel_id": channel, "after": -1 }), "after_invalid"),
        (json!({ "type": "subscribe", "channel_id": channel, "after": 1u64 << 53 }), "after_invalid"),
        (json!({ "type": "message.send", "content": "hi" }), "channel_id_missing"),
        (json!({ "type": "message.send", "channel_id": channel, "content": " " }), "content_blank"),
    ] {
        aras.tell(frame).await;
        aras.next_error(code).await;
    }
    app.subscriber(&jun, channel).await.say_in(channel, "hi", "n").await;
    minas.hears("hi").await;
}

#[tokio::test]
async fn a_gateway_may_have_500_subscriptions() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for name in ["One", "Two"] {
        app.server(&mina, name).await;
    }
    app.sql("insert into channels (name, server_id) select 'c' || n, s.id from servers s, generate_series(1, 251) n")
        .await;
    let (mut gateway, ready) = app.gateway(&mina).await;
    let servers = ready["servers"].as_array().expect("a list").iter();
    let ids: Vec<_> =
        servers.flat_map(|server| server["channels"].as_array().expect("a list")).map(crate::support::id).collect();
    let entry = |channel: &i64| json!({ "channel_id": channel });
    for part in [&ids[..200], &ids[200..499]] {
        let channels: Vec<_> = part.iter().map(entry).collect();
        gateway.tell_well(json!({ "type": "subscribe", "channels": channels })).await;
        for _ in part {
            gateway.next_of("subscribed").await;
        }
    }
    gateway.subscribe(ids[499]).await;
    gateway.tell(json!({ "type": "subscribe", "channel_id": ids[500] })).await;
    assert_eq!(gateway.next_error("too_many_subscriptions").await["channel_id"], ids[500]);
    gateway.tell(json!({ "type": "unsubscribe", "channel_id": ids[0] })).await;
    gateway.next_of("unsubscribed").await;
    gateway.subscribe(ids[500]).await;
    for channel in [ids[499], ids[500]] {
        app.say(channel, &mina, json!({ "content": "hi" })).await.is(201);
        assert_eq!(gateway.hears("hi").await["channel_id"], channel);
    }
}

#[tokio::test]
async fn a_send_is_acknowledged_once_subscribed_or_not() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (mut apart, _) = app.gateway(&mina).await;
    let mut juns = app.subscriber(&jun, channel).await;
    apart.say_in(channel, "hi", "n").await;
    let ack = apart.next_ack("n").await;
    let event = juns.hears("hi").await;
    assert_eq!((&ack["id"], &ack["seq"], &ack["duplicate"]), (&event["id"], &event["seq"], &Value::Null));
    apart.say_in(channel, "hi", "n").await;
    let again = apart.next_event().await;
    assert_eq!(
        (&again["type"], &again["duplicate"]),
        (&json!("message.created"), &json!(true)),
        "the event comes back"
    );
    let again = apart.next_ack("n").await;
    assert_eq!((&again["id"], &again["seq"], &again["duplicate"]), (&ack["id"], &ack["seq"], &json!(true)));
    apart.say_in(channel, "other", "n").await;
    let error = apart.next_error("nonce_conflict").await;
    assert_eq!((&error["nonce"], &error["channel_id"]), (&json!("n"), &json!(channel)), "{error}");
    apart.tell(json!({ "type": "message.send", "channel_id": channel, "content": "no nonce" })).await;
    assert_eq!(apart.next_of("ack").await.get("nonce"), None);
    juns.hears("no nonce").await;
    apart.hears_nothing().await;
    juns.hears_nothing().await;
}

/// Sends that are pipelined around `subscribe` and `unsubscribe` take three ways to the channel, and keep their order.
#[tokio::test]
async fn sends_around_a_subscription_keep_their_order() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut juns = app.socket(channel, &jun).await;
    for round in 0..5 {
        let mut raw = app.raw().await;
        let head = crate::support::raw::HANDSHAKE;
        raw.send(format!("GET /gateway?token={} HTTP/1.1\r\nHost: madang\r\n{head}\r\n", mina.token).as_bytes()).await;
        assert_eq!(raw.answer("handshake").await.status, 101);
        assert_eq!(raw.event().await["type"], "ready");
        let mut burst = Vec::new();
        for at in 0..40 {
            let send = format!(
                r#"{{"type":"message.send","channel_id":{channel},"content":"{round} {at}","nonce":"{round}-{at}"}}"#
            );
            burst.extend(masked(0x81, send.as_bytes()));
            let what = match at {
                10 | 25 => "subscribe",
                20 => "unsubscribe",
                _ => continue,
            };
            burst.extend(masked(0x81, format!(r#"{{"type":"{what}","channel_id":{channel}}}"#).as_bytes()));
        }
        raw.send(&burst).await;
        for at in 0..40 {
            juns.hears(&format!("{round} {at}")).await;
        }
        let mut acknowledged = 0;
        while acknowledged < 40 {
            let event = raw.event().await;
            if event["type"] == "ack" {
                assert_eq!(event["nonce"], format!("{round}-{acknowledged}"));
                acknowledged += 1;
            }
        }
    }
}

/// What each of these does to a member of the server, and why the member's subscription ends.
async fn loses(what: &str, reason: &str, by_jun: bool) {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let elsewhere = app.server(&jun, "Elsewhere").await;
    let elsewhere = app.channel(&jun, elsewhere, "general").await;
    let mut gateways = [app.subscriber(&jun, channel).await, app.subscriber(&jun, channel).await];
    for gateway in &mut gateways {
        gateway.subscribe(elsewhere).await;
    }
    let mut minas = app.socket(channel, &mina).await;
    let by = if by_jun { &jun } else { &mina };
    end_right(&app, what, by, server, channel).await;
    if by_jun {
        minas.say_and_hear("after").await;
    }
    // It comes after whatever else was on its way.
    app.say(elsewhere, &jun, json!({ "content": "barrier" })).await.is(201);
    for gateway in &mut gateways {
        let mut reasons = Vec::new();
        loop {
            let event = gateway.next_event().await;
            match event["type"].as_str() {
                Some("unsubscribed") => reasons.push(event.clone()),
                Some("message.created") => {
                    assert_eq!(event["content"], "barrier", "{event}");
                    break;
                }
                _ => assert!(event["id"] == server || event["id"] == channel, "{event}"),
            }
        }
        assert_eq!(reasons, [json!({ "type": "unsubscribed", "channel_id": channel, "reason": reason })], "{what}");
        gateway.say_in(channel, "no", "n").await;
        gateway.next_error(reason).await;
        gateway.tell_well(json!({ "type": "subscribe", "channel_id": channel })).await;
        gateway.next_error(reason).await;
    }
}

async fn end_right(app: &TestApp, what: &str, by: &User, server: i64, channel: i64) {
    match what {
        "leave" => app.post(&format!("/servers/{server}/leave"), by, Value::Null).await.is(204),
        "delete the channel" => app.delete(&format!("/channels/{channel}"), by).await.is(204),
        _ => app.delete(&format!("/servers/{server}"), by).await.is(204),
    };
}

#[tokio::test]
async fn a_subscription_ends_with_the_right_to_its_channel_and_no_event_comes_after() {
    loses("leave", "not_a_member", true).await;
    loses("delete the channel", "channel_not_found", false).await;
    loses("delete the server", "channel_not_found", false).await;
}

#[tokio::test]
async fn a_subscriber_who_does_not_read_is_ended_and_resumes() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let mut slow = app.subscriber(&jun, channel).await;
    let content = "🏡".repeat(4_000);
    for _ in 0..80 {
        app.say(channel, &mina, json!({ "content": content })).await.is(201);
    }
    let mut last = 0;
    loop {
        match slow.next_frame().await {
            Some(Message::Text(text)) => {
                last += 1;
                assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["seq"], last);
            }
            Some(Message::Close(Some(close))) => break assert_eq!(u16::from(close.code), 4430),
            other => panic!("{other:?}"),
        }
    }
    let (mut back, _) = app.gateway(&jun).await;
    assert_eq!(subscribe(&mut back, channel, last).await["seq"], 80);
    back.replay(last, 80).await;
}

/// One frame brings back all that a client had, and each channel has its own answer; what is wrong in it is named, and
/// nothing of it is done.
#[tokio::test]
async fn many_channels_are_asked_for_in_one_frame() {
    let mut app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    app.sql(&format!(
        "insert into channels (name, server_id) select 'c' || n, {server} from generate_series(1, 500) n"
    ))
    .await;
    let channel = app.count("select min(id) from channels").await;
    app.write_behind(channel, &mina, 1).await;
    app.restart().await;
    let (mut gateway, ready) = app.gateway(&mina).await;
    let ids: Vec<i64> =
        ready["servers"][0]["channels"].as_array().expect("a list").iter().map(crate::support::id).collect();
    assert_eq!((ids.len(), ids[0]), (500, channel));
    for (channels, says) in [
        (json!([]), "1 to 500"),
        (json!(vec![json!({ "channel_id": channel }); 501]), "1 to 500"),
        (json!({ "channel_id": channel }), "1 to 500"),
        (json!([{ "channel_id": channel }, channel]), "channels[1]"),
        (json!([{ "channel_id": channel, "after": -1 }]), "channels[0]"),
        (json!([{ "channel_id": "general" }]), "channels[0]"),
    ] {
        gateway.tell(json!({ "type": "subscribe", "channels": channels })).await;
        let error = gateway.next_error("channels_invalid").await;
        assert!(error["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{error}");
        assert_eq!(error["field"], "channels");
    }
    let nowhere = 1_i64 << 50;
    let channels: Vec<_> = ids[..499].iter().chain([&nowhere, &channel]).collect();
    let wanted: Vec<_> = channels[..500].iter().map(|id| json!({ "channel_id": id, "after": 0 })).collect();
    gateway.tell_well(json!({ "type": "subscribe", "channels": wanted })).await;
    let (mut subscribed, mut done, mut missed) = (std::collections::BTreeSet::new(), 0, 0);
    let mut refused = None;
    while done < 499 || refused.is_none() {
        let event = gateway.next_event().await;
        match event["type"].as_str().expect("a type") {
            "subscribed" => assert!(subscribed.insert(event["channel_id"].as_i64().expect("an id"))),
            "replay.done" => done += 1,
            "message.created" => missed += 1,
            "error" => assert_eq!(refused.replace(event), None, "only one of them is nowhere"),
            other => panic!("{other}"),
        }
    }
    let refused = refused.expect("one of them is nowhere");
    assert_eq!((&refused["code"], &refused["channel_id"]), (&json!("channel_not_found"), &json!(nowhere)));
    assert_eq!((subscribed.into_iter().collect::<Vec<_>>(), missed), (ids[..499].to_vec(), 1));
    gateway.tell_well(json!({ "type": "subscribe", "channels": [{ "channel_id": channel }] })).await;
    assert_eq!(gateway.next_error("already_subscribed").await["channel_id"], channel);
}
