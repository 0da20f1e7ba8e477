//! What members are called in a server, and timeouts.

use super::{all_but, every_member_may, until};
use crate::support::shapes::{MEMBER, time_of};
use crate::support::{TestApp, User, Value, has_shape, json, spawn_app, spawn_nodes};
use futures_util::future::join;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

fn member(server: i64, user: &User) -> String {
    format!("/servers/{server}/members/{}", user.id)
}

fn in_time(time: Duration) -> Value {
    json!((OffsetDateTime::now_utc() + time).format(&Rfc3339).expect("a time"))
}

async fn posts(app: &TestApp, user: &User, channel: i64) -> u16 {
    app.post(&format!("/channels/{channel}/messages"), user, json!({ "content": "hi" })).await.status
}

#[tokio::test]
async fn a_nickname_is_ones_own_or_given_by_who_may() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let mut gateway = app.gateway(&mina).await.0;
    let named = app.patch(&member(server, &jun), &jun, json!({ "nickname": "Jun of the garden" })).await.is(200);
    has_shape(&named, MEMBER);
    assert_eq!(named["nickname"], "Jun of the garden");
    assert_eq!(gateway.next_of("member.updated").await["member"], named);
    assert_eq!(app.get(&member(server, &jun), &mina).await.is(200), named);
    app.patch(&member(server, &mina), &jun, json!({ "nickname": "Boss" })).await.refuses(403, "missing_permission");
    app.patch(&member(server, &jun), &mina, json!({ "nickname": null })).await.is(200);
    every_member_may(&app, &mina, server, &all_but(&["change_nickname"])).await;
    let refused = app.patch(&member(server, &jun), &jun, json!({ "nickname": "Jun" })).await;
    refused.refuses(403, "missing_permission");
    assert!(refused.text.contains("`change_nickname`"), "{refused:?}");
    // Nothing is no change, and no right is asked for.
    assert_eq!(app.patch(&member(server, &jun), &jun, json!({})).await.is(200)["nickname"], Value::Null);
    app.patch(&member(server, &jun), &mina, json!({ "nickname": " " })).await.refuses(422, "validation_error");
}

#[tokio::test]
async fn roles_are_given_and_taken_together() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let mut roles = Vec::new();
    for name in ["one", "two", "three"] {
        roles.push(app.role(&mina, server, json!({ "name": name })).await);
    }
    let set = async |ids: &[i64]| {
        let changed = app.patch(&member(server, &jun), &mina, json!({ "role_ids": ids })).await.is(200);
        assert_eq!(changed, app.get(&member(server, &jun), &mina).await.is(200));
        changed["role_ids"].clone()
    };
    assert_eq!(set(&[roles[2], roles[0]]).await, json!([roles[0], roles[2]]));
    assert_eq!(set(&[roles[1], roles[2]]).await, json!([roles[1], roles[2]]));
    assert_eq!(set(&[]).await, json!([]));
    let default = app.default_role(&mina, server).await;
    let wrong = async |ids: &[i64]| app.patch(&member(server, &jun), &mina, json!({ "role_ids": ids })).await;
    wrong(&[roles[0], default]).await.refuses(400, "default_role");
    wrong(&[roles[0], roles[2] + 1_000]).await.refuses(404, "role_not_found");
    assert_eq!(app.get(&member(server, &jun), &mina).await.is(200)["role_ids"], json!([]), "all or nothing");
}

/// Of two sets at once one holds, and never both together.
#[tokio::test]
async fn of_two_sets_of_roles_at_once_one_holds() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let one = app.role(&mina, server, json!({ "name": "one" })).await;
    let two = app.role(&mina, server, json!({ "name": "two" })).await;
    let set = async |ids: &[i64]| app.patch(&member(server, &jun), &mina, json!({ "role_ids": ids })).await.status;
    for _ in 0..15 {
        set(&[]).await;
        let statuses = join(set(&[one]), set(&[two])).await;
        assert!([statuses.0, statuses.1].iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
        let has = app.get(&member(server, &jun), &mina).await.is(200)["role_ids"].take();
        assert!(has == json!([one]) || has == json!([two]), "{has}");
    }
}

/// Who is in a timeout sees, hears and reads; nothing else is done until it is over, by itself, on every way.
#[tokio::test]
async fn a_timeout_keeps_from_writing_and_ends_by_itself() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let message = app.said(channel, &mina, "hello").await;
    let (mut gateway, mut socket) = (app.subscriber(&jun, channel).await, app.socket(channel, &jun).await);
    app.patch(&member(server, &jun), &jun, json!({ "timeout_until": null })).await.refuses(403, "missing_permission");
    let end = in_time(Duration::from_secs(600));
    let told = app.patch(&member(server, &jun), &mina, json!({ "timeout_until": end })).await.is(200);
    assert_eq!(time_of(&told["timeout_until"]).unix_timestamp(), time_of(&end).unix_timestamp());
    assert_eq!(until(&mut gateway, "member.updated").await["member"], told);
    assert_eq!(posts(&app, &jun, channel).await, 403);
    gateway.say_in(channel, "hi", "n1").await;
    assert_eq!(until(&mut gateway, "error").await["code"], "missing_permission");
    socket.tell(json!({ "content": "hi" })).await;
    assert_eq!(socket.next_of("error").await["code"], "missing_permission");
    let react = format!("/channels/{channel}/messages/{message}/reactions/%F0%9F%91%8D/me");
    app.put(&react, &jun, Value::Null).await.refuses(403, "missing_permission");
    app.patch(&member(server, &jun), &jun, json!({ "nickname": "Jun" })).await.refuses(403, "missing_permission");
    // They still hear and read.
    app.said(channel, &mina, "still here").await;
    assert_eq!(until(&mut gateway, "message.created").await["content"], "still here");
    app.get(&format!("/channels/{channel}/messages"), &jun).await.is(200);
    let ready = app.gateway(&jun).await.1;
    assert_eq!(ready["servers"][0]["my_timeout_until"], told["timeout_until"]);
    assert_eq!(ready["servers"][0]["my_permissions"], json!(super::OF_MEMBERS));
    // It goes with nobody who leaves and comes back.
    app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    app.join(&jun, server).await;
    assert_eq!(posts(&app, &jun, channel).await, 403);
    assert_eq!(app.get(&member(server, &jun), &mina).await.is(200)["timeout_until"], told["timeout_until"]);
    let mut gateway = app.subscriber(&jun, channel).await;
    // It ends when it is taken away,
    app.patch(&member(server, &jun), &mina, json!({ "timeout_until": null })).await.is(200);
    gateway.say_in(channel, "back", "n2").await;
    until(&mut gateway, "ack").await;
    // and by itself.
    let soon = json!({ "timeout_until": in_time(Duration::from_secs(2)) });
    app.patch(&member(server, &jun), &mina, soon).await.is(200);
    while posts(&app, &jun, channel).await == 403 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    gateway.say_in(channel, "once more", "n3").await;
    assert_eq!(until(&mut gateway, "ack").await["nonce"], "n3");
}

#[tokio::test]
async fn a_timeout_is_for_those_below_and_has_an_end() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let wardens = app.role(&mina, server, json!({ "name": "wardens", "permissions": ["timeout_members"] })).await;
    app.give(&mina, server, &jun, wardens).await;
    let timeout = json!({ "timeout_until": in_time(Duration::from_secs(60)) });
    for user in [&mina, &jun] {
        app.patch(&member(server, user), &jun, timeout.clone()).await.refuses(403, "outranked");
    }
    let long = in_time(Duration::from_hours(28 * 24) + Duration::from_secs(60));
    let answer = app.patch(&member(server, &jun), &mina, json!({ "timeout_until": long })).await;
    answer.rejects(&[(json!(["body", "timeout_until"]), "less_than_equal")]);
    let answer = app.patch(&member(server, &jun), &mina, json!({ "timeout_until": "tomorrow" })).await;
    answer.rejects(&[(json!(["body", "timeout_until"]), "datetime_parsing")]);
    for past in ["0000-01-01T00:00:00+01:00", "2026-01-31T12:00:00Z"] {
        let answer = app.patch(&member(server, &jun), &mina, json!({ "timeout_until": past })).await;
        answer.rejects(&[(json!(["body", "timeout_until"]), "greater_than")]);
    }
    app.patch(&member(server, &jun), &mina, timeout.clone()).await.is(200);
    assert_eq!(posts(&app, &jun, channel).await, 403);
    // Who may do everything is not kept from it, and is given no other.
    app.patch(&format!("/servers/{server}/roles/{wardens}"), &mina, json!({ "permissions": ["administrator"] }))
        .await
        .is(200);
    assert_eq!(posts(&app, &jun, channel).await, 201);
    app.patch(&member(server, &jun), &mina, timeout).await.refuses(403, "outranked");
}

#[tokio::test]
async fn a_timeout_holds_on_every_node() {
    let [one, two, three] = spawn_nodes().await;
    let (mina, jun, server, channel) = one.two_members().await;
    let mut gateway = three.subscriber(&jun, channel).await;
    for _ in 0..3 {
        let timeout = json!({ "timeout_until": in_time(Duration::from_secs(600)) });
        one.patch(&member(server, &jun), &mina, timeout).await.is(200);
        assert_eq!((posts(&two, &jun, channel).await, posts(&three, &jun, channel).await), (403, 403));
        gateway.say_in(channel, "hi", "n").await;
        assert_eq!(until(&mut gateway, "error").await["code"], "missing_permission");
        two.patch(&member(server, &jun), &mina, json!({ "timeout_until": null })).await.is(200);
        assert_eq!((posts(&one, &jun, channel).await, posts(&three, &jun, channel).await), (201, 201));
    }
}
