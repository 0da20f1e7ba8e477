//! The door for HTTP: parse → authorize → commit → announce → answer, and nothing else. [`routes`] is the whole table;
//! the last collection noun of a URL
//! is the file of its handlers in `api`; `kit` is what they share.

pub mod api;
mod kit;
mod routes;

pub use api::export::Exports;
pub use api::health::Health;
pub use kit::commit::Doubts;
pub use kit::docs::Documents;
pub use kit::query::Query;
pub use kit::shared_limits::SharedLimits;
pub use kit::web_client::WebClient;
pub use routes::{Pages, app, document};

use crate::actors::channel::NewestPages;
use crate::actors::cluster::Cluster;
use crate::actors::registry::RegistryHandle;
use crate::auth::password::Passwords;
use crate::auth::refresh_token::Succession;
use crate::auth::token::Tokens;
use crate::domain::epoch::Epoch;
use crate::limits::Limits;
use crate::net::client_address::TrustedProxies;
use crate::net::unread::Unread;
use crate::store::{Db, Purge};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What handlers share.
pub struct Node {
    /// The store.
    pub db: Db,
    /// Who may do what.
    pub registry: RegistryHandle,
    /// The other nodes on its database.
    pub cluster: Cluster,
    /// The newest messages of channels with life.
    pub newest: NewestPages,
    /// Issues and checks tokens.
    pub tokens: Arc<Tokens>,
    /// What makes the successors of refresh tokens: with the present key, and with the one before it.
    pub successions: Vec<Succession>,
    /// How long a refresh token that is not used lives.
    pub refresh_life: Duration,
    /// Which logs its database has.
    pub epoch: Epoch,
    /// What is limited by rate, as this node counts it.
    pub limits: Arc<Limits>,
    /// What all nodes on its database count together.
    pub shared_limits: SharedLimits,
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` count.
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
    /// Removes what deleted channels have left.
    pub purge: Purge,
    /// Whether the node is on its way out.
    pub stopping: AtomicBool,
}
