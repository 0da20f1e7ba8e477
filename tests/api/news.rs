//! What a gateway is told of its user's servers and channels.

use crate::support::{Socket, TestApp, User, Value, json, spawn_app};
use futures_util::future::join_all;
use std::cell::Cell;
use std::collections::BTreeMap;

/// What a client knows: its servers, each with its channels' names.
type Known = BTreeMap<i64, (String, BTreeMap<i64, String>)>;

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn id_of(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or_else(|| panic!("no `{name}`: {value}"))
}

fn learn_server(known: &mut Known, server: &Value) {
    let channels = server["channels"].as_array().expect("a list").iter();
    let channels = channels.map(|channel| (id_of(channel, "id"), text(&channel["name"]))).collect();
    known.insert(id_of(server, "id"), (text(&server["name"]), channels));
}

/// Takes an event in, as a client does that is told nothing twice and nothing too late.
fn learn(known: &mut Known, event: &Value) {
    match event["type"].as_str().expect("a type") {
        "server.joined" => learn_server(known, event),
        "server.left" | "server.deleted" => drop(known.remove(&id_of(event, "id"))),
        "server.updated" => {
            if let Some(server) = known.get_mut(&id_of(event, "id")) {
                server.0 = text(&event["name"]);
            }
        }
        "channel.created" | "channel.updated" => {
            if let Some(server) = known.get_mut(&id_of(event, "server_id")) {
                server.1.insert(id_of(event, "id"), text(&event["name"]));
            }
        }
        "channel.deleted" => {
            if let Some(server) = known.get_mut(&id_of(event, "server_id")) {
                server.1.remove(&id_of(event, "id"));
            }
        }
        // Who is there beside its user is another story: see `people.rs`.
        "member.joined" | "member.left" => {}
        _ => panic!("{event}"),
    }
}

fn of_ready(ready: &Value) -> Known {
    let mut known = Known::new();
    ready["servers"].as_array().expect("a list").iter().for_each(|server| learn_server(&mut known, server));
    known
}

async fn truth(app: &TestApp, user: &User) -> Known {
    let mut known = Known::new();
    for server in app.get("/servers/", user).await.is(200).as_array().expect("a list") {
        let detail = app.get(&format!("/servers/{}", server["id"]), user).await.is(200);
        learn_server(&mut known, &detail);
    }
    known
}

#[tokio::test]
async fn members_gateways_are_told_of_every_change_and_nobody_elses() {
    let app = spawn_app().await;
    let (mina, jun, ara) = (app.register("mina").await, app.register("jun").await, app.register("ara").await);
    let mut minas = [app.gateway(&mina).await.0, app.gateway(&mina).await.0];
    let (mut juns, mut aras) = (app.gateway(&jun).await.0, app.gateway(&ara).await.0);
    let server = app.server(&mina, "Courtyard").await;
    for socket in &mut minas {
        let joined = socket.next_of("server.joined").await;
        assert_eq!((joined["id"].as_i64(), &joined["channels"]), (Some(server), &json!([])), "{joined}");
    }
    let general = app.post("/channels/", &mina, json!({ "name": "general", "server_id": server })).await.is(201);
    for socket in &mut minas {
        let mut created = socket.next_of("channel.created").await;
        created.as_object_mut().expect("an event").remove("type");
        assert_eq!(created, general);
    }
    let channel = id_of(&general, "id");
    app.say(channel, &mina, json!({ "content": "hi" })).await.is(201);
    app.join(&jun, server).await;
    let mut joined = juns.next_of("server.joined").await;
    assert_eq!(joined["channels"][0]["last_seq"].take(), json!(1));
    let mut detail = app.get(&format!("/servers/{server}"), &jun).await.is(200);
    (detail["type"], detail["channels"][0]["last_seq"]) = (json!("server.joined"), Value::Null);
    assert_eq!(joined, detail);
    let renamed = app.put(&format!("/servers/{server}"), &mina, json!({ "name": "Yard" })).await.is(200);
    let changed = app.put(&format!("/channels/{channel}"), &mina, json!({ "description": "all" })).await.is(200);
    app.delete(&format!("/channels/{channel}"), &mina).await.is(204);
    let [first, second] = &mut minas;
    for socket in [&mut *first, &mut *second] {
        socket.next_of("member.joined").await;
    }
    for socket in [&mut *first, &mut *second, &mut juns] {
        for (kind, what) in [("server.updated", &renamed), ("channel.updated", &changed)] {
            let mut event = socket.next_of(kind).await;
            event.as_object_mut().expect("an event").remove("type");
            assert_eq!(event, *what);
        }
        let deleted = json!({ "type": "channel.deleted", "id": channel, "server_id": server });
        assert_eq!(socket.next_event().await, deleted);
    }
    app.post(&format!("/servers/{server}/leave"), &jun, Value::Null).await.is(204);
    assert_eq!(juns.next_event().await, json!({ "type": "server.left", "id": server }));
    app.channel(&mina, server, "without jun").await;
    app.delete(&format!("/servers/{server}"), &mina).await.is(204);
    for socket in [first, second] {
        socket.next_of("member.left").await;
        socket.next_of("channel.created").await;
        assert_eq!(socket.next_event().await, json!({ "type": "server.deleted", "id": server }));
        socket.hears_nothing().await;
    }
    juns.hears_nothing().await;
    aras.hears_nothing().await;
}

/// The join's news are read when the server is renamed: what is told last is what is true.
#[tokio::test]
async fn the_news_of_a_join_are_not_older_than_what_was_told_before() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let server = app.server(&mina, "before").await;
    app.channel(&mina, server, "general").await;
    app.get(&format!("/servers/{server}"), &mina).await.is(200);
    app.get(&format!("/servers/{server}"), &jun).await.refuses(403, "not_a_member");
    let (mut gateway, ready) = app.gateway(&jun).await;
    // The server has been read, its channels wait.
    let lock = crate::support::database::connect(&app.database).await;
    lock.batch_execute("begin; lock table channels in access exclusive mode").await.expect("free");
    app.join(&jun, server).await;
    app.until(
        "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like '%channels%'",
    )
    .await;
    app.put(&format!("/servers/{server}"), &mina, json!({ "name": "after" })).await.is(200);
    lock.batch_execute("commit").await.expect("it was open");
    let mut known = of_ready(&ready);
    while known.is_empty() {
        learn(&mut known, &gateway.next_event().await);
    }
    for event in gateway.events_until_pong().await {
        learn(&mut known, &event);
    }
    assert_eq!(known, truth(&app, &jun).await);
}

/// Servers come and go, channels too, for as long as `is_over` says not.
async fn change_things(app: &TestApp, mina: &User, jun: &User, is_over: &Cell<bool>) {
    let first = app.server(mina, "first").await;
    for at in 0.. {
        let server = app.server(mina, &format!("server {at}")).await;
        app.join(jun, server).await;
        let channel = app.channel(mina, server, &format!("channel {at}")).await;
        app.put(&format!("/channels/{channel}"), mina, json!({ "name": format!("renamed {at}") })).await.is(200);
        app.put(&format!("/servers/{server}"), mina, json!({ "name": format!("Renamed {at}") })).await.is(200);
        match at % 3 {
            0 => app.delete(&format!("/servers/{server}"), mina).await.is(204),
            1 => app.post(&format!("/servers/{server}/leave"), jun, Value::Null).await.is(204),
            _ => app.delete(&format!("/channels/{channel}"), mina).await.is(204),
        };
        app.put(&format!("/servers/{first}"), mina, json!({ "name": format!("first {at}") })).await.is(200);
        if is_over.get() || at == 150 {
            return;
        }
    }
}

#[tokio::test]
async fn ready_and_what_follows_it_are_the_whole_truth() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let is_over = Cell::new(false);
    let connect = async {
        let mut sockets: Vec<(Socket, Known)> = Vec::new();
        for at in 0..40 {
            let (socket, ready) = app.gateway(if at % 2 == 0 { &jun } else { &mina }).await;
            sockets.push((socket, of_ready(&ready)));
        }
        is_over.set(true);
        sockets
    };
    let (sockets, ()) = tokio::join!(connect, change_things(&app, &mina, &jun, &is_over));
    // The news of a join are read after its answer: this one comes after all of them.
    let last = app.server(&mina, "the last one").await;
    app.join(&jun, last).await;
    let truths = [truth(&app, &jun).await, truth(&app, &mina).await];
    join_all(sockets.into_iter().enumerate().map(async |(at, (mut socket, mut known))| {
        while !known.contains_key(&last) {
            learn(&mut known, &socket.next_event().await);
        }
        for event in socket.events_until_pong().await {
            learn(&mut known, &event);
        }
        assert!(known == truths[at % 2], "gateway {at}: {known:?} is not {:?}", truths[at % 2]);
    }))
    .await;
}

/// A server that is deleted is forgotten alone, and what was so already is no news.
#[tokio::test]
async fn a_gateway_hears_of_each_of_its_servers_once_whatever_becomes_of_the_others() {
    let app = spawn_app().await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let (gone, stays) = (app.server(&mina, "Gone").await, app.server(&mina, "Stays").await);
    let mut gateway = app.gateway(&june).await.0;
    let (join, leave) = (format!("/servers/{stays}/join"), format!("/servers/{stays}/leave"));
    app.join(&june, gone).await;
    assert_eq!(gateway.next_of("server.joined").await["id"], gone);
    app.join(&june, stays).await;
    assert_eq!(gateway.next_of("server.joined").await["id"], stays);
    assert_ne!(app.post(&join, &june, json!({})).await.status, 200);
    assert!(gateway.events_until_pong().await.is_empty(), "she is there already");
    app.delete(&format!("/servers/{gone}"), &mina).await.is(204);
    assert_eq!(gateway.next_of("server.deleted").await["id"], gone);
    app.post(&leave, &june, json!({})).await.is(204);
    assert_eq!(gateway.next_of("server.left").await["id"], stays);
    assert_ne!(app.post(&leave, &june, json!({})).await.status, 204);
    app.put(&format!("/servers/{stays}"), &mina, json!({ "name": "Stayed" })).await.is(200);
    assert!(gateway.events_until_pong().await.is_empty(), "she has left");
}

/// Each gateway of a user is one of its own: when one goes, the others go on.
#[tokio::test]
async fn a_gateway_that_goes_takes_no_other_with_it() {
    let app = spawn_app().await;
    let (mina, june) = (app.register("mina").await, app.register("june").await);
    let server = app.server(&mina, "Courtyard").await;
    let (gone, mut stays) = (app.gateway(&june).await.0, app.gateway(&june).await.0);
    gone.close().await;
    // The node has seen its end before it hears what follows.
    app.get("/users/me", &june).await.is(200);
    app.join(&june, server).await;
    assert_eq!(stays.next_of("server.joined").await["id"], server);
    app.post(&format!("/servers/{server}/leave"), &june, json!({})).await.is(204);
    assert_eq!(stays.next_of("server.left").await["id"], server);
    app.post(&format!("/servers/{server}/leave"), &june, json!({})).await.refuses(400, "not_a_member");
    assert!(stays.events_until_pong().await.is_empty(), "she has left once");
}
