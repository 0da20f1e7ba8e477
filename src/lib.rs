//! Madang: a Discord-style chat backend with one durable, gap-free log a channel.
//!
//! # Layout
//!
//! Layers, each using only those before it (`tests/project/layers.rs` fails on an upward use):
//!
//! - [`domain`]: values and rules, no I/O. [`limits`]: every limit by rate. [`error`]: everything that is refused, by name.
//! - [`net`]: a client's connection, below both doors. [`websocket`]: the protocol of frames; it knows nothing of chat.
//! - [`store`]: PostgreSQL, all of the SQL. [`postgres`]: the private server. [`auth`]: passwords and tokens. [`config`]: settings.
//! - [`actors`]: registry, channels, writers, relays.
//! - [`http`] and [`sockets`]: the two doors. They parse, call and answer, and never use each other.
//! - [`app`]: puts a node together, runs it, stops it.
//! - [`patience`], [`telemetry`] and [`times`] use nothing of ours and serve every layer.
//!
//! Data flows one way: authorize → commit → announce; reads: authorize → query. `docs/ARCHITECTURE.md` walks one message
//! through all of it.

pub mod actors;
pub mod app;
pub mod auth;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod limits;
mod memory;
pub mod net;
pub mod patience;
pub mod postgres;
pub mod sockets;
pub mod store;
pub mod telemetry;
pub mod times;
pub mod websocket;
