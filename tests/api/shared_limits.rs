//! Limits that nodes on one database count together: it makes no difference through which of them somebody goes.

use crate::limits::{log_in_from, number, register_from};
use crate::support::database::connect;
use crate::support::{
    Answer, Method, PASSWORD, TestApp, User, Value, json, spawn_app_with, spawn_limited_nodes, spawn_limited_nodes_with,
};
use futures_util::future::join_all;
use madang::config::Config;
use madang::times::Times;
use std::time::Duration;

const HERE: &str = "203.0.113.7";
const ELSEWHERE: &str = "203.0.113.8";
const WRONG: &str = "a wrong horse";

/// An account that was made from elsewhere.
async fn account(app: &TestApp, name: &str) -> User {
    let id = register_from(app, ELSEWHERE, name).await.is(201)["id"].as_i64().expect("an id");
    let token = log_in_from(app, ELSEWHERE, name, PASSWORD).await.is(200)["access_token"].as_str().expect("it").into();
    User { id, token }
}

/// When a refused call may come again, in seconds.
fn wait_s(refused: &Answer) -> u64 {
    refused.refuses(429, "rate_limited");
    number(refused, "retry-after")
}

#[tokio::test]
async fn wrong_passwords_count_together_through_whichever_nodes_they_come() {
    let nodes: [TestApp; 3] = spawn_limited_nodes().await;
    account(&nodes[0], "mina").await;
    for name in ["mina", "nobody"] {
        for number in 0..5 {
            log_in_from(&nodes[number % 3], HERE, name, WRONG).await.refuses(401, "invalid_credentials");
        }
        // Each further one waits twice as long, and who comes too early makes it no longer.
        for (turn, wait) in [1, 2, 4, 8].into_iter().enumerate() {
            for node in &nodes {
                assert_eq!(wait_s(&log_in_from(node, HERE, name, PASSWORD).await), wait);
            }
            nodes[0].pass_in_database(Duration::from_secs(wait) - Duration::from_micros(1)).await;
            assert_eq!(wait_s(&log_in_from(&nodes[turn % 3], HERE, name, WRONG).await), 1);
            nodes[0].pass_in_database(Duration::from_micros(1)).await;
            log_in_from(&nodes[turn % 3], HERE, name, WRONG).await.refuses(401, "invalid_credentials");
        }
    }
    assert_eq!(nodes[0].count("select max(failures)::bigint from login_failures").await, 9);
    log_in_from(&nodes[1], ELSEWHERE, "mina", PASSWORD).await.is(200);
    assert_eq!(wait_s(&log_in_from(&nodes[1], HERE, "NOBODY", PASSWORD).await), 16);
}

#[tokio::test]
async fn a_right_password_forgets_what_was_wrong_through_other_nodes() {
    let nodes: [TestApp; 3] = spawn_limited_nodes().await;
    let mina = account(&nodes[0], "mina").await;
    for round in 0..4 {
        for number in 0..4 {
            log_in_from(&nodes[(round + number) % 3], HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
        }
        log_in_from(&nodes[round % 3], HERE, "Mina", PASSWORD).await.is(200);
    }
    assert_eq!(nodes[0].count("select count(*) from login_failures").await, 0);
    // What is compared for a change counts as what is compared for a login.
    let change = async |node: &TestApp, current: &str| {
        let body = json!({ "password": "a better horse battery", "current_password": current });
        node.call(Method::PUT, "/users/me", &mina, |call| call.header("x-forwarded-for", HERE).json(&body)).await
    };
    for number in 0..4 {
        change(&nodes[number % 3], WRONG).await.refuses(400, "wrong_password");
    }
    log_in_from(&nodes[1], HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    assert_eq!(wait_s(&change(&nodes[2], PASSWORD).await), 1);
    nodes[0].pass_in_database(Duration::from_secs(1)).await;
    change(&nodes[2], PASSWORD).await.is(200);
    log_in_from(&nodes[0], HERE, "mina", PASSWORD).await.refuses(401, "invalid_credentials");
    assert_eq!(nodes[0].count("select sum(failures)::bigint from login_failures").await, 1);
}

#[tokio::test]
async fn wrong_passwords_of_an_address_count_together_whosever_they_are() {
    let nodes: [TestApp; 3] = spawn_limited_nodes().await;
    account(&nodes[0], "mina").await;
    for tried in 0..30 {
        log_in_from(&nodes[tried % 3], HERE, &format!("nobody{tried}"), WRONG)
            .await
            .refuses(401, "invalid_credentials");
        // A right one costs nothing.
        if tried % 5 == 0 {
            log_in_from(&nodes[tried % 3], HERE, "mina", PASSWORD).await.is(200);
        }
    }
    for node in &nodes {
        assert_eq!(wait_s(&log_in_from(node, HERE, "mina", PASSWORD).await), 5);
    }
    // Who was refused has not been counted for the account either.
    assert_eq!(nodes[0].count("select count(*) from login_failures").await, 30);
    log_in_from(&nodes[1], ELSEWHERE, "mina", PASSWORD).await.is(200);
    nodes[0].pass_in_database(Duration::from_secs(5)).await;
    log_in_from(&nodes[2], HERE, "nobody", WRONG).await.refuses(401, "invalid_credentials");
    assert_eq!(wait_s(&log_in_from(&nodes[1], HERE, "mina", PASSWORD).await), 5);
}

#[tokio::test]
async fn accounts_of_an_address_are_counted_together() {
    let nodes: [TestApp; 3] = spawn_limited_nodes().await;
    for made in 0..20 {
        let answer = register_from(&nodes[made % 3], HERE, &format!("user{made}")).await;
        answer.is(201);
        assert_eq!(number(&answer, "x-ratelimit-limit"), 20);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), 19 - made as u64, "{answer:?}");
        assert_eq!(number(&answer, "x-ratelimit-reset"), 180 * (1 + made as u64));
    }
    for node in &nodes {
        let refused = register_from(node, HERE, "late").await;
        assert_eq!((wait_s(&refused), number(&refused, "x-ratelimit-remaining")), (180, 0));
    }
    register_from(&nodes[1], ELSEWHERE, "other").await.is(201);
    nodes[0].pass_in_database(Duration::from_secs(180)).await;
    register_from(&nodes[2], HERE, "late").await.is(201);
    assert_eq!(wait_s(&register_from(&nodes[1], HERE, "later").await), 180);
    assert_eq!(nodes[0].count("select count(*) from users").await, 22);
}

/// All at once, so that nodes are faster than each other. A machine that is busy has no connection in time for some of it.
#[tokio::test]
async fn what_comes_through_several_nodes_at_once_is_no_more_than_there_may_be() {
    let nodes: [TestApp; 3] = spawn_limited_nodes().await;
    let mina = account(&nodes[0], "mina").await;
    let change = |tried: usize| nodes[tried % 3].put("/users/me", &mina, json!({ "bio": format!("tea {tried}") }));
    let mut answers = join_all((0..30).map(change)).await;
    // Whatever that has left.
    while answers.last().is_some_and(|answer| answer.status != 429) {
        answers.push(change(answers.len()).await);
    }
    let of_status = |status| answers.iter().filter(|answer| answer.status == status).count();
    let (taken, refused, unavailable) = (of_status(200), of_status(429), of_status(503));
    assert_eq!(taken + refused + unavailable, answers.len(), "{answers:?}");
    assert!(taken <= 10 && taken + unavailable >= 10, "{taken} taken, {unavailable} unavailable");
    assert!(answers.iter().filter(|answer| answer.status == 429).all(|answer| wait_s(answer) == 6));
    nodes[0].pass_in_database(Duration::from_secs(6)).await;
    change(101).await.is(200);
    assert_eq!(wait_s(&change(102).await), 6);
    for number in 0..4 {
        log_in_from(&nodes[number % 3], HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    }
    // The fifth makes all others wait.
    let tries = join_all((0..12).map(|tried| log_in_from(&nodes[tried % 3], HERE, "mina", WRONG))).await;
    let of_status = |status| tries.iter().filter(|answer| answer.status == status).count();
    let (compared, refused, unavailable) = (of_status(401), of_status(429), of_status(503));
    assert_eq!(compared + refused + unavailable, 12, "{tries:?}");
    assert!(compared <= 1 && compared + unavailable >= 1, "{compared} compared, {unavailable} unavailable");
    let counted = nodes[0].count("select max(failures)::bigint from login_failures").await;
    assert!((4 + compared as i64..=5).contains(&counted), "{counted}");
}

#[tokio::test]
async fn new_addresses_and_joins_of_a_user_are_counted_together() {
    let nodes: [TestApp; 3] = spawn_limited_nodes().await;
    let mina = account(&nodes[0], "mina").await;
    let email = |tried: usize| {
        let body = json!({ "email": format!("guess{tried}@example.com") });
        nodes[tried % 3]
            .call(Method::PUT, "/users/me", &mina, move |call| call.header("x-forwarded-for", HERE).json(&body))
    };
    for tried in 0..5 {
        email(tried).await.is(200);
    }
    for tried in 5..8 {
        assert_eq!(wait_s(&email(tried).await), 720);
    }
    // Each was counted as an account of its address, too, and what was refused was not.
    for made in 0..15 {
        register_from(&nodes[made % 3], HERE, &format!("user{made}")).await.is(201);
    }
    assert_eq!(wait_s(&register_from(&nodes[1], HERE, "late").await), 180);
    nodes[0].pass_in_database(Duration::from_secs(720)).await;
    email(9).await.is(200);
    // Refused for the address, it is no change of the user's: the next one finds a token.
    for made in 20..23 {
        register_from(&nodes[made % 3], HERE, &format!("user{made}")).await.is(201);
    }
    nodes[0].sql("update limit_buckets set full_at = full_at - interval '720 s' where kind = 'email_changes'").await;
    assert_eq!(wait_s(&email(10).await), 180);
    nodes[0].pass_in_database(Duration::from_secs(180)).await;
    email(11).await.is(200);
    let server = nodes[0].server(&mina, "Courtyard").await;
    let jun = account(&nodes[0], "jun").await;
    for tried in 0..50 {
        let answer = nodes[tried % 3].post(&format!("/servers/{server}/join"), &jun, Value::Null).await;
        assert_eq!(answer.status, if tried == 0 { 200 } else { 400 }, "{answer:?}");
    }
    for node in &nodes {
        assert_eq!(wait_s(&node.post(&format!("/servers/{server}/join"), &jun, Value::Null).await), 6);
    }
}

#[tokio::test]
async fn nodes_that_are_started_anew_have_forgotten_nothing() {
    let [mut one, mut two]: [TestApp; 2] = spawn_limited_nodes().await;
    account(&one, "mina").await;
    for number in 0..5 {
        let node = if number % 2 == 0 { &one } else { &two };
        log_in_from(node, HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    }
    for made in 0..20 {
        register_from(&two, HERE, &format!("user{made}")).await.is(201);
    }
    one.stop().await;
    two.stop().await;
    let three = one.spawn_beside().await;
    assert_eq!(wait_s(&log_in_from(&three, HERE, "mina", PASSWORD).await), 1);
    assert_eq!(wait_s(&register_from(&three, HERE, "late").await), 180);
    three.pass_in_database(Duration::from_secs(1)).await;
    log_in_from(&three, HERE, "mina", PASSWORD).await.is(200);
}

/// An hour after the last failure.
#[tokio::test]
async fn failures_are_forgotten_after_an_hour_and_removed() {
    let [one]: [TestApp; 1] = spawn_limited_nodes().await;
    account(&one, "mina").await;
    for _ in 0..5 {
        log_in_from(&one, HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    }
    one.pass_in_database(Duration::from_secs(3_601)).await;
    for _ in 0..5 {
        log_in_from(&one, HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    }
    assert_eq!(wait_s(&log_in_from(&one, HERE, "mina", PASSWORD).await), 1);
    // Beside it much that is over, more than one statement removes.
    one.sql(
        "insert into login_failures (key, failures, last_at)
            select sha256(n::text::bytea), 1, told.now() - interval '61 min' from generate_series(1, 25000) n;
        insert into limit_buckets (key, kind, full_at)
            select sha256(n::text::bytea), 'joins', told.now() - interval '1 s' from generate_series(1, 25000) n",
    )
    .await;
    let two = one.spawn_beside().await;
    two.until("select (count(*) = 1)::int::bigint from login_failures").await;
    two.until("select (not exists (select from limit_buckets where full_at <= told.now()))::int::bigint").await;
    assert!(two.count("select count(*) from limit_buckets").await > 0);
    assert_eq!(wait_s(&log_in_from(&two, HERE, "mina", PASSWORD).await), 1);
}

/// Those that were quiet for longest go first.
#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let [one]: [TestApp; 1] = spawn_limited_nodes().await;
    one.sql(
        "insert into login_failures (key, failures, last_at)
            select n::text::bytea, 1, told.now() - make_interval(secs => n) from generate_series(1, 100) n;
        insert into limit_buckets (key, kind, full_at)
            select n::text::bytea, 'joins', told.now() + make_interval(secs => n) from generate_series(1, 100) n",
    )
    .await;
    let client = connect(&one.database).await;
    let prune = |table: &str| std::fs::read_to_string(format!("sql/{table}/prune.sql")).expect("text");
    for (left, removed) in [(40, 60), (40, 0)] {
        let failures = client.execute(&prune("login_failures"), &[&3_600.0, &40_i64, &1_000_i64]).await;
        let buckets = client.execute(&prune("limit_buckets"), &[&40_i64, &1_000_i64]).await;
        assert_eq!((failures.expect("pruned"), buckets.expect("pruned")), (removed, removed));
        let newest = "select count(*) from login_failures where last_at >= told.now() - interval '40 s'";
        let emptiest = "select count(*) from limit_buckets where full_at > told.now() + interval '60 s'";
        assert_eq!((one.count(newest).await, one.count(emptiest).await), (left, left));
    }
}

/// What cannot be counted is not compared, however right it is.
#[tokio::test]
async fn no_password_is_compared_where_the_database_does_not_count() {
    let hasty = |config: &mut Config| config.times.connection_wait_max = Times::default().connection_wait_max;
    let [one, two]: [TestApp; 2] = spawn_limited_nodes_with(hasty).await;
    account(&one, "mina").await;
    let held = connect(&one.database).await;
    held.batch_execute("begin; lock table limit_buckets, login_failures in exclusive mode").await.expect("held");
    let tries = join_all([PASSWORD, WRONG].map(|password| log_in_from(&two, HERE, "mina", password))).await;
    tries.iter().for_each(|answer| answer.refuses(503, "unavailable"));
    register_from(&one, HERE, "late").await.refuses(503, "unavailable");
    held.batch_execute("rollback").await.expect("let go");
    assert_eq!(one.count("select count(*) from users").await, 1);
    one.close_database(true).await;
    for password in [PASSWORD, WRONG] {
        log_in_from(&two, HERE, "mina", password).await.refuses(503, "unavailable");
    }
    one.close_database(false).await;
    let again = async {
        loop {
            // It is a new second for the limit of calls.
            two.pass(Duration::from_secs(1));
            match log_in_from(&two, HERE, "mina", PASSWORD).await {
                answer if answer.status == 503 => tokio::time::sleep(Duration::from_millis(20)).await,
                answer => break answer.is(200),
            }
        }
    };
    tokio::time::timeout(crate::support::SOON, again).await.expect("the database is back");
    assert_eq!(one.count("select count(*) from login_failures").await, 0);
}

/// Counted before, it is given back where it could not be compared.
#[tokio::test]
async fn a_password_that_was_not_compared_does_not_count() {
    let [one, two]: [TestApp; 2] = spawn_limited_nodes().await;
    account(&one, "mina").await;
    for _ in 0..4 {
        log_in_from(&one, HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    }
    let held = connect(&one.database).await;
    held.batch_execute("begin; lock table users in access exclusive mode").await.expect("held");
    for (name, left) in [("mina", 4), ("nobody", 4)] {
        log_in_from(&two, HERE, name, WRONG).await.refuses(503, "unavailable");
        assert_eq!(one.count("select sum(failures)::bigint from login_failures").await, left);
    }
    held.batch_execute("rollback").await.expect("let go");
    // Nothing of it is left but a row that is removed next, and says nothing until then.
    let said = "select count(*) from login_failures where last_at > '-infinity' or wait_until is not null";
    assert_eq!(one.count(said).await, 1);
    let of_site = "select max(extract(epoch from full_at - told.now()))::bigint
        from limit_buckets where kind = 'wrong_passwords' and full_at > told.now()";
    assert_eq!(one.count(of_site).await, 4 * 5);
    log_in_from(&two, HERE, "mina", WRONG).await.refuses(401, "invalid_credentials");
    assert_eq!(wait_s(&log_in_from(&one, HERE, "mina", PASSWORD).await), 1);
    log_in_from(&one, HERE, "nobody", WRONG).await.refuses(401, "invalid_credentials");
    assert_eq!(one.count("select min(failures)::bigint from login_failures").await, 1);
}

#[tokio::test]
async fn a_node_alone_counts_in_its_memory_and_asks_nobody() {
    let app = spawn_app_with(|config| config.rate_limit = true).await;
    let mina = app.register("mina").await;
    app.put("/users/me", &mina, json!({ "bio": "tea", "email": "tea@example.com" })).await.is(200);
    for _ in 0..5 {
        app.login("mina", WRONG).await.refuses(401, "invalid_credentials");
    }
    app.login("mina", PASSWORD).await.refuses(429, "rate_limited");
    assert_eq!(app.count("select (select count(*) from limit_buckets) + count(*) from login_failures").await, 0);
}
