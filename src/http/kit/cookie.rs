//! The cookie in which a page of this node may keep its refresh token, out of reach of its own scripts. It counts for three calls of
//! `/auth` alone, and for two of them only where the body asks for it: no other call is made in somebody's name because of a cookie.

use crate::auth::refresh_token::RefreshToken;
use crate::error::{Error, Result};
use crate::http::kit::site::Site;
use crate::net::origin::{AllowedOrigins, OriginError};
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use secrecy::SecretString;
use std::future::{Ready, ready};
use std::time::Duration;

const NAME: &str = "madang_refresh";
/// The most cookies of this name that are looked at: each may cost a look at the database.
const VALUES_MAX: usize = 4;

/// There is no `Path`: then it is the folder of the call as the browser sees it (RFC 6265, section 5.1.4), `/auth` of `/auth/login` and
/// `/chat/auth` of `/chat/auth/login`, and the node need not know under which path a proxy serves it.
const ATTRIBUTES: &str = "HttpOnly; SameSite=Strict";

/// The cookie of a call, as an argument of a handler.
pub struct RefreshCookie {
    values: Vec<SecretString>,
    page: Result<(), OriginError>,
    is_by_tls: bool,
}

impl FromRequest for RefreshCookie {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl RefreshCookie {
    fn of(request: &HttpRequest) -> Result<Self> {
        let site = Site::of(request)?;
        let page = check_page(request.headers(), site.host.as_deref());
        Ok(Self { values: values(request.headers()), page, is_by_tls: site.is_by_tls })
    }

    /// Whether the page that calls may use it. A browser sends it, and takes one, for pages of its whole site; only those of this very
    /// origin may.
    ///
    /// # Errors
    /// `origin_not_allowed`.
    pub fn allow(&self) -> Result<()> {
        self.page.map_err(Error::Origin)
    }

    /// What is in it, whatever that is; where there are several of the name, all of them, as a browser orders them.
    pub fn values(&self) -> &[SecretString] {
        &self.values
    }

    /// Puts a token into it, for as long as one lives that is not used.
    ///
    /// # Errors
    /// A fault of ours alone.
    pub fn set(&self, answer: &mut HttpResponse, token: &RefreshToken, life: Duration) -> Result<()> {
        self.write(answer, token.expose(), life)
    }

    /// Takes it from the browser.
    ///
    /// # Errors
    /// A fault of ours alone.
    pub fn remove(&self, answer: &mut HttpResponse) -> Result<()> {
        self.write(answer, "", Duration::ZERO)
    }

    fn write(&self, answer: &mut HttpResponse, value: &str, life: Duration) -> Result<()> {
        let secure = if self.is_by_tls { "; Secure" } else { "" };
        let text = format!("{NAME}={value}; {ATTRIBUTES}; Max-Age={}{secure}", life.as_secs());
        let mut value = HeaderValue::from_str(&text).map_err(|_| Error::Internal)?;
        value.set_sensitive(true);
        answer.headers_mut().append(header::SET_COOKIE, value);
        Ok(())
    }
}

/// A neighbour, or a call by another path, may have left one of the same name that is sent before our own: the first few are taken.
fn values(headers: &HeaderMap) -> Vec<SecretString> {
    // Other cookies of the host may be anything.
    let pairs = headers.get_all(header::COOKIE).flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let own = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(NAME.as_bytes())?.strip_prefix(b"="));
    own.filter_map(|value| str::from_utf8(value).ok()).take(VALUES_MAX).map(SecretString::from).collect()
}

/// Browsers say where a call comes from in `Sec-Fetch-Site`, which no page can write. Older ones, and all of them where there is no TLS,
/// say it in `Origin`. What says neither is no browser.
fn check_page(headers: &HeaderMap, host: Option<&str>) -> Result<(), OriginError> {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let sites: Vec<String> = headers.get_all("sec-fetch-site").map(text).collect();
    if !sites.is_empty() {
        return if sites.iter().all(|site| site == "same-origin") { Ok(()) } else { Err(OriginError::Cookie) };
    }
    let mut pages = headers.get_all(header::ORIGIN).map(text);
    if pages.all(|origin| AllowedOrigins::default().allow(&origin, host).is_ok()) {
        Ok(())
    } else {
        Err(OriginError::Cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn headers(lines: &[(&'static str, &'static [u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse().expect("a name"), HeaderValue::from_bytes(value).expect("a value"));
        }
        headers
    }

    #[test]
    fn the_cookie_is_found_among_others_whatever_they_are() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&[("cookie", &b"madang_refresh=a"[..])][..], &["a"][..]),
            (&[("cookie", b"x=\xff; madang_refresh=a ;y")], &["a"]),
            (&[("cookie", b"x=1"), ("cookie", b"madang_refresh=a; madang_refresh=b")], &["a", "b"]),
            (&[("cookie", b"xmadang_refresh=a; madang_refresh_=b; Madang_refresh=c; madang_refresh")], &[]),
            (&[("cookie", b"madang_refresh=\xff; madang_refresh=")], &[""]),
        ] {
            let found = values(&headers(lines));
            let found: Vec<&str> = found.iter().map(ExposeSecret::expose_secret).collect();
            assert_eq!(found, expected, "{lines:?}");
        }
        assert_eq!(values(&headers(&[("cookie", &b"madang_refresh=a"[..]); 9])).len(), VALUES_MAX);
    }

    #[test]
    fn only_a_page_of_the_same_origin_may_and_what_is_no_browser() {
        for (lines, may) in [
            (&[][..], true),
            (&[("sec-fetch-site", &b"same-origin"[..])][..], true),
            (&[("sec-fetch-site", b"same-origin"), ("origin", b"null")], true),
            (&[("sec-fetch-site", b"same-site"), ("origin", b"http://chat.example.com")], false),
            (&[("sec-fetch-site", b"cross-site")], false),
            (&[("sec-fetch-site", b"none")], false),
            (&[("sec-fetch-site", b"")], false),
            (&[("sec-fetch-site", b"same-origin"), ("sec-fetch-site", b"cross-site")], false),
            (&[("origin", b"http://chat.example.com")], true),
            (&[("origin", b"https://app.example.com")], false),
            (&[("origin", b"http://evil.example")], false),
            (&[("origin", b"null")], false),
            (&[("origin", b"")], false),
            (&[("origin", b"\xff")], false),
            (&[("origin", b"http://chat.example.com"), ("origin", b"http://evil.example")], false),
        ] {
            let checked = check_page(&headers(lines), Some("chat.example.com"));
            assert_eq!(checked.is_ok(), may, "{lines:?}");
        }
    }
}
