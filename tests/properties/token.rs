//! Tokens, tickets and refresh tokens: what nobody issued, nobody takes.

use actix_http::RequestHead;
use actix_http::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use madang::auth::refresh_token::{RefreshToken, Succession};
use madang::auth::token::{Bearer, TokenAlgorithm, Tokens};
use madang::domain::auth_session::Subject;
use madang::domain::{AuthSessionId, UserId};
use madang::sockets::handshake::{Proof, proof};
use madang::times::WallClock;
use secrecy::SecretString;
use serde_json::Value;
use std::sync::LazyLock;
use std::time::Duration;

const KEY: &str = "the present key, the present key";
const PREVIOUS: &str = "the previous key, the previous k";
const FOREIGN: &str = "another node's key, another node";
const YEAR: Duration = Duration::from_secs(86_400 * 365);

/// What has been issued, by this node and by another.
struct Issued {
    node: Tokens,
    tokens: Vec<String>,
    tickets: Vec<String>,
    foreign: Vec<String>,
    refresh: String,
}

fn tokens(key: &str, previous: Option<&str>, algorithm: TokenAlgorithm) -> Tokens {
    Tokens::new(&SecretString::from(key), previous.map(SecretString::from).as_ref(), algorithm, YEAR)
}

/// A token of a login, one of none, and a ticket.
fn issue(tokens: &Tokens) -> (Vec<String>, String) {
    let (password_version, logged_in_at_s) = (3, WallClock::default().now_s());
    let login = (UserId(7), AuthSessionId(9), u64::MAX >> 1);
    let (user_id, session_id, ends_at_s) = login;
    let subject = Subject { user_id, password_version, session_id, logged_in_at_s, ends_at_s };
    let issued = [tokens.issue(subject), tokens.issue_alone(user_id)].map(|token| token.expect("a token"));
    let bearer = tokens.check(&issued[0]).expect("it is good");
    (issued.to_vec(), tokens.issue_ticket(&bearer).expect("a ticket"))
}

static ISSUED: LazyLock<Issued> = LazyLock::new(|| {
    let node = tokens(KEY, Some(PREVIOUS), TokenAlgorithm::Hs256);
    let (mut good, ticket) = issue(&node);
    good.extend(issue(&tokens(PREVIOUS, None, TokenAlgorithm::Hs256)).0);
    let foreign = [(FOREIGN, TokenAlgorithm::Hs256), (KEY, TokenAlgorithm::Hs384), (KEY, TokenAlgorithm::Hs512)]
        .map(|(key, algorithm)| issue(&tokens(key, None, algorithm)));
    let foreign = foreign.into_iter().flat_map(|(tokens, ticket)| [tokens, vec![ticket]].concat()).collect();
    let refresh = RefreshToken::random().expose().to_owned();
    Issued { node, tokens: good, tickets: vec![ticket], foreign, refresh }
});

/// `m` changes what was issued, `c` and `f` sign claims with the node's key and with a foreign one; everything else is a text.
pub fn holds(bytes: &[u8]) {
    match bytes {
        [b'm', which, edits @ ..] => {
            let all = [&ISSUED.tokens, &ISSUED.tickets, &ISSUED.foreign].map(|texts| texts.iter());
            let mut all: Vec<&String> = all.into_iter().flatten().collect();
            all.push(&ISSUED.refresh);
            is_what_was_issued(&changed(all[usize::from(*which) % all.len()], edits));
        }
        [b'c', algorithm, claims @ ..] => signed(KEY, *algorithm, claims),
        [b'f', algorithm, claims @ ..] => signed(FOREIGN, *algorithm, claims),
        text => is_what_was_issued(&String::from_utf8_lossy(text)),
    }
}

/// Each edit is three bytes: what, where, and with what.
fn changed(text: &str, edits: &[u8]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(edit[1]) * bytes.len() / 256;
        match edit[0] % 5 {
            _ if bytes.is_empty() => bytes.push(edit[2]),
            0 => bytes[at] = edit[2],
            1 => bytes[at] ^= 1 << (edit[2] % 8),
            2 => bytes.insert(at, edit[2]),
            3 => bytes.truncate(at),
            // The last bytes of a part are where base64 has bits to spare.
            _ => bytes.rotate_left(at),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_what_was_issued(text: &str) {
    let Issued { node, tokens, tickets, .. } = &*ISSUED;
    let is = |issued: &[String], text: &str| issued.iter().any(|issued| issued == text);
    for _ in 0..2 {
        assert_eq!(node.check(text).is_ok(), is(tokens, text), "{text}");
        assert!(node.check_ticket(text).is_err() || is(tickets, text), "{text}");
    }
    if let Some(token) = RefreshToken::read(text) {
        let digits = text.strip_prefix("madang_refresh_").expect("the prefix");
        assert!(digits.len() == 96 && u128::from_str_radix(&digits[..32], 16).is_ok());
        let next = token.next(&Succession::new(&"a key".into()).expect("it can be one")).stored();
        assert_eq!((token.expose(), next.family), (text, token.stored().family));
        assert_ne!(next.hash, token.stored().hash);
    }
    handshakes(text, |bearer| matches!(bearer, Proof::Token(_)), tokens);
    handshakes(text, |bearer| matches!(bearer, Proof::Ticket(_)), tickets);
}

/// A handshake shows who asks only by what was issued, wherever it stands.
fn handshakes(text: &str, is_it: fn(&Proof) -> bool, issued: &[String]) {
    let mut heads = vec![RequestHead::default(), RequestHead::default(), RequestHead::default()];
    heads[0].uri = format!("/gateway?{text}").parse().unwrap_or_default();
    for (head, name, value) in
        [(1, AUTHORIZATION, text.to_owned()), (2, SEC_WEBSOCKET_PROTOCOL, format!("bearer, {text}"))]
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            heads[head].headers.insert(name, value);
        }
    }
    for head in heads {
        let said = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        let mut said: Vec<String> = said.map(|(_, value)| value.into_owned()).collect();
        said.extend(text.split([' ', ',']).map(|word| word.trim().to_owned()));
        if proof(&head, &ISSUED.node).is_ok_and(|proof| is_it(&proof)) {
            assert!(said.iter().any(|said| issued.contains(said)), "{text}");
        }
    }
}

/// Claims that nobody would issue, with a good signature: the node takes them for what they say, or not at all.
fn signed(key: &str, algorithm: u8, claims: &[u8]) {
    let algorithm = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512][usize::from(algorithm) % 3];
    let Ok(claims) = serde_json::from_slice::<Value>(claims) else { return };
    let node = &ISSUED.node;
    let Ok(text) = jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(key.as_bytes()))
    else {
        return;
    };
    let is_ours = key == KEY && algorithm == Algorithm::HS256;
    if let Ok(bearer) = node.check(&text) {
        assert!(is_ours && says(&claims, "madang", &bearer), "{claims}");
    }
    if let Ok(ticket) = node.check_ticket(&text) {
        assert!(is_ours && says(&claims, "madang sockets", &ticket.bearer), "{claims}");
        assert_eq!(claims["jti"].as_str().map(str::as_bytes), Some(&*ticket.id));
    }
}

fn says(claims: &Value, audience: &str, bearer: &Bearer) -> bool {
    let id = |name: &str| claims[name].as_str().and_then(|text| text.parse::<i64>().ok());
    let is_for_us = claims["iss"] == "madang" && claims["aud"] == audience;
    let is_its = id("sub") == Some(bearer.user_id.0) && id("sid") == bearer.session_id.map(|id| id.0);
    let begins = claims["nbf"].as_u64().is_some_and(|nbf| nbf <= WallClock::default().now_s() + 60);
    is_for_us
        && is_its
        && begins
        && claims["exp"].as_u64().is_some_and(|exp| exp > WallClock::default().now_s())
        && bearer.expires_at_s > WallClock::default().now_s()
}
