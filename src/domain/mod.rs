//! Values and rules, with no I/O: what a username is, who may do what, what an event says.
//!
//! Everything here can be tested alone. It knows no SQL, no HTTP, no actor and no socket; every other layer may use it.

pub mod access;
pub mod auth_session;
pub mod backend;
pub mod ban;
pub mod channel;
pub mod close;
pub mod emoji;
pub mod epoch;
pub mod fields;
pub mod frame;
mod id;
pub mod log;
pub mod message;
pub mod patch;
pub mod permission;
pub mod rights;
pub mod role;
pub mod server;
pub mod text;
pub mod timestamp;
pub mod user;
pub mod validation;
pub(crate) mod visible;

pub use id::{AuthSessionId, ChannelId, ID_PARAMETERS, Id, MessageId, Noun, RoleId, Seq, ServerId, UserId};
