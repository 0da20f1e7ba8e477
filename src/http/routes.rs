//! The whole surface on one screen: every path, its methods, its handlers.

use crate::error::Error;
use crate::http::Node;
use crate::http::api::{
    auth, bans, channels, events, export, health, members, message, messages, pins, reactions, roles, servers,
    sessions, users,
};
use crate::http::kit::docs;
use crate::http::kit::docs::Documents;
use crate::http::kit::extract::Guest;
use crate::http::kit::observe::observe;
use crate::http::kit::openapi;
use crate::http::kit::web_client::{self, WebClient};
use crate::net::origin::AllowedOrigins;
use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::guard::{Any, Get, Head};
use actix_web::http::header::{self, HeaderName};
use actix_web::middleware::{Condition, from_fn};
use actix_web::web::{self, Data, PayloadConfig, ServiceConfig};
use actix_web::{App, FromRequest, Handler, Resource, Responder, Route};
use serde_json::Value;
use utoipa::OpenApi;

/// Declares every call once: it is served, and its handler is in the document.
macro_rules! endpoints {
    ($($path:literal: $($method:ident $noun:ident::$handler:ident),*;)*) => {
        fn endpoints(config: &mut ServiceConfig) {
            $(at(config, $path, |at| at$(.$method($noun::$handler))*);)*
        }

        #[derive(OpenApi)]
        #[openapi(paths($($($noun::$handler,)*)*))]
        struct Endpoints;
    };
}

endpoints! {
    "/auth/register": post auth::register;
    "/auth/login": post auth::login;
    "/auth/refresh": post auth::refresh;
    "/auth/logout": post auth::logout;
    "/auth/ws-ticket": post auth::ws_ticket;
    "/auth/sessions": get sessions::list, delete sessions::delete_others;
    "/auth/sessions/{session_id}": delete sessions::delete;

    "/users/me": get users::me, put users::update_me, delete users::delete_me;
    "/users/me/export": get export::get;
    "/users/lookup": post users::look_up;
    "/users/{user_id}": get users::get;

    "/servers": get servers::list, post servers::create;
    "/servers/{server_id}": get servers::get, put servers::update, delete servers::delete;
    "/servers/{server_id}/owner": put servers::hand_over;
    "/servers/{server_id}/join": post servers::join;
    "/servers/{server_id}/leave": post servers::leave;
    "/servers/{server_id}/members": get members::list;
    "/servers/{server_id}/members/{user_id}": get members::get, patch members::update, delete members::remove;
    "/servers/{server_id}/members/{user_id}/roles/{role_id}": put roles::give, delete roles::take;
    "/servers/{server_id}/roles": get roles::list, post roles::create;
    "/servers/{server_id}/roles/order": put roles::order;
    "/servers/{server_id}/roles/{role_id}": patch roles::update, delete roles::delete;
    "/servers/{server_id}/bans": get bans::list;
    "/servers/{server_id}/bans/{user_id}": get bans::get, put bans::create, delete bans::delete;

    "/channels": post channels::create;
    "/channels/{channel_id}": get channels::get, put channels::update, delete channels::delete;
    "/channels/{channel_id}/messages": get messages::list, post messages::create;
    "/channels/{channel_id}/messages/bulk-delete": post message::delete_many;
    "/channels/{channel_id}/messages/{message_id}": get message::get, patch message::update, delete message::delete;
    "/channels/{channel_id}/messages/{message_id}/revisions": get message::revisions;
    "/channels/{channel_id}/messages/{message_id}/reactions": delete reactions::clear;
    "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}": get reactions::list, delete reactions::clear_with;
    "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/me": put reactions::add, delete reactions::remove;
    "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/{user_id}": delete reactions::remove_of;
    "/channels/{channel_id}/pins": get pins::list;
    "/channels/{channel_id}/pins/{message_id}": put pins::add, delete pins::remove;
    "/channels/{channel_id}/events": get events::list;

    "/healthz": get health::live;
    "/readyz": get health::ready;
}

/// The OpenAPI document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn document() -> serde_json::Result<Value> {
    openapi::document(Endpoints::openapi())
}

/// The sockets' paths, and the pages that describe all of it.
fn sockets_and_pages(config: &mut ServiceConfig) {
    // With `Upgrade: websocket` these paths never get here: see `sockets::upgrade`.
    at(config, "/ws/{channel_id}", |at| at.get(upgrade_required));
    at(config, "/gateway", |at| at.get(upgrade_required));

    at(config, "/openapi.json", |at| at.get(docs::openapi_json));
    at(config, "/asyncapi.json", |at| at.get(docs::asyncapi_json));
    // What a page asks for is found with a slash behind the page's path, too.
    for page in ["/docs", "/redoc"] {
        at(config, &format!("{page}/openapi.json"), |at| at.get(docs::openapi_json));
        at(config, &format!("{page}/asyncapi.json"), |at| at.get(docs::asyncapi_json));
        at(config, &format!("{page}/{{file}}"), |at| at.get(docs::file));
        at(config, &format!("{page}{page}/{{file}}"), |at| at.get(docs::file));
    }
    at(config, "/docs", |at| at.get(docs::swagger));
    at(config, "/redoc", |at| at.get(docs::redoc));
}

/// The web client, where the node has one.
fn web_client(config: &mut ServiceConfig, client: Option<Data<WebClient>>) {
    let Some(client) = client else { return };
    config.app_data(client);
    at(config, "/", |at| at.get(web_client::page));
    at(config, "/favicon.ico", |at| at.get(web_client::icon));
    at(config, &format!("{}{{hash}}/{{file:.*}}", web_client::FOLDER), |at| at.get(web_client::file));
}

/// The App of one worker.
pub fn app(
    node: Data<Node>,
    documents: Data<Documents>,
    client: Option<Data<WebClient>>,
    pages: Pages,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(node)
        .app_data(documents)
        .app_data(PayloadConfig::new(crate::http::kit::body::JSON_BYTES_MAX))
        .configure(endpoints)
        .configure(sockets_and_pages)
        .configure(|config| web_client(config, client))
        .default_service(web::to(|_: Guest| async { Err::<&str, _>(Error::NoRoute) }))
        .wrap(Condition::new(!pages.origins.list().is_empty(), cors(pages)))
        .wrap(from_fn(observe))
}

/// Which pages may call, and with which further headers.
#[derive(Clone)]
pub struct Pages {
    /// Where they are from.
    pub origins: AllowedOrigins,
    /// Names of headers.
    pub headers: Vec<HeaderName>,
}

/// Pages of these origins may call, with tokens but without cookies.
fn cors(Pages { origins, headers }: Pages) -> Cors {
    let own = [header::AUTHORIZATION, header::CONTENT_TYPE, HeaderName::from_static("idempotency-key")];
    Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers(own.into_iter().chain(headers))
        .expose_headers([
            "x-request-id",
            "retry-after",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
        ])
        .max_age(600)
        .allowed_origin_fn(move |origin, _| origin.to_str().is_ok_and(|origin| origins.names(origin)))
}

async fn upgrade_required(_: Guest) -> Result<&'static str, Error> {
    Err(Error::Upgrade("send `Connection: Upgrade` and `Upgrade: websocket`"))
}

/// A path, whose trailing slash `observe` has dropped; other methods than the given ones get `405` with `Allow`.
fn at(config: &mut ServiceConfig, path: &str, methods: impl FnOnce(At) -> At) {
    let resource = web::resource(path);
    let At { resource, allowed } = methods(At { resource, allowed: Vec::new() });
    let allowed = allowed.join(", ");
    config.service(resource.default_service(web::to(move |_: Guest| {
        let allowed = allowed.clone();
        async move { Err::<&str, _>(Error::Method(allowed)) }
    })));
}

struct At {
    resource: Resource,
    allowed: Vec<&'static str>,
}

impl At {
    fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&["GET", "HEAD"], web::route().guard(Any(Get()).or(Head())), handler)
    }

    fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&["POST"], web::post(), handler)
    }

    fn put<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&["PUT"], web::put(), handler)
    }

    fn patch<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&["PATCH"], web::patch(), handler)
    }

    fn delete<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(&["DELETE"], web::delete(), handler)
    }

    fn on<F, Args>(mut self, methods: &[&'static str], route: Route, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.allowed.extend(methods);
        Self { resource: self.resource.route(route.to(handler)), allowed: self.allowed }
    }
}
