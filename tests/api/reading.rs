//! Reads of the log that fail, or whose readers have gone when they are done.

use crate::support::{Socket, TestApp, User, json, spawn_app};
use std::time::Duration;

/// Who waits for a table in this database: the node's reads, and not its writers, who prepare theirs.
const WAITS: &str = "from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and application_name = 'madang'";

async fn after(app: &TestApp, channel: i64, user: &User, after: i64) -> Socket {
    app.socket_at(&format!("/ws/{channel}?token={}&after={after}", user.token), &[]).await.0
}

impl TestApp {
    async fn until_one_waits(&self) {
        self.until(&format!("select count(*) {WAITS}")).await;
    }

    /// PostgreSQL ends the connections of those who wait for a table.
    async fn fail_who_waits(&self) {
        self.sql(&format!("select pg_terminate_backend(pid) {WAITS}")).await;
    }

    /// Fails whatever reads, until nothing has begun to read anew for longer than the node pauses after a failure: 250 ms.
    async fn fail_until_given_up(&self) {
        let mut calm = 0;
        while calm < 12 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            calm += 1;
            if self.count(&format!("select count(*) {WAITS}")).await > 0 {
                calm = 0;
                self.fail_who_waits().await;
            }
        }
    }
}

/// Of a log of 600 entries a node that has just begun knows nothing: its end and its pages are read when they are asked for.
#[tokio::test]
async fn a_read_that_fails_is_made_again_for_those_who_still_wait() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 600).await;
    app.restart().await;
    for asked in [400, 0] {
        let lock = app.lock_messages().await;
        let mut minas = after(&app, channel, &mina, asked).await;
        app.until_one_waits().await;
        // They wait for the same read, and one of them leaves.
        let leaves = after(&app, channel, &mina, asked).await;
        let mut juns = after(&app, channel, &jun, asked).await;
        leaves.close().await;
        app.fail_who_waits().await;
        app.until_one_waits().await;
        app.fail_who_waits().await;
        lock.batch_execute("commit").await.expect("it was open");
        minas.replay(asked, 600).await;
        juns.replay(asked, 600).await;
    }
}

/// What nobody waits for any more is not read again, and the next one who asks gets it.
#[tokio::test]
async fn a_read_that_fails_when_its_readers_have_gone_is_forgotten() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 600).await;
    app.restart().await;
    for asked in [400, 0] {
        // The second time the channel knows its end, and has somebody to serve.
        let mut watcher = match asked {
            0 => Some(after(&app, channel, &jun, 600).await),
            _ => None,
        };
        if let Some(watcher) = &mut watcher {
            watcher.replay(600, 600).await;
        }
        let lock = app.lock_messages().await;
        let leaves = after(&app, channel, &mina, asked).await;
        app.until_one_waits().await;
        leaves.close().await;
        let given_up = app.fail_until_given_up();
        tokio::time::timeout(crate::support::SOON, given_up).await.expect("nobody waits for it");
        lock.batch_execute("commit").await.expect("it was open");
        after(&app, channel, &mina, asked).await.replay(asked, 600).await;
    }
}

/// The end of the log is read while a message is on its way, and taken over when that has been announced.
#[tokio::test]
async fn an_erased_name_is_not_in_what_was_read_before() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.say(channel, &jun, json!({ "content": "once" })).await.is(201);
    app.restart().await;
    let slow = app.hold_messages("new.content = 'slow'").await;
    let said = app.say(channel, &mina, json!({ "content": "slow" }));
    let meanwhile = async {
        slow.until_reached(1).await;
        let mut minas = after(&app, channel, &mina, 0).await;
        // Its connection is given back when the rows are there.
        app.until(
            "select count(*) from pg_stat_activity where datname = current_database() and state = 'idle'
             and query like '%channel_id = c.id and seq > c.last_seq - $2%'",
        )
        .await;
        app.get("/users/me", &mina).await.is(200);
        let password = json!({ "password": crate::support::PASSWORD });
        app.call(crate::support::Method::DELETE, "/users/me", &jun, |call| call.json(&password)).await.is(204);
        slow.pass(1).await;
        let told = minas.replay(0, 2).await;
        assert_eq!(told[0]["author_username"], "deleted user", "{told:?}");
    };
    let (said, ()) = tokio::join!(said, meanwhile);
    said.is(201);
}
