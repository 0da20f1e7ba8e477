//! The OpenAPI 3.1 document, made from the handlers, the types that they answer with, and the table of codes.

mod answers;

use crate::error::{Code, ErrorBody, NotReadyBody, ValidationErrorBody};
use crate::http::api::{
    auth, channels, events, export, health, message, messages, pins, reactions, servers, sessions, users,
};
use serde_json::Value;
use utoipa::openapi::Components;
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityRequirement, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::{Modify, OpenApi};

/// Its first page is `about.md`; the rest of its text are the doc comments of handlers and types.
#[derive(OpenApi)]
#[openapi(
    info(title = "Madang", description = include_str!("openapi/about.md")),
    paths(
        auth::register, auth::login, auth::refresh, auth::logout, auth::ws_ticket,
        sessions::list, sessions::delete_others, sessions::delete,
        users::me, users::update_me, users::delete_me, users::get, export::get,
        servers::create, servers::list, servers::get, servers::update, servers::delete, servers::hand_over, servers::join, servers::leave,
        channels::create, channels::get, channels::update, channels::delete,
        messages::list, messages::create, message::get, message::update, message::delete, message::delete_many, message::revisions,
        reactions::list, reactions::add, reactions::remove, reactions::remove_of, reactions::clear_with, reactions::clear,
        pins::list, pins::add, pins::remove,
        events::list,
        health::live, health::ready,
    ),
    components(schemas(Code, ErrorBody, NotReadyBody, ValidationErrorBody)),
    tags(
        (name = "auth", description = "Accounts, logins, tokens, tickets for sockets"),
        (name = "users", description = "Profiles"),
        (name = "servers", description = "Communities, and who belongs to them"),
        (name = "channels", description = "The rooms of a server"),
        (name = "messages", description = "A channel's history and log, sending, editing and deleting"),
        (name = "reactions", description = "What people say to a message with an emoji"),
        (name = "pins", description = "The messages that a channel shows first"),
        (name = "health", description = "For supervisors and load balancers"),
    ),
    modifiers(&Common),
)]
struct Document;

/// The document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn document() -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(Document::openapi())?;
    answers::complete(&mut document);
    Ok(document)
}

/// What the whole document shares: where the calls are, and how one logs in.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let login = Flow::Password(Password::new("auth/login", Scopes::new()));
        // Where this document was read from, under whatever path.
        document.servers = Some(vec![Server::new("./")]);
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("login", [])]);
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("login", SecurityScheme::OAuth2(OAuth2::new([login])));
    }
}
