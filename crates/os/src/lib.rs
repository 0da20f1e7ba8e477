//! What is asked of the operating system: a crate of its own, so that the server can forbid `unsafe`.

pub mod clock;
pub mod descriptors;
pub mod memory;
