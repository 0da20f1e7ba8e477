//! Bans: who may not come back to a server.

use super::UserId;
use super::fields::body;
use super::text::Reason;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Somebody who may not come back to a server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Ban {
    /// Who is banned.
    pub user_id: UserId,
    /// What they are called.
    #[schema(example = "jun")]
    pub username: String,
    /// Why, for those who may ban.
    #[schema(example = "Spam in every channel")]
    pub reason: Option<String>,
    /// Who has banned them, the last time.
    #[schema(value_type = i64, minimum = 1, example = 1)]
    pub banned_by: UserId,
    /// Since when.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
}

body! {
    /// Why somebody is banned.
    #[derive(Debug)]
    #[schema(as = CreateBan)]
    pub struct NewBan {
        /// At most 512 characters; only those who may ban read it.
        #[schema(value_type = Option<String>, max_length = 512, example = "Spam in every channel", default = json!(null))]
        pub reason: Option<Reason> = optional,
    }
}
