//! The door for sockets: handshakes, frames and commands in; the relay writes what goes out. It parses, calls and
//! answers, and shares everything below with the other door without knowing it.

pub mod asyncapi;
pub mod command;
pub mod handshake;
mod identify;
mod pacer;
mod session;
mod subscriptions;
mod upgrade;

pub use upgrade::{Door, upgrade};
