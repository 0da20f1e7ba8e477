//! The handlers, a file a collection.

pub(super) mod auth;
pub(super) mod bans;
pub(super) mod channels;
pub mod events;
pub(super) mod export;
pub(super) mod health;
pub(super) mod members;
pub(super) mod message;
pub mod messages;
pub(super) mod pins;
pub(super) mod reactions;
pub(super) mod roles;
pub(super) mod servers;
pub(super) mod sessions;
pub(super) mod users;
