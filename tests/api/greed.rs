//! What one account or one address may cost the node: bounded, also where each single thing is allowed.

use crate::limits::{limited, log_in_from, number, register_from};
use crate::support::{By, Method, PASSWORD, User, json, spawn_app_with};
use std::time::Duration;

#[tokio::test]
async fn messages_and_their_bytes_are_counted_for_a_user_over_all_channels() {
    let app = limited().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let say = async |user: &User, content: &str| {
        let server = app.server(user, "Courtyard").await;
        let mut saved = 0;
        for number in 0..20 {
            let channel = app.channel(user, server, &format!("channel {number}")).await;
            for _ in 0..4 {
                match app.say(channel, user, json!({ "content": content })).await.status {
                    201 => saved += 1,
                    429 => return saved,
                    other => panic!("{other}"),
                }
            }
            // Within what a user may call: five calls.
            app.pass(Duration::from_millis(100));
        }
        saved
    };
    let few = say(&mina, "x").await;
    assert!((30..40).contains(&few), "{few}");
    // 16 KB each: 256 KiB at once.
    let large = say(&jun, &"𝄞".repeat(4_000)).await;
    assert!((16..20).contains(&large), "{large}");
}

#[tokio::test]
async fn what_is_refused_is_counted_for_the_address_it_comes_from() {
    let app = limited().await;
    let storm = async |path: &'static str, token: Option<&'static str>, address: &'static str| {
        let call = || {
            app.call(Method::GET, path, By::Nobody, |call| {
                let call = call.header("x-forwarded-for", address);
                token.iter().fold(call, |call, token| call.header("authorization", format!("Bearer {token}")))
            })
        };
        let all = futures_util::future::join_all((0..300).map(|_| call())).await;
        all.iter().filter(|answer| answer.status == 429).count()
    };
    assert!(storm("/nope", None, "192.0.2.1").await > 0);
    assert!(storm("/users/me", None, "192.0.2.2").await > 0);
    assert!(storm("/users/me", Some("no.token.at.all"), "192.0.2.3").await > 0);
    assert!(storm("/auth/login", None, "192.0.2.4").await > 0, "a method that is not known");
    assert!(storm("/openapi.json", None, "192.0.2.5").await > 0);
    assert_eq!(storm("/healthz", None, "192.0.2.6").await, 0, "whoever watches the node is never refused");
}

/// A right password costs as much as a wrong one.
#[tokio::test]
async fn one_address_does_not_keep_others_from_logging_in() {
    let app = spawn_app_with(|config| {
        (config.rate_limit, config.bcrypt_cost) = (true, 10);
        config.trusted_proxies = "127.0.0.1".parse().expect("an address");
    })
    .await;
    register_from(&app, "192.0.2.1", "mina").await.is(201);
    register_from(&app, "192.0.2.2", "jun").await.is(201);
    let storm = futures_util::future::join_all((0..40).map(|_| log_in_from(&app, "192.0.2.1", "mina", PASSWORD)));
    let other = async {
        tokio::task::yield_now().await;
        log_in_from(&app, "192.0.2.2", "jun", PASSWORD).await.is(200);
    };
    let (storm, ()) = tokio::join!(storm, other);
    let statuses = storm.iter().map(|answer| answer.status);
    assert!(statuses.clone().all(|status| matches!(status, 200 | 429)), "{:?}", statuses.collect::<Vec<_>>());
    assert!(storm.iter().any(|answer| answer.status == 429));
}

#[tokio::test]
async fn addresses_cannot_be_guessed_by_changing_ones_own() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let mut tries = 0;
    let refused = loop {
        let answer = app.put("/users/me", &mina, json!({ "email": format!("guess{tries}@example.com") })).await;
        if answer.status == 429 {
            break answer;
        }
        tries += 1;
    };
    assert_eq!(tries, 5);
    assert!(number(&refused, "retry-after") > 60);
    app.put("/users/me", &mina, json!({ "bio": "tea" })).await.is(200);
}

/// Each channel that is asked for may cost a look at the database: it is counted, however many one frame names.
#[tokio::test]
async fn channels_that_gateways_ask_for_are_counted() {
    let app = limited().await;
    let mina = app.register("mina").await;
    let mut gateway = app.gateway(&mina).await.0;
    let (mut unknown, mut refused) = (0, Vec::new());
    // As many as all of a user's gateways may hear, and then some.
    for turn in 0..12 {
        let ids = (0..500).map(|number| 1_000_000 + turn * 500 + number);
        let channels: Vec<_> = ids.map(|id| json!({ "channel_id": id })).collect();
        gateway.tell_well(json!({ "type": "subscribe", "channels": channels })).await;
        for _ in 0..500 {
            let event = gateway.next_event().await;
            match event["code"].as_str() {
                // A machine that is busy cannot look for all of them in time.
                Some("channel_not_found" | "unavailable") => unknown += 1,
                Some("rate_limited") => refused.push(event),
                _ => panic!("{event}"),
            }
        }
    }
    assert_eq!((unknown, refused.len()), (5_000, 1_000));
    assert!(
        refused.iter().all(|event| event["channel_id"].is_i64() && event["retry_after_ms"].is_u64()),
        "{refused:?}"
    );
    let last = refused.last().and_then(|event| event["retry_after_ms"].as_u64());
    assert!(last > refused.first().and_then(|event| event["retry_after_ms"].as_u64()), "each is told its own time");
}
