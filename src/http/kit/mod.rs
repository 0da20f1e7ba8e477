//! What handlers share: bodies, parameters, changes and their outcome, the documents, the line in the log.

pub(super) mod body;
pub(super) mod commit;
pub(super) mod docs;
pub(super) mod extract;
pub(super) mod observe;
pub(super) mod openapi;
pub(super) mod query;
