//! Roles: what the members of a server who have them may do there, and how they are shown.

use super::fields::body;
use super::patch::Patch;
use super::permission::Permissions;
use super::rights::{RoleRights, Roles};
use super::text::{Color, RoleName};
use super::validation::{Parse, Refusal};
use super::{RoleId, ServerId};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The most roles that a server may have, with the default one. The schema's `servers_role_limit` says the same.
pub const ROLES_PER_SERVER: usize = 250;

/// A role of a server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Role {
    /// The role's id.
    pub id: RoleId,
    /// The server it belongs to.
    pub server_id: ServerId,
    /// What it is called.
    #[schema(example = "Moderators")]
    pub name: String,
    /// How its members' names are shown.
    #[schema(example = "#3366cc")]
    pub color: Option<String>,
    /// Whether its members are listed by themselves.
    #[schema(example = true)]
    pub hoist: bool,
    /// Whether everybody may mention it.
    #[schema(example = false)]
    pub mentionable: bool,
    /// How high it is: 0 is the default role's. Of two at one position the older one is higher.
    #[schema(minimum = 0, maximum = 250, example = 1)]
    pub position: i32,
    /// What it gives, by name.
    pub permissions: Permissions,
    /// Whether it is the one that every member has.
    #[schema(example = false)]
    pub is_default: bool,
    /// When it was made.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
}

impl Role {
    fn rights(&self) -> RoleRights {
        RoleRights { id: self.id, position: self.position, permissions: self.permissions }
    }
}

impl From<&[Role]> for Roles {
    fn from(all: &[Role]) -> Self {
        let default = all.iter().find(|role| role.is_default).map(Role::rights);
        let others = all.iter().filter(|role| !role.is_default).map(Role::rights);
        // Each server has one; without it nobody may do anything.
        let nothing = RoleRights { id: RoleId(0), position: 0, permissions: Permissions::NONE };
        Self::new(default.unwrap_or(nothing), others)
    }
}

body! {
    /// A new role. It is the lowest but for the default one.
    #[derive(Debug)]
    #[schema(as = CreateRole)]
    pub struct NewRole {
        /// 1 to 100 characters.
        #[schema(value_type = String, min_length = 1, max_length = 100, example = "Moderators")]
        pub name: RoleName = required,
        /// `#` and six hexadecimal digits.
        #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$", example = "#3366cc", default = json!(null))]
        pub color: Option<Color> = optional,
        /// Whether its members are listed by themselves.
        #[schema(default = false, example = true)]
        pub hoist: Option<bool> = optional,
        /// Whether everybody may mention it.
        #[schema(default = false, example = false)]
        pub mentionable: Option<bool> = optional,
        /// What it gives beside what every member may do: nothing that you may not do yourself.
        #[schema(value_type = Option<Vec<String>>, example = json!(["kick_members", "manage_messages"]), default = json!([]))]
        pub permissions: Option<Permissions> = optional,
    }
}

body! {
    /// A change to a role. Fields left out stay as they are, `null` clears the color. Of the default role only `permissions` can be changed.
    #[derive(Debug, Default)]
    #[schema(as = UpdateRole)]
    pub struct RolePatch {
        /// 1 to 100 characters; cannot be cleared.
        #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Moderators", nullable = false)]
        pub name: Option<RoleName> = change,
        /// `#` and six hexadecimal digits.
        #[schema(value_type = Option<String>, pattern = "^#[0-9A-Fa-f]{6}$", example = "#3366cc")]
        pub color: Patch<Color> = patch,
        /// Whether its members are listed by themselves.
        #[schema(value_type = Option<bool>, example = true, nullable = false)]
        pub hoist: Option<bool> = change,
        /// Whether everybody may mention it.
        #[schema(value_type = Option<bool>, example = false, nullable = false)]
        pub mentionable: Option<bool> = change,
        /// All that it gives from now on. You give and take nothing that you may not do yourself.
        #[schema(value_type = Option<Vec<String>>, example = json!(["manage_messages"]), nullable = false)]
        pub permissions: Option<Permissions> = change,
    }
}

impl RolePatch {
    /// Whether it changes nothing but what the role gives.
    pub fn is_of_permissions_only(&self) -> bool {
        self.name.is_none() && !self.color.is_given() && self.hoist.is_none() && self.mentionable.is_none()
    }
}

body! {
    /// In which order the roles of a server stand.
    #[derive(Debug)]
    #[schema(as = OrderRoles)]
    pub struct RoleOrder {
        /// All of the server's roles but the default one, the highest first.
        #[schema(value_type = Vec<i64>, max_items = 250, example = json!([3, 2]))]
        pub role_ids: RoleIds = required,
    }
}

/// Roles, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleIds(Vec<RoleId>);

impl RoleIds {
    /// As they were sent.
    pub fn as_slice(&self) -> &[RoleId] {
        &self.0
    }
}

impl Parse for RoleIds {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        let list =
            value.as_array().ok_or_else(|| Refusal::new("list_type", "Input should be a valid list of roles"))?;
        if list.len() > ROLES_PER_SERVER {
            let msg = format!("List should have at most {ROLES_PER_SERVER} items after validation, not {}", list.len());
            return Err(Refusal::new("too_long", msg));
        }
        let mut ids = Vec::with_capacity(list.len());
        for (place, value) in list.iter().enumerate() {
            let id = RoleId::parse(value).map_err(|refusal| refusal.of_item(place))?;
            if ids.contains(&id) {
                return Err(Refusal::value("Each role can be named once").of_item(place));
            }
            ids.push(id);
        }
        Ok(Self(ids))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// The default role of a new server.
    pub(crate) fn default_role(server_id: ServerId) -> Role {
        let (created_at, updated_at) = (OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH);
        let (id, permissions, color) = (RoleId(1), Permissions::OF_MEMBERS, None);
        let (hoist, mentionable, position, is_default) = (false, false, 0, true);
        let name = "everyone".into();
        Role {
            id,
            server_id,
            name,
            color,
            hoist,
            mentionable,
            position,
            permissions,
            is_default,
            created_at,
            updated_at,
        }
    }

    #[test]
    fn an_order_names_each_role_once() {
        let refused = |value: Value| RoleIds::parse(&value).map_err(|refusal| (refusal.kind, refusal.item));
        assert_eq!(refused(json!([3, 2])), Ok(RoleIds(vec![RoleId(3), RoleId(2)])));
        assert_eq!(refused(json!([])), Ok(RoleIds(Vec::new())));
        assert_eq!(refused(json!([3, 2, 3])), Err(("value_error", Some(2))));
        assert_eq!(refused(json!(["x"])), Err(("int_parsing", Some(0))));
        assert_eq!(refused(json!(3)), Err(("list_type", None)));
        assert_eq!(refused(Value::Array((0..251).map(Value::from).collect())), Err(("too_long", None)));
    }
}
