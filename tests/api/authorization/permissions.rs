//! Each permission by itself: what takes it is refused to whoever has all others, and allowed to whoever has nothing else.

use crate::support::{By, Method, TestApp, User, Value, id, json, spawn_app};
use std::collections::BTreeSet;

/// Which permission each call takes. A call that may answer `missing_permission` and is not here fails the run.
const TAKES: [(&str, &str, &str); 34] = [
    ("PUT", "/servers/{server_id}", "manage_server"),
    ("DELETE", "/servers/{server_id}/members/{user_id}", "kick_members"),
    // Each field takes its own.
    ("PATCH", "/servers/{server_id}/members/{user_id}", "manage_nicknames"),
    ("PATCH", "/servers/{server_id}/members/{user_id}", "manage_roles"),
    ("PATCH", "/servers/{server_id}/members/{user_id}", "timeout_members"),
    ("GET", "/servers/{server_id}/bans", "ban_members"),
    ("GET", "/servers/{server_id}/bans/{user_id}", "ban_members"),
    ("PUT", "/servers/{server_id}/bans/{user_id}", "ban_members"),
    ("DELETE", "/servers/{server_id}/bans/{user_id}", "ban_members"),
    ("POST", "/servers/{server_id}/roles", "manage_roles"),
    ("PUT", "/servers/{server_id}/roles/order", "manage_roles"),
    ("PATCH", "/servers/{server_id}/roles/{role_id}", "manage_roles"),
    ("DELETE", "/servers/{server_id}/roles/{role_id}", "manage_roles"),
    ("PUT", "/servers/{server_id}/members/{user_id}/roles/{role_id}", "manage_roles"),
    ("DELETE", "/servers/{server_id}/members/{user_id}/roles/{role_id}", "manage_roles"),
    ("POST", "/channels/", "manage_channels"),
    ("PUT", "/channels/{channel_id}", "manage_channels"),
    ("DELETE", "/channels/{channel_id}", "manage_channels"),
    ("GET", "/channels/{channel_id}/messages", "read_history"),
    ("GET", "/channels/{channel_id}/events", "read_history"),
    ("GET", "/channels/{channel_id}/pins", "read_history"),
    ("GET", "/channels/{channel_id}/messages/{message_id}", "read_history"),
    ("GET", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", "read_history"),
    ("GET", "/channels/{channel_id}/messages/{message_id}/revisions", "manage_messages"),
    ("POST", "/channels/{channel_id}/messages", "send_messages"),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}", "send_messages"),
    ("POST", "/channels/{channel_id}/messages/bulk-delete", "manage_messages"),
    ("PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/me", "add_reactions"),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/{user_id}", "manage_messages"),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", "manage_messages"),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions", "manage_messages"),
    ("PUT", "/channels/{channel_id}/pins/{message_id}", "pin_messages"),
    ("DELETE", "/channels/{channel_id}/pins/{message_id}", "pin_messages"),
    // Of somebody else's message; who may not is told that it is.
    ("DELETE", "/channels/{channel_id}/messages/{message_id}", "manage_messages"),
];

/// All there are but `administrator`, which gives the others.
fn all(app_roles: &Value) -> Vec<String> {
    let names = app_roles["my_permissions"].as_array().expect("a list").iter();
    names.filter_map(Value::as_str).filter(|name| *name != "administrator").map(str::to_owned).collect()
}

/// A server of `owner` in which `member` has what one role gives, and nothing else.
struct Yard<'a> {
    app: &'a TestApp,
    owner: &'a User,
    member: &'a User,
    other: &'a User,
    server: i64,
    channel: i64,
    /// The other's, or the member's, with a reaction of the other.
    message: i64,
    second: i64,
    /// The member's, and one that nobody has.
    role: i64,
    spare: i64,
}

impl<'a> Yard<'a> {
    async fn build(app: &'a TestApp, [owner, member, other]: [&'a User; 3], author: &User, may: &[String]) -> Self {
        let server = app.server(owner, "yard").await;
        let channel = app.channel(owner, server, "general").await;
        for user in [member, other] {
            app.join(user, server).await;
        }
        let message = app.said(channel, author, "hello").await;
        let second = app.said(channel, author, "hello again").await;
        let react = format!("/channels/{channel}/messages/{message}/reactions/%F0%9F%91%8D/me");
        app.put(&react, other, Value::Null).await.is(204);
        let role = app.role(owner, server, json!({ "name": "one", "permissions": may })).await;
        let spare = app.role(owner, server, json!({ "name": "spare" })).await;
        app.give(owner, server, member, role).await;
        let default = app.default_role(owner, server).await;
        app.patch(&format!("/servers/{server}/roles/{default}"), owner, json!({ "permissions": [] })).await.is(200);
        Self { app, owner, member, other, server, channel, message, second, role, spare }
    }

    async fn call(&self, verb: &str, path: &str, permission: &str) -> (u16, Value) {
        if path.contains("/bans/") && verb != "PUT" {
            let ban = format!("/servers/{}/bans/{}", self.server, self.other.id);
            self.app.put(&ban, self.owner, json!({})).await.is(200);
        }
        let at = path
            .replace("{server_id}", &self.server.to_string())
            .replace("{channel_id}", &self.channel.to_string())
            .replace("{message_id}", &self.message.to_string())
            .replace("{user_id}", &self.other.id.to_string())
            .replace("{role_id}", &self.spare.to_string())
            .replace("{emoji}", "%F0%9F%91%8D");
        let body = match (verb, path) {
            (_, path) if path.ends_with("/members/{user_id}") => match permission {
                "manage_nicknames" => json!({ "nickname": "tea" }),
                "manage_roles" => json!({ "role_ids": [self.spare] }),
                _ => json!({ "timeout_until": null }),
            },
            (_, path) if path.ends_with("/order") => json!({ "role_ids": [self.role, self.spare] }),
            ("POST", "/channels/") => json!({ "name": "new", "server_id": self.server }),
            (_, path) if path.ends_with("bulk-delete") => json!({ "ids": [self.message, self.second] }),
            ("POST" | "PATCH", path) if path.contains("/messages") => json!({ "content": "tea" }),
            ("POST", _) => json!({ "name": "new" }),
            ("PATCH", _) => json!({ "hoist": true }),
            _ => json!({}),
        };
        let method: Method = verb.parse().expect("a method");
        let answer = self.app.call(method, &at, self.member, |call| call.json(&body)).await;
        let said = if answer.text.is_empty() { Value::Null } else { answer.json() };
        (answer.status, said)
    }
}

#[tokio::test]
async fn each_call_takes_the_permission_that_it_takes_and_no_other() {
    let app = spawn_app().await;
    let document = app.get("/openapi.json", By::Nobody).await.is(200);
    let mut asked = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            if operation["responses"]["403"].to_string().contains("missing_permission") {
                asked.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    let known = TAKES.iter().map(|(verb, path, _)| ((*verb).to_owned(), (*path).to_owned()));
    let unknown: Vec<_> = asked.difference(&known.collect()).cloned().collect();
    assert!(unknown.is_empty(), "which permission do they take? {unknown:#?}");
    let users = [app.register("mina").await, app.register("jun").await, app.register("ara").await];
    let [owner, member, other] = &users;
    let server = app.server(owner, "all").await;
    let all = all(&app.get(&format!("/servers/{server}"), owner).await.is(200));
    for (verb, path, permission) in TAKES {
        let cell = format!("{verb} {path} without {permission}");
        let is_edit = verb == "PATCH" && path.contains("{message_id}");
        let (author, everyone) = (if is_edit { member } else { other }, [owner, member, other]);
        let others: Vec<String> = all.iter().filter(|name| *name != permission).cloned().collect();
        let (status, said) = Yard::build(&app, everyone, author, &others).await.call(verb, path, permission).await;
        let is_own_rule = (verb, path) == ("DELETE", "/channels/{channel_id}/messages/{message_id}");
        let code = if is_own_rule { "not_the_author" } else { "missing_permission" };
        assert_eq!((status, &said["code"]), (403, &json!(code)), "{cell}: {said}");
        let is_named = said["detail"].as_str().is_some_and(|detail| detail.contains(&format!("`{permission}`")));
        assert!(is_named || is_own_rule, "{cell}: {said}");
        let mut only = vec![permission.to_owned(), "view_channel".to_owned()];
        if is_edit {
            // It is answered with the whole message.
            only.push("read_history".to_owned());
        }
        let (status, said) = Yard::build(&app, everyone, author, &only).await.call(verb, path, permission).await;
        assert!(status < 300, "{verb} {path} with {permission} alone: {status} {said}");
        if path.contains("{channel_id}") {
            let blind: Vec<String> = all.iter().filter(|name| *name != "view_channel").cloned().collect();
            let (status, said) = Yard::build(&app, everyone, author, &blind).await.call(verb, path, permission).await;
            assert_eq!((status, &said["code"]), (404, &json!("channel_not_found")), "{verb} {path} unseen: {said}");
        }
    }
    // Whoever may do everything needs nothing else.
    let yard = Yard::build(&app, [owner, member, other], other, &["administrator".to_owned()]).await;
    assert_eq!(id(&app.get(&format!("/channels/{}", yard.channel), member).await.is(200)), yard.channel);
    assert_eq!(yard.call("PUT", "/servers/{server_id}", "").await.0, 200);
}
