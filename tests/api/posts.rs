//! Who may post what.

use crate::support::{By, Value, json, spawn_app};

#[tokio::test]
async fn only_a_member_posts_and_only_a_message() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let ara = app.register("ara").await;
    let (path, body) = (format!("/channels/{channel}/messages"), json!({ "content": "hi", "nonce": "n" }));
    app.post(&path, By::Nobody, body.clone()).await.refuses(401, "not_authenticated");
    app.say(channel, &ara, body.clone()).await.refuses(403, "not_a_member");
    app.say(999_999, &mina, body.clone()).await.refuses(404, "channel_not_found");
    app.say(channel, &mina, json!({})).await.rejects(&[(json!(["body", "content"]), "missing")]);
    for (content, why) in
        [("  \n", "content_blank"), ("a\0", "content_has_nul"), (&*"x".repeat(4_001), "content_too_long")]
    {
        let refused = app.say(channel, &mina, json!({ "content": content })).await;
        refused.rejects(&[(json!(["body", "content"]), why)]);
    }
    app.say(channel, &mina, json!({ "content": format!("a{}", "\u{1}".repeat(3_999)) })).await.is(201);
    app.say(channel, &jun, body.clone()).await.is(201);
    app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    app.say(channel, &jun, body.clone()).await.refuses(403, "not_a_member");
    app.delete(&format!("/channels/{channel}"), &mina).await.is(204);
    app.say(channel, &mina, body).await.refuses(404, "channel_not_found");
}

#[tokio::test]
async fn a_bad_nonce_is_refused_where_it_is() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let mut socket = app.socket(channel, &mina).await;
    for bad in [json!(""), json!("n".repeat(65)), json!("a\u{0}b"), json!(7), json!(["n"]), json!({})] {
        let send = json!({ "content": "hi", "nonce": bad });
        socket.tell(send.clone()).await;
        let error = socket.next_error("nonce_invalid").await;
        assert_eq!((&error["field"], &error["nonce"]), (&json!("nonce"), &Value::Null), "{error}");
        let refused = app.say(channel, &mina, send).await;
        refused.refuses(422, "validation_error");
        assert_eq!(refused.json()["detail"][0]["loc"], json!(["body", "nonce"]), "{refused:?}");
    }
    for good in ["가".repeat(64), " ".into(), "\"quoted\"".into()] {
        socket.tell(json!({ "content": "hi", "nonce": good })).await;
        assert_eq!(socket.hears("hi").await["nonce"], *good);
    }
    assert_eq!(app.count("select count(*) from messages").await, 3);
}

/// Read leniently, keys that differ would be one, and the second message would be lost.
#[tokio::test]
async fn a_key_that_is_no_text_is_refused() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let body = r#"{"content": "hi"}"#;
    let mut request = format!(
        "POST /channels/{channel}/messages HTTP/1.1\r\nHost: m\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\
         Idempotency-Key: ",
        mina.token,
        body.len()
    )
    .into_bytes();
    request.extend(b"\xe9\r\n\r\n");
    request.extend(body.as_bytes());
    let mut raw = app.raw().await;
    raw.send(&request).await;
    let refused = raw.answer("a key of one byte").await;
    refused.refuses(422, "validation_error");
    assert_eq!(refused.json()["detail"][0]["loc"], json!(["header", "Idempotency-Key"]), "{refused:?}");
}
