//! The contract's shapes: which fields, and of which type.

use super::client::keys;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Clone, Copy)]
pub enum Is {
    /// A positive integer below 2^53.
    Id,
    Text,
    /// Text or `null`.
    TextOrNull,
    /// RFC 3339 in UTC with `Z`.
    Time,
    /// Such a time, or `null`.
    TimeOrNull,
    /// `true` or `false`.
    Truth,
    /// A whole number from 0.
    Count,
    /// A list of ids.
    Ids,
    /// A list of names of permissions, in order.
    Permissions,
    /// A list of this shape.
    Many(Shape),
}
use Is::{Count, Id, Ids, Many, Permissions, Text, TextOrNull, Time, TimeOrNull, Truth};

pub type Shape = &'static [(&'static str, Is)];

pub const PROFILE: Shape = &[
    ("id", Id),
    ("username", Text),
    ("email", Text),
    ("display_name", TextOrNull),
    ("bio", TextOrNull),
    ("avatar_url", TextOrNull),
    ("created_at", Time),
    ("updated_at", Time),
];
pub const BAN: Shape =
    &[("user_id", Id), ("username", Text), ("reason", TextOrNull), ("banned_by", Id), ("created_at", Time)];

pub const PUBLIC_PROFILE: Shape = &[
    ("id", Id),
    ("username", Text),
    ("display_name", TextOrNull),
    ("bio", TextOrNull),
    ("avatar_url", TextOrNull),
    ("created_at", Time),
    ("updated_at", Time),
];
pub const MEMBER: Shape = &[
    ("user_id", Id),
    ("username", Text),
    ("display_name", TextOrNull),
    ("avatar_url", TextOrNull),
    ("nickname", TextOrNull),
    ("role_ids", Ids),
    ("timeout_until", TimeOrNull),
    ("joined_at", Time),
];
pub const SERVER: Shape = &[
    ("id", Id),
    ("name", Text),
    ("description", TextOrNull),
    ("icon_url", TextOrNull),
    ("owner_id", Id),
    ("created_at", Time),
    ("updated_at", Time),
];
pub const SERVER_DETAIL: Shape = &[
    ("id", Id),
    ("name", Text),
    ("description", TextOrNull),
    ("icon_url", TextOrNull),
    ("owner_id", Id),
    ("created_at", Time),
    ("updated_at", Time),
    ("channels", Many(CHANNEL)),
    ("roles", Many(ROLE)),
    ("my_role_ids", Ids),
    ("my_timeout_until", TimeOrNull),
    ("my_permissions", Permissions),
];
pub const ROLE: Shape = &[
    ("id", Id),
    ("server_id", Id),
    ("name", Text),
    ("color", TextOrNull),
    ("hoist", Truth),
    ("mentionable", Truth),
    ("position", Count),
    ("permissions", Permissions),
    ("is_default", Truth),
    ("created_at", Time),
    ("updated_at", Time),
];
pub const CHANNEL: Shape = &[
    ("id", Id),
    ("name", Text),
    ("description", TextOrNull),
    ("server_id", Id),
    ("created_at", Time),
    ("updated_at", Time),
];
/// `seq` is what the log adds to the contract's message.
pub const MESSAGE: Shape = &[
    ("id", Id),
    ("content", Text),
    ("channel_id", Id),
    ("author_id", Id),
    ("author_username", Text),
    ("seq", Id),
    ("created_at", Time),
    ("updated_at", Time),
];
pub const MESSAGE_CREATED: Shape = &[
    ("type", Text),
    ("id", Id),
    ("seq", Id),
    ("content", Text),
    ("channel_id", Id),
    ("author_id", Id),
    ("author_username", Text),
    ("created_at", Time),
    ("updated_at", Time),
];

/// `value` has exactly the fields of `shape`, each of its type.
#[track_caller]
pub fn has_shape(value: &Value, shape: Shape) {
    let mut names: Vec<_> = shape.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(keys(value), names, "{value}");
    for (name, is) in shape {
        let field = &value[name];
        let good = match is {
            Id => field.as_i64().is_some_and(|id| (1..1 << 53).contains(&id)),
            Text => field.is_string(),
            TextOrNull => field.is_string() || field.is_null(),
            Time => field.as_str().is_some_and(is_time),
            TimeOrNull => field.is_null() || field.as_str().is_some_and(is_time),
            Truth => field.is_boolean(),
            Count => field.as_i64().is_some_and(|count| count >= 0),
            Ids => field.as_array().is_some_and(|ids| ids.iter().all(|id| id.as_i64().is_some_and(|id| id > 0))),
            Permissions => field.as_array().is_some_and(|names| {
                let names: Vec<_> = names.iter().map(Value::as_str).collect();
                names.iter().all(Option::is_some) && names.is_sorted()
            }),
            Many(shape) => {
                field.as_array().into_iter().flatten().for_each(|one| has_shape(one, shape));
                field.is_array()
            }
        };
        assert!(good, "`{name}` in {value}");
    }
}

fn is_time(text: &str) -> bool {
    text.ends_with('Z') && OffsetDateTime::parse(text, &Rfc3339).is_ok()
}

/// A field's time, to be compared with another one.
#[track_caller]
pub fn time_of(field: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(field.as_str().unwrap_or_default(), &Rfc3339).unwrap_or_else(|_| panic!("no time: {field}"))
}
