//! Texts that people type, each checked once: afterwards the type is the proof.

use super::validation::{Parse, Refusal, string};
use super::visible::{is_mark, is_of_a_name, is_reserved, is_visible};
use serde::Serialize;
use serde_json::Value;
use std::ops::Deref;

/// Declares a text type whose only way into existence is its check.
macro_rules! text {
    ($($(#[$doc:meta])* $name:ident = $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text as it was sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = Refusal;

            fn try_from(text: &str) -> Result<Self, Refusal> {
                let check: fn(&str) -> Result<(), Refusal> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl Parse for $name {
            fn parse(value: &Value) -> Result<Self, Refusal> {
                Self::try_from(string(value)?)
            }
        }
    )*};
}

text! {
    /// 2 to 32 Unicode letters with their marks, digits, `_`, `.` or `-`; unique without regard to case.
    Username = |text| {
        length(text, 2, 32)?;
        if !text.chars().all(is_of_a_name) || text.starts_with(is_mark) {
            let msg = "A username may hold letters with their marks, digits, `_`, `.` and `-` only";
            return Err(Refusal::new("string_pattern_mismatch", msg));
        }
        if is_reserved(text) {
            return Err(Refusal::value("This name is reserved; choose another"));
        }
        Ok(())
    };
    /// An address of at most 254 characters; unique without regard to case.
    Email = email;
    /// 1 to 64 characters: what others see.
    DisplayName = |text| name(text, 64);
    /// At most 500 characters, several lines allowed.
    Bio = |text| prose(text, 500);
    /// An `http` or `https` URL of at most 2,048 characters.
    WebUrl = web_url;
    /// 1 to 100 characters.
    ServerName = |text| name(text, 100);
    /// 1 to 100 characters.
    ChannelName = |text| name(text, 100);
    /// 1 to 64 characters: what others see in one server.
    Nickname = |text| name(text, 64);
    /// 1 to 100 characters.
    RoleName = |text| name(text, 100);
    /// `#` and six hexadecimal digits: red, green and blue.
    Color = |text| {
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(());
        }
        Err(Refusal::new("string_pattern_mismatch", "A color is `#` and six hexadecimal digits"))
    };
    /// At most 1,024 characters, several lines allowed.
    Description = |text| prose(text, 1_024);
    /// At most 512 characters, several lines allowed: why somebody has done something.
    Reason = |text| prose(text, 512);
    /// Names a send for its sender, so that sending it again makes no second message: 1 to 64 characters, no NUL.
    Nonce = |text| {
        let refused = |msg: &str| Err(Refusal::new("nonce_invalid", msg.to_owned()));
        match text.chars().count() {
            1..=NONCE_MAX if text.contains('\0') => refused("nonce must not hold the NUL character"),
            1..=NONCE_MAX => Ok(()),
            _ => refused(&format!("nonce must have 1 to {NONCE_MAX} characters")),
        }
    };
    /// A message's text: 1 to 4,000 characters, not blank, no NUL; kept exactly as sent.
    Content = |text| {
        if text.contains('\0') {
            return Err(Refusal::new("content_has_nul", "content must not hold the NUL character"));
        }
        if !text.chars().any(is_visible) {
            return Err(Refusal::new("content_blank", "content must hold at least one visible character"));
        }
        // A text of at most 4,000 bytes has at most 4,000 characters: most need no count.
        if text.len() > CONTENT_MAX && text.chars().count() > CONTENT_MAX {
            return Err(Refusal::new("content_too_long", format!("content may have at most {CONTENT_MAX} characters")));
        }
        Ok(())
    };
}

impl Username {
    /// The name that somebody logs in with: names were made by other rules once, and stay.
    pub fn of_login(text: &str) -> Option<Self> {
        let is_one = length(text, 2, 32).is_ok() && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        is_one.then(|| Self(text.to_owned()))
    }
}

/// The most characters that a message may have.
pub const CONTENT_MAX: usize = 4_000;

/// The most characters that a nonce may have.
pub const NONCE_MAX: usize = 64;

fn length(text: &str, min: usize, max: usize) -> Result<(), Refusal> {
    let count = text.chars().count();
    if count < min {
        let noun = if min == 1 { "character" } else { "characters" };
        return Err(Refusal::new("string_too_short", format!("String should have at least {min} {noun}")));
    }
    if count > max {
        return Err(Refusal::new("string_too_long", format!("String should have at most {max} characters")));
    }
    Ok(())
}

fn name(text: &str, max: usize) -> Result<(), Refusal> {
    length(text, 1, max)?;
    if !text.chars().any(is_visible) {
        return Err(Refusal::value("A name must hold at least one visible character"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::value("Control characters are not allowed"));
    }
    if text.chars().any(is_bidi_override) {
        return Err(Refusal::value("Characters that override the writing direction are not allowed in a name"));
    }
    Ok(())
}

fn prose(text: &str, max: usize) -> Result<(), Refusal> {
    length(text, 0, max)?;
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Refusal::value("Control characters other than line breaks and tabs are not allowed"));
    }
    Ok(())
}

/// Explicit embeddings, overrides and isolates (Unicode Standard Annex 9, section 2): they can make one name look like another.
fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn email(text: &str) -> Result<(), Refusal> {
    length(text, 3, 254)?;
    let refused = || Refusal::value("value is not a valid email address");
    let (local, domain) = text.rsplit_once('@').ok_or_else(refused)?;
    let local_ok = (1..=64).contains(&local.chars().count())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && !is_bidi_override(c) && !"@,;:<>()[]\\\"".contains(c));
    let label_ok = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
    if local_ok && domain_ok { Ok(()) } else { Err(refused()) }
}

fn web_url(text: &str) -> Result<(), Refusal> {
    length(text, 1, 2_048)?;
    let refused = |_| Refusal::new("url_parsing", "Input should be a valid URL");
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Refusal::new("url_parsing", "A URL may not hold white space or control characters"));
    }
    let url = url::Url::parse(text).map_err(refused)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refusal::new("url_scheme", "URL scheme should be 'http' or 'https'"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T>(result: Result<T, Refusal>) -> &'static str {
        match result {
            Ok(_) => "ok",
            Err(refusal) => refusal.kind,
        }
    }

    #[test]
    fn a_username_has_letters_of_any_script_within_its_bounds() {
        for good in ["ab", "민아", "Zoë.K-9_", "नमस्ते", &"x".repeat(32)] {
            assert_eq!(kind(Username::try_from(good)), "ok", "{good}");
        }
        assert_eq!(kind(Username::try_from("a")), "string_too_short");
        assert_eq!(kind(Username::try_from(&*"x".repeat(33))), "string_too_long");
        assert_eq!(kind(Username::try_from("Every_one")), "value_error");
        assert!(Username::of_login("Every_one").is_some() && Username::of_login("\u{3164}\u{3164}").is_some());
        assert!(["a", "a b", "a\0", &"x".repeat(33)].into_iter().all(|text| Username::of_login(text).is_none()));
        for bad in ["a b", "a\0b", "a\u{202E}b", "a/b", "a@b", "\u{3164}\u{3164}", "a\u{200B}b", "\u{301}ab", "ab🏡"]
        {
            assert_eq!(kind(Username::try_from(bad)), "string_pattern_mismatch", "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_a_local_part_and_a_dotted_domain() {
        for good in ["a@b.co", "first.last+tag@sub.example.com", "민아@예시.한국"] {
            assert_eq!(kind(Email::try_from(good)), "ok", "{good}");
        }
        for bad in ["a@b", "@b.co", "a b@c.de", "a@b..co", "a@-b.co", "a@@b.co", ".a@b.co", "a\u{0}@b.co"] {
            assert_eq!(kind(Email::try_from(bad)), "value_error", "{bad:?}");
        }
        assert_eq!(kind(Email::try_from(&*format!("a@{}.co", "b".repeat(254)))), "string_too_long");
    }

    #[test]
    fn names_refuse_what_could_deceive() {
        assert_eq!(kind(ServerName::try_from("우리 마당 🏡")), "ok");
        for bad in [" ", "\u{3164}\u{200B}", "a\nb", "a\0", "\u{202E}gnp.exe", "a\u{2066}b"] {
            assert_eq!(kind(ServerName::try_from(bad)), "value_error", "{bad:?}");
        }
        assert_eq!(kind(ServerName::try_from("")), "string_too_short");
        assert_eq!(kind(ServerName::try_from(&*"가".repeat(100))), "ok");
        assert_eq!(kind(ServerName::try_from(&*"가".repeat(101))), "string_too_long");
    }

    #[test]
    fn prose_has_lines_but_no_other_control_characters() {
        assert_eq!(kind(Bio::try_from("one\ntwo\tthree")), "ok");
        assert_eq!(kind(Bio::try_from("bell\u{7}")), "value_error");
        assert_eq!(kind(Description::try_from(&*"x".repeat(1_025))), "string_too_long");
    }

    #[test]
    fn urls_are_of_the_web() {
        assert_eq!(kind(WebUrl::try_from("https://example.com/a.png?x=1")), "ok");
        assert_eq!(kind(WebUrl::try_from("javascript:alert(1)")), "url_scheme");
        assert_eq!(kind(WebUrl::try_from("not a url")), "url_parsing");
        assert_eq!(kind(WebUrl::try_from(&*format!("https://e.com/{}", "x".repeat(2_048)))), "string_too_long");
    }

    #[test]
    fn a_nonce_is_short_and_has_no_nul() {
        for good in ["1", "보낸 것 №7", &*"가".repeat(64)] {
            assert_eq!(kind(Nonce::try_from(good)), "ok", "{good}");
        }
        for bad in ["", "a\0", &*"가".repeat(65)] {
            assert_eq!(kind(Nonce::try_from(bad)), "nonce_invalid", "{bad:?}");
        }
    }

    #[test]
    fn content_is_counted_in_characters() {
        assert_eq!(kind(Content::try_from(&*"가".repeat(4_000))), "ok");
        assert_eq!(kind(Content::try_from(&*"가".repeat(4_001))), "content_too_long");
        assert_eq!(kind(Content::try_from(" \n\u{3000}")), "content_blank");
        assert_eq!(kind(Content::try_from("\u{3164}\u{2800}\u{E0020}\u{FE0F}")), "content_blank");
        assert_eq!(kind(Content::try_from("")), "content_blank");
        assert_eq!(kind(Content::try_from("a\0")), "content_has_nul");
    }
}
