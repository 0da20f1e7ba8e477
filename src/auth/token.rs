//! Access tokens: signed, short-lived, stateless. A token names an account; the registry says whether it still exists.

use super::token_hmac;
use crate::domain::auth_session::Subject;
use crate::domain::{AuthSessionId, UserId};
use crate::error::Unauthorized;
use crate::times::WallClock;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lru::LruCache;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer texts are not tokens of ours, and are refused before any work is spent on them.
const TOKEN_BYTES_MAX: usize = 4_096;
/// Tokens whose signature is not checked anew at each call: about 5 MiB of them.
const VERIFIED_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8_191);
/// Ours have about 330 bytes.
const VERIFIED_BYTES_MAX: usize = 512;

/// Who signs tokens, and for whom (RFC 7519, sections 4.1.1 and 4.1.3): a token for another program is none of ours, even
/// if somebody gave both the same key.
const MADANG: &str = "madang";
/// Longer than any load run.
const ALONE_LIFE: Duration = Duration::from_secs(31 * 24 * 60 * 60);
/// For whom tickets are: no ticket is a token, and no token a ticket.
const SOCKETS: &str = "madang sockets";
/// As long as a ticket waits to be used.
pub const TICKET_LIFE_S: u64 = 30;
/// As far as the clocks of nodes may be apart, in seconds.
const CLOCKS_APART_MAX_S: u64 = 60;

/// The signature algorithms that may be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256, the default.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl From<TokenAlgorithm> for Algorithm {
    fn from(algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::Hs256 => Self::HS256,
            TokenAlgorithm::Hs384 => Self::HS384,
            TokenAlgorithm::Hs512 => Self::HS512,
        }
    }
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The user's id, as a string (RFC 7519, section 4.1.2).
    sub: String,
    iss: String,
    aud: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    /// When its user logged in (OpenID Connect's name for it); not there means when it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    /// The login's session, as a string; not there for a token that belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    /// How often the password had been changed when it was issued; not there means never.
    #[serde(default)]
    ver: i32,
}

/// What a ticket says.
#[derive(Debug, Serialize, Deserialize)]
struct TicketClaims {
    iss: String,
    aud: String,
    exp: u64,
    nbf: u64,
    sub: String,
    /// The ticket's own name.
    jti: String,
    /// The token's that it stands for, with what that says.
    token: String,
    until: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    ver: i32,
}

/// A ticket that opens one socket for its bearer.
#[derive(Debug)]
pub struct Ticket {
    /// Whose.
    pub bearer: Bearer,
    /// Its name, to be used up.
    pub id: Vec<u8>,
}

/// Who a good token is for, and until when. Not yet a caller: the account may be gone, or its password changed.
#[derive(Clone, Debug)]
pub struct Bearer {
    /// The account that the token names.
    pub user_id: UserId,
    /// The token's own name, `jti`.
    pub token_id: Arc<str>,
    /// How often the password had been changed when it was issued.
    pub password_version: i32,
    /// The login that it belongs to, if any.
    pub session_id: Option<AuthSessionId>,
    /// The second since 1970 at which its user logged in.
    pub logged_in_at_s: u64,
    /// The second since 1970 at which its time is over.
    pub expires_at_s: u64,
}

/// Issues and checks access tokens.
pub struct Tokens {
    header: Header,
    validation: Validation,
    ticket_validation: Validation,
    signing: EncodingKey,
    /// The present key, and the one before it while that is still good.
    checking: Vec<DecodingKey>,
    life: Duration,
    clock: WallClock,
    /// What has been verified lately, by its whole text. Its time is looked at again each time.
    verified: Mutex<LruCache<Box<str>, Bearer>>,
}

/// Signs tokens of no login for the accounts that a load run names.
pub fn signer(secret: &SecretString, algorithm: &str) -> Box<dyn Fn(i64) -> Option<String>> {
    let algorithm = match algorithm {
        "HS384" => TokenAlgorithm::Hs384,
        "HS512" => TokenAlgorithm::Hs512,
        _ => TokenAlgorithm::Hs256,
    };
    let tokens = Tokens::new(secret, None, algorithm, ALONE_LIFE);
    Box::new(move |user_id| tokens.issue_alone(UserId(user_id)))
}

impl Tokens {
    /// Tokens signed with `secret` that live for `life`; those that `previous` has signed are good too.
    pub fn new(
        secret: &SecretString,
        previous: Option<&SecretString>,
        algorithm: TokenAlgorithm,
        life: Duration,
    ) -> Self {
        token_hmac::install();
        let algorithm = Algorithm::from(algorithm);
        let mut validation = Validation::new(algorithm);
        // For `nbf`, which another node's clock may have set; `check` looks at `exp` to the second.
        validation.leeway = CLOCKS_APART_MAX_S;
        validation.validate_nbf = true;
        validation.set_issuer(&[MADANG]);
        validation.set_audience(&[MADANG]);
        validation.set_required_spec_claims(&["exp", "sub", "iss", "aud", "nbf"]);
        let mut ticket_validation = validation.clone();
        ticket_validation.set_audience(&[SOCKETS]);
        let checking = [Some(secret), previous].into_iter().flatten();
        Self {
            header: Header::new(algorithm),
            validation,
            ticket_validation,
            signing: EncodingKey::from_secret(secret.expose_secret().as_bytes()),
            checking: checking.map(|secret| DecodingKey::from_secret(secret.expose_secret().as_bytes())).collect(),
            life,
            clock: WallClock::default(),
            verified: Mutex::new(LruCache::new(VERIFIED_MAX)),
        }
    }

    /// The same, judged by another clock than the system's.
    #[must_use]
    pub fn by(self, clock: WallClock) -> Self {
        Self { clock, ..self }
    }

    /// How long a token lives.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// Seconds since 1970, by the clock that tokens are judged by.
    pub fn now_s(&self) -> u64 {
        self.clock.now_s()
    }

    /// A new token for a login; `None` only if signing itself is broken.
    pub fn issue(&self, subject: Subject) -> Option<String> {
        self.sign(subject.user_id, subject.password_version, Some(subject))
    }

    /// The same for no login at all: good until its time is over, or the password is changed for the first time.
    pub fn issue_alone(&self, user_id: UserId) -> Option<String> {
        self.sign(user_id, 0, None)
    }

    fn sign(&self, user_id: UserId, password_version: i32, login: Option<Subject>) -> Option<String> {
        let at_s = self.now_s();
        let claims = Claims {
            sub: user_id.to_string(),
            iss: MADANG.into(),
            aud: MADANG.into(),
            iat: at_s,
            nbf: at_s,
            // No longer than the login itself.
            exp: login.map_or(u64::MAX, |login| login.ends_at_s).min(at_s + self.life.as_secs()),
            jti: format!("{:032x}", rand::random::<u128>()),
            auth_time: login.map(|login| login.logged_in_at_s),
            sid: login.map(|login| login.session_id.to_string()),
            ver: password_version,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.signing).ok()
    }

    /// A ticket that opens one socket for the bearer of a token; `None` only if signing itself is broken.
    pub fn issue_ticket(&self, bearer: &Bearer) -> Option<String> {
        let at_s = self.now_s();
        let claims = TicketClaims {
            iss: MADANG.into(),
            aud: SOCKETS.into(),
            exp: at_s + TICKET_LIFE_S,
            nbf: at_s,
            sub: bearer.user_id.to_string(),
            jti: format!("{:032x}", rand::random::<u128>()),
            token: bearer.token_id.to_string(),
            until: bearer.expires_at_s,
            sid: bearer.session_id.map(|id| id.to_string()),
            ver: bearer.password_version,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.signing).ok()
    }

    /// Checks a ticket; whether it has been used before is the store's to know.
    pub fn check_ticket(&self, text: &str) -> Result<Ticket, Unauthorized> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(Unauthorized::Ticket);
        }
        let claims: TicketClaims = self.decode(text, &self.ticket_validation).map_err(|_| Unauthorized::Ticket)?;
        let id = |text: String| text.parse::<i64>().map_err(|_| Unauthorized::Ticket);
        let bearer = Bearer {
            user_id: UserId(id(claims.sub)?),
            token_id: claims.token.into(),
            password_version: claims.ver,
            session_id: claims.sid.map(id).transpose()?.map(AuthSessionId),
            logged_in_at_s: 0,
            expires_at_s: claims.until,
        };
        if claims.exp.min(claims.until) <= self.now_s() {
            return Err(Unauthorized::Ticket);
        }
        Ok(Ticket { bearer, id: claims.jti.into_bytes() })
    }

    /// Checks a token: signature, algorithm, time.
    pub fn check(&self, token: &str) -> Result<Bearer, Unauthorized> {
        let bearer = match self.verified_before(token) {
            Some(bearer) => bearer,
            None => self.verify(token)?,
        };
        // "On or after" (RFC 7519, section 4.1.4); the crate takes the second itself for good.
        if bearer.expires_at_s <= self.now_s() {
            return Err(Unauthorized::Expired);
        }
        Ok(bearer)
    }

    fn verified_before(&self, token: &str) -> Option<Bearer> {
        if token.len() > VERIFIED_BYTES_MAX {
            return None;
        }
        self.verified.lock().ok()?.get(token).cloned()
    }

    fn verify(&self, token: &str) -> Result<Bearer, Unauthorized> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Unauthorized::Invalid);
        }
        let Claims { sub, iat, exp, jti, auth_time, sid, ver, .. }: Claims = self.decode(token, &self.validation)?;
        let id = |text: String| text.parse::<i64>().map_err(|_| Unauthorized::Invalid);
        let bearer = Bearer {
            user_id: UserId(id(sub)?),
            token_id: jti.into(),
            password_version: ver,
            session_id: sid.map(id).transpose()?.map(AuthSessionId),
            logged_in_at_s: auth_time.unwrap_or(iat),
            expires_at_s: exp,
        };
        // Only what we have signed gets here, so nobody can fill it with texts of their own.
        if let (true, Ok(mut verified)) = (token.len() <= VERIFIED_BYTES_MAX, self.verified.lock()) {
            verified.put(token.into(), bearer.clone());
        }
        Ok(bearer)
    }

    /// What a token says that one of the keys has signed.
    fn decode<T: DeserializeOwned>(&self, token: &str, validation: &Validation) -> Result<T, Unauthorized> {
        let mut refusal = Unauthorized::Invalid;
        for key in &self.checking {
            match jsonwebtoken::decode::<T>(token, key, validation) {
                Ok(data) => return Ok(data.claims),
                Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
                Err(error) if *error.kind() == ErrorKind::ExpiredSignature => refusal = Unauthorized::Expired,
                Err(_) => return Err(Unauthorized::Invalid),
            }
        }
        Err(refusal)
    }
}

#[cfg(test)]
mod tests;
