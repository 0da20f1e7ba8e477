//! What tokens and tickets are good for.

use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

fn tokens(secret: &str, algorithm: TokenAlgorithm) -> Tokens {
    Tokens::new(&SecretString::from(secret), None, algorithm, Duration::from_secs(60))
}

fn login(user_id: i64, password_version: i32) -> Subject {
    let (user_id, session_id) = (UserId(user_id), AuthSessionId(7));
    Subject { user_id, password_version, session_id, logged_in_at_s: 1_000, ends_at_s: u64::MAX }
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
    static AHEAD_S: AtomicU64 = AtomicU64::new(0);
    let ours = tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs256).by(WallClock::ahead_by(&AHEAD_S));
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
    AHEAD_S.store(60, Ordering::Relaxed);
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
fn a_ticket_is_good_for_half_a_minute() {
    static AHEAD_S: AtomicU64 = AtomicU64::new(0);
    let ours = tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs256).by(WallClock::ahead_by(&AHEAD_S));
    let bearer = ours.check(&ours.issue(login(42, 3)).expect("signed")).expect("good");
    let ticket = ours.issue_ticket(&bearer).expect("signed");
    AHEAD_S.store(TICKET_LIFE_S - 10, Ordering::Relaxed);
    assert!(ours.check_ticket(&ticket).is_ok());
    AHEAD_S.store(TICKET_LIFE_S, Ordering::Relaxed);
    assert_eq!(ours.check_ticket(&ticket).err(), Some(Unauthorized::Ticket));
}

#[test]
fn what_is_long_is_not_remembered_and_what_is_too_long_is_no_token_whoever_signed_it() {
    let ours = tokens("0123456789abcdef0123456789abcdef", TokenAlgorithm::Hs256);
    let signed = |name: usize| {
        let (iss, aud, now_s) = (MADANG.into(), MADANG.into(), ours.now_s());
        let (jti, exp) = ("x".repeat(name), now_s + 60);
        let claims =
            Claims { sub: "42".into(), iss, aud, iat: now_s, nbf: now_s, exp, jti, auth_time: None, sid: None, ver: 0 };
        jsonwebtoken::encode(&ours.header, &claims, &ours.signing).expect("signed")
    };
    let remembered = || ours.verified.lock().expect("whole").len();
    assert!(ours.check(&signed(8)).is_ok() && remembered() == 1);
    assert!(ours.check(&signed(VERIFIED_BYTES_MAX)).is_ok() && remembered() == 1);
    assert_eq!(ours.check(&signed(TOKEN_BYTES_MAX)).err(), Some(Unauthorized::Invalid));
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
