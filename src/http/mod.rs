//! The door for HTTP: parse → authorize → commit → announce → answer, and nothing else. [`routes`] is the whole table;
//! the last collection noun of a URL is the file of its handlers.

mod auth;
mod body;
mod channels;
mod commit;
mod docs;
pub mod events;
mod export;
mod extract;
mod health;
mod message;
pub mod messages;
mod observe;
mod openapi;
mod pins;
mod reactions;
mod routes;
mod servers;
mod sessions;
mod users;

pub use commit::Doubts;
pub use docs::Documents;
pub use export::Exports;
pub use health::Health;
pub use openapi::document;
pub use routes::{Pages, app};

use crate::actors::registry::RegistryHandle;
use crate::auth::password::Passwords;
use crate::auth::refresh_token::Succession;
use crate::auth::token::Tokens;
use crate::client_address::TrustedProxies;
use crate::rate_limit::Limits;
use crate::store::Db;
use crate::wire::unread::Unread;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What handlers share.
pub struct Node {
    /// The store.
    pub db: Db,
    /// Who may do what.
    pub registry: RegistryHandle,
    /// Issues and checks tokens.
    pub tokens: Arc<Tokens>,
    /// What makes the successors of refresh tokens: with the present key, and with the one before it.
    pub successions: Vec<Succession>,
    /// How long a refresh token that is not used lives.
    pub refresh_life: Duration,
    /// What is limited by rate.
    pub limits: Arc<Limits>,
    /// Whose `X-Forwarded-For` counts.
    pub proxies: TrustedProxies,
    /// Whether clients come by TLS.
    pub has_tls: bool,
    /// Hashes passwords.
    pub passwords: Arc<Passwords>,
    /// Answers that are not read yet.
    pub unread: Unread,
    /// Changes whose outcome is not known.
    pub doubts: Doubts,
    /// Whether the database answers.
    pub health: Health,
    /// Exports that are under way.
    pub exports: Exports,
    /// Whether the node is on its way out.
    pub stopping: AtomicBool,
}
