//! Emoji that people react with.

use super::validation::{Parse, Refusal, string};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use utoipa::ToSchema;

/// One emoji of Unicode, with its skin tone, of a flag or a joined family too; written the one way that Unicode recommends, so that two
/// who mean the same count together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "👍")]
pub struct Emoji(Cow<'static, str>);

impl Emoji {
    /// The emoji as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One that was checked when it was stored: later data of Unicode may know it no more.
    pub fn stored(text: String) -> Self {
        Self(text.into())
    }
}

impl TryFrom<&str> for Emoji {
    type Error = Refusal;

    fn try_from(text: &str) -> Result<Self, Refusal> {
        match emojis::get(text) {
            Some(emoji) => Ok(Self(emoji.as_str().into())),
            None => Err(Refusal::new("emoji_invalid", "This is not one emoji of Unicode")),
        }
    }
}

impl Parse for Emoji {
    fn parse(value: &Value) -> Result<Self, Refusal> {
        Self::try_from(string(value)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_with_all_that_belongs_to_it_is_one() {
        for good in ["👍", "👍🏽", "🇰🇷", "👨‍👩‍👧‍👦", "❤️", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "🫩"]
        {
            assert!(Emoji::try_from(good).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "1", "👍👍", " 👍", "👍 ", "🇰", "🏽👍", "thumbsup", ":thumbsup:", "한", "\u{fe0f}", "\u{200d}"]
        {
            assert_eq!(Emoji::try_from(bad).map_err(|refusal| refusal.kind), Err("emoji_invalid"), "{bad:?}");
        }
    }

    #[test]
    fn two_ways_to_write_one_are_one() {
        assert_eq!(Emoji::try_from("❤"), Emoji::try_from("❤️"));
        assert_ne!(Emoji::try_from("👍"), Emoji::try_from("👍🏽"));
    }
}
