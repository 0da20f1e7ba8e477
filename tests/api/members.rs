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
