//! Many come back at once, while others send as fast as they can: no hole, no repeat, and each part of a log read once.

use crate::support::{Socket, TestApp, User, json, spawn_app, spawn_app_with};
use futures_util::future::join_all;
use std::cell::Cell;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

const READERS: i64 = 50;
const SENDERS: usize = 4;
const ON_THEIR_WAY: usize = 8;

/// What senders and readers of one channel know of each other.
struct Run<'a> {
    app: &'a TestApp,
    user: &'a User,
    channel: i64,
    /// The last entry that anyone was told of.
    last: Cell<i64>,
    live: Cell<i64>,
}

fn seq(text: &str) -> i64 {
    let number = text.split_once("\"seq\":").expect("a place in the log").1;
    number[..number.find([',', '}']).expect("an object")].parse().expect("a number")
}

impl Run<'_> {
    async fn open(&self, after: i64) -> Socket {
        self.app.socket_at(&format!("/ws/{}?token={}&after={after}", self.channel, self.user.token), &[]).await.0
    }

    /// Sends as fast as it is acknowledged, until all readers are live and have heard some more.
    async fn send(&self, name: usize) {
        let mut socket = self.app.socket(self.channel, self.user).await;
        let own = format!("\"nonce\":\"{name}-");
        let (mut sent, mut acknowledged, mut more) = (0, 0, 300);
        while more > 0 || acknowledged < sent {
            while more > 0 && sent - acknowledged < ON_THEIR_WAY {
                socket.tell(json!({ "content": "on and on", "nonce": format!("{name}-{sent}") })).await;
                sent += 1;
                more -= usize::from(self.live.get() == READERS);
            }
            let text = socket.next_text().await;
            assert!(text.contains("message.created"), "{text}");
            acknowledged += usize::from(text.contains(&own));
            self.last.set(self.last.get().max(seq(&text)));
        }
    }

    /// Hears everything after `after`, in order, to the message that ends the run.
    async fn read(&self, after: i64) {
        let mut socket = self.open(after).await;
        let (mut last, mut is_live) = (after, false);
        loop {
            let text = match socket.next_frame().await {
                Some(Message::Text(text)) => text.to_string(),
                // Nothing is heard for long where the machine is busy; the library answers.
                Some(Message::Ping(_)) => continue,
                // It may be too slow on a busy machine; then it does what it is told to do.
                Some(Message::Close(Some(close))) if u16::from(close.code) == 4430 => {
                    socket = self.open(last).await;
                    continue;
                }
                other => panic!("after {after}, at {last}: {other:?}"),
            };
            if text.contains("\"replay.done\"") {
                assert_eq!(seq(&text), last, "the replay has not told all of it");
                self.live.set(self.live.get() + i64::from(!is_live));
                is_live = true;
                continue;
            }
            assert_eq!(seq(&text), last + 1, "after {after}: {text}");
            last += 1;
            if text.contains("the end of the run") {
                return;
            }
        }
    }

    /// Readers that start all over the log, in groups, while the senders send.
    async fn carry_out(&self) {
        let readers = join_all((0..READERS).map(async |at| {
            // One group begins when the group before it is live.
            let group = at / 10 * 10;
            while self.live.get() < group {
                tokio::task::yield_now().await;
            }
            let last = self.last.get();
            self.read(if at % 3 == 0 { last - at % 10 } else { (at * 7_919) % (last + 1) }.max(0)).await;
        }));
        let senders = async {
            join_all((0..SENDERS).map(|name| self.send(name))).await;
            self.app.say(self.channel, self.user, json!({ "content": "the end of the run" })).await.is(201);
        };
        tokio::join!(readers, senders);
    }
}

async fn begin<'a>(app: &'a TestApp, user: &'a User, channel: i64) -> Run<'a> {
    let last = app.count(&format!("select last_seq from channels where id = {channel}")).await;
    Run { app, user, channel, last: Cell::new(last), live: Cell::new(0) }
}

async fn run(app: &TestApp, user: &User, channel: i64) {
    begin(app, user, channel).await.carry_out().await;
    check(app).await;
}

/// The log has a message for each number.
async fn check(app: &TestApp) {
    let dense =
        "select count(*) from channels c where last_seq <> (select count(*) from messages where channel_id = c.id)";
    assert_eq!(app.count(dense).await, 0);
}

#[tokio::test]
async fn who_comes_back_while_others_send_misses_nothing_and_hears_nothing_twice() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 900).await;
    run(&app, &mina, channel).await;
}

/// Another node writes, too: nobody is sent away, and nobody misses anything of it or hears it twice.
#[tokio::test]
async fn who_comes_back_while_others_write_elsewhere_misses_nothing_and_hears_nothing_twice() {
    let app = spawn_app_with(|config| config.times.watch_every = Duration::from_millis(20)).await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 900).await;
    let run = begin(&app, &mina, channel).await;
    let is_over = Cell::new(false);
    let here = async {
        run.carry_out().await;
        is_over.set(true);
    };
    let elsewhere = async {
        let mut written = 0;
        while !is_over.get() {
            app.write_behind(channel, &jun, 1 + written % 3).await;
            written += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        written
    };
    let ((), written) = tokio::join!(here, elsewhere);
    assert!(written > 5, "{written}");
    check(&app).await;
}

#[tokio::test]
async fn who_comes_back_to_a_node_that_has_just_started_misses_nothing_either() {
    let mut app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, 900).await;
    for _ in 0..30 {
        app.say(channel, &mina, json!({ "content": "before" })).await.is(201);
    }
    app.restart().await;
    run(&app, &mina, channel).await;
}

/// How often PostgreSQL has looked into the table of messages; exact when no connection but the asking one is open.
async fn looks(app: &TestApp) -> i64 {
    app.until(
        "select count(*) where not exists (
            select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
            and backend_type = 'client backend')",
    )
    .await;
    app.count("select seq_scan + idx_scan from pg_stat_user_tables where relname = 'messages'").await
}

#[tokio::test]
async fn a_storm_of_clients_that_have_missed_the_same_is_one_read_of_it() {
    const SOCKETS: usize = 300;
    const COUNT: i64 = 5_000;
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    app.write_behind(channel, &mina, COUNT).await;
    app.sql("analyze").await;
    app.stop().await;
    let before = looks(&app).await;
    app.restart().await;
    // Beyond what is read first of a log's end, so that a page is read too.
    let after = COUNT - 300;
    let path = format!("/ws/{channel}?token={}&after={after}", jun.token);
    // Nobody is served before all are there.
    let lock = crate::support::database::connect(&app.database).await;
    lock.batch_execute("begin; lock table messages in access exclusive mode").await.expect("it is free");
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(app.socket_at(&path, &[]).await.0);
    }
    lock.batch_execute("commit").await.expect("it was open");
    drop(lock);
    join_all(sockets.iter_mut().map(async |socket| {
        for at in after + 1..=COUNT {
            assert_eq!(seq(&socket.next_text().await), at);
        }
        assert_eq!(socket.next_of("replay.done").await["seq"], COUNT);
    }))
    .await;
    // Those who come later are served from memory.
    let mut late = app.socket_at(&path, &[]).await.0;
    late.replay(after, COUNT).await;
    app.stop().await;
    let reads = looks(&app).await - before;
    assert!((1..=3).contains(&reads), "{reads} reads for {SOCKETS} sockets: one of the log's end, one of a page");
}
