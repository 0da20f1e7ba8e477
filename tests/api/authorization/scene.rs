//! Everybody who may call, and everything that there is to call for.

use crate::support::{By, PASSWORD, Socket, TestApp, User, Value, id, json};
use std::collections::BTreeMap;

/// In what the server that the scene is about is called, and what is said there.
pub const OWN: &str = "hidden-own";
/// The same of a server that none of the callers has to do with.
pub const FOREIGN: &str = "hidden-foreign";

/// Who calls, in the order of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    Nobody,
    Stranger,
    Member,
    Owner,
    Former,
    Deleted,
}

pub const CALLERS: [Caller; 6] =
    [Caller::Nobody, Caller::Stranger, Caller::Member, Caller::Owner, Caller::Former, Caller::Deleted];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// The call names nothing.
    None,
    /// The caller's own session or profile; the server that the scene is about.
    Own,
    /// Somebody else's; a server that the caller has never belonged to.
    Foreign,
    /// Nothing has this id.
    Missing,
}

pub const OBJECTS: [Object; 3] = [Object::Own, Object::Foreign, Object::Missing];

/// Nothing has this id.
const MISSING: i64 = 4_000_000_000;

pub struct Scene {
    number: usize,
    users: BTreeMap<Caller, User>,
    sessions: BTreeMap<Caller, Value>,
    other: User,
    server: [i64; 2],
    channel: [i64; 2],
    /// One of each server beside the default one; nobody has it.
    role: [i64; 2],
    /// Two of each server, by its owner.
    messages: [[i64; 2]; 2],
    /// Sockets of those who were members, opened when they were.
    pub gateways: BTreeMap<Caller, Socket>,
    pub sockets: BTreeMap<Caller, Socket>,
}

impl Scene {
    pub async fn build(app: &TestApp, number: usize) -> Self {
        let (mut users, mut sessions) = (BTreeMap::new(), BTreeMap::new());
        for caller in &CALLERS[1..] {
            let name = name_of(*caller, number);
            let user = app.register(&name).await;
            // A second login, whose session the caller may end without ending the first.
            let login = app.login(&name, PASSWORD).await.is(200);
            let list = app.get("/auth/sessions", &user).await.is(200);
            let second = list.as_array().expect("a list").iter().find(|one| one["is_current"] == false);
            let second = second.expect("two sessions")["id"].clone();
            sessions.insert(*caller, json!({ "id": second, "refresh_token": login["refresh_token"] }));
            users.insert(*caller, user);
        }
        let other = app.register(&format!("other_{number}")).await;
        let owner = users[&Caller::Owner].clone();
        let (mut server, mut channel, mut role, mut messages) = ([0; 2], [0; 2], [0; 2], [[0; 2]; 2]);
        for (at, (by, mark)) in [(&owner, OWN), (&other, FOREIGN)].into_iter().enumerate() {
            server[at] = app.server(by, mark).await;
            channel[at] = app.channel(by, server[at], mark).await;
            let new = json!({ "name": mark });
            role[at] = id(&app.post(&format!("/servers/{}/roles", server[at]), by, new).await.is(201));
            messages[at] = [app.said(channel[at], by, mark).await, app.said(channel[at], by, mark).await];
        }
        let (mut gateways, mut sockets) = (BTreeMap::new(), BTreeMap::new());
        for caller in [Caller::Member, Caller::Former, Caller::Deleted] {
            app.join(&users[&caller], server[0]).await;
        }
        for caller in &CALLERS[1..] {
            let user = &users[caller];
            // The owner has subscribed to nothing yet, so that somebody can.
            let subscribes = !matches!(caller, Caller::Stranger | Caller::Owner);
            let gateway = if subscribes { app.subscriber(user, channel[0]).await } else { app.gateway(user).await.0 };
            gateways.insert(*caller, gateway);
            if *caller != Caller::Stranger {
                sockets.insert(*caller, app.socket(channel[0], user).await);
            }
        }
        gateways.insert(Caller::Nobody, app.unknown_gateway().await);
        app.post(&format!("/servers/{}/leave", server[0]), &users[&Caller::Former], Value::Null).await.is(204);
        let erase = |call: reqwest::RequestBuilder| call.json(&json!({ "password": PASSWORD }));
        app.call(reqwest::Method::DELETE, "/users/me", &users[&Caller::Deleted], erase).await.is(204);
        Self { number, users, sessions, other, server, channel, role, messages, gateways, sockets }
    }

    pub fn by(&self, caller: Caller) -> By<'_> {
        self.users.get(&caller).map_or(By::Nobody, By::User)
    }

    pub fn token(&self, caller: Caller) -> &str {
        self.users.get(&caller).map_or("", |user| &user.token)
    }

    pub fn name(&self, caller: Caller) -> String {
        name_of(caller, self.number)
    }

    /// Of the caller's second session.
    pub fn refresh_token(&self, caller: Caller) -> Value {
        self.sessions.get(&caller).map_or_else(|| json!("rt_nobody"), |session| session["refresh_token"].clone())
    }

    /// Who may become the owner of the server.
    pub fn heir(&self) -> i64 {
        self.users[&Caller::Member].id
    }

    /// The id of the object with this name, as `/openapi.json` calls it.
    pub fn id_of(&self, name: &str, object: Object, caller: Caller) -> String {
        let (own, foreign) = match name {
            "server_id" => (self.server[0], self.server[1]),
            "channel_id" => (self.channel[0], self.channel[1]),
            "role_id" => (self.role[0], self.role[1]),
            "message_id" => (self.messages[0][0], self.messages[1][0]),
            "second_message_id" => (self.messages[0][1], self.messages[1][1]),
            "user_id" => (self.users.get(&caller).map_or(self.heir(), |user| user.id), self.other.id),
            // The owner's second session is foreign to everyone else.
            "session_id" => {
                let foreign = if caller == Caller::Owner { Caller::Member } else { Caller::Owner };
                (self.session(caller), self.session(foreign))
            }
            other => panic!("the scene has no {other}"),
        };
        match object {
            Object::Own => own.to_string(),
            Object::Foreign => foreign.to_string(),
            Object::Missing if name.starts_with("second") => (MISSING + 1).to_string(),
            Object::Missing => MISSING.to_string(),
            Object::None => panic!("there is a {name}"),
        }
    }

    fn session(&self, caller: Caller) -> i64 {
        self.sessions.get(&caller).map_or(MISSING, |session| id(session))
    }
}

fn name_of(caller: Caller, number: usize) -> String {
    format!("{caller:?}_{number}").to_lowercase()
}
