//! Who belongs to a server, and who somebody is.

use crate::limits::{limited, number};
use crate::support::shapes::{MEMBER, PUBLIC_PROFILE, time_of};
use crate::support::{By, Method, PASSWORD, TestApp, User, Value, has_shape, id, json, spawn_app};
use std::time::Duration;

/// The ids of a list of members, or of profiles.
fn ids(list: &Value, name: &str) -> Vec<i64> {
    let list = list.as_array().expect("a list").iter();
    list.map(|one| one[name].as_i64().unwrap_or_else(|| panic!("no {name}: {one}"))).collect()
}

async fn page(app: &TestApp, by: &User, server: i64, query: &str) -> Vec<i64> {
    let members = app.get(&format!("/servers/{server}/members?{query}"), by).await.is(200);
    members.as_array().expect("a list").iter().for_each(|member| has_shape(member, MEMBER));
    ids(&members, "user_id")
}

/// Accounts of whom nobody has to log in, in the order of their ids; members of a server.
async fn many_members(app: &TestApp, count: usize, server: i64) -> Vec<i64> {
    app.sql(&format!(
        "insert into users (username, email, hashed_password)
             select 'one of many ' || n, 'many' || n || '@example.com', '' from generate_series(1, {count}) n;
         insert into user_servers (user_id, server_id)
             select id, {server} from users where username like 'one of many %'"
    ))
    .await;
    let database = crate::support::database::connect(&app.database).await;
    let rows = database.query("select id from users where username like 'one of many %' order by id", &[]).await;
    rows.expect("good SQL").iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn members_are_read_page_by_page_while_others_join_and_leave() {
    let app = spawn_app().await;
    let (early, mina, leaves) = (app.register("early").await, app.register("mina").await, app.register("leaves").await);
    let mut members = Vec::new();
    for name in ["ara", "bora", "chan", "dani"] {
        members.push(app.register(name).await);
    }
    let (server, other) = (app.server(&mina, "Courtyard").await, app.server(&early, "Elsewhere").await);
    // In another order than that of their ids.
    for member in members.iter().rev().chain([&leaves]) {
        app.join(member, server).await;
        app.join(member, other).await;
    }
    let first = page(&app, &mina, server, "limit=3").await;
    assert_eq!(first, [mina.id, leaves.id, members[0].id]);
    // One behind what has been read, one before it, one away.
    let late = app.register("late").await;
    app.join(&late, server).await;
    app.join(&early, server).await;
    app.post(&format!("/servers/{server}/leave"), &members[1], json!({})).await.is(204);
    app.post(&format!("/servers/{server}/leave"), &leaves, json!({})).await.is(204);
    let second = page(&app, &mina, server, &format!("limit=2&after={}", first[2])).await;
    assert_eq!(second, [members[2].id, members[3].id]);
    let third = page(&app, &mina, server, &format!("limit=2&after={}", second[1])).await;
    assert_eq!(third, [late.id]);
    assert!(page(&app, &mina, server, &format!("after={}", late.id)).await.is_empty());
    assert!(page(&app, &mina, server, &format!("after={}", i64::MAX)).await.is_empty());
    let all = page(&app, &late, server, "").await;
    assert_eq!(all, [early.id, mina.id, members[0].id, members[2].id, members[3].id, late.id]);
}

#[tokio::test]
async fn a_page_has_a_hundred_members_at_most() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let many = many_members(&app, 150, server).await;
    let first = page(&app, &mina, server, "").await;
    assert_eq!(first, [&[mina.id], &many[..99]].concat());
    assert_eq!(page(&app, &mina, server, "limit=100").await, first);
    assert_eq!(page(&app, &mina, server, &format!("after={}", first[99])).await, many[99..]);
}

#[tokio::test]
async fn a_member_is_shown_as_others_see_them_and_since_when() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let change = json!({ "display_name": "Jun!", "avatar_url": "https://example.com/jun.png", "bio": "tea" });
    let profile = app.put("/users/me", &jun, change).await.is(200);
    let path = format!("/servers/{server}/members/{}", jun.id);
    let member = app.get(&path, &mina).await.is(200);
    has_shape(&member, MEMBER);
    assert_eq!(member["user_id"], jun.id);
    for field in ["username", "display_name", "avatar_url"] {
        assert_eq!(member[field], profile[field], "{field}");
    }
    let list = app.get(&format!("/servers/{server}/members?after={}", mina.id), &jun).await;
    assert!(!list.text.contains("example.com\""), "an address is for its owner: {list:?}");
    assert_eq!(list.is(200), json!([member]));
    app.post(&format!("/servers/{server}/leave"), &jun, json!({})).await.is(204);
    app.get(&path, &mina).await.refuses(404, "user_not_found");
    app.join(&jun, server).await;
    let again = app.get(&path, &jun).await.is(200);
    assert!(time_of(&again["joined_at"]) > time_of(&member["joined_at"]), "{again}");
    app.call(Method::DELETE, "/users/me", &jun, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
    app.get(&path, &mina).await.refuses(404, "user_not_found");
    assert_eq!(page(&app, &mina, server, "").await, [mina.id]);
}

#[tokio::test]
async fn only_members_see_who_belongs_to_a_server() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let ara = app.register("ara").await;
    let missing = server + 1;
    for end in ["".to_owned(), format!("/{}", mina.id)] {
        let (own, nowhere) = (format!("/servers/{server}/members{end}"), format!("/servers/{missing}/members{end}"));
        app.get(&own, By::Nobody).await.refuses(401, "not_authenticated");
        app.get(&own, &ara).await.refuses(403, "not_a_member");
        app.get(&nowhere, &mina).await.refuses(404, "server_not_found");
        app.get(&own, &jun).await.is(200);
        app.post(&own, &mina, json!({})).await.refuses(405, "method_not_allowed");
    }
    // Somebody, but no member.
    for nobody in [ara.id, ara.id + 1, 0, -1] {
        app.get(&format!("/servers/{server}/members/{nobody}"), &mina).await.refuses(404, "user_not_found");
    }
    app.post(&format!("/servers/{server}/leave"), &jun, json!({})).await.is(204);
    app.get(&format!("/servers/{server}/members"), &jun).await.refuses(403, "not_a_member");
}

#[tokio::test]
async fn a_page_of_members_out_of_range_is_named() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    for (query, name, kind) in [
        ("limit=0", "limit", "greater_than_equal"),
        ("limit=101", "limit", "less_than_equal"),
        ("limit=x", "limit", "int_parsing"),
        ("after=-1", "after", "greater_than_equal"),
        ("after=x", "after", "int_parsing"),
    ] {
        let answer = app.get(&format!("/servers/{server}/members?{query}"), &mina).await;
        answer.rejects(&[(json!(["query", name]), kind)]);
    }
    let answer = app.get(&format!("/servers/{server}/members/x"), &mina).await;
    answer.rejects(&[(json!(["path", "user_id"]), "int_parsing")]);
}

#[tokio::test]
async fn users_are_looked_up_in_the_order_in_which_they_are_named() {
    let app = spawn_app().await;
    let (mina, jun, gone) = (app.register("mina").await, app.register("jun").await, app.register("gone").await);
    app.call(Method::DELETE, "/users/me", &gone, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
    // They share no server: public profiles are everyone's.
    let named = json!({ "ids": [jun.id, gone.id, 999_999, mina.id.to_string(), jun.id, 0, -1, i64::MAX] });
    let found = app.post("/users/lookup", &mina, named).await;
    assert!(!found.text.contains("@example.com"), "an address is for its owner: {found:?}");
    let found = found.is(200);
    assert_eq!(ids(&found, "id"), [jun.id, mina.id]);
    for profile in found.as_array().expect("a list") {
        has_shape(profile, PUBLIC_PROFILE);
        assert_eq!(*profile, app.get(&format!("/users/{}", id(profile)), &mina).await.is(200));
    }
    assert_eq!(app.post("/users/lookup", &jun, json!({ "ids": [gone.id] })).await.is(200), json!([]));
    app.post("/users/lookup", By::Nobody, json!({ "ids": [jun.id] })).await.refuses(401, "not_authenticated");
    app.get("/users/lookup", &mina).await.refuses(405, "method_not_allowed");
}

#[tokio::test]
async fn a_look_up_that_is_no_list_of_so_many_ids_is_told_what_is_wrong() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let many = many_members(&app, 101, server).await;
    let mut hundred: Vec<i64> = many[..100].iter().rev().copied().collect();
    let found = app.post("/users/lookup", &mina, json!({ "ids": hundred })).await.is(200);
    assert_eq!(ids(&found, "id"), hundred);
    // Each counts once.
    let twice = [hundred.clone(), hundred.clone()].concat();
    assert_eq!(app.post("/users/lookup", &mina, json!({ "ids": twice })).await.is(200), found);
    hundred.push(many[100]);
    let whole = || json!(["body", "ids"]);
    for (body, issue) in [
        (json!({}), (whole(), "missing")),
        (json!({ "ids": null }), (whole(), "list_type")),
        (json!({ "ids": mina.id }), (whole(), "list_type")),
        (json!({ "ids": [] }), (whole(), "too_short")),
        (json!({ "ids": hundred }), (whole(), "too_long")),
        (json!({ "ids": ["x"] }), (json!(["body", "ids", 0]), "int_parsing")),
        (json!({ "ids": [1, 2.5] }), (json!(["body", "ids", 1]), "int_from_float")),
        (json!({ "ids": [1, 2, null] }), (json!(["body", "ids", 2]), "int_type")),
    ] {
        app.post("/users/lookup", &mina, body).await.rejects(&[issue]);
    }
}

/// Everybody who shares a server with somebody is told of each.
#[tokio::test]
async fn a_profile_is_changed_so_often_and_no_more() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let change = async |number: usize| app.put("/users/me", &mina, json!({ "bio": format!("tea {number}") })).await;
    for number in 0..10 {
        change(number).await.is(200);
    }
    let refused = change(10).await;
    refused.refuses(429, "rate_limited");
    assert_eq!(number(&refused, "retry-after"), 6);
    for same in [json!({}), json!({ "bio": "tea 9" })] {
        assert_eq!(app.put("/users/me", &mina, same).await.is(200)["bio"], "tea 9", "nothing that others see");
    }
    app.pass(Duration::from_secs(6));
    change(11).await.is(200);
    change(12).await.refuses(429, "rate_limited");
}

/// Each join, and each leave behind it, is told to all members.
#[tokio::test]
async fn servers_are_joined_so_often_and_no_more() {
    let app = limited().await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let server = app.server(&mina, "Courtyard").await;
    let (join, leave) = (format!("/servers/{server}/join"), format!("/servers/{server}/leave"));
    for _ in 0..50 {
        app.post(&join, &june, json!({})).await.is(200);
        app.post(&leave, &june, json!({})).await.is(204);
        // Within what a user may call.
        app.pass(Duration::from_millis(40));
    }
    let refused = app.post(&join, &june, json!({})).await;
    refused.refuses(429, "rate_limited");
    assert!(number(&refused, "retry-after") <= 6);
    app.pass(Duration::from_secs(6));
    app.post(&join, &june, json!({})).await.is(200);
    app.post(&leave, &june, json!({})).await.is(204);
}
