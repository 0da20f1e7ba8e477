//! Which log it is that a client knows.

use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Names the logs of a database as long as they only go on. Another one begins where something of them may be other than it was: with
/// another database, a restored backup, or because an operator has said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(value_type = String, example = "5b0e9f3c6f1d4e0c8a7b2d1e0f9c8b7a")]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// That of a database.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Whether a client that has named this one, or none, knows these logs.
    #[must_use]
    pub fn is_known_to(&self, named: Option<&str>) -> bool {
        named.is_none_or(|named| *named == *self.0)
    }
}
