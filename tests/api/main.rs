//! The whole API, tried from outside on the real application: each test has a node and a database of its own.

mod auth;
mod channels;
mod documents;
mod endings;
mod errors;
mod frames;
mod handshakes;
mod health;
mod logs;
mod members;
mod messages;
mod registry;
mod servers;
mod sockets;
mod support;
mod tokens;
mod users;
mod writing;
