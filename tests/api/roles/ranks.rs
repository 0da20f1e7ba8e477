//! Who stands above whom: nobody acts on who or what is not below them, and nobody gives what is not theirs.

use super::{all_but, every_member_may, held, role_of, roles_of};
use crate::support::{Method, TestApp, User, Value, json, spawn_app};
use futures_util::future::join;

/// A server with an owner, and two members: one may manage roles, members and channels, and one may nothing more.
struct Ranks {
    app: TestApp,
    owner: User,
    warden: User,
    guest: User,
    server: i64,
    /// The highest role, which nobody has, the warden's, and the lowest.
    high: i64,
    wardens: i64,
    low: i64,
}

async fn ranks() -> Ranks {
    let app = spawn_app().await;
    let (owner, warden, server, _) = app.two_members().await;
    let guest = app.register("guest").await;
    app.join(&guest, server).await;
    // Each new one is the lowest.
    let high = app.role(&owner, server, json!({ "name": "high", "permissions": ["ban_members"] })).await;
    let permissions = json!(["manage_roles", "kick_members", "ban_members", "manage_channels"]);
    let wardens = app.role(&owner, server, json!({ "name": "wardens", "permissions": permissions })).await;
    let low = app.role(&owner, server, json!({ "name": "low", "permissions": ["kick_members"] })).await;
    app.give(&owner, server, &warden, wardens).await;
    Ranks { app, owner, warden, guest, server, high, wardens, low }
}

#[tokio::test]
async fn nobody_changes_gives_or_takes_a_role_that_is_not_below_their_own() {
    let Ranks { app, warden, guest, server, high, wardens, low, .. } = ranks().await;
    for role in [high, wardens] {
        app.patch(&role_of(server, role), &warden, json!({ "hoist": true })).await.refuses(403, "outranked");
        app.delete(&role_of(server, role), &warden).await.refuses(403, "outranked");
        app.put(&held(server, &guest, role), &warden, Value::Null).await.refuses(403, "outranked");
        app.delete(&held(server, &guest, role), &warden).await.refuses(403, "outranked");
        // Not even their own, to be rid of it.
        app.delete(&held(server, &warden, role), &warden).await.refuses(403, "outranked");
    }
    app.patch(&role_of(server, low), &warden, json!({ "hoist": true })).await.is(200);
    app.give(&warden, server, &guest, low).await;
    app.delete(&held(server, &guest, low), &warden).await.is(204);
    // One below may be given to oneself, too.
    app.give(&warden, server, &warden, low).await;
    app.delete(&held(server, &warden, low), &warden).await.is(204);
    app.delete(&role_of(server, low), &warden).await.is(204);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_they_may_not_do_themselves() {
    let Ranks { app, owner, warden, guest, server, low, .. } = ranks().await;
    let lacks = async |path: &str, method: Method, body: Value| {
        let answer = app.call(method, path, &warden, |call| call.json(&body)).await;
        answer.refuses(403, "missing_permission");
        answer.json()["detail"].as_str().unwrap_or_default().to_owned()
    };
    let new = json!({ "name": "new", "permissions": ["kick_members", "manage_server"] });
    assert!(lacks(&roles_of(server), Method::POST, new).await.contains("`manage_server`"));
    let more = json!({ "permissions": ["administrator", "kick_members"] });
    assert!(lacks(&role_of(server, low), Method::PATCH, more).await.contains("`administrator`"));
    // What somebody above has given it stays: it is neither given nor taken.
    app.patch(&role_of(server, low), &owner, json!({ "permissions": ["manage_server"] })).await.is(200);
    let less = json!({ "permissions": [] });
    assert!(lacks(&role_of(server, low), Method::PATCH, less).await.contains("`manage_server`"));
    let both = json!({ "permissions": ["manage_server", "ban_members"] });
    app.patch(&role_of(server, low), &warden, both).await.is(200);
    assert!(lacks(&held(server, &guest, low), Method::PUT, Value::Null).await.contains("`manage_server`"));
    // Of the default role it is the same.
    let default = app.default_role(&owner, server).await;
    let mut more = all_but(&[]);
    more.push("view_audit_log");
    assert!(lacks(&role_of(server, default), Method::PATCH, json!({ "permissions": more })).await.contains("audit"));
    app.patch(&role_of(server, default), &warden, json!({ "permissions": all_but(&["embed_links"]) })).await.is(200);
    // Whoever may do everything gives everything.
    let administrators = json!({ "name": "administrators", "permissions": ["administrator"] });
    let administrators = app.role(&owner, server, administrators).await;
    app.give(&owner, server, &guest, administrators).await;
    app.role(&guest, server, json!({ "name": "theirs", "permissions": ["manage_server", "administrator"] })).await;
}

#[tokio::test]
async fn nobody_acts_on_members_who_are_not_below_them() {
    let Ranks { app, owner, warden, guest, server, high, low, .. } = ranks().await;
    let acts = async |on: &User| {
        let member = format!("/servers/{server}/members/{}", on.id);
        let ban = format!("/servers/{server}/bans/{}", on.id);
        let low = held(server, on, low);
        for (method, path) in
            [(Method::DELETE, member), (Method::PUT, ban), (Method::PUT, low.clone()), (Method::DELETE, low)]
        {
            app.call(method, &path, &warden, |call| call).await.refuses(403, "outranked");
        }
    };
    acts(&owner).await;
    app.give(&owner, server, &guest, high).await;
    acts(&guest).await;
    app.delete(&held(server, &guest, high), &owner).await.is(204);
    app.give(&warden, server, &guest, low).await;
    app.delete(&format!("/servers/{server}/members/{}", guest.id), &warden).await.is(204);
    app.put(&format!("/servers/{server}/bans/{}", guest.id), &warden, Value::Null).await.is(200);
}

#[tokio::test]
async fn an_order_names_all_roles_and_leaves_those_above_where_they_are() {
    let Ranks { app, owner, warden, server, high, wardens, low, .. } = ranks().await;
    let order = format!("/servers/{server}/roles/order");
    let ordered = async |by: &User, ids: &[i64]| app.put(&order, by, json!({ "role_ids": ids })).await;
    let lowest = app.role(&owner, server, json!({ "name": "lowest" })).await;
    let mut gateway = app.gateway(&warden).await.0;
    ordered(&warden, &[high, wardens, lowest, low]).await.is(204);
    let told = json!({ "type": "roles.ordered", "server_id": server, "role_ids": [high, wardens, lowest, low] });
    assert_eq!(gateway.next_of("roles.ordered").await, told);
    let roles = app.get(&roles_of(server), &owner).await.is(200);
    let places = roles.as_array().expect("a list").iter().map(|role| role["position"].as_i64().expect("a place"));
    assert_eq!(places.collect::<Vec<_>>(), [0, 4, 3, 1, 2]);
    for ids in [&[wardens, high, lowest, low][..], &[high, low, wardens, lowest], &[low, high, wardens, lowest]] {
        ordered(&warden, ids).await.refuses(403, "outranked");
    }
    for ids in [&[high, wardens, low][..], &[high, wardens, low, lowest, low + 1_000]] {
        ordered(&warden, ids).await.refuses(409, "roles_not_named");
    }
    ordered(&owner, &[low, lowest, wardens, high]).await.is(204);
    // What was above is below now.
    app.patch(&role_of(server, high), &warden, json!({ "hoist": true })).await.is(200);
    app.delete(&role_of(server, low), &warden).await.refuses(403, "outranked");
}

/// Of two orders at once one holds, and never a mix; who was late is told to look again.
#[tokio::test]
async fn of_two_orders_at_once_one_holds() {
    let Ranks { app, owner, server, high, wardens, low, .. } = ranks().await;
    let path = format!("/servers/{server}/roles/order");
    let (forward, back) = ([high, wardens, low], [low, wardens, high]);
    for _ in 0..15 {
        let order = async |ids: &[i64]| app.put(&path, &owner, json!({ "role_ids": ids })).await.status;
        let statuses = join(order(&forward), order(&back)).await;
        assert!([statuses.0, statuses.1].iter().all(|status| [204, 409].contains(status)), "{statuses:?}");
        let roles = app.get(&roles_of(server), &owner).await.is(200);
        let place = |id: i64| {
            let role = roles.as_array().expect("a list").iter().find(|role| role["id"] == id).expect("it is there");
            role["position"].as_i64().expect("a place")
        };
        let places = (place(high), place(wardens), place(low));
        assert!([(3, 2, 1), (1, 2, 3)].contains(&places), "{places:?}");
    }
}

#[tokio::test]
async fn a_new_owner_is_above_all_and_the_old_one_is_what_their_roles_say() {
    let Ranks { app, owner, warden, guest, server, wardens, low, .. } = ranks().await;
    app.put(&format!("/servers/{server}/owner"), &owner, json!({ "owner_id": guest.id })).await.is(200);
    app.patch(&role_of(server, low), &owner, json!({ "hoist": true })).await.refuses(403, "missing_permission");
    app.give(&guest, server, &owner, low).await;
    app.put(&held(server, &guest, low), &warden, Value::Null).await.refuses(403, "outranked");
    app.delete(&format!("/servers/{server}/members/{}", guest.id), &warden).await.refuses(403, "outranked");
    app.delete(&role_of(server, wardens), &guest).await.is(204);
    every_member_may(&app, &guest, server, &["view_channel"]).await;
}
