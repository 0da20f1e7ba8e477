//! The write path where PostgreSQL says no to a part of a batch.

use crate::support::database::connect;
use crate::support::raw::masked;
use crate::support::{Socket, TestApp, User, Value, json, spawn_app, spawn_app_with, spawn_hasty_app};
use std::collections::BTreeMap;
use std::time::Duration;

#[tokio::test]
async fn a_bad_row_does_not_take_its_batch_with_it() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.sql("alter table messages add constraint no_poison check (content <> 'poison')").await;
    let mut socket = app.socket(channel, &mina).await;
    for content in ["a", "b", "poison", "c", "poison", "d", "e"] {
        socket.say(content).await;
    }
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut seqs = Vec::new();
    for _ in 0..7 {
        let event = socket.next_event().await;
        let what = event["code"].as_str().or(event["content"].as_str()).expect("one of them").to_owned();
        *outcomes.entry(what).or_default() += 1;
        seqs.extend(event["seq"].as_i64());
    }
    let expected = [("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("invalid_content", 2)];
    assert_eq!(outcomes, expected.map(|(what, count)| (what.to_owned(), count)).into());
    assert_eq!(seqs, [1, 2, 3, 4, 5], "in order, and what was refused took no number");
}

/// All that a gateway has sent into channels that run waits for the writer: a member's leaving is answered when each channel of the
/// server has heard of it, behind what was sent before.
async fn everything_sent_is_queued(app: &TestApp, gateway: &mut Socket, leaving: &User, server: i64) {
    gateway.tell_well(json!({ "type": "ping", "t": "sent" })).await;
    gateway.next_of("pong").await;
    app.post(&format!("/servers/{server}/leave"), leaving, Value::Null).await.is(204);
}

/// Lets channels run.
async fn something_is_said(gateway: &mut Socket, channels: &[i64]) {
    for channel in channels {
        gateway.say_in(*channel, "first", &format!("first in {channel}")).await;
        gateway.next_ack(&format!("first in {channel}")).await;
    }
}

/// A batch is taken apart for a row that PostgreSQL refuses; a channel whose row is held when one part is written, and free when
/// the next one is, keeps its order.
#[tokio::test]
async fn sends_keep_their_order_where_a_batch_is_taken_apart() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let june = app.register("june").await;
    app.join(&june, server).await;
    let (slow, held) = (app.channel(&mina, server, "slow").await, app.channel(&mina, server, "held").await);
    let bad = app.channel(&mina, server, "bad").await;
    app.sql("alter table messages add constraint no_poison check (content <> 'bad')").await;
    let slow_ones = app.hold_messages("new.content = 'slow'").await;
    let mut gateway = app.gateway(&mina).await.0;
    something_is_said(&mut gateway, &[slow, held, bad]).await;
    let lock = app.lock_channel(held).await;
    // While this one is written, the others become one batch.
    gateway.say_in(slow, "slow", "alone").await;
    slow_ones.until_reached(1).await;
    gateway.say_in(slow, "slow", "again").await;
    gateway.say_in(held, "one", "1").await;
    gateway.say_in(held, "two", "2").await;
    gateway.say_in(bad, "bad", "bad").await;
    everything_sent_is_queued(&app, &mut gateway, &june, server).await;
    for reached in [2, 3] {
        // The whole batch, then its first half: in that one the channel is held.
        slow_ones.pass(reached - 1).await;
        slow_ones.until_reached(reached).await;
    }
    lock.batch_execute("commit").await.expect("it was open");
    slow_ones.pass(i64::MAX).await;
    let mut told = BTreeMap::new();
    while told.len() < 5 {
        let event = gateway.next_event().await;
        if let Some(nonce) = event["nonce"].as_str() {
            told.insert(nonce.to_owned(), event);
        }
    }
    assert_eq!(told["bad"]["code"], "invalid_content", "{told:?}");
    assert_eq!((&told["1"]["seq"], &told["2"]["seq"]), (&2.into(), &3.into()), "{told:?}");
}

/// The connection is lost with one half of a batch that is taken apart: the other half waits in the queue, and has its outcome.
#[tokio::test]
async fn a_connection_that_is_lost_between_the_parts_of_a_batch_loses_none_of_them() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let june = app.register("june").await;
    app.join(&june, server).await;
    let (slow, other) = (app.channel(&mina, server, "slow").await, app.channel(&mina, server, "other").await);
    app.sql("alter table messages add constraint no_poison check (content <> 'bad')").await;
    let slow_ones = app.hold_messages("new.content = 'slow'").await;
    let mut gateway = app.gateway(&mina).await.0;
    something_is_said(&mut gateway, &[slow, other]).await;
    gateway.say_in(slow, "slow", "alone").await;
    slow_ones.until_reached(1).await;
    for (channel, content, nonce) in
        [(slow, "slow", "1"), (slow, "two", "2"), (other, "bad", "bad"), (other, "three", "3")]
    {
        gateway.say_in(channel, content, nonce).await;
    }
    everything_sent_is_queued(&app, &mut gateway, &june, server).await;
    for reached in [2, 3] {
        // The whole batch, then its first half.
        slow_ones.pass(reached - 1).await;
        slow_ones.until_reached(reached).await;
    }
    app.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'madang writer' and wait_event = 'PgSleep'",
    )
    .await;
    slow_ones.pass(i64::MAX).await;
    let mut told = BTreeMap::new();
    while told.len() < 5 {
        let event = gateway.next_event().await;
        if let Some(nonce) = event["nonce"].as_str().filter(|_| event["code"] != "unconfirmed") {
            told.insert(nonce.to_owned(), event);
        }
    }
    assert_eq!(told["bad"]["code"], "invalid_content", "{told:?}");
    let seqs = ["alone", "1", "2", "3"].map(|nonce| told[nonce]["seq"].as_i64());
    assert_eq!(seqs, [Some(2), Some(3), Some(4), Some(2)], "{told:?}");
}

/// PostgreSQL says that a batch is to be sent again: it is, four times at most.
#[tokio::test]
async fn a_batch_that_postgresql_wants_again_is_written_again() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.sql(
        "create sequence tries;
        create function fail() returns trigger language plpgsql as $$ begin
            if new.content <> 'good' and nextval('tries') <= new.content::int then
                raise 'later' using errcode = 'serialization_failure';
            end if;
            return new;
        end $$;
        create trigger fail before insert on messages for each row execute function fail();
        alter table messages enable always trigger fail",
    )
    .await;
    let mut socket = app.socket(channel, &mina).await;
    assert_eq!(socket.say_and_hear("3").await["seq"], 1);
    app.sql("alter sequence tries restart").await;
    socket.say("100").await;
    socket.next_error("unavailable").await;
    assert_eq!(app.count("select last_value from tries").await, 4);
    assert_eq!(socket.say_and_hear("good").await["seq"], 2);
}

/// A lock of the whole table is waited for again and again, not refused at once.
#[tokio::test]
async fn sends_outlast_a_lock_of_their_table() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let mut socket = app.socket(channel, &mina).await;
    let waits = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    // Where the machine is so slow that their 800 ms are over, they are refused, and it is tried once more.
    for _ in 0..20 {
        let lock = app.lock_messages().await;
        socket.say("one").await;
        socket.say("two").await;
        app.until(&format!("select count(*) {waits}")).await;
        app.until(&format!("select count(*) from (values (1)) v where not exists (select {waits})")).await;
        lock.batch_execute("commit").await.expect("it was open");
        let events = [socket.next_event().await, socket.next_event().await];
        if events.iter().all(|event| event["code"].is_null()) {
            assert_eq!((&events[0]["content"], &events[1]["content"]), (&"one".into(), &"two".into()), "{events:?}");
            return;
        }
    }
    panic!("nothing outlasts it");
}

#[tokio::test]
async fn a_locked_channel_holds_up_nobody_elses_messages() {
    let app = spawn_hasty_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let (locked, open) = (app.channel(&mina, server, "locked").await, app.channel(&mina, server, "open").await);
    let (mut stuck, mut free) = (app.socket(locked, &mina).await, app.socket(open, &mina).await);
    let lock = connect(&app.database).await;
    let begin = format!("begin; select from channels where id = {locked} for update");
    lock.batch_execute(&begin).await.expect("it is free");
    for round in 0..3 {
        stuck.say("in vain").await;
        let heard = free.say_and_hear(&format!("through {round}")).await;
        assert_eq!(heard["seq"], round + 1);
        stuck.refused_in_the_end("unavailable").await;
    }
    lock.batch_execute("commit").await.expect("it was open");
    assert_eq!(stuck.say_and_hear("at last").await["seq"], 1);
}

#[tokio::test]
async fn many_locked_channels_hold_up_nobody_elses_messages_either() {
    let app = spawn_hasty_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let open = app.channel(&mina, server, "open").await;
    let mut free = app.socket(open, &mina).await;
    let mut stuck = Vec::new();
    for number in 0..20 {
        let channel = app.channel(&mina, server, &format!("locked {number}")).await;
        stuck.push(app.socket(channel, &mina).await);
    }
    let lock = connect(&app.database).await;
    let begin = format!("begin; select from channels where id <> {open} for update");
    lock.batch_execute(&begin).await.expect("they are free");
    for round in 0..3 {
        for socket in &mut stuck {
            socket.say("in vain").await;
        }
        assert_eq!(free.say_and_hear(&format!("through {round}")).await["seq"], round + 1);
        for socket in &mut stuck {
            socket.refused_in_the_end("unavailable").await;
        }
    }
    for socket in &mut stuck {
        socket.say("first").await;
        socket.say("second").await;
    }
    lock.batch_execute("commit").await.expect("it was open");
    for socket in &mut stuck {
        for (seq, content) in [(1, "first"), (2, "second")] {
            let event = socket.next_event().await;
            assert_eq!((&event["seq"], &event["content"]), (&seq.into(), &content.into()), "{event}");
        }
    }
}

#[tokio::test]
async fn a_channel_takes_its_messages_along_and_who_has_written_stays() {
    let app = spawn_app_with(|config| config.times.purge_every = Duration::from_millis(20)).await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&june, server).await;
    for name in ["general", "random"] {
        let channel = app.channel(&mina, server, name).await;
        app.socket(channel, &june).await.say_and_hear("hello").await;
    }
    let database = connect(&app.database).await;
    let refused = database.batch_execute(&format!("delete from users where id = {}", june.id)).await;
    let refused = refused.expect_err("her messages name her");
    assert_eq!(refused.as_db_error().and_then(|error| error.constraint()), Some("messages_author_id_fkey"));
    app.sql("delete from channels where name = 'random'").await;
    app.until("select (count(*) = 1)::integer::bigint from messages").await;
    app.sql("delete from servers").await;
    app.until("select (count(*) = 0)::integer::bigint from messages").await;
    app.sql(&format!("delete from users where id = {}", june.id)).await;
}

#[tokio::test]
async fn who_is_gone_writes_nothing_and_keeps_nobody_else_from_it() {
    let app = spawn_app().await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let server = app.server(&mina, "Courtyard").await;
    app.join(&june, server).await;
    let channel = app.channel(&mina, server, "general").await;
    let (mut of_mina, mut of_june) = (app.socket(channel, &mina).await, app.socket(channel, &june).await);
    app.sql(&format!("delete from users where id = {}", june.id)).await;
    for seq in 1..4 {
        of_june.say("into the void").await;
        of_june.next_error("channel_not_found").await;
        assert_eq!(of_mina.say_and_hear("hello").await["seq"], seq);
        assert_eq!(of_june.next_message().await["seq"], seq);
    }
    assert_eq!(app.count("select count(*) from messages").await, 3);
}

#[tokio::test]
async fn more_than_64_sends_on_their_way_are_refused_as_busy_and_the_socket_lives_on() {
    let app = spawn_hasty_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let mut socket = app.socket(channel, &mina).await;
    let lock = connect(&app.database).await;
    lock.batch_execute(&format!("begin; select from channels where id = {channel} for update")).await.expect("free");
    for number in 0..70 {
        socket.say(&format!("{number}")).await;
    }
    let mut codes: BTreeMap<String, usize> = BTreeMap::new();
    while codes.values().sum::<usize>() < 70 {
        let event = socket.next_event().await;
        // Where the machine is slow PostgreSQL has it just then; its outcome follows.
        if event["code"] == "unconfirmed" {
            continue;
        }
        if event["code"] == "busy" {
            assert!(event["retry_after_ms"].as_i64().is_some_and(|ms| ms > 0), "{event}");
        }
        *codes.entry(event["code"].as_str().expect("an error").to_owned()).or_default() += 1;
    }
    assert_eq!(codes.keys().collect::<Vec<_>>(), ["busy", "unavailable"], "{codes:?}");
    lock.batch_execute("commit").await.expect("it was open");
    assert_eq!(socket.say_and_hear("at last").await["seq"], 1);
}

#[tokio::test]
async fn who_floods_is_told_to_wait_and_then_ended_with_4429() {
    let app = spawn_app_with(|config| config.rate_limit = true).await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    let mut socket = app.raw_socket(channel, &mina.token).await;
    // Pings are answered while they are within the rate, and count like any frame.
    let pings = masked(0x89, b"").repeat(5_000);
    let texts = masked(0x81, br#"{"content": ""}"#).repeat(10);
    socket.send(&masked(0x89, b"").repeat(500)).await;
    socket.send(&texts).await;
    let first = loop {
        let frame = socket.frame().await.expect("it lives");
        if frame.opcode == 1 {
            break serde_json::from_slice::<Value>(&frame.payload).expect("an event is JSON");
        }
    };
    assert_eq!(first["code"], "rate_limited", "{first}");
    assert!(first["retry_after_ms"].as_i64().is_some_and(|ms| ms > 0), "{first}");
    socket.send(&pings).await;
    socket.read_to_close(4429).await;
}
