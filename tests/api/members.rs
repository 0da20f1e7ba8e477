//! Joining and leaving.

use crate::support::shapes::SERVER;
use crate::support::{Value, has_shape, json, spawn_app};

#[tokio::test]
async fn everyone_may_join_a_server_once() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
    let joined = app.post(&format!("/servers/{server}/join"), &jun, Value::Null).await.is(200);
    has_shape(&joined, SERVER);
    assert_eq!(joined["id"].as_i64(), Some(server));
    app.get(&format!("/channels/{channel}"), &jun).await.is(200);
    for user in [&mina, &jun] {
        app.post(&format!("/servers/{server}/join"), user, Value::Null).await.refuses(400, "already_member");
    }
    let missing = format!("/servers/{}/join", server + 1);
    app.post(&missing, &jun, Value::Null).await.refuses(404, "server_not_found");
}

#[tokio::test]
async fn who_leaves_sees_the_server_no_more_and_may_come_back() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    for _ in 0..2 {
        app.join(&jun, server).await;
        app.get(&format!("/channels/{channel}/messages"), &jun).await.is(200);
        app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
        app.get(&format!("/servers/{server}"), &jun).await.refuses(403, "not_a_member");
        app.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
        app.get(&format!("/channels/{channel}/messages"), &jun).await.refuses(403, "not_a_member");
        assert_eq!(app.get("/servers/", &jun).await.is(200), json!([]));
    }
}

#[tokio::test]
async fn who_is_not_there_cannot_leave_and_the_owner_must_stay() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    let path = format!("/servers/{server}/leave");
    app.post(&path, &jun, Value::Null).await.refuses(400, "not_a_member");
    app.post(&path, &mina, Value::Null).await.refuses(400, "owner_cannot_leave");
    app.get(&format!("/servers/{server}"), &mina).await.is(200);
    let missing = format!("/servers/{}/leave", server + 1);
    app.post(&missing, &jun, Value::Null).await.refuses(404, "server_not_found");
}

#[tokio::test]
async fn of_many_joins_at_once_one_counts() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    let path = format!("/servers/{server}/join");
    let joins = (0..6).map(|_| app.post(&path, &jun, Value::Null)).collect::<Vec<_>>();
    let answers = futures_util::future::join_all(joins).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    answers.iter().filter(|answer| answer.status != 200).for_each(|answer| answer.refuses(400, "already_member"));
    let memberships = "select count(*) from user_servers m join users u on u.id = m.user_id where u.username = 'jun'";
    assert_eq!(app.count(memberships).await, 1);
}

#[tokio::test]
async fn a_server_is_handed_over_to_a_member_who_then_must_stay() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&jun, server).await;
    let (path, owner) = (format!("/servers/{server}"), format!("/servers/{server}/owner"));
    app.put(&path, &jun, json!({ "name": "mine" })).await.refuses(403, "missing_permission");
    let handed = app.put(&owner, &mina, json!({ "owner_id": jun.id })).await.is(200);
    has_shape(&handed, SERVER);
    assert_eq!((&handed["owner_id"], &handed["name"]), (&jun.id.into(), &"Courtyard".into()));
    assert_eq!(app.get(&path, &mina).await.is(200)["owner_id"], jun.id);
    app.put(&path, &mina, json!({ "name": "mine" })).await.refuses(403, "missing_permission");
    app.put(&owner, &mina, json!({ "owner_id": mina.id })).await.refuses(403, "not_the_owner");
    app.put(&path, &jun, json!({ "name": "mine" })).await.is(200);
    app.post(&format!("{path}/leave"), &jun, Value::Null).await.refuses(400, "owner_cannot_leave");
    app.post(&format!("{path}/leave"), &mina, Value::Null).await.is(204);
}

#[tokio::test]
async fn a_server_is_handed_over_to_nobody_else() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    let owner = format!("/servers/{server}/owner");
    for nobody in [jun.id, jun.id + 1, 0, -1] {
        let answer = app.put(&owner, &mina, json!({ "owner_id": nobody })).await;
        answer.refuses(400, "new_owner_not_a_member");
    }
    for bad in [json!({}), json!({ "owner_id": "jun" }), json!({ "owner_id": null }), json!({ "owner_id": 1.5 })] {
        assert_eq!(app.put(&owner, &mina, bad).await.status, 422);
    }
    app.put(&owner, &jun, json!({ "owner_id": jun.id })).await.refuses(403, "not_a_member");
    app.put(&owner, &mina, json!({ "owner_id": mina.id })).await.is(200);
    let missing = format!("/servers/{}/owner", server + 1);
    app.put(&missing, &mina, json!({ "owner_id": mina.id })).await.refuses(404, "server_not_found");
    assert_eq!(app.get(&format!("/servers/{server}"), &mina).await.is(200)["owner_id"], mina.id);
}

#[tokio::test]
async fn who_leaves_while_a_server_is_handed_over_either_owns_it_or_has_left() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let (mut handed, mut left) = (0, 0);
    for _ in 0..20 {
        let server = app.server(&mina, "Courtyard").await;
        app.join(&jun, server).await;
        let (owner, leave) = (format!("/servers/{server}/owner"), format!("/servers/{server}/leave"));
        let hand_over = app.put(&owner, &mina, json!({ "owner_id": jun.id }));
        let (hand_over, leave) = tokio::join!(hand_over, app.post(&leave, &jun, Value::Null));
        match (hand_over.status, leave.status) {
            (200, 400) => leave.refuses(400, "owner_cannot_leave"),
            (400, 204) => hand_over.refuses(400, "new_owner_not_a_member"),
            _ => panic!("{hand_over:?} {leave:?}"),
        }
        handed += i32::from(hand_over.status == 200);
        left += i32::from(leave.status == 204);
    }
    assert_eq!(handed + left, 20);
    let strangers = "select count(*) from servers s
        where not exists (select from user_servers m where m.server_id = s.id and m.user_id = s.owner_id)";
    assert_eq!(app.count(strangers).await, 0);
}
