//! Limits by rate: who keeps to what is said is never refused, who does not is told when to come back.

use crate::support::raw::HANDSHAKE;
use crate::support::{Answer, By, Method, PASSWORD, TestApp, User, json, spawn_app_with};
use std::time::Duration;

pub async fn limited() -> TestApp {
    spawn_app_with(|config| {
        config.rate_limit = true;
        config.trusted_proxies = "127.0.0.1".parse().expect("an address");
    })
    .await
}

pub fn number(answer: &Answer, name: &str) -> u64 {
    answer.header(name).parse().unwrap_or_else(|_| panic!("{name}: {answer:?}"))
}

/// Lets as much time pass as a refusal says.
fn wait_for(app: &TestApp, refused: &Answer) {
    refused.refuses(429, "rate_limited");
    let seconds = number(refused, "retry-after");
    assert!(seconds > 0);
    app.pass(Duration::from_secs(seconds));
}

pub async fn log_in_from(app: &TestApp, address: &str, name: &str, password: &str) -> Answer {
    let call = app.call(Method::POST, "/auth/login", By::Nobody, |call| {
        call.header("x-forwarded-for", address).form(&[("username", name), ("password", password)])
    });
    call.await
}

pub async fn register_from(app: &TestApp, address: &str, name: &str) -> Answer {
    let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    let call =
        app.call(Method::POST, "/auth/register", By::Nobody, |call| call.header("x-forwarded-for", address).json(&new));
    call.await
}

async fn place(app: &TestApp, user: &User) -> (i64, i64) {
    let server = app.server(user, "Courtyard").await;
    (app.channel(user, server, "general").await, app.channel(user, server, "random").await)
}

#[tokio::test]
async fn calls_are_counted_for_each_user_and_every_answer_says_how_many_are_left() {
    let app = limited().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let first = app.get("/users/me", &mina).await;
    assert_eq!((number(&first, "x-ratelimit-limit"), first.status), (50, 200));
    assert!(number(&first, "x-ratelimit-remaining") < 50 && number(&first, "x-ratelimit-reset") == 1, "{first:?}");
    let all = futures_util::future::join_all((0..400).map(|_| app.get("/users/me", &mina))).await;
    let refused: Vec<_> = all.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty(), "400 at once are too many");
    for answer in &refused {
        answer.refuses(429, "rate_limited");
        assert_eq!((number(answer, "x-ratelimit-limit"), number(answer, "x-ratelimit-remaining")), (50, 0));
    }
    app.get("/users/me", &jun).await.is(200);
    wait_for(&app, refused[0]);
    // A refused call counts against its user, an answer that says no to something else does too.
    let missing = app.get("/servers/999", &mina).await;
    missing.refuses(404, "server_not_found");
    assert!(number(&missing, "x-ratelimit-remaining") < 50);
    assert_eq!(
        number(&app.get("/docs", By::Nobody).await, "x-ratelimit-limit"),
        50,
        "pages are calls of their address"
    );
}

#[tokio::test]
async fn who_obeys_the_headers_is_never_refused() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let (channel, random) = place(&app, &mina).await;
    for turn in 0..14 {
        let said = app.say(channel, &mina, json!({ "content": format!("{turn}") })).await;
        said.is(201);
        assert!([10, 50].contains(&number(&said, "x-ratelimit-limit")), "{said:?}");
        if number(&said, "x-ratelimit-remaining") == 0 {
            app.pass(Duration::from_secs(number(&said, "x-ratelimit-reset")));
        }
    }
    // Whatever is called, in whatever order: the answer says which limit is reached first.
    let channels = [channel, random];
    for turn in 0..200 {
        let answer = match rand::random_range(0..8) {
            0..3 => {
                let content = "x".repeat([1, 4_000][turn % 2]);
                app.say(channels[turn / 2 % 2], &mina, json!({ "content": content })).await
            }
            _ => app.get("/users/me", &mina).await,
        };
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        if number(&answer, "x-ratelimit-remaining") == 0 {
            app.pass(Duration::from_secs(number(&answer, "x-ratelimit-reset")));
        }
    }
}

#[tokio::test]
async fn messages_are_counted_for_each_user_and_channel_at_both_doors_together() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let (general, random) = place(&app, &mina).await;
    let path = format!("/ws/{general}?events=all&token={}", mina.token);
    let mut socket = app.socket_at(&path, &[]).await.0;
    let (mut gateway, _) = app.gateway(&mina).await;
    for number in 0..5 {
        app.say(general, &mina, json!({ "content": format!("call {number}") })).await.is(201);
        socket.say(&format!("socket {number}")).await;
        while socket.next_message().await["content"] != format!("socket {number}") {}
    }
    // One more comes each second: who goes on waits at every door before long.
    let delayed = loop {
        socket.tell(json!({ "content": "more", "nonce": "n1" })).await;
        let event = socket.next_event().await;
        if event["type"] == "message.delayed" {
            break event;
        }
    };
    assert_eq!((&delayed["channel_id"], &delayed["nonce"]), (&json!(general), &json!("n1")));
    assert!(delayed["delay_ms"].as_u64().is_some_and(|ms| (0..=1_000).contains(&ms)), "{delayed}");
    let mut number = 0;
    let delayed = loop {
        number += 1;
        gateway.say_in(general, "more", &format!("g{number}")).await;
        let event = gateway.next_event().await;
        if event["type"] == "message.delayed" {
            break event;
        }
    };
    assert_eq!((&delayed["channel_id"], &delayed["nonce"]), (&json!(general), &json!(format!("g{number}"))));
    let mut refused = app.say(general, &mina, json!({ "content": "more" })).await;
    while refused.status != 429 {
        refused = app.say(general, &mina, json!({ "content": "more" })).await;
    }
    refused.refuses(429, "rate_limited");
    app.say(random, &mina, json!({ "content": "elsewhere" })).await.is(201);
    let refused = app.say(general, &mina, json!({ "content": "too early" })).await;
    if refused.status == 429 {
        // What was refused is nowhere.
        assert_eq!(app.count("select count(*) from messages where content = 'too early'").await, 0);
    }
}

#[tokio::test]
async fn a_user_has_ten_sockets_at_most_and_one_that_is_closed_makes_room() {
    let app = limited().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let (channel, _) = place(&app, &mina).await;
    let mut open = Vec::new();
    for number in 0..10 {
        open.push(if number % 2 == 0 { app.socket(channel, &mina).await } else { app.gateway(&mina).await.0 });
    }
    for path in [format!("/ws/{channel}"), "/gateway".to_owned()] {
        let refused = app.refusal(&format!("GET {path}?token={} HTTP/1.1", mina.token), HANDSHAKE).await;
        refused.refuses(429, "too_many_sockets");
        assert!(number(&refused, "retry-after") > 0);
    }
    let mut unknown = app.unknown_gateway().await;
    unknown.tell_well(json!({ "type": "identify", "token": mina.token })).await;
    unknown.expect_close(4429).await;
    let (_, ready) = app.gateway(&jun).await;
    assert_eq!((&ready["limits"]["sockets"], &ready["limits"]["channel_message_burst"]), (&json!(10), &json!(10)));
    open.pop().expect("one").close().await;
    let again = async {
        loop {
            let line = format!("GET /ws/{channel}?token={} HTTP/1.1", mina.token);
            if app.refusal(&line, HANDSHAKE).await.status == 101 {
                break;
            }
        }
    };
    tokio::time::timeout(crate::support::SOON, again).await.expect("there is room soon");
}

#[tokio::test]
async fn after_five_wrong_passwords_the_right_one_has_to_wait_too_but_not_from_elsewhere() {
    let app = limited().await;
    let (here, elsewhere) = ("203.0.113.7", "203.0.113.8");
    register_from(&app, here, "mina").await.is(201);
    for name in ["mina", "nobody"] {
        for _ in 0..5 {
            log_in_from(&app, here, name, "a wrong horse").await.refuses(401, "invalid_credentials");
        }
        // Each further one waits twice as long.
        loop {
            let answer = log_in_from(&app, here, name, "a wrong horse").await;
            match answer.status {
                429 if number(&answer, "retry-after") > 6 => break,
                429 => wait_for(&app, &answer),
                _ => answer.refuses(401, "invalid_credentials"),
            }
        }
        log_in_from(&app, here, name, PASSWORD).await.refuses(429, "rate_limited");
    }
    log_in_from(&app, here, "MINA", PASSWORD).await.refuses(429, "rate_limited");
    log_in_from(&app, elsewhere, "mina", PASSWORD).await.is(200);
    let mut answer = log_in_from(&app, here, "mina", PASSWORD).await;
    while answer.status == 429 {
        wait_for(&app, &answer);
        answer = log_in_from(&app, here, "mina", PASSWORD).await;
    }
    answer.is(200);
    // The right one has wiped out what was wrong before.
    for _ in 0..5 {
        log_in_from(&app, here, "mina", "a wrong horse").await.refuses(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn the_current_password_cannot_be_guessed_with_a_token_either() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let wrong = json!({ "bio": "tea", "password": "a better horse battery", "current_password": "a wrong horse" });
    for _ in 0..5 {
        app.put("/users/me", &mina, wrong.clone()).await.refuses(400, "wrong_password");
    }
    app.put("/users/me", &mina, wrong).await.refuses(429, "rate_limited");
    app.put("/users/me", &mina, json!({ "bio": "tea" })).await.is(200);
}

#[tokio::test]
async fn accounts_are_counted_for_each_address_as_a_trusted_proxy_says_it() {
    let app = limited().await;
    for number in 0..20 {
        // What a client puts in front of it by itself is not believed.
        let address = format!("10.0.0.{number}, 203.0.113.7");
        register_from(&app, &address, &format!("user{number}")).await.is(201);
    }
    let refused = register_from(&app, "203.0.113.7", "late").await;
    refused.refuses(429, "rate_limited");
    assert!((1..=180).contains(&number(&refused, "retry-after")), "{refused:?}");
    register_from(&app, "203.0.113.8", "late").await.is(201);
    let app = spawn_app_with(|config| config.rate_limit = true).await;
    for number in 0..20 {
        register_from(&app, &format!("203.0.113.{number}"), &format!("user{number}")).await.is(201);
    }
    register_from(&app, "203.0.113.99", "late").await.refuses(429, "rate_limited");
}

/// Whoever has been logged out has a token that is signed well until its time is over.
#[tokio::test]
async fn a_void_token_spends_nothing_of_its_users() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let (channel, _) = place(&app, &mina).await;
    let thief = User {
        id: mina.id,
        token: app.login("mina", PASSWORD).await.is(200)["access_token"].as_str().expect("it").into(),
    };
    app.get("/users/me", &thief).await.is(200);
    app.delete("/auth/sessions", &mina).await.is(204);
    let from = |call: reqwest::RequestBuilder| call.header("x-forwarded-for", "203.0.113.66");
    for number in 0..60 {
        let path = format!("/channels/{channel}/messages");
        let post = app.call(Method::POST, &path, &thief, |call| from(call).json(&json!({ "content": "no" }))).await;
        assert!([401, 429].contains(&post.status), "{number}: {post:?}");
    }
    let handshake = format!("GET /gateway?token={} HTTP/1.1", thief.token);
    let mut open = Vec::new();
    for _ in 0..12 {
        let mut raw = app.raw().await;
        let headers = format!("Host: madang\r\nX-Forwarded-For: 203.0.113.67\r\n{HANDSHAKE}");
        raw.send(format!("{handshake}\r\n{headers}\r\n").as_bytes()).await;
        assert_eq!(raw.answer("handshake").await.status, 101);
        open.push(raw);
    }
    // Nothing of it is the owner's to pay for.
    let own = app.get("/users/me", &mina).await;
    assert!(own.status == 200 && number(&own, "x-ratelimit-remaining") >= 40, "{own:?}");
    let mut socket = app.socket(channel, &mina).await;
    socket.say_and_hear("still here").await;
    for mut raw in open {
        raw.read_to_close(4401).await;
    }
}

#[tokio::test]
async fn handshakes_are_counted_as_calls() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let (channel, _) = place(&app, &mina).await;
    let line = format!("GET /ws/{channel}?token={} HTTP/1.1", mina.token);
    let mut refused = None;
    for _ in 0..400 {
        let mut raw = app.raw().await;
        raw.send(format!("{line}\r\nHost: m\r\n{HANDSHAKE}\r\n").as_bytes()).await;
        let answer = raw.answer("handshake").await;
        if answer.status == 429 && answer.json()["code"] == "rate_limited" {
            refused = Some(answer);
            break;
        }
    }
    wait_for(&app, &refused.expect("so many are too many"));
    let elsewhere = format!("{HANDSHAKE}X-Forwarded-For: 203.0.113.9\r\n");
    assert_eq!(app.refusal("GET /ws/1 HTTP/1.1", &elsewhere).await.status, 401);
}

#[tokio::test]
async fn wrong_passwords_are_counted_for_each_address_whosever_they_are() {
    let app = limited().await;
    app.register("mina").await;
    let (here, elsewhere) = ("203.0.113.7", "203.0.113.8");
    let mut answer = log_in_from(&app, here, "nobody", "a wrong horse").await;
    let mut tries = 1;
    while answer.status == 401 {
        answer = log_in_from(&app, here, &format!("nobody{tries}"), "a wrong horse").await;
        tries += 1;
    }
    assert!((30..=32).contains(&tries), "{tries}");
    answer.refuses(429, "rate_limited");
    log_in_from(&app, here, "mina", PASSWORD).await.refuses(429, "rate_limited");
    log_in_from(&app, elsewhere, "mina", PASSWORD).await.is(200);
    wait_for(&app, &answer);
    log_in_from(&app, here, "mina", PASSWORD).await.is(200);
}
