//! PostgreSQL, the one store. The only layer that knows SQL; every statement is a file under `sql/`.
//!
//! Each change of a call is one statement, so no transaction can be left open by a request that is dropped half way; what a writer does
//! in several runs on a connection of its own. Calls that
//! read or change what belongs to somebody demand an [`Access`](crate::domain::access) value.

pub mod auth_sessions;
pub mod backends;
pub mod bans;
pub mod changes;
pub mod channels;
mod db;
pub mod deleted_channels;
mod fault;
pub mod limits;
pub mod lock;
pub mod log;
pub mod log_epoch;
pub mod message_revisions;
pub mod messages;
pub mod migrate;
mod node_lock;
pub mod nodes;
mod open;
mod pool;
pub mod reactions;
mod requirements;
pub mod roles;
pub mod servers;
mod target;
pub mod turns;
pub mod user_servers;
pub mod users;
pub mod write_batches;
pub mod ws_tickets;

pub use db::{Db, WRITER_NAME, session_config};
pub use deleted_channels::Purge;
pub use fault::{Fault, chain, fault};
pub use open::{OpenError, Opened};
pub use target::{Target, TargetError};
