//! The registry: one load a key however many ask, and exact after every change.

use crate::support::database::connect;
use crate::support::{SOON, TestApp, User, Value, spawn_app};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::time::timeout;

#[tokio::test]
async fn a_stampede_on_a_cold_key_is_one_query() {
    let mut app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    app.restart().await;
    let path = format!("/servers/{server}");
    let lock = connect(&app.database).await;
    lock.batch_execute("begin; lock table user_servers in access exclusive mode").await.expect("it is free");
    let stampede = futures_util::future::join_all((0..200).map(|_| app.get(&path, &mina)));
    let meanwhile = async {
        while loads_that_wait(&app).await == 0 {}
        // Whoever of the two hundred was slow has asked by the time that these are answered.
        for _ in 0..50 {
            app.get("/users/me", &mina).await.is(200);
        }
        let loads = loads_that_wait(&app).await;
        lock.batch_execute("commit").await.expect("it was open");
        loads
    };
    let (answers, loads) = timeout(SOON, async { tokio::join!(stampede, meanwhile) }).await.expect("nothing hangs");
    assert_eq!(loads, 1);
    for answer in answers {
        answer.is(200);
    }
}

async fn loads_that_wait(app: &TestApp) -> i64 {
    waiting_for_a_lock(app, "%What a user is in a server%").await
}

/// How many statements like this one wait for a lock.
async fn waiting_for_a_lock(app: &TestApp, like: &str) -> i64 {
    app.count(&format!(
        "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '{like}'",
    ))
    .await
}

/// The load has read the server's row when the change commits, and is still under way when it is announced.
#[tokio::test]
async fn a_load_that_a_change_has_overtaken_is_made_again() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "before").await;
    let channel = app.channel(&mina, server, "general").await;
    let path = format!("/servers/{server}");
    assert_eq!(seen(&app, &mina, server).await["name"], "before");
    let row = connect(&app.database).await;
    row.batch_execute(&format!("begin; select from servers where id = {server} for update")).await.expect("free");
    let rename = app.put(&path, &mina, serde_json::json!({ "name": "after" }));
    let rest = async {
        while waiting_for_a_lock(&app, "update servers%").await == 0 {}
        // Another change has the server loaded; the table is locked from its commit on.
        let (held, table) = (connect(&app.database).await, connect(&app.database).await);
        held.batch_execute(&format!("begin; select from channels where id = {channel} for update"))
            .await
            .expect("free");
        let channel_path = format!("/channels/{channel}");
        let change = app.put(&channel_path, &mina, serde_json::json!({ "name": "else" }));
        let lock = async {
            while waiting_for_a_lock(&app, "update channels%").await == 0 {}
            table.batch_execute("begin; lock table channels in access exclusive mode").await.expect("free");
        };
        let overtake = async {
            while waiting_for_a_lock(&app, "%lock table channels%").await == 0 {}
            held.batch_execute("commit").await.expect("it was open");
            while waiting_for_a_lock(&app, "%from channels where server_id%").await == 0 {}
            row.batch_execute("commit").await.expect("it was open");
            while app.count(&format!("select count(*) from servers where id = {server} and name = 'after'")).await == 0
            {
            }
            // The change is announced before its answer; a call that needs no load says that it has been.
            app.get("/users/me", &mina).await.is(200);
            table.batch_execute("commit").await.expect("it was open");
        };
        tokio::join!(change, lock, overtake).0.is(200);
    };
    let (renamed, ()) = timeout(SOON, async { tokio::join!(rename, rest) }).await.expect("nothing hangs");
    renamed.is(200);
    assert_eq!(seen(&app, &mina, server).await["name"], "after");
}

/// Other calls of the same user keep loads under way, so that each change finds some.
#[tokio::test]
async fn after_the_answer_to_a_change_no_call_sees_the_state_before() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "Courtyard").await;
    let is_over = AtomicBool::new(false);
    let changes = async {
        for _ in 0..20 {
            app.join(&jun, server).await;
            app.get(&format!("/servers/{server}"), &jun).await.is(200);
            app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
            app.get(&format!("/servers/{server}"), &jun).await.refuses(403, "not_a_member");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let noise = (0..4).map(|_| async {
        while !is_over.load(Ordering::Relaxed) {
            app.get(&format!("/servers/{server}"), &jun).await;
        }
    });
    tokio::join!(changes, futures_util::future::join_all(noise));
}

#[tokio::test]
async fn a_change_of_a_server_or_its_channels_is_seen_at_once() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let is_over = AtomicBool::new(false);
    let changes = async {
        for number in 0..10 {
            let name = format!("Courtyard {number}");
            app.put(&format!("/servers/{server}"), &mina, serde_json::json!({ "name": name })).await.is(200);
            assert_eq!(seen(&app, &mina, server).await["name"], name.as_str());
            let channel = app.channel(&mina, server, "general").await;
            assert_eq!(seen(&app, &mina, server).await["channels"][0]["id"], channel);
            app.delete(&format!("/channels/{channel}"), &mina).await.is(204);
            assert_eq!(seen(&app, &mina, server).await["channels"], serde_json::json!([]));
            app.get(&format!("/channels/{channel}"), &mina).await.refuses(404, "channel_not_found");
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let noise = (0..4).map(|_| async {
        while !is_over.load(Ordering::Relaxed) {
            seen(&app, &mina, server).await;
        }
    });
    tokio::join!(changes, futures_util::future::join_all(noise));
}

/// Eight clients on both workers ask all the time. Each answer is at least as new as the last change that had been answered
/// when it was asked for.
#[tokio::test]
async fn no_worker_answers_from_before_a_change_that_has_been_answered() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "0").await;
    let channel = app.channel(&mina, server, "0").await;
    let (told, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let paths = [format!("/servers/{server}"), format!("/channels/{channel}")];
    let changes = async {
        for number in 1..=50 {
            for path in &paths {
                app.put(path, &mina, serde_json::json!({ "name": number.to_string() })).await.is(200);
            }
            told.store(number, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let readers = (0..8).map(|reader| {
        let (app, mina, path, told, is_over) = (&app, &mina, &paths[reader % 2], &told, &is_over);
        async move {
            let mut newest = 0;
            while !is_over.load(Ordering::SeqCst) {
                let at_least = told.load(Ordering::SeqCst).max(newest);
                let name = app.get(path, mina).await.is(200)["name"].as_str().and_then(|name| name.parse().ok());
                newest = name.expect("a number");
                assert!(newest >= at_least, "{path}: {newest} after {at_least}");
            }
        }
    });
    timeout(SOON, async { tokio::join!(changes, futures_util::future::join_all(readers)) })
        .await
        .expect("nothing hangs");
}

async fn seen(app: &TestApp, user: &User, server: i64) -> Value {
    app.get(&format!("/servers/{server}"), user).await.is(200)
}
