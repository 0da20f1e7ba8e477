//! The connections behind the calls: how many, and who waits for whom.

use crate::support::database::connect;
use crate::support::{SOON, TestApp, spawn_app};
use futures_util::future::join_all;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn of_calls(app: &TestApp, condition: &str) -> i64 {
    app.count(&format!(
        "select count(*) from pg_stat_activity
         where datname = current_database() and application_name = 'madang' and {condition}"
    ))
    .await
}

#[tokio::test]
async fn many_calls_at_once_use_sixteen_connections_at_most() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let messages = format!("/channels/{channel}/messages");
    let paths = ["/users/me", "/servers/", messages.as_str(), "/users/1"];
    let refused = Cell::new(0);
    let calls = join_all((0..100).map(|number| {
        let (app, mina, path, refused) = (&app, &mina, paths[number % paths.len()], &refused);
        async move {
            for _ in 0..5 {
                // Where the machine is busy, not everybody's turn comes in time.
                let status = app.get(path, mina).await.status;
                assert!(matches!(status, 200 | 503), "{status}");
                refused.set(refused.get() + i64::from(status == 503));
            }
        }
    }));
    let mut calls = std::pin::pin!(calls);
    let mut most = 0;
    loop {
        tokio::select! {
            _ = &mut calls => break,
            open = of_calls(&app, "true") => most = most.max(open),
        }
    }
    most = most.max(of_calls(&app, "true").await);
    // A connection that was given up while PostgreSQL was still opening it is counted until that has noticed.
    assert!((1..=16 + refused.get()).contains(&most), "{most}, of which {} may be given up", refused.get());
}

#[tokio::test]
async fn a_read_that_hangs_holds_up_no_read_that_comes_later() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    app.server(&mina, "Courtyard").await;
    for _ in 0..4 {
        app.get("/servers/", &mina).await.is(200);
    }
    let table = connect(&app.database).await;
    table.batch_execute("begin; lock table user_servers in access exclusive mode").await.expect("free");
    let hanging = join_all((0..4).map(|_| app.get("/servers/", &mina)));
    let watch = connect(&app.database).await;
    let waiting = async || {
        let waiting = "select count(*) from pg_stat_activity
            where datname = current_database() and application_name = 'madang' and wait_event_type = 'Lock'";
        watch.query_one(waiting, &[]).await.expect("good SQL").get::<_, i64>(0)
    };
    let others = async {
        while waiting().await == 0 {
            sleep(Duration::from_millis(2)).await;
        }
        // By now nobody shares a connection with those.
        sleep(Duration::from_millis(20)).await;
        // Those that hang have 5 s, which a machine may need for a few of these: what counts is answered while they hang.
        let mut answered = 0;
        for _ in 0..10 {
            app.get("/users/me", &mina).await.is(200);
            if waiting().await == 0 {
                break;
            }
            answered += 1;
        }
        assert!(answered > 0, "each came when those that hang had been given up");
        table.batch_execute("commit").await.expect("it was open");
    };
    let (hung, ()) = timeout(SOON, async { tokio::join!(hanging, others) }).await.expect("nothing hangs");
    for answer in hung {
        answer.is(200);
    }
}

#[tokio::test]
async fn a_thread_that_can_open_no_connection_uses_those_of_the_others() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    app.get("/servers/", &mina).await.is(200);
    let name = app.database.get_dbname().expect("a name").to_owned();
    let mut elsewhere = app.database.clone();
    elsewhere.dbname("postgres");
    let allow = async |allowed: bool| {
        let sql = format!("alter database {name} with allow_connections {allowed}");
        connect(&elsewhere).await.batch_execute(&sql).await.expect("it is allowed");
    };
    allow(false).await;
    // Each on a connection of its own, so each worker has some.
    for _ in 0..8 {
        let guest = TestApp::elsewhere(app.address, app.database.clone());
        guest.get("/users/1", &mina).await.is(200);
    }
    allow(true).await;
}

#[tokio::test]
async fn reads_that_wait_for_a_connection_share_the_first_that_is_free() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let table = connect(&app.database).await;
    table.batch_execute("begin; lock table messages in access exclusive mode").await.expect("free");
    // Each has a connection to itself.
    let path = format!("/channels/{channel}/messages");
    let hanging = join_all((0..16).map(|_| app.get(&path, &mina)));
    let watch = connect(&app.database).await;
    let hung = "from pg_stat_activity
        where datname = current_database() and application_name = 'madang' and wait_event_type = 'Lock'";
    let others = async {
        let count = format!("select count(*) {hung}");
        while watch.query_one(&count, &[]).await.expect("good SQL").get::<_, i64>(0) < 16 {
            sleep(Duration::from_millis(2)).await;
        }
        let reads = join_all((0..40).map(|_| app.get("/users/me", &mina)));
        let one_is_freed = async {
            sleep(Duration::from_millis(20)).await;
            watch.query(&format!("select pg_cancel_backend(min(pid)) {hung}"), &[]).await.expect("good SQL");
        };
        let (answers, ()) = tokio::join!(reads, one_is_freed);
        for answer in answers {
            answer.is(200);
        }
        table.batch_execute("commit").await.expect("it was open");
    };
    timeout(SOON, async { tokio::join!(hanging, others) }).await.expect("nothing hangs");
}
