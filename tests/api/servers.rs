//! Servers: made, listed, changed, deleted.

use crate::support::database::connect;
use crate::support::shapes::{SERVER, SERVER_DETAIL, time_of};
use crate::support::{Value, has_shape, id, json, spawn_app};

#[tokio::test]
async fn who_makes_a_server_owns_it_and_belongs_to_it() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let new =
        json!({ "name": "Courtyard", "description": "For\nall", "icon_url": "https://example.com/c.png", "x": 1 });
    let server = app.post("/servers/", &mina, new).await.is(201);
    has_shape(&server, SERVER);
    assert_eq!((server["owner_id"].as_i64(), &server["name"]), (Some(mina.id), &json!("Courtyard")));
    assert_eq!(
        (&server["description"], &server["icon_url"]),
        (&json!("For\nall"), &json!("https://example.com/c.png"))
    );
    assert_eq!(app.get("/servers/", &mina).await.is(200), json!([server]));
    let detail = app.get(&format!("/servers/{}", id(&server)), &mina).await.is(200);
    has_shape(&detail, SERVER_DETAIL);
    assert_eq!(detail["channels"], json!([]));

    let bare = app.post("/servers/", &mina, json!({ "name": "B", "description": null })).await.is(201);
    assert!(bare["description"].is_null() && bare["icon_url"].is_null(), "{bare}");
}

#[tokio::test]
async fn a_bad_server_is_refused_field_by_field() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let before = app.get(&format!("/servers/{server}"), &mina).await.is(200);
    let at = |field: &str| json!(["body", field]);
    app.post("/servers/", &mina, json!({})).await.rejects(&[(at("name"), "missing")]);
    for (field, value, kind) in [
        ("name", json!(null), "string_type"),
        ("name", json!(7), "string_type"),
        ("name", json!(""), "string_too_short"),
        ("name", json!(" "), "value_error"),
        ("name", json!("x".repeat(101)), "string_too_long"),
        ("name", json!("a\u{202E}b"), "value_error"),
        ("name", json!("a\u{0}b"), "value_error"),
        ("description", json!("x".repeat(1_025)), "string_too_long"),
        ("description", json!("bell\u{7}"), "value_error"),
        ("icon_url", json!("ftp://example.com"), "url_scheme"),
        ("icon_url", json!("no"), "url_parsing"),
        ("icon_url", json!([]), "string_type"),
    ] {
        let mut body = json!({ "name": "Good" });
        body[field] = value;
        app.post("/servers/", &mina, body.clone()).await.rejects(&[(at(field), kind)]);
        app.put(&format!("/servers/{server}"), &mina, body).await.rejects(&[(at(field), kind)]);
    }
    let two = app.post("/servers/", &mina, json!({ "icon_url": 1, "name": "" })).await;
    two.rejects(&[(at("name"), "string_too_short"), (at("icon_url"), "string_type")]);
    assert_eq!(app.get(&format!("/servers/{server}"), &mina).await.is(200), before);
}

#[tokio::test]
async fn i_see_the_servers_that_i_belong_to_oldest_first() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    assert_eq!(app.get("/servers/", &mina).await.is(200), json!([]));
    let first = app.server(&jun, "first").await;
    let second = app.server(&mina, "second").await;
    app.server(&jun, "not mine").await;
    app.join(&mina, first).await;
    let mine = app.get("/servers/", &mina).await.is(200);
    mine.as_array().into_iter().flatten().for_each(|server| has_shape(server, SERVER));
    assert_eq!(mine.as_array().map(|all| all.iter().map(id).collect()), Some(vec![first, second]));
}

#[tokio::test]
async fn a_server_shows_its_channels_in_the_order_in_which_they_were_made() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let mut channels = Vec::new();
    for name in ["zebra", "apple", "마당"] {
        channels.push(app.channel(&mina, server, name).await);
        let detail = app.get(&format!("/servers/{server}"), &jun).await.is(200);
        has_shape(&detail, SERVER_DETAIL);
        let seen: Vec<_> = detail["channels"].as_array().into_iter().flatten().map(id).collect();
        assert_eq!(seen, channels);
    }
}

#[tokio::test]
async fn the_owner_changes_a_server() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let new = json!({ "name": "Courtyard", "description": "old", "icon_url": "https://example.com/c.png" });
    let server = app.post("/servers/", &mina, new).await.is(201);
    let path = format!("/servers/{}", id(&server));
    app.join(&jun, id(&server)).await;
    // Everyone has seen the old one: nothing old may be remembered.
    app.get(&path, &jun).await.is(200);
    let changed = app.put(&path, &mina, json!({ "name": "Garden", "description": null, "unknown": 1 })).await.is(200);
    has_shape(&changed, SERVER);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Garden"), &Value::Null));
    for kept in ["id", "icon_url", "owner_id", "created_at"] {
        assert_eq!(changed[kept], server[kept], "{kept}");
    }
    assert!(time_of(&changed["updated_at"]) > time_of(&server["updated_at"]), "{changed}");
    assert_eq!(app.get(&path, &jun).await.is(200)["name"], "Garden");
    let described = app.put(&path, &mina, json!({ "description": "new" })).await.is(200);
    assert_eq!((&described["name"], &described["icon_url"]), (&changed["name"], &server["icon_url"]));
    assert_eq!(app.put(&path, &mina, json!({ "name": "Yard" })).await.is(200)["description"], "new");
    let same = app.put(&path, &mina, json!({ "name": "Garden" })).await.is(200);
    assert_eq!((&same["name"], &same["icon_url"]), (&changed["name"], &changed["icon_url"]));
    let cleared = app.put(&path, &mina, json!({ "icon_url": null })).await.is(200);
    assert!(cleared["icon_url"].is_null(), "{cleared}");
}

#[tokio::test]
async fn only_members_see_a_server_and_only_its_owner_changes_it() {
    let app = spawn_app().await;
    let (mina, jun, outsider) = (app.register("mina").await, app.register("jun").await, app.register("out").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let path = format!("/servers/{server}");
    app.get(&path, &jun).await.is(200);
    app.put(&path, &jun, json!({ "name": "Mine" })).await.refuses(403, "missing_permission");
    app.delete(&path, &jun).await.refuses(403, "not_the_owner");
    app.get(&path, &outsider).await.refuses(403, "not_a_member");
    app.put(&path, &outsider, json!({ "name": "Mine" })).await.refuses(403, "not_a_member");
    app.delete(&path, &outsider).await.refuses(403, "not_a_member");
    let missing = format!("/servers/{}", server + 1);
    app.get(&missing, &mina).await.refuses(404, "server_not_found");
    app.put(&missing, &mina, json!({ "name": "Mine" })).await.refuses(404, "server_not_found");
    app.delete(&missing, &mina).await.refuses(404, "server_not_found");
    assert_eq!(app.get(&path, &mina).await.is(200)["name"], "Courtyard");
}

#[tokio::test]
async fn deleting_a_server_holds_up_none_of_its_members() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let (server, other) = (app.server(&mina, "Courtyard").await, app.server(&mina, "Garden").await);
    app.post(&format!("/servers/{server}/join"), &jun, Value::Null).await.is(200);
    let deletion = connect(&app.database).await;
    deletion.batch_execute(&format!("begin; delete from servers where id = {server}")).await.expect("it is free");
    app.put("/users/me", &jun, json!({ "bio": "still here" })).await.is(200);
    app.post(&format!("/servers/{other}/join"), &jun, Value::Null).await.is(200);
    deletion.batch_execute("rollback").await.expect("it was open");
}

#[tokio::test]
async fn a_deleted_server_takes_all_that_is_in_it() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let (server, other) = (app.server(&mina, "Courtyard").await, app.server(&mina, "Other").await);
    app.join(&jun, server).await;
    let (channel, kept) = (app.channel(&mina, server, "general").await, app.channel(&mina, other, "kept").await);
    for channel in [channel, kept] {
        app.socket(channel, &mina).await.say_and_hear("hello").await;
    }
    app.delete(&format!("/servers/{server}"), &mina).await.is(204);
    for user in [&mina, &jun] {
        app.get(&format!("/servers/{server}"), user).await.refuses(404, "server_not_found");
        app.get(&format!("/channels/{channel}"), user).await.refuses(404, "channel_not_found");
        app.get(&format!("/channels/{channel}/messages"), user).await.refuses(404, "channel_not_found");
    }
    app.delete(&format!("/servers/{server}"), &mina).await.refuses(404, "server_not_found");
    assert_eq!(app.get("/servers/", &jun).await.is(200), json!([]));
    for (table, left) in [("servers", 1), ("channels", 1), ("user_servers", 1), ("users", 2)] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, left, "{table}");
    }
    app.until("select (count(*) = 1)::integer::bigint from messages").await;
}

#[tokio::test]
async fn a_user_belongs_to_at_most_two_hundred_servers() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let sora = app.register("sora").await;
    let (full, last) = (app.server(&jun, "one too many").await, app.server(&jun, "the last").await);
    app.sql(&format!(
        "with made as (insert into servers (name, owner_id) select 's' || n, {} from generate_series(1, 199) n
         returning id) insert into user_servers (user_id, server_id) select unnest(array[{}, {}]), id from made",
        sora.id, sora.id, mina.id
    ))
    .await;
    app.join(&mina, last).await;
    app.post(&format!("/servers/{full}/join"), &mina, Value::Null).await.refuses(400, "too_many_servers");
    app.post("/servers/", &mina, json!({ "name": "x" })).await.refuses(400, "too_many_servers");
    assert_eq!(app.get("/servers/", &mina).await.is(200).as_array().map(Vec::len), Some(200));
    assert_eq!(app.count("select count(*) from servers where name = 'x'").await, 0);
    app.post(&format!("/servers/{last}/leave"), &mina, Value::Null).await.is(204);
    app.join(&mina, full).await;
}
