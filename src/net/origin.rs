//! Which web pages may use the node: those that it serves itself, and those of the origins that the operator names.

use std::str::FromStr;
use url::{Host, Url};

/// Origins that are allowed beside the node's own (RFC 6454): `https://chat.example.com`, or an app's `tauri://localhost`.
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

/// Schemes that pages and apps do not come from.
const NO_PAGES: [&str; 10] = ["about", "blob", "data", "file", "ftp", "javascript", "mailto", "urn", "ws", "wss"];

fn parsed(origin: &str) -> Option<Url> {
    let url = Url::parse(origin).ok().filter(|url| !NO_PAGES.contains(&url.scheme()))?;
    let is_bare = matches!(url.path(), "/" | "") && url.query().is_none() && url.fragment().is_none();
    let is_open = url.username().is_empty() && url.password().is_none();
    // The parser takes more for a host than any page comes from: a wildcard, which would match nothing, or a comma.
    let is_host =
        |host: &str| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c));
    (is_bare && is_open && url.host_str().is_some_and(is_host) && !origin.ends_with('/')).then_some(url)
}

/// As a browser sends it, without a port that is its scheme's own; `None` for what is no origin of a page.
fn normal(origin: &str) -> Option<String> {
    let url = parsed(origin)?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{}{port}", url.scheme(), url.host_str()?.to_ascii_lowercase()))
}

impl AllowedOrigins {
    /// Each of them.
    pub fn list(&self) -> &[String] {
        &self.0
    }

    /// Whether this is one of them, however it is written.
    pub fn names(&self, origin: &str) -> bool {
        normal(origin).is_some_and(|origin| self.0.contains(&origin))
    }

    /// Whether a page of this origin may open a socket here. `host` is what the request was sent to: a page from the same place may,
    /// whether or not a proxy does TLS in between.
    ///
    /// # Errors
    /// When it may not.
    pub fn allow(&self, origin: &str, host: Option<&str>) -> Result<(), OriginError> {
        let Some(page) = parsed(origin) else { return Err(OriginError::NoOrigin) };
        let is_web = matches!(page.scheme(), "http" | "https");
        let place =
            |url: &Url| Some((url.host().map(|host: Host<&str>| host.to_owned())?, url.port_or_known_default()));
        let is_own = || {
            let own = Url::parse(&format!("{}://{}", page.scheme(), host?)).ok()?;
            Some(is_web && place(&own)? == place(&page)?)
        };
        if self.names(origin) || is_own() == Some(true) { Ok(()) } else { Err(OriginError::Elsewhere) }
    }
}

/// Why a page may not open a socket, or use the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// It is another page's.
    #[error("Pages of this origin may not open sockets here; the operator can allow it with CORS_ORIGINS")]
    Elsewhere,
    /// It is no page's: some load tools send their own address.
    #[error("This `Origin` is of no page; leave it out, or send http:// and the address that you connect to")]
    NoOrigin,
    /// It asks for the cookie, which is for the node's own page.
    #[error("Only pages of this node's own address may use its cookie; log in without `cookie`, and send the token")]
    Cookie,
}

/// Why a page may not make the call that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreflightError {
    /// It is from elsewhere.
    #[error("Pages of this origin may not make calls here; the operator can allow it with CORS_ORIGINS")]
    Origin,
    /// With one of its headers.
    #[error(
        "Pages may send authorization, content-type, idempotency-key, and what the operator allows with CORS_HEADERS"
    )]
    Header,
    /// Not with this method, or it is not said well.
    #[error("Pages may make calls with GET, POST, PUT and DELETE")]
    Method,
}

impl PreflightError {
    /// Stable, for a program.
    pub fn code(self) -> &'static str {
        match self {
            Self::Origin => "origin_not_allowed",
            Self::Header => "header_not_allowed",
            Self::Method => "method_not_allowed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_place_and_what_is_named_may() {
        let allowed: AllowedOrigins =
            "https://app.example.com, http://localhost:5173, tauri://localhost".parse().expect("origins");
        for (origin, host, expected) in [
            ("https://app.example.com", Some("chat.example.com"), true),
            ("https://app.example.com:443", Some("chat.example.com"), true),
            ("tauri://localhost", Some("chat.example.com"), true),
            ("tauri://LOCALHOST", Some("chat.example.com"), true),
            ("capacitor://localhost", Some("localhost"), false),
            ("http://chat.example.com", Some("chat.example.com:80"), true),
            ("https://chat.example.com:443", Some("CHAT.example.com"), true),
            ("http://[::1]:8000", Some("[::1]:8000"), true),
            ("http://chat.example.com:443", Some("chat.example.com"), false),
            ("127.0.0.1", Some("127.0.0.1"), false),
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
            assert_eq!(allowed.allow(origin, host).is_ok(), expected, "{origin} {host:?}");
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
            "tauri://",
            "tauri:localhost",
            "file:///index.html",
            "data:x",
        ] {
            assert_eq!(bad.parse::<AllowedOrigins>(), Err(bad.to_owned()));
        }
        assert_eq!("HTTPS://Example.com:443".parse::<AllowedOrigins>().expect("good").list(), ["https://example.com"]);
    }
}
