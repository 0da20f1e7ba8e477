//! `/asyncapi.json`: both sockets, as AsyncAPI 3.0, made from the types that are sent and read.

mod examples;

use super::command::Command;
use crate::auth::token::TICKET_LIFE_S;
use crate::domain::close::{CLOSE_CODES, CloseCode, End, Reconnect};
use crate::domain::frame::Frame;
use crate::domain::log::LogEntry;
use crate::error::Code;
use crate::times::IDENTIFY_MAX_S;
use examples::examples;
use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The command that both sockets take, each in its own way.
const SEND: &str = "message.send";
/// What the document calls it as the channel socket takes it.
const SEND_ON_CHANNEL_SOCKET: &str = "message.send.on_channel_socket";
/// What the channel socket says beside the entries of its log; the gateway says everything.
const CHANNEL_SOCKET_SAYS: [&str; 4] = ["message.delayed", "replay.done", "resync", "error"];

/// The document.
///
/// # Errors
/// When a schema cannot be written as JSON.
pub fn document() -> serde_json::Result<Value> {
    let entries = messages::<LogEntry<'static>>()?;
    let entry_names = entries.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mut said = [entries, messages::<Frame<'static>>()?].concat();
    let mut heard = messages::<Command>()?;
    said.iter_mut().for_each(list_codes);
    let sent = heard.iter().find(|(name, _)| name == SEND).map(on_channel_socket);
    heard.iter_mut().for_each(name_channel);
    let names = |messages: &[Message]| messages.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (all_said, all_heard) = (names(&said), names(&heard));
    let some_said = [entry_names, CHANNEL_SOCKET_SAYS.map(str::to_owned).into()].concat();
    let some_heard = vec![SEND_ON_CHANNEL_SOCKET.to_owned()];
    let messages: Map<_, _> = said.into_iter().chain(heard).chain(sent).collect();
    Ok(json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Madang",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "node": {
                "host": "127.0.0.1:8000",
                "protocol": "ws",
                "description": "Where this document was read; in the source, a node as `make run` starts it.",
            },
        },
        "channels": {
            "channelSocket": channel("/ws/{channel_id}", CHANNEL_SOCKET, &[&some_said[..], &some_heard].concat(), true),
            "gateway": channel("/gateway", &gateway_text(), &[&all_said[..], &all_heard].concat(), false),
        },
        "operations": {
            "hearOnChannelSocket": operation("receive", "channelSocket", "A client sends a message", &some_heard),
            "sayOnChannelSocket": operation("send", "channelSocket", "The node tells the channel's log", &some_said),
            "hearOnGateway": operation("receive", "gateway", "A client sends a command", &all_heard),
            "sayOnGateway": operation("send", "gateway", "The node tells logs and news, and answers", &all_said),
        },
        "components": {
            "messages": messages,
            "schemas": schemas()?,
            "securitySchemes": security_schemes(),
        },
        "x-close-codes": CLOSE_CODES.map(close_code),
    }))
}

const ABOUT: &str = "One durable, gap-free log a channel, over WebSocket. Every frame is a text frame with one JSON object. \
    What is acknowledged is committed; everyone sees the same order, numbered 1, 2, 3, … by `seq`; a client that comes back \
    `after` the last `seq` that it has seen misses nothing; a send that is repeated with its `nonce` makes one message. \
    Fields may be added to frames. The calls over HTTP are in `/openapi.json`.";
const CHANNEL_SOCKET: &str = "The socket of one channel. Its client sends `message.send` (`type` may be left out) and hears the \
    channel's log. With `?after=<seq>` it starts with everything after `seq`, then `replay.done`; without, with what comes.";

fn gateway_text() -> String {
    format!(
        "One socket for up to 500 channels. A client that has given no token in the handshake sends `identify` within \
         {IDENTIFY_MAX_S} s: none of the security schemes is needed there. `ready` follows, then the news of its user's servers, and \
         the logs of the channels that it subscribes to."
    )
}

fn channel(address: &str, description: &str, messages: &[String], is_channel_socket: bool) -> Value {
    let refer = |name: &String| (key(name).to_owned(), json!({ "$ref": format!("#/components/messages/{name}") }));
    let mut query = json!({
        "token": { "type": "string", "description": "An access token, unless a header has it. A proxy may log it" },
        "ticket": {
            "type": "string",
            "description": "In place of the token, from `POST /auth/ws-ticket` just before: opens one socket, and tells a log nothing",
        },
    });
    let mut channel = json!({
        "address": address,
        "description": description,
        "servers": [{ "$ref": "#/servers/node" }],
        "messages": messages.iter().map(refer).collect::<Map<_, _>>(),
    });
    if is_channel_socket {
        channel["parameters"] = json!({ "channel_id": { "description": "Which channel" } });
        query["after"] =
            json!({ "type": "integer", "minimum": 0, "description": "The last `seq` that the client has seen" });
        query["epoch"] = json!({
            "type": "string",
            "description": "The `epoch` in which that was seen; where it is another one by now, the answer is `resync`",
        });
        query["events"] = json!({
            "type": "string", "enum": ["all"],
            "description": "Every type of frame; without it new messages, errors, and where a replay ends",
        });
    }
    let headers = json!({
        "Authorization": { "type": "string", "description": "`Bearer <token>`" },
        "Sec-WebSocket-Protocol": { "type": "string", "description": "`bearer, <token>`, for browsers" },
    });
    channel["bindings"] = json!({ "ws": {
        "method": "GET",
        "query": { "type": "object", "properties": query },
        "headers": { "type": "object", "properties": headers },
        "bindingVersion": "0.1.0",
    }});
    channel
}

/// What a channel calls a message: its `type`.
fn key(name: &str) -> &str {
    if name == SEND_ON_CHANNEL_SOCKET { SEND } else { name }
}

/// `action` is what the node does.
fn operation(action: &str, channel: &str, summary: &str, messages: &[String]) -> Value {
    let refer = |name: &String| json!({ "$ref": format!("#/channels/{channel}/messages/{}", key(name)) });
    let schemes = security_schemes();
    let ways = schemes.as_object().into_iter().flatten();
    let ways = ways.map(|(way, _)| json!({ "$ref": format!("#/components/securitySchemes/{way}") }));
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{channel}") },
        "summary": summary,
        "security": ways.collect::<Vec<_>>(),
        "messages": messages.iter().map(refer).collect::<Vec<_>>(),
    })
}

/// How a handshake shows who asks: one of these.
fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The access token in the handshake's `Authorization`",
        },
        "subprotocol": {
            "type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol",
            "description": "`bearer, <access token>`: in a browser `new WebSocket(url, ['bearer', token])`",
        },
        "ticket": {
            "type": "httpApiKey", "in": "query", "name": "ticket",
            "description": format!("A ticket from `POST /auth/ws-ticket`: it opens one socket, within {TICKET_LIFE_S} s"),
        },
        "token": {
            "type": "httpApiKey", "in": "query", "name": "token",
            "description": "The access token in the URL, which a proxy may log",
        },
    })
}

/// The reason of a close is a text, but where a client has to wait.
fn close_code(close: CloseCode) -> Value {
    let mut described = json!(close);
    if close.code == End::RESTART.code {
        described["reason"] = json!({ "$ref": "#/components/schemas/Reconnect" });
    }
    described
}

/// The codes that an error frame may have.
fn list_codes((name, message): &mut Message) {
    if name == "error" {
        let codes: Vec<_> = Code::ALL.iter().filter(|code| code.is_of_frames()).collect();
        message["payload"]["properties"]["code"]["enum"] = json!(codes);
    }
}

/// The part of a payload that has this field.
fn part<'a>(message: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    let mut parts = message.pointer_mut("/payload/allOf").and_then(Value::as_array_mut)?.iter_mut();
    parts.find(|part| part["properties"].get(field).is_some())?.as_object_mut()
}

/// On a gateway a send says to which channel it goes.
fn name_channel((name, message): &mut Message) {
    if name == SEND
        && let Some(part) = part(message, "channel_id")
    {
        let channel_id = json!({ "type": "integer", "format": "int64", "description": "Which channel." });
        part.insert("properties".into(), json!({ "channel_id": channel_id }));
        part.insert("required".into(), json!(["channel_id"]));
    }
}

/// On the channel's own socket a send needs neither its channel nor its type.
fn on_channel_socket((_, message): &Message) -> Message {
    let mut message = message.clone();
    if let Some(parts) = message.pointer_mut("/payload/allOf").and_then(Value::as_array_mut) {
        parts.retain(|part| part["properties"].get("channel_id").is_none());
    }
    if let Some(part) = part(&mut message, "type") {
        part.remove("required");
    }
    for example in message["examples"].as_array_mut().into_iter().flatten() {
        if let Some(payload) = example["payload"].as_object_mut() {
            payload.retain(|name, _| name != "type" && name != "channel_id");
        }
    }
    (SEND_ON_CHANNEL_SOCKET.to_owned(), message)
}

/// A frame's `type`, and what the document says of it.
type Message = (String, Value);

/// One message for each variant of an enum that is tagged with `type`.
fn messages<T: PartialSchema>() -> serde_json::Result<Vec<Message>> {
    let schema = serde_json::to_value(T::schema())?;
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    Ok(variants.into_iter().filter_map(message).collect())
}

fn message(mut variant: Value) -> Option<Message> {
    to_draft_7(&mut variant);
    let own = |schema: &Value| schema["properties"]["type"]["const"].as_str().map(str::to_owned);
    let parts = variant["allOf"].as_array().into_iter().flatten();
    let name = own(&variant).or_else(|| parts.filter_map(own).next())?;
    let summary = variant["description"].as_str().unwrap_or_default().to_owned();
    let examples: Vec<Value> = examples()
        .into_iter()
        .filter(|example| example["type"] == *name)
        .map(|payload| json!({ "payload": payload }))
        .collect();
    let message = json!({ "name": name, "title": name, "summary": summary, "payload": variant, "examples": examples });
    Some((name, message))
}

fn schemas() -> serde_json::Result<Map<String, Value>> {
    let mut named: Vec<(String, RefOr<Schema>)> = vec![(Reconnect::name().into(), Reconnect::schema())];
    LogEntry::schemas(&mut named);
    Frame::schemas(&mut named);
    Command::schemas(&mut named);
    let mut schemas = Map::new();
    for (name, schema) in named {
        let mut schema = serde_json::to_value(schema)?;
        to_draft_7(&mut schema);
        schemas.insert(name, schema);
    }
    Ok(schemas)
}

/// From OpenAPI's ways to those of JSON Schema draft 7, which AsyncAPI builds on: what stands beside a `$ref` is not looked
/// at there, `example` is called `examples`, and a set of one value is a constant.
fn to_draft_7(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(to_draft_7),
        Value::Object(object) => {
            if let Some(example) = object.get("example").filter(|_| object.contains_key("type")).cloned() {
                object.remove("example");
                object.insert("examples".into(), json!([example]));
            }
            if let Some([only]) = object.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
                let only = only.clone();
                object.remove("enum");
                object.insert("const".into(), only);
            }
            if object.len() > 1
                && let Some(target) = object.remove("$ref")
            {
                object.insert("allOf".into(), json!([{ "$ref": target }]));
            }
            object.values_mut().for_each(to_draft_7);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| refs(item, found)),
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|value| refs(value, found));
            }
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_message_has_an_example() {
        let document = document().expect("it can be written");
        let mut found = Vec::new();
        refs(&document, &mut found);
        for path in found {
            assert!(document.pointer(path.trim_start_matches('#')).is_some(), "{path}");
        }
        let messages = document["components"]["messages"].as_object().expect("messages");
        assert_eq!(messages.len(), 10 + 19 + 14 + 1, "{:?}", messages.keys());
        for (name, message) in messages {
            let example = &message["examples"][0]["payload"];
            assert!(
                example["type"] == **name || (name == SEND_ON_CHANNEL_SOCKET && example["content"].is_string()),
                "{name}"
            );
            assert!(message["summary"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        }
    }

    #[test]
    fn a_send_demands_on_each_socket_what_it_needs_there() {
        let document = document().expect("it can be written");
        let demanded = |name: &str| {
            let payload = &document["components"]["messages"][name]["payload"];
            let parts = payload["allOf"].as_array().expect("parts").iter();
            let parts = parts.filter_map(|part| part.get("required")?.as_array());
            parts.flatten().filter_map(Value::as_str).collect::<Vec<_>>()
        };
        assert_eq!(demanded(SEND), ["channel_id", "type"]);
        assert_eq!(demanded(SEND_ON_CHANNEL_SOCKET), [""; 0]);
        for name in ["allOf", "required"] {
            assert!(!document.to_string().contains(&format!("\"{name}\":null")), "{name}");
        }
    }

    #[test]
    fn every_close_code_is_listed_once() {
        let mut codes: Vec<u16> = CLOSE_CODES.map(|close| close.code).into();
        codes.dedup();
        assert!(codes.is_sorted() && codes.len() == CLOSE_CODES.len());
        let document = document().expect("it can be written");
        let with_reason = document["x-close-codes"].as_array().expect("a list").iter();
        let with_reason: Vec<_> = with_reason.filter(|close| close.get("reason").is_some()).collect();
        assert!(matches!(&with_reason[..], [only] if only["code"] == 1012), "{with_reason:?}");
    }
}
