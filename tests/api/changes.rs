//! Edits and deletions: what everyone hears of them, and what is left.

use crate::support::{Socket, TestApp, User, Value, json, spawn_app, spawn_app_with};

fn path(channel: i64, message: i64) -> String {
    format!("/channels/{channel}/messages/{message}")
}

async fn edit(app: &TestApp, channel: i64, message: i64, by: &User, content: &str) -> Value {
    app.patch(&path(channel, message), by, json!({ "content": content })).await.is(200)
}

/// How a log tells its entries: type, number, and what was said.
fn told(events: &[Value]) -> Vec<(String, i64, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let told = |event: &Value| (text(event, "type"), event["seq"].as_i64().unwrap_or_default(), text(event, "content"));
    events.iter().map(told).collect()
}

fn entry(kind: &str, seq: i64, content: &str) -> (String, i64, String) {
    (kind.to_owned(), seq, content.to_owned())
}

#[tokio::test]
async fn an_edit_is_an_entry_that_all_hear_and_the_earlier_text_is_the_owner_s_to_see() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &jun, "Helo").await;
    let (mut gateway, mut all) = (app.subscriber(&mina, channel).await, app.hears_all(channel, &mina, None).await);
    let mut basic = app.socket(channel, &mina).await;
    let edited = edit(&app, channel, message, &jun, "Hello").await;
    assert_eq!((&edited["content"], &edited["seq"], &edited["id"]), (&json!("Hello"), &json!(1), &json!(message)));
    assert_eq!(edited["edited_at"], edited["updated_at"]);
    for socket in [&mut gateway, &mut all] {
        let updated = socket.next_of("message.updated").await;
        assert_eq!((&updated["seq"], &updated["message_seq"]), (&json!(2), &json!(1)), "{updated}");
        assert_eq!((&updated["content"], &updated["id"]), (&json!("Hello"), &json!(message)), "{updated}");
        assert_eq!(updated["edited_at"], edited["edited_at"], "{updated}");
    }
    // The same text again changes nothing, and takes no number.
    assert_eq!(edit(&app, channel, message, &jun, "Hello").await["edited_at"], edited["edited_at"]);
    app.said(channel, &jun, "next").await;
    for socket in [&mut gateway, &mut all, &mut basic] {
        assert_eq!(socket.hears("next").await["seq"], 3);
    }
    let revisions = app.get(&format!("{}/revisions", path(channel, message)), &mina).await.is(200);
    assert_eq!((&revisions[0]["content"], &revisions[0]["replaced_by_seq"]), (&json!("Helo"), &json!(2)));
    app.get(&format!("{}/revisions", path(channel, message)), &jun).await.refuses(403, "missing_permission");
    app.patch(&path(channel, message), &mina, json!({ "content": "no" })).await.refuses(403, "not_the_author");
    assert_eq!(app.get(&path(channel, message), &mina).await.is(200)["content"], "Hello");
}

/// Whoever comes later, by whatever door and from wherever it is served, hears the text as it is now.
#[tokio::test]
async fn a_log_tells_things_as_they_are_now() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (kept, gone) = (app.said(channel, &jun, "one").await, app.said(channel, &jun, "secret").await);
    // Its log is in memory from here on.
    let mut hearer = app.hears_all(channel, &mina, Some(0)).await;
    hearer.replay(0, 2).await;
    edit(&app, channel, kept, &jun, "one, better").await;
    edit(&app, channel, gone, &jun, "secret, worse").await;
    app.delete(&path(channel, gone), &jun).await.is(204);
    let deleted = loop {
        let event = hearer.next_event().await;
        if event["type"] == "message.deleted" {
            break event;
        }
    };
    let expected = json!({ "type": "message.deleted", "seq": 5, "channel_id": channel, "id": gone, "message_seq": 2, "deleted_by": jun.id });
    assert_eq!(deleted, expected);
    for restarted in [false, true] {
        if restarted {
            app.restart().await;
        }
        let log = app.log(channel, &mina).await;
        assert_eq!(
            told(&log)[..3],
            [
                entry("message.created", 1, "one, better"),
                entry("message.created", 2, ""),
                entry("message.updated", 3, "one, better"),
            ]
        );
        assert_eq!((&log[3]["type"], &log[3]["from"], &log[3]["to"]), (&json!("skipped"), &json!(4), &json!(4)));
        assert_eq!(log[4], expected);
        let tombstone = &log[1];
        assert_eq!(
            (&tombstone["deleted"], &tombstone["author_id"], &tombstone["author_username"]),
            (&json!(true), &Value::Null, &json!(""))
        );
        let gateway_log = {
            let mut gateway = app.gateway(&mina).await.0;
            gateway.tell_well(json!({ "type": "subscribe", "channel_id": channel, "after": 0 })).await;
            gateway.next_of("subscribed").await;
            until_replayed(&mut gateway).await
        };
        assert_eq!(gateway_log, log);
        assert_eq!(until_replayed(&mut app.hears_all(channel, &mina, Some(0)).await).await, log);
        // Who asked for messages only hears those that are there.
        let mut basic = app.socket_at(&format!("/ws/{channel}?token={}&after=0", mina.token), &[]).await.0;
        assert_eq!(told(&until_replayed(&mut basic).await), [entry("message.created", 1, "one, better")]);
    }
    let rows = app.count("select count(*) from messages where content like '%secret%'").await;
    let revisions = app.count("select count(*) from message_revisions where content like '%secret%'").await;
    assert_eq!((rows, revisions), (0, 0));
    let history = app.get(&format!("/channels/{channel}/messages"), &mina).await.is(200);
    assert_eq!(history.as_array().expect("a list").len(), 1, "{history}");
    app.get(&path(channel, gone), &mina).await.refuses(404, "message_not_found");
    app.delete(&path(channel, gone), &jun).await.is(204);
}

async fn until_replayed(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = socket.next_event().await;
        if event["type"] == "replay.done" {
            return events;
        }
        events.push(event);
    }
}

/// Pages of a log that were read before the deletion are not told after it.
#[tokio::test]
async fn what_was_read_before_a_deletion_is_not_told_after_it() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &jun, "secret").await;
    app.write_behind(channel, &jun, 2_000).await;
    let after_all = json!({ "content": "the last" });
    app.say(channel, &jun, after_all).await.is(201);
    for deleted in [false, true] {
        if deleted {
            app.delete(&path(channel, message), &mina).await.is(204);
        }
        let mut reader = app.hears_all(channel, &mina, Some(0)).await;
        let first = reader.next_event().await;
        assert_eq!(first["content"], if deleted { "" } else { "secret" }, "{first}");
        until_replayed(&mut reader).await;
    }
}

#[tokio::test]
async fn a_gateway_changes_messages_and_is_told_so() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &jun, "Helo").await;
    let mut gateway = app.subscriber(&jun, channel).await;
    let frame = |kind: &str, content: &str| json!({ "type": kind, "channel_id": channel, "id": message, "content": content, "nonce": kind });
    gateway.tell_well(frame("message.edit", "Hello")).await;
    assert_eq!(gateway.next_of("message.updated").await["content"], "Hello");
    let ack = json!({ "type": "ack", "nonce": "message.edit", "channel_id": channel, "id": message, "seq": 2 });
    assert_eq!(gateway.next_event().await, ack);
    gateway.tell_well(frame("message.edit", "Hello")).await;
    let unchanged = json!({ "type": "ack", "nonce": "message.edit", "channel_id": channel, "id": message });
    assert_eq!(gateway.next_event().await, unchanged);
    gateway.tell_well(json!({ "type": "message.delete", "channel_id": channel, "id": message, "nonce": "d" })).await;
    gateway.next_of("message.deleted").await;
    assert_eq!(gateway.next_ack("d").await["seq"], 3);
    gateway.tell_well(frame("message.edit", "again")).await;
    let error = gateway.next_error("message_not_found").await;
    assert_eq!((&error["nonce"], &error["channel_id"]), (&json!("message.edit"), &json!(channel)));
    let of_mina = app.said(channel, &mina, "mine").await;
    gateway.hears("mine").await;
    gateway.tell_well(json!({ "type": "message.delete", "channel_id": channel, "id": of_mina })).await;
    gateway.next_error("not_the_author").await;
    // The owner may, subscribed or not.
    let mut owner = app.gateway(&mina).await.0;
    let of_jun = app.said(channel, &jun, "his").await;
    owner.tell_well(json!({ "type": "message.delete", "channel_id": channel, "id": of_jun, "nonce": "o" })).await;
    assert_eq!(owner.next_ack("o").await["id"], of_jun);
    owner.tell_well(json!({ "type": "message.edit", "channel_id": channel, "id": of_jun, "content": "x" })).await;
    owner.next_error("message_not_found").await;
}

#[tokio::test]
async fn several_messages_are_deleted_at_once_or_none() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let elsewhere = app.channel(&mina, server, "elsewhere").await;
    let foreign = app.said(elsewhere, &mina, "elsewhere").await;
    let mut ids = Vec::new();
    for content in ["one", "two", "three"] {
        ids.push(app.said(channel, &jun, content).await);
    }
    let at = format!("/channels/{channel}/messages/bulk-delete");
    let bulk = |ids: &[i64]| json!({ "ids": ids });
    app.post(&at, &jun, bulk(&ids)).await.refuses(403, "missing_permission");
    app.post(&at, &mina, bulk(&[ids[0], foreign])).await.refuses(404, "message_not_found");
    app.post(&at, &mina, bulk(&[ids[0]])).await.rejects(&[(json!(["body", "ids"]), "too_short")]);
    app.post(&at, &mina, bulk(&[ids[0], ids[0]])).await.rejects(&[(json!(["body", "ids"]), "duplicate_id")]);
    let many: Vec<i64> = (1..=101).collect();
    app.post(&at, &mina, bulk(&many)).await.rejects(&[(json!(["body", "ids"]), "too_long")]);
    app.post(&at, &mina, json!({ "ids": "1" })).await.rejects(&[(json!(["body", "ids"]), "list_type")]);
    assert_eq!(
        app.get(&format!("/channels/{channel}/messages"), &mina).await.is(200).as_array().map(Vec::len),
        Some(3)
    );
    let mut gateway = app.subscriber(&jun, channel).await;
    app.delete(&path(channel, ids[1]), &mina).await.is(204);
    gateway.next_of("message.deleted").await;
    app.post(&at, &mina, bulk(&ids)).await.is(204);
    let gone = gateway.next_of("messages.deleted").await;
    assert_eq!(gone["ids"], json!([ids[0], ids[2]]), "those that were there: {gone}");
    // Again, all is so already.
    app.post(&at, &mina, bulk(&ids)).await.is(204);
    app.said(channel, &jun, "next").await;
    assert_eq!(gateway.hears("next").await["seq"], 6);
    assert_eq!(
        app.get(&format!("/channels/{channel}/messages"), &mina).await.is(200).as_array().map(Vec::len),
        Some(1)
    );
}

/// A send that is repeated finds its message as it is now: edited, or gone.
#[tokio::test]
async fn a_nonce_stays_its_message_s_whatever_became_of_it() {
    let app = spawn_app().await;
    let (_, jun, _, channel) = app.two_members().await;
    let send = json!({ "content": "Helo", "nonce": "one" });
    let message = crate::support::id(&app.say(channel, &jun, send.clone()).await.is(201));
    edit(&app, channel, message, &jun, "Hello").await;
    let again = app.say(channel, &jun, send.clone()).await.is(200);
    assert_eq!((&again["id"], &again["content"]), (&json!(message), &json!("Hello")));
    let mut gateway = app.gateway(&jun).await.0;
    gateway.say_in(channel, "Helo", "one").await;
    let known = gateway.next_message().await;
    assert_eq!((&known["content"], &known["duplicate"]), (&json!("Hello"), &json!(true)));
    gateway.next_ack("one").await;
    app.delete(&path(channel, message), &jun).await.is(204);
    gateway.say_in(channel, "Helo", "one").await;
    let buried = gateway.next_message().await;
    assert_eq!(
        (&buried["deleted"], &buried["duplicate"], &buried["nonce"]),
        (&json!(true), &json!(true), &json!("one"))
    );
    assert_eq!(gateway.next_ack("one").await["duplicate"], true);
    let gone = app.say(channel, &jun, send).await.is(200);
    assert_eq!((&gone["deleted"], &gone["content"]), (&json!(true), &json!("")), "{gone}");
    assert_eq!(app.count("select count(*) from messages").await, 1);
}

#[tokio::test]
async fn a_change_of_what_is_not_there_names_it() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let elsewhere = app.channel(&mina, server, "elsewhere").await;
    let foreign = app.said(elsewhere, &jun, "elsewhere").await;
    for message in [foreign, 999_999] {
        app.patch(&path(channel, message), &jun, json!({ "content": "x" })).await.refuses(404, "message_not_found");
        app.delete(&path(channel, message), &jun).await.refuses(404, "message_not_found");
        app.get(&path(channel, message), &jun).await.refuses(404, "message_not_found");
    }
    let message = app.said(channel, &jun, "here").await;
    for (body, issue) in [
        (json!({}), "missing"),
        (json!({ "content": " " }), "content_blank"),
        (json!({ "content": "x".repeat(4_001) }), "content_too_long"),
        (json!({ "content": 1 }), "string_type"),
    ] {
        app.patch(&path(channel, message), &jun, body).await.rejects(&[(json!(["body", "content"]), issue)]);
    }
    app.patch(&path(999, message), &jun, json!({ "content": "x" })).await.refuses(404, "channel_not_found");
    assert_eq!(app.get(&path(channel, message), &jun).await.is(200).get("edited_at"), None);
    assert_eq!(app.count("select count(*) from channel_changes").await, 0);
}

/// While the storage is away a change is refused or in doubt, and made once when it is sent again.
#[tokio::test]
async fn a_change_waits_for_a_row_that_is_held_and_is_then_made() {
    let app = spawn_app().await;
    let (_, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &jun, "Helo").await;
    let mut gateway = app.subscriber(&jun, channel).await;
    let lock = app.lock_channel(channel).await;
    let edit =
        json!({ "type": "message.edit", "channel_id": channel, "id": message, "content": "Hello", "nonce": "e" });
    gateway.tell_well(edit).await;
    gateway.say_in(channel, "behind it", "m").await;
    assert_eq!(gateway.events_until_pong().await, [] as [Value; 0]);
    lock.batch_execute("commit").await.expect("it was open");
    let mut heard = Vec::new();
    while heard.len() < 4 {
        heard.push(gateway.next_event().await["type"].as_str().unwrap_or_default().to_owned());
    }
    heard.sort_unstable();
    assert_eq!(heard, ["ack", "ack", "message.created", "message.updated"]);
}

#[tokio::test]
async fn changes_are_limited_by_rate_and_say_when_they_are_taken() {
    let app = spawn_app_with(|config| config.rate_limit = true).await;
    let (mina, _, _, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "Helo").await;
    let mut gateway = app.subscriber(&mina, channel).await;
    let mut refused = None;
    for number in 0..60 {
        let nonce = number.to_string();
        gateway
            .tell_well(json!({ "type": "message.edit", "channel_id": channel, "id": message, "content": nonce, "nonce": nonce }))
            .await;
        let answer = gateway.events_until_pong().await;
        if let Some(error) = answer.iter().find(|event| event["type"] == "error") {
            assert_eq!((&error["code"], &error["nonce"]), (&json!("rate_limited"), &json!(nonce)), "{error}");
            refused = error["retry_after_ms"].as_u64();
            break;
        }
    }
    assert!(refused.is_some_and(|after| (1..=1_000).contains(&after)), "{refused:?}");
}

/// Earlier texts are erased when their time is over.
#[tokio::test]
async fn earlier_texts_are_kept_for_thirty_days() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let message = app.said(channel, &jun, "Helo").await;
    edit(&app, channel, message, &jun, "Hello").await;
    edit(&app, channel, message, &jun, "Hello!").await;
    app.sql("update message_revisions set replaced_at = now() - interval '30 days 1 minute' where seq = 2").await;
    app.restart().await;
    app.until("select (count(*) = 1)::int::bigint from message_revisions").await;
    let left = app.get(&format!("{}/revisions", path(channel, message)), &mina).await.is(200);
    assert_eq!(left[0]["content"], "Hello", "{left}");
}

#[tokio::test]
async fn an_export_has_one_s_earlier_texts_and_reactions_and_erasure_takes_the_texts() {
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (of_jun, of_mina) = (app.said(channel, &jun, "Helo").await, app.said(channel, &mina, "Lunch?").await);
    edit(&app, channel, of_jun, &jun, "Hello").await;
    edit(&app, channel, of_mina, &mina, "Lunch!").await;
    for (user, emoji) in [(&jun, "%F0%9F%91%8D"), (&mina, "%F0%9F%8E%89")] {
        app.put(&format!("{}/reactions/{emoji}/me", path(channel, of_mina)), user, Value::Null).await.is(204);
    }
    let export = app.get("/users/me/export", &jun).await.is(200);
    let texts = export["earlier_texts"].as_array().expect("a list");
    assert_eq!((texts.len(), &texts[0]["content"], &texts[0]["message_id"]), (1, &json!("Helo"), &json!(of_jun)));
    let reactions = export["reactions"].as_array().expect("a list");
    assert_eq!(
        (reactions.len(), &reactions[0]["emoji"], &reactions[0]["message_id"]),
        (1, &json!("👍"), &json!(of_mina))
    );
    assert_eq!(export["messages"][0]["content"], "Hello");
    let password = json!({ "password": crate::support::PASSWORD });
    app.call(crate::support::Method::DELETE, "/users/me", &jun, |call| call.json(&password)).await.is(204);
    let left = app.get(&format!("{}/revisions", path(channel, of_jun)), &mina).await.is(200);
    assert_eq!(left, json!([]));
    // The other's stays.
    app.until("select (count(*) = 1)::int::bigint from message_revisions").await;
}
