//! Access tokens: signed, short-lived, stateless. A token names an account; the registry says whether it still exists.

use super::token_hmac;
use crate::domain::auth_session::Subject;
use crate::domain::{AuthSessionId, UserId};
use crate::error::Unauthorized;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lru::LruCache;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longer texts are not tokens of ours, and are refused before any work is spent on them.
const TOKEN_BYTES_MAX: usize = 4_096;
/// Tokens whose signature is not checked anew at each call: about 5 MiB of them.
const VERIFIED_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8_191);
/// Ours have about 330 bytes.
const VERIFIED_BYTES_MAX: usize = 512;

/// Who signs tokens, and for whom (RFC 7519, sections 4.1.1 and 4.1.3): a token for another program is none of ours, even
/// if somebody gave both the same key.
const MADANG: &str = "madang";
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

/// Seconds since 1970.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
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
    /// What has been verified lately, by its whole text. Its time is looked at again each time.
    verified: Mutex<LruCache<Box<str>, Bearer>>,
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
            verified: Mutex::new(LruCache::new(VERIFIED_MAX)),
        }
    }

    /// How long a token lives.
    pub fn life(&self) -> Duration {
        self.life
    }

    /// A new token for a login; `None` only if signing itself is broken.
    pub fn issue(&self, subject: Subject) -> Option<String> {
        let Subject { user_id, password_version, session_id, logged_in_at_s } = subject;
        self.sign(user_id, password_version, Some((session_id, logged_in_at_s)))
    }

    /// The same for no login at all: good until its time is over, or the password is changed for the first time.
    pub fn issue_alone(&self, user_id: UserId) -> Option<String> {
        self.sign(user_id, 0, None)
    }

    fn sign(&self, user_id: UserId, password_version: i32, login: Option<(AuthSessionId, u64)>) -> Option<String> {
        let at_s = now_s();
        let claims = Claims {
            sub: user_id.to_string(),
            iss: MADANG.into(),
            aud: MADANG.into(),
            iat: at_s,
            nbf: at_s,
            exp: at_s + self.life.as_secs(),
            jti: format!("{:032x}", rand::random::<u128>()),
            auth_time: login.map(|(_, logged_in_at_s)| logged_in_at_s),
            sid: login.map(|(session_id, _)| session_id.to_string()),
            ver: password_version,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.signing).ok()
    }

    /// A ticket that opens one socket for the bearer of a token; `None` only if signing itself is broken.
    pub fn issue_ticket(&self, bearer: &Bearer) -> Option<String> {
        let at_s = now_s();
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
        if claims.exp.min(claims.until) <= now_s() {
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
        if bearer.expires_at_s <= now_s() {
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
mod tests {
    use super::*;

    fn tokens(secret: &str, algorithm: TokenAlgorithm) -> Tokens {
        Tokens::new(&SecretString::from(secret), None, algorithm, Duration::from_secs(60))
    }

    fn login(user_id: i64, password_version: i32) -> Subject {
        let (user_id, session_id) = (UserId(user_id), AuthSessionId(7));
        Subject { user_id, password_version, session_id, logged_in_at_s: 1_000 }
    }

    #[test]
    fn a_token_is_good_for_the_key_and_algorithm_that_made_it() {
        for algorithm in [TokenAlgorithm::Hs256, TokenAlgorithm::Hs384, TokenAlgorithm::Hs512] {
            let ours = tokens("0123456789abcdef0123456789abcdef", algorithm);
            let token = ours.issue_alone(UserId(42)).expect("signed");
            assert_eq!(ours.check(&token).expect("good").user_id, UserId(42));
            let theirs = tokens("another-secret-another-secret-32", algorithm);
            assert_eq!(theirs.check(&token).err(), Some(Unauthorized::Invalid));
        }
        let token =
            tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs512).issue_alone(UserId(1)).expect("signed");
        let pinned = tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs256);
        assert_eq!(pinned.check(&token).err(), Some(Unauthorized::Invalid));
    }

    #[test]
    fn a_token_that_was_verified_before_is_looked_at_whole_and_ends_in_time() {
        let ours = Tokens::new(
            &"0123456789abcdef0123456789abcdef".into(),
            None,
            TokenAlgorithm::Hs256,
            Duration::from_secs(2),
        );
        let token = ours.issue(login(42, 3)).expect("signed");
        let first = ours.check(&token).expect("good");
        let again = ours.check(&token).expect("good");
        assert_eq!((again.user_id, again.password_version, again.logged_in_at_s), (UserId(42), 3, 1_000));
        assert_eq!((&again.token_id, again.expires_at_s), (&first.token_id, first.expires_at_s));
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).expect("text");
            assert_eq!(ours.check(&other).err(), Some(Unauthorized::Invalid), "{other}");
        }
        assert_eq!(ours.check(&token[..token.len() - 1]).err(), Some(Unauthorized::Invalid));
        while now_s() < first.expires_at_s {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ours.check(&token).err(), Some(Unauthorized::Expired));
    }

    #[test]
    fn a_ticket_stands_for_its_token_and_neither_for_the_other() {
        let ours = tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs256);
        let token = ours.issue(login(42, 3)).expect("signed");
        let bearer = ours.check(&token).expect("good");
        let text = ours.issue_ticket(&bearer).expect("signed");
        let ticket = ours.check_ticket(&text).expect("good");
        assert_eq!((ticket.bearer.user_id, ticket.bearer.session_id), (bearer.user_id, bearer.session_id));
        assert_eq!((&ticket.bearer.token_id, ticket.bearer.expires_at_s), (&bearer.token_id, bearer.expires_at_s));
        assert_ne!(ours.check_ticket(&ours.issue_ticket(&bearer).expect("signed")).expect("good").id, ticket.id);
        assert_eq!(ours.check(&text).err(), Some(Unauthorized::Invalid));
        assert_eq!(ours.check_ticket(&token).err(), Some(Unauthorized::Ticket));
        let theirs = tokens("another-secret-another-secret-32", TokenAlgorithm::Hs256);
        assert_eq!(theirs.check_ticket(&text).err(), Some(Unauthorized::Ticket));
    }

    #[test]
    fn a_key_can_be_changed_and_nobody_is_logged_out() {
        let (old, new) = ("0123456789abcdef0123456789abcdef", "another-secret-another-secret-32");
        let before = tokens(old, TokenAlgorithm::Hs256).issue(login(42, 1)).expect("signed");
        let life = Duration::from_secs(60);
        let both = Tokens::new(&new.into(), Some(&old.into()), TokenAlgorithm::Hs256, life);
        assert_eq!(both.check(&before).expect("good").session_id, Some(AuthSessionId(7)));
        let after = both.issue_alone(UserId(42)).expect("signed");
        assert!(both.check(&after).is_ok());
        assert_eq!(tokens(old, TokenAlgorithm::Hs256).check(&after).err(), Some(Unauthorized::Invalid));
        assert_eq!(tokens(new, TokenAlgorithm::Hs256).check(&before).err(), Some(Unauthorized::Invalid));
    }

    #[test]
    fn what_is_remembered_of_tokens_is_bounded() {
        let ours = tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs256);
        for id in 0..VERIFIED_MAX.get() as i64 + 10 {
            ours.check(&ours.issue_alone(UserId(id)).expect("signed")).expect("good");
        }
        assert_eq!(ours.verified.lock().expect("whole").len(), VERIFIED_MAX.get());
    }

    #[test]
    fn rfc_4231_case_2_signs_as_published() {
        token_hmac::install();
        let key = EncodingKey::from_secret(b"Jefe");
        let tag = jsonwebtoken::crypto::sign(b"what do ya want for nothing?", &key, Algorithm::HS256).expect("signed");
        // 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843
        assert_eq!(tag, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM");
    }
}
