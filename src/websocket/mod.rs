//! The WebSocket protocol (RFC 6455): the handshake, frames in and out. It does no I/O and knows nothing of chat.

pub mod decode;
pub mod encode;
pub mod handshake;
