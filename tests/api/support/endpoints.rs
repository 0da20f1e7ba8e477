//! The contract's endpoints, as data.

use reqwest::Method;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Anyone,
    Token,
}

pub struct Endpoint {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    /// A good JSON body, where it takes one.
    pub body: &'static str,
}

const fn endpoint(method: Method, path: &'static str, who: Who, body: &'static str) -> Endpoint {
    Endpoint { method, path, who, body }
}

use Who::{Anyone, Token};

/// Every row of the contract's table but the socket and the documents.
pub static ENDPOINTS: [Endpoint; 60] = [
    endpoint(Method::POST, "/auth/register", Anyone, r#"{"username": "x", "email": "x", "password": "x"}"#),
    endpoint(Method::POST, "/auth/login", Anyone, ""),
    endpoint(Method::POST, "/auth/refresh", Anyone, r#"{"refresh_token": "x"}"#),
    endpoint(Method::POST, "/auth/logout", Token, ""),
    endpoint(Method::POST, "/auth/ws-ticket", Token, ""),
    endpoint(Method::GET, "/auth/sessions", Token, ""),
    endpoint(Method::DELETE, "/auth/sessions", Token, ""),
    endpoint(Method::DELETE, "/auth/sessions/{session_id}", Token, ""),
    endpoint(Method::GET, "/users/me", Token, ""),
    endpoint(Method::PUT, "/users/me", Token, r#"{"bio": "hello"}"#),
    endpoint(Method::GET, "/users/me/export", Token, ""),
    endpoint(Method::DELETE, "/users/me", Token, r#"{"password": "correct horse battery"}"#),
    endpoint(Method::POST, "/users/lookup", Token, r#"{"ids": [1, 2]}"#),
    endpoint(Method::GET, "/users/{user_id}", Token, ""),
    endpoint(Method::POST, "/servers/", Token, r#"{"name": "Courtyard"}"#),
    endpoint(Method::GET, "/servers/", Token, ""),
    endpoint(Method::GET, "/servers/{server_id}", Token, ""),
    endpoint(Method::PUT, "/servers/{server_id}", Token, r#"{"name": "Courtyard"}"#),
    endpoint(Method::DELETE, "/servers/{server_id}", Token, ""),
    endpoint(Method::POST, "/servers/{server_id}/join", Token, ""),
    endpoint(Method::PUT, "/servers/{server_id}/owner", Token, r#"{"owner_id":1}"#),
    endpoint(Method::POST, "/servers/{server_id}/leave", Token, ""),
    endpoint(Method::GET, "/servers/{server_id}/members", Token, ""),
    endpoint(Method::GET, "/servers/{server_id}/members/{user_id}", Token, ""),
    endpoint(Method::PATCH, "/servers/{server_id}/members/{user_id}", Token, r#"{"nickname": "Mina"}"#),
    endpoint(Method::DELETE, "/servers/{server_id}/members/{user_id}", Token, ""),
    endpoint(Method::PUT, "/servers/{server_id}/members/{user_id}/roles/{role_id}", Token, ""),
    endpoint(Method::DELETE, "/servers/{server_id}/members/{user_id}/roles/{role_id}", Token, ""),
    endpoint(Method::GET, "/servers/{server_id}/roles", Token, ""),
    endpoint(Method::POST, "/servers/{server_id}/roles", Token, r#"{"name": "Moderators"}"#),
    endpoint(Method::PUT, "/servers/{server_id}/roles/order", Token, r#"{"role_ids": []}"#),
    endpoint(Method::PATCH, "/servers/{server_id}/roles/{role_id}", Token, r#"{"permissions": []}"#),
    endpoint(Method::DELETE, "/servers/{server_id}/roles/{role_id}", Token, ""),
    endpoint(Method::GET, "/servers/{server_id}/bans", Token, ""),
    endpoint(Method::GET, "/servers/{server_id}/bans/{user_id}", Token, ""),
    endpoint(Method::PUT, "/servers/{server_id}/bans/{user_id}", Token, r#"{"reason": "spam"}"#),
    endpoint(Method::DELETE, "/servers/{server_id}/bans/{user_id}", Token, ""),
    endpoint(Method::POST, "/channels/", Token, r#"{"name": "general", "server_id": 1}"#),
    endpoint(Method::GET, "/channels/{channel_id}", Token, ""),
    endpoint(Method::PUT, "/channels/{channel_id}", Token, r#"{"name": "general"}"#),
    endpoint(Method::DELETE, "/channels/{channel_id}", Token, ""),
    endpoint(Method::GET, "/channels/{channel_id}/messages", Token, ""),
    endpoint(Method::POST, "/channels/{channel_id}/messages", Token, r#"{"content": "hello"}"#),
    endpoint(Method::GET, "/channels/{channel_id}/events", Token, ""),
    endpoint(Method::GET, "/channels/{channel_id}/messages/{message_id}", Token, ""),
    endpoint(Method::PATCH, "/channels/{channel_id}/messages/{message_id}", Token, r#"{"content": "hello again"}"#),
    endpoint(Method::POST, "/channels/{channel_id}/messages/bulk-delete", Token, r#"{"ids": [1, 2]}"#),
    endpoint(Method::GET, "/channels/{channel_id}/messages/{message_id}/revisions", Token, ""),
    endpoint(Method::PUT, "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/me", Token, ""),
    endpoint(Method::GET, "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", Token, ""),
    endpoint(Method::DELETE, "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/me", Token, ""),
    endpoint(Method::DELETE, "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}/{user_id}", Token, ""),
    endpoint(Method::DELETE, "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}", Token, ""),
    endpoint(Method::DELETE, "/channels/{channel_id}/messages/{message_id}/reactions", Token, ""),
    endpoint(Method::PUT, "/channels/{channel_id}/pins/{message_id}", Token, ""),
    endpoint(Method::GET, "/channels/{channel_id}/pins", Token, ""),
    endpoint(Method::DELETE, "/channels/{channel_id}/pins/{message_id}", Token, ""),
    endpoint(Method::DELETE, "/channels/{channel_id}/messages/{message_id}", Token, ""),
    endpoint(Method::GET, "/healthz", Anyone, ""),
    endpoint(Method::GET, "/readyz", Anyone, ""),
];

/// Paths that are no rows of [`ENDPOINTS`], with the methods that they take.
pub const OTHER_PATHS: [&str; 9] = [
    "/",
    "/favicon.ico",
    "/web/0/app/main.js",
    "/ws/1",
    "/gateway",
    "/openapi.json",
    "/asyncapi.json",
    "/docs",
    "/redoc",
];

impl Endpoint {
    /// Whether it ends what later calls would need.
    pub fn is_final(&self) -> bool {
        self.method == Method::DELETE || self.path == "/auth/logout" || self.path.ends_with("bulk-delete")
    }

    /// Whether it is about one who is banned.
    pub fn is_about_bans(&self) -> bool {
        self.path.contains("/bans/")
    }

    /// The path about the things with these ids.
    pub fn path_of(&self, user_id: i64, server_id: i64, channel_id: i64) -> String {
        self.path
            .replace("{session_id}", "1")
            .replace("{user_id}", &user_id.to_string())
            .replace("{server_id}", &server_id.to_string())
            .replace("{channel_id}", &channel_id.to_string())
            .replace("{role_id}", "2")
            .replace("{message_id}", "1")
            .replace("{emoji}", "%F0%9F%91%8D")
    }

    /// The path's other spelling: with its trailing slash, or without it.
    pub fn twin(path: &str) -> String {
        path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned)
    }
}

/// Each path once, about the first of everything, with the methods that it takes.
pub fn paths() -> Vec<(String, Vec<Method>)> {
    let mut paths: Vec<(String, Vec<Method>)> = Vec::new();
    let rows = ENDPOINTS.iter().map(|endpoint| (endpoint.path_of(1, 1, 1), endpoint.method.clone()));
    for (path, method) in rows.chain(OTHER_PATHS.map(|path| (path.to_owned(), Method::GET))) {
        let at = paths.iter().position(|(known, _)| *known == path).unwrap_or_else(|| {
            paths.push((path, Vec::new()));
            paths.len() - 1
        });
        paths[at].1.push(method);
    }
    paths
}
