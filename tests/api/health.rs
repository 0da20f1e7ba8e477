//! `/healthz`, `/readyz`, and what is answered while the database is away.

use crate::support::{By, json, spawn_app, spawn_hasty_app};

#[tokio::test]
async fn a_node_that_can_serve_says_so() {
    let app = spawn_app().await;
    assert_eq!(app.get("/healthz", By::Nobody).await.is(200)["status"], "ok");
    assert_eq!(app.get("/readyz", By::Nobody).await.is(200)["status"], "ready");
}

#[tokio::test]
async fn while_the_database_is_away_calls_are_unavailable_and_sockets_stay_open() {
    let app = spawn_hasty_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("before").await;

    app.close_database(true).await;
    let ready = app.get("/readyz", By::Nobody).await;
    ready.refuses(503, "not_ready");
    assert_eq!(ready.json()["missing"], json!(["database"]));
    app.get("/healthz", By::Nobody).await.is(200);
    app.get("/users/me", &mina).await.refuses(503, "unavailable");
    app.get(&format!("/channels/{channel}/messages"), &mina).await.refuses(503, "unavailable");
    app.post("/servers/", &mina, json!({ "name": "x" })).await.refuses(503, "unavailable");
    app.login("mina", crate::support::PASSWORD).await.refuses(503, "unavailable");
    socket.say("refused").await;
    let error = socket.next_event().await;
    let is_unconfirmed = error["code"] == "unconfirmed";
    assert!(error["type"] == "error" && (is_unconfirmed || error["code"] == "unavailable"), "{error}");
    if !is_unconfirmed {
        assert!(error["retry_after_ms"].as_u64().is_some_and(|wait| wait > 0), "{error}");
    }

    app.close_database(false).await;
    if is_unconfirmed {
        // The connection was cut under it: it is looked up now, and not there.
        socket.next_error("unavailable").await;
    }
    app.get("/users/me", &mina).await.is(200);
    app.get("/readyz", By::Nobody).await.is(200);
    // The writer tries again on its own; a send before that is refused, and is not in the log.
    let after = loop {
        socket.say("after").await;
        let event = socket.next_event().await;
        if event["type"] == "message.created" {
            break event;
        }
        assert_eq!(event["code"], "unavailable", "{event}");
    };
    assert_eq!(after["seq"], json!(2));
    let history = app.get(&format!("/channels/{channel}/messages"), &mina).await.is(200);
    let said: Vec<_> = history.as_array().into_iter().flatten().map(|message| &message["content"]).collect();
    assert_eq!(said, ["before", "after"]);
}
