//! Channels: made, read, changed, deleted.

use crate::support::shapes::{CHANNEL, time_of};
use crate::support::{Value, has_shape, id, json, spawn_app};

#[tokio::test]
async fn the_owner_makes_a_channel_that_members_read() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let new = json!({ "name": "general", "description": "Anything", "server_id": server, "unknown": [] });
    let channel = app.post("/channels/", &mina, new).await.is(201);
    has_shape(&channel, CHANNEL);
    assert_eq!((&channel["name"], channel["server_id"].as_i64()), (&json!("general"), Some(server)));
    for user in [&mina, &jun] {
        assert_eq!(app.get(&format!("/channels/{}", id(&channel)), user).await.is(200), channel);
    }
    let bare = app.post("/channels/", &mina, json!({ "name": "general", "server_id": server })).await.is(201);
    assert!(bare["description"].is_null(), "{bare}");
    assert_ne!(bare["id"], channel["id"], "two channels may have one name");
}

#[tokio::test]
async fn a_bad_channel_is_refused_field_by_field() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let path = format!("/channels/{}", app.channel(&mina, server, "general").await);
    let at = |field: &str| json!(["body", field]);
    let empty = app.post("/channels/", &mina, json!({})).await;
    empty.rejects(&[(at("name"), "missing"), (at("server_id"), "missing")]);
    for (field, value, kind) in [
        ("name", json!(null), "string_type"),
        ("name", json!(""), "string_too_short"),
        ("name", json!("\u{3000}"), "value_error"),
        ("name", json!("x".repeat(101)), "string_too_long"),
        ("name", json!("a\u{2067}b"), "value_error"),
        ("name", json!("a\u{85}b"), "value_error"),
        ("description", json!("x".repeat(1_025)), "string_too_long"),
        ("description", json!("a\u{0}"), "value_error"),
        ("description", json!(true), "string_type"),
    ] {
        let mut body = json!({ "name": "good", "server_id": server });
        body[field] = value;
        app.post("/channels/", &mina, body.clone()).await.rejects(&[(at(field), kind)]);
        app.put(&path, &mina, body).await.rejects(&[(at(field), kind)]);
    }
    for value in [json!("one"), json!(1.5), json!(null), json!([])] {
        let answer = app.post("/channels/", &mina, json!({ "name": "good", "server_id": value })).await;
        answer.refuses(422, "validation_error");
        assert_eq!(answer.json()["detail"][0]["loc"], at("server_id"), "{answer:?}");
    }
    assert_eq!(app.get(&path, &mina).await.is(200)["name"], "general");
    assert_eq!(app.count("select count(*) from channels").await, 1);
}

#[tokio::test]
async fn only_the_owner_makes_changes_and_deletes_channels() {
    let app = spawn_app().await;
    let (mina, jun, outsider) = (app.register("mina").await, app.register("jun").await, app.register("out").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let channel = app.channel(&mina, server, "general").await;
    let (path, new) = (format!("/channels/{channel}"), json!({ "name": "x", "server_id": server }));
    for (user, code) in [(&jun, "missing_permission"), (&outsider, "not_a_member")] {
        app.post("/channels/", user, new.clone()).await.refuses(403, code);
        app.put(&path, user, json!({ "name": "x" })).await.refuses(403, code);
        app.delete(&path, user).await.refuses(403, code);
    }
    app.get(&path, &outsider).await.refuses(403, "not_a_member");
    let missing = format!("/channels/{}", channel + 1);
    app.get(&missing, &mina).await.refuses(404, "channel_not_found");
    app.put(&missing, &mina, json!({ "name": "x" })).await.refuses(404, "channel_not_found");
    app.delete(&missing, &mina).await.refuses(404, "channel_not_found");
    for server in [server + 1, 0, -1, i64::MAX] {
        let nowhere = json!({ "name": "x", "server_id": server });
        app.post("/channels/", &mina, nowhere).await.refuses(404, "server_not_found");
    }
    assert_eq!(app.get(&path, &mina).await.is(200)["name"], "general");
}

#[tokio::test]
async fn a_change_keeps_what_it_leaves_out_and_null_clears() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let new = json!({ "name": "general", "description": "Anything", "server_id": server });
    let channel = app.post("/channels/", &mina, new).await.is(201);
    let path = format!("/channels/{}", id(&channel));
    app.get(&path, &jun).await.is(200);
    let changed = app.put(&path, &mina, json!({ "name": "lounge", "position": 77 })).await.is(200);
    has_shape(&changed, CHANNEL);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("lounge"), &json!("Anything")));
    for kept in ["id", "server_id", "created_at"] {
        assert_eq!(changed[kept], channel[kept], "{kept}");
    }
    assert!(time_of(&changed["updated_at"]) > time_of(&channel["updated_at"]), "{changed}");
    assert_eq!(app.get(&path, &jun).await.is(200), changed);
    assert_eq!(app.put(&path, &mina, json!({ "description": null })).await.is(200)["description"], Value::Null);
    assert_eq!(app.put(&path, &mina, json!({})).await.is(200)["name"], "lounge");
}

#[tokio::test]
async fn a_deleted_channel_is_gone_with_its_messages() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let (channel, kept) = (app.channel(&mina, server, "general").await, app.channel(&mina, server, "kept").await);
    for channel in [channel, kept] {
        app.socket(channel, &mina).await.say_and_hear("hello").await;
    }
    app.delete(&format!("/channels/{channel}"), &mina).await.is(204);
    app.get(&format!("/channels/{channel}"), &mina).await.refuses(404, "channel_not_found");
    app.delete(&format!("/channels/{channel}"), &mina).await.refuses(404, "channel_not_found");
    let detail = app.get(&format!("/servers/{server}"), &mina).await.is(200);
    assert_eq!(detail["channels"].as_array().map(|all| all.iter().map(id).collect()), Some(vec![kept]));
    app.until("select (count(*) = 1)::integer::bigint from messages").await;
}

#[tokio::test]
async fn a_server_has_at_most_five_hundred_channels() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    app.sql(&format!(
        "insert into channels (name, server_id) select 'c' || n, {server} from generate_series(1, 497) n"
    ))
    .await;
    let new = json!({ "name": "one too many", "server_id": server });
    let at_once = (0..6).map(|_| app.post("/channels/", &mina, new.clone())).collect::<Vec<_>>();
    let (made, refused): (Vec<_>, Vec<_>) =
        futures_util::future::join_all(at_once).await.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 3, "{refused:?}");
    refused.iter().for_each(|answer| answer.refuses(400, "too_many_channels"));
    let last = id(&made[0].json());
    let detail = app.get(&format!("/servers/{server}"), &mina).await.is(200);
    assert_eq!(detail["channels"].as_array().map(Vec::len), Some(500));
    app.delete(&format!("/channels/{last}"), &mina).await.is(204);
    app.post("/channels/", &mina, new).await.is(201);
}
