//! What handlers share: bodies, parameters, cookies, changes and their outcome, the documents, the web client, the line in the log.

pub(super) mod body;
pub(super) mod commit;
pub(super) mod cookie;
pub(super) mod docs;
pub(super) mod extract;
pub(super) mod files;
pub(super) mod observe;
pub(super) mod openapi;
pub(super) mod query;
pub(super) mod shared_limits;
pub(super) mod site;
pub(super) mod web_client;
