//! The door for HTTP: parse → authorize → commit → announce → answer, and nothing else. [`routes`] is the whole table;
//! the last collection noun of a URL is the file of its handlers.

mod auth;
mod body;
mod channels;
mod commit;
mod docs;
mod events;
mod extract;
mod health;
mod messages;
mod observe;
mod openapi;
mod routes;
mod servers;
mod users;

pub use docs::Documents;
pub use openapi::document;
pub use routes::app;

use crate::actors::registry::RegistryHandle;
use crate::auth::password::Passwords;
use crate::auth::token::Tokens;
use crate::store::Db;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What handlers share.
pub struct Node {
    /// The store.
    pub db: Db,
    /// Who may do what.
    pub registry: RegistryHandle,
    /// Issues and checks tokens.
    pub tokens: Arc<Tokens>,
    /// Hashes passwords.
    pub passwords: Arc<Passwords>,
    /// Whether the node is on its way out.
    pub stopping: AtomicBool,
}
