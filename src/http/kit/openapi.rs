//! The OpenAPI 3.1 document, made from the handlers, the types that they answer with, and the table of codes.

mod answers;

use crate::error::{Code, ErrorBody, NotReadyBody, ValidationErrorBody};
use serde_json::Value;
use utoipa::openapi::Components;
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityRequirement, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::{Modify, OpenApi};

/// Its first page is `about.md`; the rest of its text are the doc comments of handlers and types.
#[derive(OpenApi)]
#[openapi(
    info(title = "Madang", description = include_str!("openapi/about.md")),
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

/// The document of these endpoints.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn document(endpoints: utoipa::openapi::OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(Document::openapi().merge_from(endpoints))?;
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
