//! Which web pages may use the node: those that it serves itself, and those of the origins that the operator names.

use std::str::FromStr;

/// Origins that are allowed beside the node's own (RFC 6454): `https://chat.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl FromStr for AllowedOrigins {
    type Err = String;

    /// Origins with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.map(|origin| normal(origin).ok_or_else(|| origin.to_owned())).collect::<Result<_, _>>().map(Self)
    }
}

/// As a browser sends it; `None` for what is no origin of a page.
fn normal(origin: &str) -> Option<String> {
    let url = url::Url::parse(origin).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_open = url.username().is_empty() && url.password().is_none();
    // The parser takes more for a host than any page comes from: a wildcard, which would match nothing, or a comma.
    let is_host = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    (is_bare && is_open && url.host_str().is_some_and(is_host) && !origin.ends_with('/'))
        .then(|| url.origin().ascii_serialization())
}

impl AllowedOrigins {
    /// Each of them.
    pub fn list(&self) -> &[String] {
        &self.0
    }

    /// Whether a page of this origin may open a socket here. `host` is what the request was sent to: a page from the same place may,
    /// whether or not a proxy does TLS in between.
    pub fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let is_own = || {
            let place = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
            Some(place.eq_ignore_ascii_case(host?))
        };
        self.0.iter().any(|allowed| allowed == origin) || is_own() == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_place_and_what_is_named_may() {
        let allowed: AllowedOrigins = "https://app.example.com, http://localhost:5173".parse().expect("origins");
        for (origin, host, expected) in [
            ("https://app.example.com", Some("chat.example.com"), true),
            ("http://localhost:5173", None, true),
            ("https://chat.example.com", Some("chat.example.com"), true),
            ("http://127.0.0.1:8000", Some("127.0.0.1:8000"), true),
            ("http://app.example.com", Some("chat.example.com"), false),
            ("https://app.example.com.evil.example", Some("chat.example.com"), false),
            ("https://evil.example", Some("chat.example.com"), false),
            ("https://chat.example.com:444", Some("chat.example.com"), false),
            ("null", Some("null"), false),
            ("", Some(""), false),
            ("chat.example.com", Some("chat.example.com"), false),
        ] {
            assert_eq!(allowed.allow(origin, host), expected, "{origin} {host:?}");
        }
    }

    #[test]
    fn what_is_no_origin_is_named() {
        for bad in [
            "*",
            "null",
            "example.com",
            "https://example.com/",
            "https://example.com/app",
            "ftp://example.com",
            "https://u@example.com",
            "https://:p@example.com",
            "https://*.example.com",
            "https://a%2Cb.example",
        ] {
            assert_eq!(bad.parse::<AllowedOrigins>(), Err(bad.to_owned()));
        }
        assert_eq!("HTTPS://Example.com:443".parse::<AllowedOrigins>().expect("good").list(), ["https://example.com"]);
    }
}
