//! Tokens that are not good, at every door that asks for one.

use crate::support::app::SECRET_KEY;
use crate::support::endpoints::{ENDPOINTS, Who};
use crate::support::raw::HANDSHAKE;
use crate::support::{By, TestApp, User, Value, json, spawn_app, spawn_app_with};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use madang::auth::token::TokenAlgorithm;
use std::time::{SystemTime, UNIX_EPOCH};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64 for URLs, without padding.
fn base64(bytes: &[u8]) -> String {
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |at| char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]))
    });
    digits.collect()
}

/// What a token says, its signature unchecked.
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bits = payload.bytes().map(|digit| ALPHABET.iter().position(|known| *known == digit).expect("base64"));
    let (mut bytes, mut buffer, mut count) = (Vec::new(), 0_usize, 0);
    for digit in bits {
        (buffer, count) = (buffer << 6 | digit, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(buffer >> count & 0xFF).expect("one byte"));
        }
    }
    serde_json::from_slice(&bytes).expect("claims are JSON")
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn sign(algorithm: Algorithm, key: &str, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key.as_bytes())).expect("signed")
}

/// `Authorization` headers that must not open anything, each with the code of its refusal.
fn bad_headers(user: &User) -> Vec<(&'static str, String, &'static str)> {
    let good = json!({
        "iss": "madang", "aud": "madang", "sub": user.id.to_string(), "iat": now(), "nbf": now(), "exp": now() + 600, "jti": "a",
    });
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        claims
    };
    let without = |field: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().expect("claims").remove(field);
        claims
    };
    let ours = |claims: &Value| format!("Bearer {}", sign(Algorithm::HS256, SECRET_KEY, claims));
    let unsigned =
        |header: &str| format!("Bearer {}.{}.", base64(header.as_bytes()), base64(good.to_string().as_bytes()));
    let (head, signature) = user.token.rsplit_once('.').expect("three parts");
    let (header, _) = head.split_once('.').expect("three parts");
    let forged = with("sub", json!((user.id + 1).to_string()));
    let late = with("exp", json!(now() - 2));
    vec![
        ("empty", String::new(), "invalid_token"),
        ("no scheme", user.token.clone(), "invalid_token"),
        ("another scheme", format!("Basic {}", user.token), "not_authenticated"),
        ("no token", "Bearer ".into(), "invalid_token"),
        ("garbage", "Bearer garbage".into(), "invalid_token"),
        ("garbage in three parts", "Bearer a.b.c".into(), "invalid_token"),
        ("very long", format!("Bearer {}", "x".repeat(5_000)), "invalid_token"),
        ("expired", ours(&late), "token_expired"),
        ("expired and foreign", format!("Bearer {}", sign(Algorithm::HS256, &"x".repeat(32), &late)), "invalid_token"),
        ("of another program", ours(&with("iss", json!("somebody"))), "invalid_token"),
        ("for another program", ours(&with("aud", json!("somebody"))), "invalid_token"),
        ("without an audience", ours(&without("aud")), "invalid_token"),
        ("not good yet", ours(&with("nbf", json!(now() + 300))), "invalid_token"),
        ("of no session", ours(&with("sid", json!("999999"))), "token_revoked"),
        ("of a session without a number", ours(&with("sid", json!("x"))), "invalid_token"),
        ("without an expiry", ours(&without("exp")), "invalid_token"),
        ("without a subject", ours(&without("sub")), "invalid_token"),
        ("of nobody", ours(&with("sub", json!("mina"))), "invalid_token"),
        ("of an account that does not exist", ours(&with("sub", json!("999999"))), "invalid_token"),
        ("of account 0", ours(&with("sub", json!("0"))), "invalid_token"),
        ("foreign key", format!("Bearer {}", sign(Algorithm::HS256, &"x".repeat(32), &good)), "invalid_token"),
        ("HS512", format!("Bearer {}", sign(Algorithm::HS512, SECRET_KEY, &good)), "invalid_token"),
        ("HS384", format!("Bearer {}", sign(Algorithm::HS384, SECRET_KEY, &good)), "invalid_token"),
        ("alg none", unsigned(r#"{"alg":"none","typ":"JWT"}"#), "invalid_token"),
        ("alg None", unsigned(r#"{"alg":"None"}"#), "invalid_token"),
        ("no alg", unsigned(r#"{"typ":"JWT"}"#), "invalid_token"),
        ("alg HS256 unsigned", unsigned(r#"{"alg":"HS256"}"#), "invalid_token"),
        ("signature cut off", format!("Bearer {head}."), "invalid_token"),
        (
            "other claims",
            format!("Bearer {header}.{}.{signature}", base64(forged.to_string().as_bytes())),
            "invalid_token",
        ),
    ]
}

async fn member(app: &TestApp) -> (User, i64, i64) {
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    (mina, server, channel)
}

#[tokio::test]
async fn no_endpoint_takes_a_token_that_is_not_good() {
    let app = spawn_app().await;
    let (mina, server, channel) = member(&app).await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.who == Who::Token) {
        let path = endpoint.path_of(mina.id, server, channel);
        let call =
            async |by: By<'_>| app.call(endpoint.method.clone(), &path, by, |call| call.body(endpoint.body)).await;
        call(By::Nobody).await.refuses(401, "not_authenticated");
        for (name, header, code) in bad_headers(&mina) {
            let answer = call(By::Header(&header)).await;
            assert_eq!((answer.status, &answer.json()["code"]), (401, &json!(code)), "{name}: {answer:?}");
        }
    }
    // Nothing of all that was done.
    let before = app.get(&format!("/servers/{server}"), &mina).await.is(200);
    assert_eq!(before["channels"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn no_handshake_takes_a_token_that_is_not_good() {
    let app = spawn_app().await;
    let (mina, _, channel) = member(&app).await;
    let line = format!("GET /ws/{channel} HTTP/1.1");
    app.refusal(&line, HANDSHAKE).await.refuses(401, "not_authenticated");
    for (name, header, _) in bad_headers(&mina) {
        let answer = app.refusal(&line, &format!("{HANDSHAKE}Authorization: {header}\r\n")).await;
        assert_eq!(answer.status, 401, "header, {name}: {answer:?}");
        let Some(token) = header.strip_prefix("Bearer ").filter(|token| !token.is_empty()) else { continue };
        let pair = format!("{HANDSHAKE}Sec-WebSocket-Protocol: bearer, {token}\r\n");
        let by_pair = app.refusal(&line, &pair).await;
        let by_query = app.refusal(&format!("GET /ws/{channel}?token={token} HTTP/1.1"), HANDSHAKE).await;
        for again in [by_pair, by_query] {
            assert_eq!((again.status, &again.json()["code"]), (401, &answer.json()["code"]), "{name}: {again:?}");
        }
    }
}

#[tokio::test]
async fn a_bad_token_in_the_header_is_not_made_good_by_one_in_the_query() {
    let app = spawn_app().await;
    let (mina, _, channel) = member(&app).await;
    let line = format!("GET /ws/{channel}?token={} HTTP/1.1", mina.token);
    let answer = app.refusal(&line, &format!("{HANDSHAKE}Authorization: Bearer garbage\r\n")).await;
    answer.refuses(401, "invalid_token");
    app.get(&format!("/users/me?token={}", mina.token), By::Nobody).await.refuses(401, "not_authenticated");
}

#[tokio::test]
async fn a_token_is_taken_in_every_case_of_its_scheme() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        app.get("/users/me", By::Header(&format!("{scheme} {}", mina.token))).await.is(200);
    }
}

#[tokio::test]
async fn each_algorithm_that_can_be_configured_works_and_no_other_is_taken() {
    for (configured, algorithm, other) in [
        (TokenAlgorithm::Hs384, Algorithm::HS384, Algorithm::HS256),
        (TokenAlgorithm::Hs512, Algorithm::HS512, Algorithm::HS384),
    ] {
        let app = spawn_app_with(|config| config.algorithm = configured).await;
        let mina = app.register("mina").await;
        app.get("/users/me", &mina).await.is(200);
        let claims = claims(&mina.token);
        for (algorithm, status) in [(algorithm, 200), (other, 401)] {
            let token = sign(algorithm, SECRET_KEY, &claims);
            assert_eq!(app.get("/users/me", By::Header(&format!("Bearer {token}"))).await.status, status);
        }
    }
}

#[tokio::test]
async fn a_token_ends_with_its_account() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    app.sql(&format!("delete from users where id = {}", mina.id)).await;
    app.get("/users/me", &mina).await.refuses(401, "invalid_token");
}

/// Whoever has the key may make tokens that no login stands behind: a new password voids them too.
#[tokio::test]
async fn a_token_of_no_login_is_void_with_the_password() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let own = json!({
        "iss": "madang", "aud": "madang", "sub": mina.id.to_string(), "iat": now(), "nbf": now(), "exp": now() + 600,
        "jti": "made by hand", "ver": 0,
    });
    let own = User { token: sign(Algorithm::HS256, SECRET_KEY, &own), id: mina.id };
    app.get("/users/me", &own).await.is(200);
    let change = json!({ "password": "a better horse battery" });
    app.put("/users/me", &mina, change).await.is(200);
    app.get("/users/me", &own).await.refuses(401, "token_revoked");
    app.get("/users/me", &mina).await.is(200);
}
