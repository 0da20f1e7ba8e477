//! The OpenAPI 3.1 document, made from the handlers and the types that they answer with.

use super::{auth, channels, events, export, health, messages, servers, sessions, users};
use crate::error::{ErrorBody, ValidationErrorBody};
use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::openapi::{
    Components, ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
};
use utoipa::{Modify, OpenApi};

/// The document's text comes from the crate: `description` of the package, doc comments of handlers and types.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Madang",
        description = "A Discord-style chat backend: servers, channels and history over REST; one durable, gap-free log a \
                       channel over WebSocket.\n\nThe channel socket is `GET /ws/{channel_id}?token=`: send \
                       `{\"content\": \"Hello, World!\"}`, receive `message.created` for every message. Every answer \
                       carries `x-request-id`; every error is `{\"detail\", \"code\"}`.",
    ),
    paths(
        auth::register, auth::login, auth::refresh, auth::logout, auth::ws_ticket,
        sessions::list, sessions::delete_others, sessions::delete,
        users::me, users::update_me, users::delete_me, users::get, export::get,
        servers::create, servers::list, servers::get, servers::update, servers::delete, servers::hand_over, servers::join, servers::leave,
        channels::create, channels::get, channels::update, channels::delete,
        messages::list, messages::create,
        events::list,
        health::live, health::ready,
    ),
    components(schemas(ErrorBody, ValidationErrorBody)),
    modifiers(&Common),
)]
struct Document;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// What every operation of a kind shares: the security scheme, and the errors that any call may get.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let login = Flow::Password(Password::new("auth/login", Scopes::new()));
        // Where this document was read from, under whatever path.
        document.servers = Some(vec![Server::new("./")]);
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("login", SecurityScheme::OAuth2(OAuth2::new([login])));
        for (path, item) in &mut document.paths.paths {
            if path.ends_with('z') {
                continue;
            }
            let operations =
                [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().filter_map(Option::as_mut);
            for operation in operations {
                add_common(operation);
            }
        }
    }
}

fn add_common(operation: &mut Operation) {
    let mut add = |status: &str, response: Response| {
        let known = &mut operation.responses.responses;
        known.entry(status.to_owned()).or_insert(RefOr::T(response));
    };
    if operation.security.is_some() {
        let text = ObjectBuilder::new().schema_type(Type::String).build();
        let challenge = HeaderBuilder::new().schema(Some(text)).description(Some("`Bearer`")).build();
        let error = error("`not_authenticated`, `invalid_token` or `token_expired`", "invalid_token");
        add("401", ResponseBuilder::from(error).header("WWW-Authenticate", challenge).build());
    }
    if operation.request_body.is_some() {
        add("408", error("`request_too_slow`", "request_too_slow"));
        add("413", error("`body_too_large`", "body_too_large"));
    }
    if operation.request_body.is_some() || operation.parameters.is_some() {
        add(
            "422",
            described::<ValidationErrorBody>(
                "Each mistake with its place",
                json!({
                    "detail": [{ "loc": ["body", "email"], "msg": "Field required", "type": "missing" }],
                    "code": "validation_error",
                }),
            ),
        );
    }
    add("429", error("`rate_limited`; try again after `Retry-After` seconds", "rate_limited"));
    add("503", error("`unavailable` or `busy`; try again after `Retry-After` seconds", "unavailable"));
}

fn error(description: &str, code: &str) -> Response {
    described::<ErrorBody>(description, json!({ "detail": "What to do, for a person", "code": code }))
}

fn described<T: utoipa::ToSchema>(description: &str, example: serde_json::Value) -> Response {
    let schema: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name(T::name()));
    let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}
