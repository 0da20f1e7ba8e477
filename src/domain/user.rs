//! Accounts: what one sees of oneself, and what others see.

use super::UserId;
use super::patch::Patch;
use super::text::{Bio, DisplayName, Email, WebUrl};
use super::validation::{Parse, Refusal, string};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

/// The name of whoever has erased the account, as `sql/users/delete.sql` writes it.
pub const DELETED_USER: &str = "deleted user";
/// The most users that are looked up at once.
pub const USERS_LOOKED_UP_MAX: usize = 100;

/// A user's own profile.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Profile {
    /// The user's id.
    pub id: UserId,
    /// Unique without regard to case.
    #[schema(example = "mina")]
    pub username: String,
    /// Unique without regard to case; shown to its owner only.
    #[schema(example = "mina@example.com")]
    pub email: String,
    /// What others see; starts as the username.
    #[schema(example = "Mina")]
    pub display_name: Option<String>,
    /// A few lines about oneself.
    #[schema(example = "Tea, cats, Rust.")]
    pub bio: Option<String>,
    /// Where the picture is.
    #[schema(example = "https://example.com/mina.png")]
    pub avatar_url: Option<String>,
    /// When the account was made.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When the profile last changed.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
}

/// What everyone may see of a user: the profile without its address.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PublicProfile {
    /// The user's id.
    pub id: UserId,
    /// Unique without regard to case.
    #[schema(example = "mina")]
    pub username: String,
    /// What others see.
    #[schema(example = "Mina")]
    pub display_name: Option<String>,
    /// A few lines about oneself.
    #[schema(example = "Tea, cats, Rust.")]
    pub bio: Option<String>,
    /// Where the picture is.
    #[schema(example = "https://example.com/mina.png")]
    pub avatar_url: Option<String>,
    /// When the account was made.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub created_at: OffsetDateTime,
    /// When the profile last changed.
    #[serde(serialize_with = "super::timestamp::serialize")]
    pub updated_at: OffsetDateTime,
}

impl From<Profile> for PublicProfile {
    fn from(profile: Profile) -> Self {
        Self {
            id: profile.id,
            username: profile.username,
            display_name: profile.display_name,
            bio: profile.bio,
            avatar_url: profile.avatar_url,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }
}

/// Users that are looked up together: 1 to 100, each once, however often it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserIds(Vec<UserId>);

impl UserIds {
    /// In the order in which they were named first.
    pub fn as_slice(&self) -> &[UserId] {
        &self.0
    }
}

impl Parse for UserIds {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        let list = value.as_array().ok_or_else(|| Refusal::new("list_type", "Input should be a valid list"))?;
        let (mut ids, mut named) = (Vec::new(), HashSet::new());
        for (place, value) in list.iter().enumerate() {
            let id = UserId::parse(value).map_err(|refusal| refusal.of_item(place))?;
            if named.insert(id) {
                ids.push(id);
            }
        }
        match ids.len() {
            0 => Err(Refusal::new("too_short", "List should have at least 1 item after validation, not 0")),
            1..=USERS_LOOKED_UP_MAX => Ok(Self(ids)),
            count => {
                let msg = format!("List should have at most {USERS_LOOKED_UP_MAX} items after validation, not {count}");
                Err(Refusal::new("too_long", msg))
            }
        }
    }
}

/// A change to one's own profile; the password is hashed before it gets here.
#[derive(Debug, Default)]
pub struct ProfilePatch {
    /// What others see.
    pub display_name: Patch<DisplayName>,
    /// A few lines about oneself.
    pub bio: Patch<Bio>,
    /// Where the picture is.
    pub avatar_url: Patch<WebUrl>,
    /// Another address.
    pub email: Option<Email>,
}

impl ProfilePatch {
    /// Whether it says anything about what others see.
    pub fn says_what_is_shown(&self) -> bool {
        self.display_name.is_given() || self.bio.is_given() || self.avatar_url.is_given()
    }

    /// Whether others see anything else by it than they do now.
    pub fn is_shown(&self, now: &Profile) -> bool {
        self.display_name.differs(now.display_name.as_deref(), |name| name.as_str())
            || self.bio.differs(now.bio.as_deref(), |bio| bio.as_str())
            || self.avatar_url.differs(now.avatar_url.as_deref(), |url| url.as_str())
    }
}

/// A password that is good enough to be set: 8 characters to 72 bytes, the most that bcrypt reads.
#[derive(Clone, Debug)]
pub struct NewPassword(SecretString);

impl NewPassword {
    /// The secret itself, for hashing.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// A password in the one way in which it is hashed, whatever keyboard it was typed on (OpaqueString of RFC 8265, section 4.2): white
/// space beyond ASCII is a space, and what is composed has one form (NFC).
pub fn prepared(password: &str) -> String {
    let is_space =
        |c| matches!(c, '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}');
    password.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect()
}

/// A password as it was set at some time: anything that could have been one.
#[derive(Clone, Debug)]
pub struct CurrentPassword(pub SecretString);

impl Parse for CurrentPassword {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        SecretString::parse(value).map(Self)
    }
}

impl Parse for NewPassword {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        let text = prepared(string(value)?);
        if text.chars().count() < 8 {
            return Err(Refusal::new("string_too_short", "A password should have at least 8 characters"));
        }
        if text.len() > 72 {
            return Err(Refusal::new("string_too_long", "A password should have at most 72 bytes of UTF-8"));
        }
        if text.contains('\0') {
            return Err(Refusal::value("A password may not hold the NUL character"));
        }
        Ok(Self(SecretString::from(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_password_is_counted_in_characters_below_and_bytes_above() {
        let parse = |text: &str| NewPassword::parse(&Value::from(text)).map(drop).map_err(|refusal| refusal.kind);
        assert_eq!(parse("가나다라마바사"), Err("string_too_short"));
        assert_eq!(parse("가나다라마바사아"), Ok(()));
        assert_eq!(parse(&"x".repeat(72)), Ok(()));
        assert_eq!(parse(&"가".repeat(25)), Err("string_too_long"));
        assert_eq!(parse("12345678\0"), Err("value_error"));
        assert_eq!(prepared("caf\u{65}\u{301}\u{3000}\u{A0}x"), "caf\u{E9}  x");
        assert_eq!(prepared("\u{1100}\u{1161}"), "가");
    }

    #[test]
    fn users_who_are_named_twice_count_once_and_keep_their_first_place() {
        let parse = |value: Value| UserIds::parse(&value).map(|ids| ids.0.iter().map(|id| id.0).collect::<Vec<_>>());
        let refused = |value: Value| parse(value).map_err(|refusal| (refusal.kind, refusal.item));
        assert_eq!(refused(json!([3, "1", 3, 2.0, 1])), Ok(vec![3, 1, 2]));
        let most: Vec<i64> = (1..=USERS_LOOKED_UP_MAX as i64).collect();
        assert_eq!(refused(json!([&most[..], &most[..]].concat())), Ok(most.clone()));
        assert_eq!(refused(json!([&most[..], &[101]].concat())), Err(("too_long", None)));
        assert_eq!(refused(json!([])), Err(("too_short", None)));
        assert_eq!(refused(json!({})), Err(("list_type", None)));
        assert_eq!(refused(json!([1, 2, "x"])), Err(("int_parsing", Some(2))));
        assert_eq!(refused(json!([null])), Err(("int_type", Some(0))));
    }

    #[test]
    fn a_password_does_not_show_itself() {
        let password = NewPassword::parse(&Value::from("canary-secret")).expect("good");
        assert!(!format!("{password:?}").contains("canary"));
    }
}
