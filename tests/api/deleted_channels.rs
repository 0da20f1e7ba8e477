//! What deleted channels leave: it is removed after the deletion, part by part, and nobody sees it meanwhile.

use crate::support::database::connect;
use crate::support::{Method, TestApp, User, json, spawn_app, spawn_app_with};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_postgres::Client;

const TABLES: [&str; 4] = ["messages", "channel_changes", "reactions", "message_revisions"];
/// Messages of a channel: more than are removed at once, several times.
const MESSAGES: i64 = 3_500;

/// Somebody's messages in a channel, the first of them with an earlier text and a reaction.
async fn fill(app: &TestApp, channel: i64, by: &User, messages: i64) {
    let message = app.said(channel, by, "first").await;
    let path = format!("/channels/{channel}/messages/{message}");
    app.patch(&path, by, json!({ "content": "first, better" })).await.is(200);
    app.call(Method::PUT, &format!("{path}/reactions/%F0%9F%91%8D/me"), by, |call| call).await.is(204);
    app.write_behind(channel, by, messages - 1).await;
}

async fn delete(app: &TestApp, channel: i64, by: &User) {
    app.delete(&format!("/channels/{channel}"), by).await.is(204);
}

/// How many rows each table has of a channel.
async fn rows(app: &TestApp, channel: i64) -> [i64; 4] {
    let mut rows = [0; 4];
    for (count, table) in rows.iter_mut().zip(TABLES) {
        *count = app.count(&format!("select count(*) from {table} where channel_id = {channel}")).await;
    }
    rows
}

/// Waits until nothing is left of a channel, not even the note that it was deleted.
async fn until_gone(app: &TestApp, channel: i64) {
    app.until(&format!("select count(*) where not exists (select from deleted_channels where channel_id = {channel})"))
        .await;
    assert_eq!(rows(app, channel).await, [0; 4]);
}

/// Holds rows of a table, so that they cannot be removed.
async fn hold(app: &TestApp, table: &str, condition: &str) -> Client {
    let lock = connect(&app.database).await;
    lock.batch_execute(&format!("begin; select from {table} where {condition} for update"))
        .await
        .expect("they are free");
    lock
}

/// Waits until a part of the purge has come to rows that are held.
async fn until_held_up(app: &TestApp, table: &str) {
    app.until(&format!(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
         and query like '%delete from {table}%'"
    ))
    .await;
}

/// From which channels an export has something, list by list.
async fn exported(app: &TestApp, by: &User) -> BTreeMap<&'static str, BTreeSet<i64>> {
    let export = app.get("/users/me/export", by).await.is(200);
    let channels = |list: &str| -> BTreeSet<i64> {
        export[list].as_array().expect("a list").iter().filter_map(|one| one["channel_id"].as_i64()).collect()
    };
    ["messages", "earlier_texts", "reactions"].into_iter().map(|list| (list, channels(list))).collect()
}

#[tokio::test]
async fn a_deletion_does_not_wait_for_what_is_removed_after_it_and_nobody_is_shown_that() {
    let app = spawn_app().await;
    let (mina, jun, server, channel) = app.two_members().await;
    let kept = app.channel(&mina, server, "kept").await;
    for channel in [channel, kept] {
        fill(&app, channel, &jun, MESSAGES).await;
    }
    let (all, log) = (rows(&app, channel).await, app.log(kept, &mina).await);
    assert_eq!(all, [MESSAGES, 2, 1, 1]);
    // The first that is removed: so all of it is there while it is looked for.
    let lock = hold(&app, "message_revisions", &format!("channel_id = {channel}")).await;
    delete(&app, channel, &mina).await;
    until_held_up(&app, "message_revisions").await;
    app.get(&format!("/channels/{channel}/messages"), &jun).await.refuses(404, "channel_not_found");
    let only_kept = || BTreeSet::from([kept]);
    let expected =
        BTreeMap::from([("messages", only_kept()), ("earlier_texts", only_kept()), ("reactions", only_kept())]);
    assert_eq!(exported(&app, &jun).await, expected);
    assert_eq!(rows(&app, channel).await, all, "it was there all the time");
    lock.batch_execute("commit").await.expect("it was open");
    until_gone(&app, channel).await;
    assert_eq!((rows(&app, kept).await, app.log(kept, &mina).await), (all, log));
    assert_eq!(exported(&app, &jun).await, expected);
}

#[tokio::test]
async fn a_node_that_is_stopped_in_the_middle_of_a_purge_goes_on_when_it_is_started() {
    let mut app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    fill(&app, channel, &mina, MESSAGES).await;
    let lock = hold(&app, "messages", &format!("channel_id = {channel} and seq = 1500")).await;
    delete(&app, channel, &mina).await;
    until_held_up(&app, "messages").await;
    let [left, ..] = rows(&app, channel).await;
    assert!((1..MESSAGES).contains(&left), "it is in the middle: {left}");
    app.restart().await;
    lock.batch_execute("commit").await.expect("it was open");
    until_gone(&app, channel).await;
}

#[tokio::test]
async fn a_purge_goes_on_when_the_database_is_back() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    fill(&app, channel, &mina, MESSAGES).await;
    // It ends with the database.
    let _lock = hold(&app, "messages", &format!("channel_id = {channel} and seq = 1500")).await;
    delete(&app, channel, &mina).await;
    until_held_up(&app, "messages").await;
    app.close_database(true).await;
    app.close_database(false).await;
    until_gone(&app, channel).await;
}

#[tokio::test]
async fn a_channel_whose_rows_are_held_keeps_no_other_from_being_purged() {
    let app = spawn_app().await;
    let (mina, _, server, first) = app.two_members().await;
    let second = app.channel(&mina, server, "second").await;
    for channel in [first, second] {
        fill(&app, channel, &mina, 2).await;
    }
    let lock = hold(&app, "messages", &format!("channel_id = {first}")).await;
    delete(&app, first, &mina).await;
    until_held_up(&app, "messages").await;
    delete(&app, second, &mina).await;
    until_gone(&app, second).await;
    assert_eq!(rows(&app, first).await, [2, 0, 0, 0]);
    lock.batch_execute("commit").await.expect("it was open");
    until_gone(&app, first).await;
}

/// Another node holds the note of the channel for each part that it removes.
#[tokio::test]
async fn a_channel_that_another_node_is_at_is_left_to_it() {
    let app = spawn_app().await;
    let (mina, _, server, first) = app.two_members().await;
    let (second, third) = (app.channel(&mina, server, "second").await, app.channel(&mina, server, "third").await);
    for channel in [first, second, third] {
        fill(&app, channel, &mina, 2).await;
    }
    // This node is not told of it.
    app.sql(&format!("delete from channels where id = {first}")).await;
    let other = hold(&app, "deleted_channels", &format!("channel_id = {first}")).await;
    delete(&app, second, &mina).await;
    until_gone(&app, second).await;
    assert_eq!(rows(&app, first).await, [2, 2, 1, 1]);
    other.batch_execute("commit").await.expect("it was open");
    delete(&app, third, &mina).await;
    for channel in [first, third] {
        until_gone(&app, channel).await;
    }
}

#[tokio::test]
async fn what_somebody_else_deletes_is_found_with_its_server_too() {
    let app = spawn_app_with(|config| config.times.purge_every = Duration::from_millis(20)).await;
    let (mina, _, server, channel) = app.two_members().await;
    let (second, other) = (app.channel(&mina, server, "second").await, app.server(&mina, "Garden").await);
    let kept = app.channel(&mina, other, "kept").await;
    for channel in [channel, second, kept] {
        fill(&app, channel, &mina, 2).await;
    }
    app.sql(&format!("delete from channels where id = {channel}")).await;
    until_gone(&app, channel).await;
    app.sql(&format!("delete from servers where id = {server}")).await;
    until_gone(&app, second).await;
    assert_eq!(rows(&app, kept).await, [2, 2, 1, 1]);
}
