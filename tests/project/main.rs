//! What holds of the project itself: its layers, its statements, its documents.

mod bounds;
mod layers;
mod security_model;
mod sql;
