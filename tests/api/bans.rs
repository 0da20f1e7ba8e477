//! Members who are removed, and who is kept from coming back.

use crate::support::shapes::BAN;
use crate::support::{Method, PASSWORD, TestApp, User, Value, has_shape, json, spawn_app};
use futures_util::future::join;

fn ban_of(server: i64, user: &User) -> String {
    format!("/servers/{server}/bans/{}", user.id)
}

fn member(server: i64, user: &User) -> String {
    format!("/servers/{server}/members/{}", user.id)
}

async fn try_to_join(app: &TestApp, user: &User, server: i64) -> u16 {
    app.post(&format!("/servers/{server}/join"), user, Value::Null).await.status
}

#[tokio::test]
async fn who_is_removed_hears_nothing_more_and_may_come_back() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let mut minas = app.gateway(&mina).await.0;
    let (mut gateway, mut socket) = (app.subscriber(&jun, channel).await, app.socket(channel, &jun).await);
    app.delete(&member(server, &jun), &mina).await.is(204);
    app.said(channel, &mina, "behind a back").await;
    socket.expect_close(4403).await;
    let heard = gateway.events_until_pong().await;
    assert!(heard.contains(&json!({ "type": "server.left", "id": server })), "{heard:?}");
    assert!(!heard.iter().any(|event| event.to_string().contains("behind a back")), "{heard:?}");
    let left = json!({ "type": "member.left", "server_id": server, "user_id": jun.id });
    assert_eq!(minas.next_of("member.left").await, left);
    app.get(&format!("/channels/{channel}"), &jun).await.refuses(403, "not_a_member");
    app.delete(&member(server, &jun), &mina).await.refuses(404, "user_not_found");
    app.join(&jun, server).await;
    assert_eq!(gateway.next_of("server.joined").await["id"], server);
}

#[tokio::test]
async fn who_is_banned_cannot_come_back_until_it_is_lifted() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &jun).await;
    let ban = app.put(&ban_of(server, &jun), &mina, json!({ "reason": "Spam in every channel" })).await.is(200);
    has_shape(&ban, BAN);
    assert_eq!((&ban["user_id"], &ban["username"]), (&json!(jun.id), &json!("jun")));
    assert_eq!((&ban["reason"], &ban["banned_by"]), (&json!("Spam in every channel"), &json!(mina.id)));
    socket.expect_close(4403).await;
    app.post(&format!("/servers/{server}/join"), &jun, Value::Null).await.refuses(403, "banned");
    app.get(&format!("/servers/{server}"), &jun).await.refuses(403, "not_a_member");
    assert_eq!(app.get(&ban_of(server, &jun), &mina).await.is(200), ban);
    // What they have not been told, they cannot find out either.
    app.get(&ban_of(server, &jun), &jun).await.refuses(403, "not_a_member");
    app.delete(&ban_of(server, &jun), &mina).await.is(204);
    app.delete(&ban_of(server, &jun), &mina).await.refuses(404, "ban_not_found");
    app.get(&ban_of(server, &jun), &mina).await.refuses(404, "ban_not_found");
    app.join(&jun, server).await;
}

#[tokio::test]
async fn a_ban_comes_before_a_membership_and_outlives_it() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let ara = app.register("ara").await;
    let mut juns = app.gateway(&jun).await.0;
    let first = app.put(&ban_of(server, &ara), &mina, Value::Null).await.is(200);
    assert_eq!(first["reason"], Value::Null);
    // Nobody hears that somebody has left who never came.
    assert_eq!(juns.events_until_pong().await, [] as [Value; 0]);
    assert_eq!(try_to_join(&app, &ara, server).await, 403);
    // Once more: only the reason is another one.
    let again = app.put(&ban_of(server, &ara), &mina, json!({ "reason": "as announced" })).await.is(200);
    assert_eq!((&again["reason"], &again["created_at"]), (&json!("as announced"), &first["created_at"]));
    assert_eq!(app.put(&ban_of(server, &ara), &mina, json!({})).await.is(200), again);
    // It is the server's, whoever owns that.
    app.put(&format!("/servers/{server}/owner"), &mina, json!({ "owner_id": jun.id })).await.is(200);
    assert_eq!(app.get(&ban_of(server, &ara), &jun).await.is(200), again);
    app.get(&ban_of(server, &ara), &mina).await.refuses(403, "missing_permission");
    // With the account it goes.
    app.call(Method::DELETE, "/users/me", &ara, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
    app.get(&ban_of(server, &ara), &jun).await.refuses(404, "ban_not_found");
    app.put(&ban_of(server, &ara), &jun, Value::Null).await.refuses(404, "user_not_found");
}

#[tokio::test]
async fn bans_are_listed_by_their_users_ids_in_pages() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let list = format!("/servers/{server}/bans");
    assert_eq!(app.get(&list, &mina).await.is(200), json!([]));
    let mut ids = vec![jun.id];
    app.put(&ban_of(server, &jun), &mina, Value::Null).await.is(200);
    for number in 0..4 {
        let user = app.register(&format!("user{number}")).await;
        app.put(&ban_of(server, &user), &mina, Value::Null).await.is(200);
        ids.push(user.id);
    }
    let ids_of = |page: &Value| -> Vec<i64> {
        page.as_array().expect("a list").iter().filter_map(|ban| ban["user_id"].as_i64()).collect()
    };
    assert_eq!(ids_of(&app.get(&list, &mina).await.is(200)), ids);
    assert_eq!(ids_of(&app.get(&format!("{list}?limit=2"), &mina).await.is(200)), ids[..2]);
    let rest = format!("{list}?limit=2&after={}", ids[1]);
    assert_eq!(ids_of(&app.get(&rest, &mina).await.is(200)), ids[2..4]);
    app.get(&format!("{list}?limit=101"), &mina).await.rejects(&[(json!(["query", "limit"]), "less_than_equal")]);
}

#[tokio::test]
async fn nobody_acts_on_the_owner_on_themselves_or_on_who_is_not_there() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    for path in [member(server, &mina), ban_of(server, &mina)] {
        let call = if path.contains("bans") { Method::PUT } else { Method::DELETE };
        app.call(call.clone(), &path, &mina, |call| call).await.refuses(403, "outranked");
        app.call(call, &path, &jun, |call| call).await.refuses(403, "missing_permission");
    }
    let nobody = i64::MAX >> 12;
    app.delete(&format!("/servers/{server}/members/{nobody}"), &mina).await.refuses(404, "user_not_found");
    app.put(&format!("/servers/{server}/bans/{nobody}"), &mina, Value::Null).await.refuses(404, "user_not_found");
    let long = app.put(&ban_of(server, &jun), &mina, json!({ "reason": "a".repeat(513) })).await;
    long.rejects(&[(json!(["body", "reason"]), "string_too_long")]);
    app.get(&format!("/servers/{server}"), &jun).await.is(200);
    app.put(&ban_of(server, &jun), &mina, json!({ "reason": "가".repeat(512) })).await.is(200);
}

/// Whichever comes first: who is banned is no member, and the others have the list that is.
#[tokio::test]
async fn of_a_ban_and_a_join_at_once_the_ban_holds() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let mut gateway = app.gateway(&mina).await.0;
    let mut is_in = true;
    for round in 0..20 {
        if round % 2 == 0 && is_in {
            app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
        }
        let path = ban_of(server, &jun);
        let (ban, _) = join(app.put(&path, &mina, Value::Null), try_to_join(&app, &jun, server)).await;
        ban.is(200);
        app.get(&member(server, &jun), &mina).await.refuses(404, "user_not_found");
        assert_eq!(try_to_join(&app, &jun, server).await, 403, "round {round}");
        for event in gateway.events_until_pong().await {
            is_in = match event["type"].as_str() {
                Some("member.joined") => true,
                Some("member.left") => false,
                _ => is_in,
            };
        }
        assert!(!is_in, "round {round}: the others take them for a member");
        app.delete(&path, &mina).await.is(204);
        if round % 3 == 0 {
            app.join(&jun, server).await;
            is_in = true;
        }
    }
}
