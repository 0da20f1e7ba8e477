//! Who may do what: every call and every command, made by everyone on everything, against `authorization.txt`.
//!
//! The rows have to be those that `/openapi.json` and `/asyncapi.json` ask for. A refused call changes nothing in the
//! database, and no answer says a word of a server to somebody who is not its member.

mod permissions;
mod scene;

use crate::support::raw::HANDSHAKE;
use crate::support::{By, Method, PASSWORD, Socket, TestApp, Value, json, spawn_app};
use scene::{CALLERS, Caller, FOREIGN, OBJECTS, OWN, Object, Scene};
use std::collections::{BTreeMap, BTreeSet};
use tokio_tungstenite::tungstenite::{Bytes, Message};

const TABLE: &str = include_str!("../authorization.txt");
/// What is changed by calls. The writers' ledger of batches is theirs.
const TABLES: [&str; 13] = [
    "users",
    "auth_sessions",
    "ws_tickets",
    "servers",
    "user_servers",
    "bans",
    "roles",
    "member_roles",
    "channels",
    "messages",
    "channel_changes",
    "reactions",
    "message_revisions",
];

/// A call (`GET /servers/`), a handshake (`OPEN /gateway`) or a command (`gateway subscribe`), and what it is about.
type Row = (String, String, Object);

/// The rows of the table, with the answer to each caller.
fn table() -> BTreeMap<Row, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [verb, target, object, answers @ ..] = &words[..] else { panic!("no row: {line}") };
        assert_eq!(answers.len(), CALLERS.len(), "an answer to each caller: {line}");
        let object = match *object {
            "-" => Object::None,
            "own" => Object::Own,
            "foreign" => Object::Foreign,
            "missing" => Object::Missing,
            other => panic!("what is {other}? {line}"),
        };
        let answers = answers.iter().map(|&answer| answer.to_owned()).collect();
        let twice = rows.insert((verb.to_string(), target.to_string(), object), answers);
        assert!(twice.is_none(), "twice: {line}");
    }
    rows
}

/// The rows that the documents ask for.
async fn asked_for(app: &TestApp) -> BTreeSet<Row> {
    let mut rows = BTreeSet::new();
    let mut add = |verb: &str, target: &str, has_object: bool| {
        let objects: &[Object] = if has_object { &OBJECTS } else { &[Object::None] };
        rows.extend(objects.iter().map(|object| (verb.to_owned(), target.to_owned(), *object)));
    };
    let document = app.get("/openapi.json", By::Nobody).await.is(200);
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            let in_body = body_of(&method.to_uppercase(), path).contains("{server_id}");
            add(&method.to_uppercase(), path, path.contains('{') || in_body);
        }
    }
    let document = app.get("/asyncapi.json", By::Nobody).await.is(200);
    for channel in document["channels"].as_object().expect("channels").values() {
        let address = channel["address"].as_str().expect("an address");
        add("OPEN", address, address.contains('{'));
    }
    for operation in document["operations"].as_object().expect("operations").values() {
        let door = operation["channel"]["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a channel");
        let heard =
            operation["messages"].as_array().expect("a list").iter().filter(|_| operation["action"] == "receive");
        for message in heard {
            let command = message["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a command");
            let has_object = door == "gateway" && is_about_a_channel(&document, command);
            add(door, command, has_object);
        }
    }
    rows
}

/// Whether a command has a `channel_id`, in itself or in what it is made of.
fn is_about_a_channel(document: &Value, command: &str) -> bool {
    fn has_it(document: &Value, schema: &Value) -> bool {
        let referred = schema["$ref"].as_str().and_then(|path| document.pointer(path.strip_prefix('#')?));
        let parts = schema["allOf"].as_array().into_iter().flatten().chain(referred);
        schema.to_string().contains("\"channel_id\"") || parts.into_iter().any(|part| has_it(document, part))
    }
    let message = &document["components"]["messages"][command];
    message.to_string().contains("\"channel_id\"") || has_it(document, &message["payload"])
}

/// What a call sends, for calls that send something.
fn body_of(method: &str, path: &str) -> &'static str {
    match (method, path) {
        ("POST", "/auth/register") => {
            r#"{"username": "{new}", "email": "{new}@example.com", "password": "{password}"}"#
        }
        ("POST", "/auth/refresh") => r#"{"refresh_token": "{refresh_token}"}"#,
        ("PUT", "/users/me") => r#"{"bio": "tea"}"#,
        ("DELETE", "/users/me") => r#"{"password": "{password}"}"#,
        ("POST", "/users/lookup") => r#"{"ids": [{heir}]}"#,
        ("POST", "/servers/") => r#"{"name": "new"}"#,
        ("PUT", "/servers/{server_id}") => r#"{"description": "tea"}"#,
        ("PUT", "/servers/{server_id}/owner") => r#"{"owner_id": {heir}}"#,
        ("PATCH", "/servers/{server_id}/members/{heir}") => r#"{"nickname": "tea"}"#,
        ("POST", "/servers/{server_id}/roles") => r#"{"name": "new"}"#,
        ("PUT", "/servers/{server_id}/roles/order") => r#"{"role_ids": [{role_id}]}"#,
        ("PATCH", "/servers/{server_id}/roles/{role_id}") => r#"{"hoist": true}"#,
        ("POST", "/channels/") => r#"{"name": "new", "server_id": {server_id}}"#,
        ("PUT", "/channels/{channel_id}") => r#"{"description": "tea"}"#,
        ("POST", "/channels/{channel_id}/messages") => r#"{"content": "tea"}"#,
        ("PATCH", "/channels/{channel_id}/messages/{message_id}") => r#"{"content": "tea"}"#,
        ("POST", "/channels/{channel_id}/messages/bulk-delete") => r#"{"ids": [{message_id}, {second_message_id}]}"#,
        _ => "",
    }
}

impl Scene {
    fn fill(&self, text: &str, object: Object, caller: Caller) -> String {
        let mut text = text
            .replace("{new}", &format!("new_{}", self.name(caller)))
            .replace("{password}", PASSWORD)
            .replace("{refresh_token}", self.refresh_token(caller).as_str().unwrap_or_default())
            .replace("{heir}", &self.heir().to_string())
            .replace("{emoji}", "%F0%9F%91%8D");
        for name in ["server_id", "channel_id", "user_id", "session_id", "role_id", "message_id", "second_message_id"] {
            let place = format!("{{{name}}}");
            if text.contains(&place) {
                text = text.replace(&place, &self.id_of(name, object, caller));
            }
        }
        text
    }

    /// Makes a call; how it was answered, and the whole answer.
    async fn call(&self, app: &TestApp, verb: &str, path: &str, object: Object, caller: Caller) -> (String, String) {
        // Who acts on members acts on another one.
        let acts_on_member = path.contains("/bans/") || (verb != "GET" && path.contains("/members/"));
        let path = if acts_on_member { path.replace("{user_id}", "{heir}") } else { path.to_owned() };
        let at = self.fill(&path, object, caller);
        let answer = if verb == "OPEN" {
            let token = self.token(caller);
            let query = if token.is_empty() { String::new() } else { format!("?token={token}") };
            let mut raw = app.raw().await;
            raw.send(format!("GET {at}{query} HTTP/1.1\r\nHost: m\r\n{HANDSHAKE}\r\n").as_bytes()).await;
            let answer = raw.answer(&at).await;
            // A gateway takes any token, and says on the socket what it is worth.
            if answer.status == 101 && path == "/gateway" && caller != Caller::Nobody {
                let frame = raw.frame().await.expect("a frame");
                let first = match frame.opcode {
                    8 => format!("close:{}", u16::from_be_bytes([frame.payload[0], frame.payload[1]])),
                    _ => json_of(&frame.payload)["type"].as_str().unwrap_or_default().to_owned(),
                };
                return (format!("101,{first}"), String::from_utf8_lossy(&frame.payload).into_owned());
            }
            answer
        } else {
            let method: Method = verb.parse().expect("a method");
            let body = self.fill(body_of(verb, &path), object, caller);
            app.call(method, &at, self.by(caller), |call| match (path.as_str(), body.as_str()) {
                ("/auth/login", _) => call.form(&[("username", self.name(caller).as_str()), ("password", PASSWORD)]),
                (_, "") => call,
                _ => call.header("content-type", "application/json").body(body),
            })
            .await
        };
        let said = match answer.status {
            101..400 => answer.status.to_string(),
            status => format!("{status}:{}", answer.json()["code"].as_str().unwrap_or_default()),
        };
        (said, answer.text)
    }

    /// Says a command; what was answered first.
    async fn command(&mut self, door: &str, command: &str, object: Object, caller: Caller) -> (String, String) {
        let sockets = if door == "gateway" { &mut self.gateways } else { &mut self.sockets };
        let Some(mut socket) = sockets.remove(&caller) else { return ("-".to_owned(), String::new()) };
        if let Some(end) = next_answer(&mut socket, None).await {
            return end;
        }
        let mut frame = json!({ "type": command });
        match command {
            "identify" => frame["token"] = json!(self.token(caller)),
            "message.send" | "message.edit" => frame["content"] = json!("tea"),
            "reaction.add" | "reaction.remove" => frame["emoji"] = json!("👍"),
            _ => {}
        }
        if object != Object::None {
            let id_of = |name| self.id_of(name, object, caller).parse::<i64>().expect("an id");
            frame["channel_id"] = json!(id_of("channel_id"));
            match command {
                "message.edit" | "message.delete" => frame["id"] = json!(id_of("message_id")),
                "reaction.add" | "reaction.remove" => frame["message_id"] = json!(id_of("message_id")),
                _ => {}
            }
        }
        next_answer(&mut socket, Some(frame)).await.expect("an answer")
    }
}

/// The first answer to a frame, or how the socket has ended; nothing if all is well and nothing was said.
async fn next_answer(socket: &mut Socket, frame: Option<Value>) -> Option<(String, String)> {
    match &frame {
        Some(frame) => socket.tell(frame.clone()).await,
        None => socket.send(Message::Ping(Bytes::from_static(b"is there anything?"))).await,
    }
    loop {
        match socket.next_frame().await {
            Some(Message::Text(text)) if frame.is_some() => {
                let event = json_of(text.as_bytes());
                let kind = event["type"].as_str().unwrap_or_default();
                let code = event["code"].as_str().map(|code| format!(":{code}")).unwrap_or_default();
                return Some((format!("{kind}{code}"), text.to_string()));
            }
            Some(Message::Close(close)) => {
                return Some((format!("close:{}", close.map_or(0, |close| close.code.into())), String::new()));
            }
            Some(Message::Pong(_)) if frame.is_none() => return None,
            Some(_) => {}
            None => panic!("it ended without a close frame"),
        }
    }
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("an event is JSON")
}

async fn snapshot(app: &TestApp) -> Vec<String> {
    let database = crate::support::database::connect(&app.database).await;
    let mut sums = Vec::new();
    for table in TABLES {
        let sum = format!("select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) from {table} t");
        sums.push(database.query_one(&sum, &[]).await.expect("good SQL").get(0));
    }
    sums
}

/// Makes the calls of some rows; the answers that are not as the table says.
async fn walk(rows: Vec<(Row, Vec<String>)>) -> Vec<String> {
    let app = spawn_app().await;
    let (mut wrong, mut number) = (Vec::new(), 0);
    let mut scene = None;
    for ((verb, target, object), expected) in rows {
        let is_command = !target.starts_with('/');
        for (caller, expected) in CALLERS.into_iter().zip(expected) {
            let mut at = match scene.take() {
                Some(scene) => scene,
                None => {
                    number += 1;
                    Scene::build(&app, number).await
                }
            };
            let before = snapshot(&app).await;
            let (said, text) = match is_command {
                true => at.command(&verb, &target, object, caller).await,
                false => at.call(&app, &verb, &target, object, caller).await,
            };
            let cell = format!("{verb} {target} {object:?} by {caller:?}");
            if said != expected {
                wrong.push(format!("{cell}: {said}, not {expected}"));
            }
            let is_inside = matches!(caller, Caller::Member | Caller::Owner);
            let is_join = target.ends_with("/join");
            let tells = |mark: &str| text.contains(mark) && !is_join;
            assert!(!tells(FOREIGN) && (is_inside || !tells(OWN)), "{cell} tells what it may not: {text}");
            let changes =
                said.starts_with('2') || matches!(said.as_str(), "ack" | "message.created" | "reaction.added");
            if !changes || verb == "GET" {
                assert_eq!(snapshot(&app).await, before, "{cell} changed something");
                scene = Some(at).filter(|_| !is_command);
            }
        }
    }
    wrong
}

#[tokio::test]
async fn everyone_may_do_what_the_table_says_and_nothing_else() {
    let rows = table();
    {
        let asked = asked_for(&spawn_app().await).await;
        let has: BTreeSet<Row> = rows.keys().cloned().collect();
        let (without, unknown): (Vec<_>, Vec<_>) = (asked.difference(&has).collect(), has.difference(&asked).collect());
        assert!(without.is_empty(), "authorization.txt has no rows for {without:#?}");
        assert!(unknown.is_empty(), "authorization.txt has rows for what there is not: {unknown:#?}");
    }
    println!("{} rows, {} cells", rows.len(), rows.len() * CALLERS.len());
    let mut parts = vec![Vec::new(); 4];
    for (at, row) in rows.into_iter().enumerate() {
        parts[at % 4].push(row);
    }
    let walks = parts.into_iter().map(walk);
    let wrong: Vec<String> = futures_util::future::join_all(walks).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
