//! Madang: a Discord-style chat backend with one durable, gap-free log a channel.
//!
//! # Layout
//!
//! Layers, each using only those before it (`tests/project/layers.rs` fails on an upward use):
//!
//! - [`domain`]: values and rules, no I/O. [`error`], [`config`], [`client_address`], [`descriptors`], [`origin`], [`patience`], [`rate_limit`],
//!   [`telemetry`] and [`wire`] serve every layer.
//! - [`store`]: PostgreSQL, all of the SQL. [`auth`]: passwords and tokens.
//! - [`actors`]: registry, channels, writers, relays.
//! - [`http`] and [`gateway`]: the two doors. They parse, call and answer, and never use each other.
//! - [`app`]: puts a node together, runs it, stops it.
//! - [`load`]: the load tool, a client like any other.
//!
//! Data flows one way: authorize → commit → announce; reads: authorize → query. `docs/ARCHITECTURE.md` walks one message
//! through all of it.

pub mod actors;
pub mod app;
pub mod auth;
pub mod client_address;
pub mod config;
pub mod descriptors;
pub mod domain;
pub mod error;
pub mod gateway;
pub mod http;
pub mod load;
mod memory;
pub mod origin;
pub mod patience;
pub mod rate_limit;
pub mod store;
pub mod telemetry;
pub mod wire;
