//! What operations have in common and need not say of themselves: the parameters of their paths, that they want a token, the codes that
//! they may answer with, the headers of their answers.
//!
//! What an operation refuses by itself is its row of [`OWN`]; the rest follows from what it is: with a token or without, with a body, a
//! change. The tests' client holds every answer of a real node to the outcome.

use crate::domain::ID_PARAMETERS;
use crate::domain::fields::missing;
use crate::domain::validation::{Issue, integer, string};
use crate::error::{Code, Error};
use crate::http::kit::body::FORM_BYTES_MAX;
use crate::http::kit::extract::EmojiInPath;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use Code::{
    AlreadyMember, BanNotFound, Banned, BodyTooLarge, Busy, ChannelNotFound, CurrentPasswordRequired, DefaultRole,
    EmailTaken, InternalError, InvalidContent, InvalidCredentials, InvalidRefreshToken, InvalidToken, MessageNotFound,
    MissingPermission, NewOwnerNotAMember, NonceConflict, NotAMember, NotAMemberToLeave, NotAuthenticated, NotReady,
    NotTheAuthor, NotTheOwner, OriginNotAllowed, Outranked, OwnerCannotLeave, OwnsServers, RateLimited,
    RefreshTokenMissing, RefreshTokenReused, ReplyToNotFound, RequestTooSlow, RoleNotFound, RolesNotNamed,
    ServerNotFound, SessionNotFound, TokenExpired, TokenRevoked, TooManyChannels, TooManyPins, TooManyReactions,
    TooManyRoles, TooManyServers, Unavailable, Unconfirmed, UserNotFound, UsernameTaken, ValidationError,
    WrongPassword,
};

/// What an operation refuses beside what all of its kind do.
const OWN: [(&str, &[Code]); 53] = [
    ("register", &[UsernameTaken, EmailTaken]),
    ("login", &[InvalidCredentials, OriginNotAllowed]),
    ("refresh", &[InvalidRefreshToken, RefreshTokenMissing, RefreshTokenReused, OriginNotAllowed]),
    ("logout", &[SessionNotFound]),
    ("delete_other_sessions", &[SessionNotFound]),
    ("delete_session", &[SessionNotFound]),
    ("update_me", &[EmailTaken, CurrentPasswordRequired, WrongPassword]),
    ("delete_me", &[WrongPassword, OwnsServers]),
    ("get_user", &[UserNotFound]),
    ("create_server", &[TooManyServers]),
    ("get_server", &[NotAMember, ServerNotFound]),
    ("update_server", &[NotAMember, MissingPermission, ServerNotFound]),
    ("delete_server", &[NotAMember, NotTheOwner, ServerNotFound]),
    ("hand_over_server", &[NewOwnerNotAMember, NotAMember, NotTheOwner, ServerNotFound]),
    ("join_server", &[AlreadyMember, Banned, TooManyServers, ServerNotFound]),
    ("list_members", &[NotAMember, ServerNotFound]),
    ("get_member", &[NotAMember, ServerNotFound, UserNotFound]),
    (
        "update_member",
        &[DefaultRole, NotAMember, MissingPermission, Outranked, ServerNotFound, UserNotFound, RoleNotFound],
    ),
    ("remove_member", &[NotAMember, MissingPermission, Outranked, ServerNotFound, UserNotFound]),
    ("list_bans", &[NotAMember, MissingPermission, ServerNotFound]),
    ("get_ban", &[NotAMember, MissingPermission, ServerNotFound, BanNotFound]),
    ("create_ban", &[NotAMember, MissingPermission, Outranked, ServerNotFound, UserNotFound]),
    ("delete_ban", &[NotAMember, MissingPermission, ServerNotFound, BanNotFound]),
    ("list_roles", &[NotAMember, ServerNotFound]),
    ("create_role", &[TooManyRoles, NotAMember, MissingPermission, ServerNotFound]),
    ("update_role", &[DefaultRole, NotAMember, MissingPermission, Outranked, ServerNotFound, RoleNotFound]),
    ("delete_role", &[DefaultRole, NotAMember, MissingPermission, Outranked, ServerNotFound, RoleNotFound]),
    ("order_roles", &[NotAMember, MissingPermission, Outranked, ServerNotFound, RolesNotNamed]),
    ("give_role", &[DefaultRole, NotAMember, MissingPermission, Outranked, ServerNotFound, UserNotFound, RoleNotFound]),
    ("take_role", &[DefaultRole, NotAMember, MissingPermission, Outranked, ServerNotFound, UserNotFound, RoleNotFound]),
    ("leave_server", &[NotAMemberToLeave, OwnerCannotLeave, ServerNotFound]),
    ("create_channel", &[TooManyChannels, NotAMember, MissingPermission, ServerNotFound]),
    ("get_channel", &[NotAMember, ChannelNotFound]),
    ("update_channel", &[NotAMember, MissingPermission, ChannelNotFound]),
    ("delete_channel", &[NotAMember, MissingPermission, ChannelNotFound]),
    ("list_messages", &[NotAMember, MissingPermission, ChannelNotFound]),
    (
        "create_message",
        &[ReplyToNotFound, InvalidContent, NotAMember, MissingPermission, ChannelNotFound, NonceConflict],
    ),
    ("get_message", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    (
        "update_message",
        &[InvalidContent, NotAMember, MissingPermission, NotTheAuthor, ChannelNotFound, MessageNotFound],
    ),
    ("delete_message", &[NotAMember, NotTheAuthor, ChannelNotFound, MessageNotFound]),
    ("delete_messages", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("list_revisions", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("list_reactions", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("add_reaction", &[TooManyReactions, NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("remove_reaction", &[NotAMember, ChannelNotFound, MessageNotFound]),
    ("remove_reaction_of", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("clear_reactions_with", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("clear_reactions", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("list_pins", &[NotAMember, MissingPermission, ChannelNotFound]),
    ("pin_message", &[TooManyPins, NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("unpin_message", &[NotAMember, MissingPermission, ChannelNotFound, MessageNotFound]),
    ("list_events", &[NotAMember, MissingPermission, ChannelNotFound]),
    ("ready", &[NotReady]),
];
/// Those that are not counted and read nothing: they refuse nothing else.
const HEALTH: [&str; 2] = ["live", "ready"];
/// Those that write nothing, whatever their method.
const NO_CHANGES: [&str; 2] = ["ws_ticket", "look_up_users"];

/// The headers that answers have: what each is called, of which type, and what it says.
const HEADERS: [(&str, &str, &str); 6] = [
    ("x-request-id", "string", "Names the call in the node's log"),
    ("WWW-Authenticate", "string", "`Bearer`"),
    ("Retry-After", "integer", "Seconds until the same may be sent again"),
    (
        "X-RateLimit-Limit",
        "integer",
        "Of all limits that the call is counted for the one that is reached first: how many calls at once",
    ),
    ("X-RateLimit-Remaining", "integer", "Of the same limit: how many are left now"),
    ("X-RateLimit-Reset", "integer", "Of the same limit: whole seconds until it is whole again"),
];

/// Adds to every operation the parameters of its path, who may call it, and the errors and the headers that its answers may have.
pub fn complete(document: &mut Value) {
    let schemas = document["components"]["schemas"].take();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let methods = paths.filter_map(|(path, item)| Some((path, item.as_object_mut()?)));
    let operations = methods.flat_map(|(path, item)| item.iter_mut().map(move |(method, of)| (path, method, of)));
    for (path, method, operation) in operations {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        add_parameters(path, operation);
        // Who wants no token says so, as a demand for nothing.
        operation["security"] = if operation.get("security").is_none() { json!([{ "login": [] }]) } else { json!([]) };
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in codes(&id, method, operation) {
            by_status.entry(code.status().unwrap_or_default()).or_default().push(code);
        }
        for (status, codes) in by_status {
            let known = operation["responses"][status.to_string()].take();
            let examples = codes.iter().map(|code| (code.as_str().to_owned(), example(*code, operation, &schemas)));
            let examples = examples.collect::<Map<_, _>>();
            operation["responses"][status.to_string()] = refusal(&codes, examples, &known);
        }
        let is_counted = !HEALTH.contains(&id.as_str());
        for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
            response["headers"] = headers_of(status, is_counted);
        }
    }
    let components = &mut document["components"];
    components["schemas"] = schemas;
    components["headers"] = headers();
    components["examples"] = Code::ALL.iter().filter_map(shared_example).collect::<Map<_, _>>().into();
}

/// Puts the parameters of a path before an operation's own.
fn add_parameters(path: &str, operation: &mut Value) {
    let own = operation.as_object_mut().and_then(|operation| operation.remove("parameters"));
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let mut parameters: Vec<Value> = names.map(parameter).collect();
    parameters.extend(own.iter().filter_map(Value::as_array).flatten().cloned());
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
}

fn parameter(name: &str) -> Value {
    if name == EmojiInPath::PARAMETER {
        let schema = json!({ "type": "string" });
        return json!({ "name": name, "in": "path", "required": true, "description": "Which emoji", "example": "👍", "schema": schema });
    }
    let about = ID_PARAMETERS.iter().find(|(of, _)| *of == name).map(|(_, about)| *about);
    let schema = json!({ "type": "integer", "format": "int64" });
    json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
}

/// The codes that an operation may answer with.
fn codes(id: &str, method: &str, operation: &Value) -> Vec<Code> {
    let own = OWN.iter().find(|(of, _)| *of == id).map_or(&[][..], |(_, codes)| codes);
    let mut codes = own.to_vec();
    if HEALTH.contains(&id) {
        return codes;
    }
    if operation["security"][0].is_object() {
        codes.extend([NotAuthenticated, InvalidToken, TokenExpired, TokenRevoked]);
    }
    if operation["requestBody"].is_object() {
        codes.extend([RequestTooSlow, BodyTooLarge]);
    }
    if operation["requestBody"].is_object() || operation["parameters"].is_array() {
        codes.push(ValidationError);
    }
    codes.extend([RateLimited, InternalError, Busy, Unavailable]);
    if method != "get" && !NO_CHANGES.contains(&id) {
        codes.push(Unconfirmed);
    }
    codes
}

/// An answer that refuses, with one of these codes, which have one status; `known` is what the handler says of it.
fn refusal(codes: &[Code], examples: Map<String, Value>, known: &Value) -> Value {
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let own_body = known["content"]["application/json"]["schema"]["$ref"].as_str();
    let body = match codes {
        [ValidationError] => "#/components/schemas/ValidationErrorBody",
        _ => own_body.unwrap_or("#/components/schemas/ErrorBody"),
    };
    let code = json!({ "type": "string", "enum": names });
    json!({
        "description": names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        "content": { "application/json": {
            "schema": { "allOf": [{ "$ref": body }, { "type": "object", "properties": { "code": code } }] },
            "examples": examples,
        } },
    })
}

/// What an operation answers with this code: the same as all do, but where its own input is named.
fn example(code: Code, operation: &Value, schemas: &Value) -> Value {
    let is_form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"].is_object();
    let error = match code {
        ValidationError => mistake(operation, schemas).map(Error::from),
        BodyTooLarge if is_form => Some(Error::TooLarge(FORM_BYTES_MAX)),
        _ => None,
    };
    match error {
        Some(error) => shown(code, &error),
        None => json!({ "$ref": format!("#/components/examples/{code:?}") }),
    }
}

fn shared_example(code: &Code) -> Option<(String, Value)> {
    Some((format!("{code:?}"), shown(*code, &code.example()?)))
}

fn shown(code: Code, error: &Error) -> Value {
    // Pages show the summary in a list to choose from, which has no room for a sentence.
    let about = format!("{}. {}.", code.meaning(), code.action());
    json!({ "summary": code.as_str(), "description": about, "value": error.body() })
}

/// A mistake that a client could make with this operation's own input.
fn mistake(operation: &Value, schemas: &Value) -> Option<Issue> {
    let content = operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
    if let Some(body) = content {
        // A body that may be left out is one of two: nothing, and itself.
        let either = body["schema"]["oneOf"].as_array().into_iter().flatten();
        let name = either.chain([&body["schema"]]).find_map(|schema| schema["$ref"].as_str())?.rsplit('/').next()?;
        let fields = &schemas[name];
        return Some(match fields["required"][0].as_str() {
            Some(field) => missing(field),
            None => {
                let fields = fields["properties"].as_object()?;
                // What is shown is a mistake that only a text has.
                let is_text = |field: &&String| !fields[*field].to_string().contains("\"boolean\"");
                string(&Value::Null).err()?.at("body", fields.keys().find(is_text)?)
            }
        });
    }
    let parameter = &operation["parameters"][0];
    Some(integer("x").err()?.at(parameter["in"].as_str()?, parameter["name"].as_str()?))
}

fn headers() -> Value {
    let header = |(name, kind, about): (&str, _, _)| {
        let is_always = name == "x-request-id";
        (name.to_owned(), json!({ "description": about, "required": is_always, "schema": { "type": kind } }))
    };
    HEADERS.into_iter().map(header).collect::<Map<_, _>>().into()
}

fn headers_of(status: &str, is_counted: bool) -> Value {
    let has = |name: &str| match name {
        "WWW-Authenticate" => status == "401",
        "Retry-After" => matches!(status, "429" | "503"),
        "x-request-id" => true,
        _ => is_counted,
    };
    let refer = |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    HEADERS.into_iter().filter(|(name, ..)| has(name)).map(|(name, ..)| refer(name)).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_that_is_named_here_is_in_the_document() {
        let document = crate::http::document().expect("it can be written");
        let paths = document["paths"].as_object().expect("paths");
        let ids: BTreeSet<&str> = paths
            .values()
            .flat_map(|item| item.as_object().expect("methods").values())
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        let named = OWN.map(|(id, _)| id).into_iter().chain(HEALTH).chain(NO_CHANGES);
        for id in named {
            assert!(ids.contains(id), "there is no {id}");
        }
    }
}
