//! Accounts: what one sees of oneself, and what others see.

use super::UserId;
use super::patch::Patch;
use super::text::{Bio, DisplayName, Email, WebUrl};
use super::validation::{Parse, Refusal, string};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

/// The name of whoever has erased the account, as `sql/users/delete.sql` writes it.
pub const DELETED_USER: &str = "deleted user";

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
    fn a_password_does_not_show_itself() {
        let password = NewPassword::parse(&Value::from("canary-secret")).expect("good");
        assert!(!format!("{password:?}").contains("canary"));
    }
}
