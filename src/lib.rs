//! Madang: a Discord-style chat backend with one durable, gap-free log a channel.
//!
//! # Layout
//!
//! Layers, each using only those before it (`tests/layers.rs` fails on an upward use):
//!
//!
//! Data flows one way: authorize → commit → announce; reads: authorize → query. `docs/ARCHITECTURE.md` walks one message
//! through all of it.

pub mod actors;
pub mod auth;
pub mod config;
pub mod domain;
pub mod error;
pub mod store;
