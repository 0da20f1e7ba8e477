//! What holds of the project itself: its layers, its statements, its documents.

#![allow(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unwrap_used)]

mod bounds;
mod layers;
mod layout;
mod security_model;
mod sql;
