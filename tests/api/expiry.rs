//! What becomes of sockets whose token's time is over.

use crate::support::app::SECRET_KEY;
use crate::support::raw::HANDSHAKE;
use crate::support::shapes::time_of;
use crate::support::{Socket, User, Value, json, spawn_app};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use std::cell::Cell;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;
use tokio_tungstenite::tungstenite::Message;

/// The same user, with a token that ends so many seconds after the current one; and when that is.
fn for_seconds(user: &User, seconds: u64) -> (User, SystemTime) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let end = now + seconds;
    let claims = json!({
        "iss": "madang", "aud": "madang", "sub": user.id.to_string(), "iat": now, "nbf": now, "exp": end, "jti": "short",
    });
    let key = EncodingKey::from_secret(SECRET_KEY.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("signed");
    (User { id: user.id, token }, SystemTime::UNIX_EPOCH + Duration::from_secs(end))
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
    let app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let (brief, end) = for_seconds(&mina, 3);
    let mut identified = app.unknown_gateway().await;
    identified.tell_well(json!({ "type": "identify", "token": brief.token })).await;
    identified.next_of("ready").await;
    identified.subscribe(channel).await;
    let sockets = [app.socket(channel, &brief).await, app.subscriber(&brief, channel).await, identified];
    let mut kept = [app.socket(channel, &mina).await, app.subscriber(&mina, channel).await];
    let mut juns = app.socket(channel, &jun).await;
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
    assert!(SystemTime::now() >= end, "it ended before its time");
    for heard in heard {
        assert!(!heard.is_empty() && heard.len() <= said, "{} of {said}", heard.len());
        let last = time_of(&heard.last().expect("it heard something")["created_at"]);
        // Half a second for a machine that is busy with tests.
        assert!(last < OffsetDateTime::from(end) + Duration::from_millis(500), "heard after its time: {last}");
    }
}

/// Whoever has been told that the token's time is over is told the same at every door.
#[tokio::test]
async fn a_token_that_has_ended_a_socket_opens_nothing_any_more() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let (brief, _) = for_seconds(&mina, 2);
    let socket = app.socket(channel, &brief).await;
    assert!(hear_to_the_end(socket).await.is_empty());
    app.get("/users/me", &brief).await.refuses(401, "token_expired");
    for path in [format!("/ws/{channel}"), "/gateway".into()] {
        let line = format!("GET {path}?token={} HTTP/1.1", brief.token);
        app.refusal(&line, HANDSHAKE).await.refuses(401, "token_expired");
    }
    let mut late = app.unknown_gateway().await;
    late.tell_well(json!({ "type": "identify", "token": brief.token })).await;
    late.expect_close(4401).await;
}
