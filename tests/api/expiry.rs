//! What becomes of sockets whose token's time is over.

use crate::support::app::SECRET_KEY;
use crate::support::raw::HANDSHAKE;
use crate::support::{PASSWORD, Socket, TestApp, User, Value, json, spawn_app_with};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use madang::times::WallClock;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;
use tokio_tungstenite::tungstenite::Message;

/// As long as the token of a login is good, in seconds.
const TOKEN_LIFE_S: u64 = 1_800;

/// A node whose clock can be put ahead.
async fn spawn_app_by(ahead_s: &'static AtomicU64) -> TestApp {
    spawn_app_with(|config| config.times.clock = WallClock::ahead_by(ahead_s)).await
}

/// The same user, with a token that is good for so many seconds.
fn for_seconds(user: &User, seconds: u64) -> User {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let claims = json!({
        "iss": "madang", "aud": "madang", "sub": user.id.to_string(), "iat": now, "nbf": now, "exp": now + seconds,
        "jti": "long",
    });
    let key = EncodingKey::from_secret(SECRET_KEY.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("signed");
    User { id: user.id, token }
}

/// Everything that a socket hears before it is closed with 4401.
async fn hear_to_the_end(mut socket: Socket) -> Vec<Value> {
    let mut heard = Vec::new();
    loop {
        match socket.next_frame().await {
            Some(Message::Text(text)) => heard.push(serde_json::from_str(&text).expect("JSON")),
            Some(Message::Close(Some(close))) => {
                assert_eq!(u16::from(close.code), 4401);
                assert!(close.reason.contains("expired"), "{close:?}");
                assert!(socket.next_frame().await.is_none(), "something came after the close frame");
                return heard;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_socket_ends_with_its_token_while_others_talk_on() {
    static AHEAD_S: AtomicU64 = AtomicU64::new(0);
    let app = spawn_app_by(&AHEAD_S).await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (long, jun) = (for_seconds(&mina, 2 * TOKEN_LIFE_S), for_seconds(&jun, 2 * TOKEN_LIFE_S));
    let mut identified = app.unknown_gateway().await;
    identified.tell_well(json!({ "type": "identify", "token": mina.token })).await;
    identified.next_of("ready").await;
    identified.subscribe(channel).await;
    let mut sockets = [app.socket(channel, &mina).await, app.subscriber(&mina, channel).await, identified];
    let mut kept = [app.socket(channel, &long).await, app.subscriber(&long, channel).await];
    let mut juns = app.socket(channel, &jun).await;
    juns.say_and_hear("in time").await;
    for socket in sockets.iter_mut().chain(&mut kept) {
        socket.hears("in time").await;
    }
    AHEAD_S.store(TOKEN_LIFE_S, Ordering::Relaxed);
    let are_over = Cell::new(false);
    let talk = async {
        let mut said = 0;
        while !are_over.get() {
            juns.say_and_hear("on and on").await;
            for socket in &mut kept {
                socket.hears("on and on").await;
            }
            said += 1;
        }
        said
    };
    let hear = async {
        let heard = futures_util::future::join_all(sockets.map(hear_to_the_end)).await;
        are_over.set(true);
        heard
    };
    let (heard, said) = tokio::join!(hear, talk);
    assert!(heard.iter().all(|heard| heard.len() <= said), "{said} were said");
    juns.say_and_hear("afterwards").await;
    for socket in &mut kept {
        socket.hears("afterwards").await;
    }
}

/// Whoever has been told that the token's time is over is told the same at every door.
#[tokio::test]
async fn a_token_that_has_ended_a_socket_opens_nothing_any_more() {
    static AHEAD_S: AtomicU64 = AtomicU64::new(0);
    let app = spawn_app_by(&AHEAD_S).await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    AHEAD_S.store(TOKEN_LIFE_S - 60, Ordering::Relaxed);
    app.get("/users/me", &mina).await.is(200);
    socket.hears_nothing().await;
    AHEAD_S.store(TOKEN_LIFE_S, Ordering::Relaxed);
    app.get("/users/me", &mina).await.refuses(401, "token_expired");
    assert!(hear_to_the_end(socket).await.is_empty());
    for path in [format!("/ws/{channel}"), "/gateway".into()] {
        let line = format!("GET {path}?token={} HTTP/1.1", mina.token);
        app.refusal(&line, HANDSHAKE).await.refuses(401, "token_expired");
    }
    let mut late = app.unknown_gateway().await;
    late.tell_well(json!({ "type": "identify", "token": mina.token })).await;
    late.expect_close(4401).await;
}

/// A login is fresh for a while: after that the password is asked for where it matters.
#[tokio::test]
async fn a_login_that_is_not_fresh_any_more_does_not_change_a_password() {
    static AHEAD_S: AtomicU64 = AtomicU64::new(0);
    let app = spawn_app_by(&AHEAD_S).await;
    let mina = app.register("mina").await;
    app.put("/users/me", &mina, json!({ "email": "new@example.com" })).await.is(200);
    AHEAD_S.store(301, Ordering::Relaxed);
    app.put("/users/me", &mina, json!({ "email": "newer@example.com" }))
        .await
        .refuses(400, "current_password_required");
    app.put("/users/me", &mina, json!({ "email": "newer@example.com", "current_password": PASSWORD })).await.is(200);
}
