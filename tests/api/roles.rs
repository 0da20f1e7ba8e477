//! Roles: what they give, who may change and give them, and who hears of it.

mod hidden;
mod members;
mod ranks;

use crate::support::shapes::ROLE;
use crate::support::{Method, Socket, TestApp, User, Value, has_shape, id, json, spawn_app, spawn_nodes};

/// What every member of a new server may do.
const OF_MEMBERS: [&str; 11] = [
    "add_reactions",
    "attach_files",
    "change_nickname",
    "create_invite",
    "create_threads",
    "embed_links",
    "read_history",
    "send_in_threads",
    "send_messages",
    "use_external_emoji",
    "view_channel",
];

fn roles_of(server: i64) -> String {
    format!("/servers/{server}/roles")
}

fn role_of(server: i64, role: i64) -> String {
    format!("/servers/{server}/roles/{role}")
}

fn held(server: i64, user: &User, role: i64) -> String {
    format!("/servers/{server}/members/{}/roles/{role}", user.id)
}

/// What the default role gives from now on.
async fn every_member_may(app: &TestApp, owner: &User, server: i64, permissions: &[&str]) {
    let role = app.default_role(owner, server).await;
    app.patch(&role_of(server, role), owner, json!({ "permissions": permissions })).await.is(200);
}

/// The next event of this type, whatever else comes before.
async fn until(gateway: &mut Socket, kind: &str) -> Value {
    loop {
        let event = gateway.next_event().await;
        if event["type"] == kind {
            return event;
        }
    }
}

/// All but these of what every member of a new server may do.
fn all_but(denied: &[&str]) -> Vec<&'static str> {
    OF_MEMBERS.into_iter().filter(|name| !denied.contains(name)).collect()
}

#[tokio::test]
async fn a_server_begins_with_a_role_that_gives_what_members_could_always_do() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let roles = app.get(&roles_of(server), &jun).await.is(200);
    let [default] = &roles.as_array().expect("a list")[..] else { panic!("one role: {roles}") };
    has_shape(default, ROLE);
    let shown = (&default["name"], &default["is_default"], &default["position"], &default["permissions"]);
    assert_eq!(shown, (&json!("everyone"), &json!(true), &json!(0), &json!(OF_MEMBERS)));
    let detail = app.get(&format!("/servers/{server}"), &jun).await.is(200);
    assert_eq!((&detail["roles"], &detail["my_permissions"]), (&roles, &json!(OF_MEMBERS)));
    let owners = app.get(&format!("/servers/{server}"), &mina).await.is(200);
    assert_eq!(owners["my_permissions"].as_array().expect("a list").len(), 27, "the owner may do everything");
    let ready = app.gateway(&jun).await.1;
    let in_ready = &ready["servers"][0];
    assert_eq!((&in_ready["roles"], &in_ready["my_role_ids"]), (&roles, &json!([])));
    assert_eq!(in_ready["my_permissions"], json!(OF_MEMBERS));
}

#[tokio::test]
async fn a_role_is_made_changed_given_taken_and_deleted_and_members_hear_of_it() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let mut gateway = app.gateway(&jun).await.0;
    let new = json!({ "name": "Gardeners", "color": "#00aa55", "hoist": true, "permissions": ["manage_channels"] });
    let role = app.post(&roles_of(server), &mina, new).await.is(201);
    has_shape(&role, ROLE);
    assert_eq!((&role["position"], &role["mentionable"]), (&json!(1), &json!(false)));
    assert_eq!(gateway.next_of("role.created").await, told("role.created", server, &role));
    let gardeners = id(&role);

    let patch = json!({ "name": "Planters", "color": null, "permissions": ["manage_channels", "pin_messages"] });
    let role = app.patch(&role_of(server, gardeners), &mina, patch).await.is(200);
    assert_eq!((&role["name"], &role["color"], &role["hoist"]), (&json!("Planters"), &Value::Null, &json!(true)));
    assert_eq!(gateway.next_of("role.updated").await, told("role.updated", server, &role));
    assert_eq!(app.get(&roles_of(server), &jun).await.is(200)[1], role);

    let new_channel = |name: &str| json!({ "name": name, "server_id": server });
    app.post("/channels/", &jun, new_channel("herbs")).await.refuses(403, "missing_permission");
    app.give(&mina, server, &jun, gardeners).await;
    let updated = gateway.next_of("member.updated").await;
    assert_eq!((&updated["server_id"], &updated["member"]["role_ids"]), (&json!(server), &json!([gardeners])));
    // Once more changes nothing, and nobody hears of it.
    app.give(&mina, server, &jun, gardeners).await;
    assert_eq!(gateway.events_until_pong().await, [] as [Value; 0]);
    app.post("/channels/", &jun, new_channel("herbs")).await.is(201);
    let member = app.get(&format!("/servers/{server}/members/{}", jun.id), &mina).await.is(200);
    assert_eq!(member["role_ids"], json!([gardeners]));
    let detail = app.get(&format!("/servers/{server}"), &jun).await.is(200);
    assert!(detail["my_permissions"].as_array().expect("a list").contains(&json!("pin_messages")), "{detail}");

    for _ in 0..2 {
        app.delete(&held(server, &jun, gardeners), &mina).await.is(204);
    }
    app.post("/channels/", &jun, new_channel("beans")).await.refuses(403, "missing_permission");
    app.give(&mina, server, &jun, gardeners).await;
    app.delete(&role_of(server, gardeners), &mina).await.is(204);
    let deleted = json!({ "type": "role.deleted", "server_id": server, "role_id": gardeners });
    assert_eq!(until(&mut gateway, "role.deleted").await, deleted);
    app.post("/channels/", &jun, new_channel("beans")).await.refuses(403, "missing_permission");
    assert_eq!(app.get(&format!("/servers/{server}/members/{}", jun.id), &mina).await.is(200)["role_ids"], json!([]));
    app.delete(&role_of(server, gardeners), &mina).await.refuses(404, "role_not_found");
    app.patch(&role_of(server, gardeners), &mina, json!({})).await.refuses(404, "role_not_found");
    app.put(&held(server, &jun, gardeners), &mina, Value::Null).await.refuses(404, "role_not_found");
}

fn told(kind: &str, server: i64, role: &Value) -> Value {
    json!({ "type": kind, "server_id": server, "role": role })
}

#[tokio::test]
async fn a_role_ends_with_the_membership() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let role = app.role(&mina, server, json!({ "name": "Gardeners", "permissions": ["manage_channels"] })).await;
    app.give(&mina, server, &jun, role).await;
    app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    app.put(&held(server, &jun, role), &mina, Value::Null).await.refuses(404, "user_not_found");
    app.delete(&held(server, &jun, role), &mina).await.refuses(404, "user_not_found");
    app.join(&jun, server).await;
    let new = json!({ "name": "herbs", "server_id": server });
    app.post("/channels/", &jun, new).await.refuses(403, "missing_permission");
}

#[tokio::test]
async fn what_is_wrong_with_a_role_is_named() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let elsewhere = app.server(&mina, "elsewhere").await;
    let roles = roles_of(server);
    let wrong = json!({ "name": "", "color": "blue", "hoist": 1, "permissions": ["kick_members", "fly"] });
    app.post(&roles, &mina, wrong).await.rejects(&[
        (json!(["body", "name"]), "string_too_short"),
        (json!(["body", "color"]), "string_pattern_mismatch"),
        (json!(["body", "hoist"]), "bool_type"),
        (json!(["body", "permissions", 1]), "permission_unknown"),
    ]);
    app.post(&roles, &mina, json!({})).await.rejects(&[(json!(["body", "name"]), "missing")]);
    let order = format!("{roles}/order");
    let twice = app.put(&order, &mina, json!({ "role_ids": [7, 7] })).await;
    twice.rejects(&[(json!(["body", "role_ids", 1]), "value_error")]);
    // A role of another server is none of this one.
    let foreign = app.role(&mina, elsewhere, json!({ "name": "theirs" })).await;
    app.patch(&role_of(server, foreign), &mina, json!({ "hoist": true })).await.refuses(404, "role_not_found");
    app.delete(&role_of(server, foreign), &mina).await.refuses(404, "role_not_found");
    app.put(&held(server, &jun, foreign), &mina, Value::Null).await.refuses(404, "role_not_found");
    app.put(&order, &mina, json!({ "role_ids": [foreign] })).await.refuses(409, "roles_not_named");
    // The default role is every member's.
    let default = app.default_role(&mina, server).await;
    app.patch(&role_of(server, default), &mina, json!({ "name": "all" })).await.refuses(400, "default_role");
    app.delete(&role_of(server, default), &mina).await.refuses(400, "default_role");
    app.put(&held(server, &jun, default), &mina, Value::Null).await.refuses(400, "default_role");
    app.delete(&held(server, &jun, default), &mina).await.refuses(400, "default_role");
    app.put(&order, &mina, json!({ "role_ids": [default] })).await.refuses(409, "roles_not_named");
}

#[tokio::test]
async fn a_server_has_at_most_250_roles() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    app.sql(&format!(
        "insert into roles (server_id, name, position, permissions) select {server}, 'role ' || n, 1, 0 from generate_series(1, 248) n"
    ))
    .await;
    let last = app.role(&mina, server, json!({ "name": "the last" })).await;
    app.post(&roles_of(server), &mina, json!({ "name": "one more" })).await.refuses(400, "too_many_roles");
    app.delete(&role_of(server, last), &mina).await.is(204);
    app.role(&mina, server, json!({ "name": "again" })).await;
    assert_eq!(app.get(&roles_of(server), &mina).await.is(200).as_array().expect("a list").len(), 250);
}

/// What the schema was before it had roles, with all that people had made by then.
const BEFORE: &str = "
    drop trigger servers_default_role on servers;
    drop table member_roles, roles, left_in_timeout;
    drop trigger user_servers_update_noted on user_servers;
    drop trigger user_servers_keep_timeout on user_servers;
    drop trigger user_servers_timeout_back on user_servers;
    drop function give_default_role, check_role_limit, note_role_change, note_role, note_given_role, note_member,
        keep_timeout, bring_timeout_back, order_roles, change_member;
    alter table user_servers drop column nickname, drop column timeout_until;
    alter table rights drop column role_id;
    delete from refinery_schema_history where version = 18;
";

#[tokio::test]
async fn a_database_from_before_there_were_roles_goes_on_as_it_was() {
    let mut app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    app.said(channel, &mina, "before").await;
    let other = app.server(&jun, "Other").await;
    app.stop().await;
    app.sql(BEFORE).await;
    app.sql(&format!(
        "with made as (
            insert into servers (name, owner_id) select 'server ' || n, {0} from generate_series(1, 150) n returning id
        )
        insert into user_servers (user_id, server_id) select {0}, id from made",
        jun.id
    ))
    .await;
    app.restart().await;
    assert_eq!(
        app.count("select count(*) from servers s where (select count(*) from roles where server_id = s.id) <> 1")
            .await,
        0
    );
    let mut gateway = app.subscriber(&jun, channel).await;
    gateway.say_in(channel, "after", "1").await;
    until(&mut gateway, "ack").await;
    app.post("/channels/", &jun, json!({ "name": "herbs", "server_id": server }))
        .await
        .refuses(403, "missing_permission");
    app.channel(&jun, other, "herbs").await;
    let detail = app.get(&format!("/servers/{server}"), &jun).await.is(200);
    assert_eq!((&detail["my_permissions"], &detail["channels"][0]["id"]), (&json!(OF_MEMBERS), &json!(channel)));
    let role = app.role(&mina, server, json!({ "name": "Gardeners", "permissions": ["manage_channels"] })).await;
    app.give(&mina, server, &jun, role).await;
    app.channel(&jun, server, "herbs").await;
}

/// What one node has answered, the others know: a role that was given gives, and one that was taken gives no longer.
#[tokio::test]
async fn roles_hold_on_every_node_when_they_are_answered() {
    let [one, two, three] = spawn_nodes().await;
    let (mina, jun, server, _) = one.two_members().await;
    let mut gateway = three.gateway(&jun).await.0;
    let role = one.role(&mina, server, json!({ "name": "Gardeners", "permissions": ["manage_channels"] })).await;
    assert_eq!(gateway.next_of("role.created").await["role"]["id"], role);
    let create = async |node: &TestApp| {
        let new = json!({ "name": "herbs", "server_id": server });
        node.call(Method::POST, "/channels/", &jun, |call| call.json(&new)).await.status
    };
    for round in 0..5 {
        assert_eq!((create(&two).await, create(&three).await), (403, 403), "{round}");
        one.give(&mina, server, &jun, role).await;
        assert_eq!((create(&two).await, create(&three).await), (201, 201), "{round}");
        two.delete(&held(server, &jun, role), &mina).await.is(204);
        assert_eq!((create(&one).await, create(&three).await), (403, 403), "{round}");
        two.give(&mina, server, &jun, role).await;
        let patch = |permissions: &[&str]| json!({ "permissions": permissions });
        three.patch(&role_of(server, role), &mina, patch(&["pin_messages"])).await.is(200);
        assert_eq!((create(&one).await, create(&two).await), (403, 403), "{round}");
        one.patch(&role_of(server, role), &mina, patch(&["manage_channels"])).await.is(200);
        assert_eq!((create(&two).await, create(&three).await), (201, 201), "{round}");
        one.delete(&held(server, &jun, role), &mina).await.is(204);
    }
    let updated = until(&mut gateway, "member.updated").await;
    assert_eq!(updated["member"]["role_ids"], json!([role]));
    two.delete(&role_of(server, role), &mina).await.is(204);
    until(&mut gateway, "role.deleted").await;
}
