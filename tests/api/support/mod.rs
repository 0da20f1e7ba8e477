//! What the tests are written with: a node, calls, sockets, and what is true of every answer.

pub mod app;
pub mod client;
pub mod database;
pub mod documented;
pub mod endpoints;
pub mod gateway;
pub mod held;
pub mod history;
#[allow(dead_code)]
pub mod nats;
pub mod raw;
pub mod schema;
#[allow(dead_code)]
pub mod secrets;
pub mod shapes;
pub mod socket;

pub use app::{
    TestApp, refusal_beside, spawn_app, spawn_app_with, spawn_hasty_app, spawn_limited_nodes, spawn_limited_nodes_with,
    spawn_nodes, spawn_nodes_with,
};
pub use client::{Answer, By, PASSWORD, User, id, keys};
pub use reqwest::Method;
pub use serde_json::{Value, json};
pub use shapes::has_shape;
pub use socket::Socket;

use std::time::Duration;

/// As long as anything may take before a test gives up on it.
pub const SOON: Duration = Duration::from_secs(180);
