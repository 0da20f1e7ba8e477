//! What those who share a server are told of each other.

use crate::support::database::connect;
use crate::support::shapes::{MEMBER, PUBLIC_PROFILE};
use crate::support::{Method, PASSWORD, Socket, TestApp, User, Value, has_shape, json, spawn_app};
use futures_util::future::join_all;

async fn leave(app: &TestApp, user: &User, server: i64) {
    app.post(&format!("/servers/{server}/leave"), user, json!({})).await.is(204);
}

async fn delete_account(app: &TestApp, user: &User) {
    app.call(Method::DELETE, "/users/me", user, |call| call.json(&json!({ "password": PASSWORD }))).await.is(204);
}

fn left(server: i64, user: &User) -> Value {
    json!({ "type": "member.left", "server_id": server, "user_id": user.id })
}

async fn hear_nothing_more(sockets: &mut [&mut Socket]) {
    for socket in sockets {
        assert_eq!(socket.events_until_pong().await, [] as [Value; 0]);
    }
}

#[tokio::test]
async fn members_hear_once_of_who_joins_and_leaves_and_nobody_else_does() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let (ara, kim) = (app.register("ara").await, app.register("kim").await);
    app.server(&ara, "Elsewhere").await;
    let (mut minas, mut others, mut juns) =
        (app.gateway(&mina).await.0, app.gateway(&mina).await.0, app.gateway(&jun).await.0);
    let (mut aras, mut kims) = (app.gateway(&ara).await.0, app.gateway(&kim).await.0);
    app.join(&kim, server).await;
    let member = app.get(&format!("/servers/{server}/members/{}", kim.id), &mina).await.is(200);
    for socket in [&mut minas, &mut others, &mut juns] {
        let told = socket.next_of("member.joined").await;
        assert_eq!(told, json!({ "type": "member.joined", "server_id": server, "member": member }));
        has_shape(&told["member"], MEMBER);
    }
    assert_eq!(kims.next_of("server.joined").await["id"], server);
    // Who is there already joins no more.
    app.post(&format!("/servers/{server}/join"), &kim, json!({})).await.refuses(400, "already_member");
    hear_nothing_more(&mut [&mut minas, &mut others, &mut juns, &mut aras, &mut kims]).await;
    leave(&app, &kim, server).await;
    for socket in [&mut minas, &mut others, &mut juns] {
        assert_eq!(socket.next_event().await, left(server, &kim));
    }
    assert_eq!(kims.next_event().await, json!({ "type": "server.left", "id": server }));
    app.post(&format!("/servers/{server}/leave"), &kim, json!({})).await.refuses(400, "not_a_member");
    hear_nothing_more(&mut [&mut minas, &mut others, &mut juns, &mut aras, &mut kims]).await;
    // Nothing of the server any more, whatever becomes of it.
    app.join(&ara, server).await;
    assert_eq!(aras.next_of("server.joined").await["id"], server);
    app.put("/users/me", &jun, json!({ "bio": "tea" })).await.is(200);
    leave(&app, &ara, server).await;
    for socket in [&mut minas, &mut others, &mut juns] {
        assert_eq!(socket.next_of("member.joined").await["member"]["user_id"], ara.id);
        assert_eq!(socket.next_of("user.updated").await["user"]["id"], jun.id);
        assert_eq!(socket.next_event().await, left(server, &ara));
    }
    assert_eq!(aras.next_of("user.updated").await["user"]["id"], jun.id);
    assert_eq!(aras.next_of("server.left").await["id"], server);
    hear_nothing_more(&mut [&mut minas, &mut others, &mut juns, &mut aras, &mut kims]).await;
}

/// Joins and leaves of many at once: who keeps the list by the news has it as it is.
#[tokio::test]
async fn a_list_that_is_kept_by_the_news_is_whole() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let server = app.server(&mina, "Courtyard").await;
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(app.register(&format!("user{number}")).await);
    }
    let mut gateway = app.gateway(&mina).await.0;
    let mut known = std::collections::BTreeSet::from([mina.id]);
    for round in 0..6 {
        let calls = people.iter().enumerate().flat_map(|(at, user)| {
            let leave_too = (at + round) % 3 != 0;
            let paths = [Some("join"), leave_too.then_some("leave"), Some("join").filter(|_| at % 2 == 0)];
            paths.into_iter().flatten().map(move |what| (user, what))
        });
        let calls =
            calls.map(async |(user, what)| app.post(&format!("/servers/{server}/{what}"), user, json!({})).await);
        join_all(calls.collect::<Vec<_>>()).await;
        for event in gateway.events_until_pong().await {
            let is_joined = event["type"] == "member.joined";
            assert!(is_joined || event["type"] == "member.left", "{event}");
            let who = if is_joined { &event["member"]["user_id"] } else { &event["user_id"] };
            let who = who.as_i64().expect("an id");
            if is_joined {
                known.insert(who)
            } else {
                known.remove(&who)
            };
        }
        let members = app.get(&format!("/servers/{server}/members"), &mina).await.is(200);
        let members = members.as_array().expect("a list").iter();
        let members: Vec<_> = members.filter_map(|member| member["user_id"].as_i64()).collect();
        assert_eq!(known.iter().copied().collect::<Vec<_>>(), members, "round {round}");
    }
}

#[tokio::test]
async fn members_hear_of_an_account_that_is_deleted_in_each_server_that_it_was_in() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let (ara, second) = (app.register("ara").await, app.server(&mina, "Second").await);
    app.join(&jun, second).await;
    app.join(&ara, second).await;
    let (mut minas, mut aras, mut juns) =
        (app.gateway(&mina).await.0, app.gateway(&ara).await.0, app.gateway(&jun).await.0);
    delete_account(&app, &jun).await;
    juns.expect_close(4401).await;
    let mut told = [minas.next_of("member.left").await, minas.next_of("member.left").await];
    told.sort_by_key(|event| event["server_id"].as_i64());
    assert_eq!(told, [left(server, &jun), left(second, &jun)]);
    assert_eq!(aras.next_event().await, left(second, &jun));
    hear_nothing_more(&mut [&mut minas, &mut aras]).await;
}

/// The account is erased while its user joins another server: who was told of the one is told of the other.
#[tokio::test]
async fn nobody_keeps_a_member_who_joined_while_the_account_was_deleted() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let other = app.server(&mina, "Other").await;
    let mut minas = app.gateway(&mina).await.0;
    let lock = connect(&app.database).await;
    lock.batch_execute(&format!("begin; select from users where id = {} for update", jun.id)).await.expect("free");
    let waiting = "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and query like ";
    let join_path = format!("/servers/{other}/join");
    let join = app.post(&join_path, &jun, json!({}));
    let delete = async {
        app.until(&format!("{waiting} '%insert into%user_servers%'")).await;
        delete_account(&app, &jun).await;
    };
    let release = async {
        app.until(&format!("{waiting} '%deleted user%'")).await;
        lock.batch_execute("commit").await.expect("it was open");
    };
    let (joined, (), ()) = tokio::join!(join, delete, release);
    let mut last = std::collections::BTreeMap::new();
    for event in minas.events_until_pong().await {
        last.insert(event["server_id"].as_i64(), event["type"].clone());
    }
    let gone = json!("member.left");
    let expected = if joined.status == 200 {
        vec![(Some(server), gone.clone()), (Some(other), gone)]
    } else {
        vec![(Some(server), gone)]
    };
    assert_eq!(last.into_iter().collect::<Vec<_>>(), expected, "{joined:?}");
}

#[tokio::test]
async fn who_shares_servers_with_somebody_hears_once_of_another_profile() {
    let app = spawn_app().await;
    let (mina, jun, server, _) = app.two_members().await;
    let (ara, kim) = (app.register("ara").await, app.register("kim").await);
    let more = [app.server(&jun, "Second").await, app.server(&mina, "Third").await];
    app.join(&mina, more[0]).await;
    app.join(&jun, more[1]).await;
    app.join(&ara, more[1]).await;
    app.server(&kim, "Elsewhere").await;
    let mut minas = [app.gateway(&mina).await.0, app.gateway(&mina).await.0];
    let (mut juns, mut aras, mut kims) =
        (app.gateway(&jun).await.0, app.gateway(&ara).await.0, app.gateway(&kim).await.0);
    let looks = json!({ "display_name": "Mina!", "bio": "tea", "avatar_url": "https://example.com/mina.png" });
    for change in [looks, json!({ "bio": null }), json!({ "display_name": "민아", "email": "mina@example.org" })] {
        app.put("/users/me", &mina, change).await.is(200);
        let user = app.get(&format!("/users/{}", mina.id), &kim).await.is(200);
        has_shape(&user, PUBLIC_PROFILE);
        let [first, second] = &mut minas;
        for socket in [first, second, &mut juns, &mut aras] {
            assert_eq!(socket.next_event().await, json!({ "type": "user.updated", "user": user }));
            hear_nothing_more(&mut [socket]).await;
        }
    }
    // What changes nothing is no news, nor is what nobody sees or what is refused.
    let own = app.get("/users/me", &mina).await.is(200);
    let sent_back =
        json!({ "display_name": "민아", "bio": null, "avatar_url": own["avatar_url"], "email": own["email"] });
    assert_eq!(app.put("/users/me", &mina, sent_back).await.is(200), own);
    app.put("/users/me", &mina, json!({ "email": "mina@example.com" })).await.is(200);
    app.put("/users/me", &mina, json!({})).await.is(200);
    app.put("/users/me", &mina, json!({ "bio": "x".repeat(501) })).await.refuses(422, "validation_error");
    app.put("/users/me", &ara, json!({ "password": "a better horse battery" })).await.is(200);
    aras.expect_close(4401).await;
    let [first, second] = &mut minas;
    hear_nothing_more(&mut [first, second, &mut juns, &mut kims]).await;
    // As long as there is one server that they share.
    leave(&app, &mina, more[0]).await;
    assert_eq!(juns.next_event().await, left(more[0], &mina));
    app.put("/users/me", &mina, json!({ "bio": "cats" })).await.is(200);
    assert_eq!(juns.next_of("user.updated").await["user"]["bio"], "cats");
    leave(&app, &jun, server).await;
    leave(&app, &jun, more[1]).await;
    app.put("/users/me", &mina, json!({ "bio": "Rust" })).await.is(200);
    for server in [server, more[1]] {
        assert_eq!(juns.next_event().await, json!({ "type": "server.left", "id": server }));
    }
    hear_nothing_more(&mut [&mut juns, &mut kims]).await;
}

#[tokio::test]
async fn ones_own_gateways_hear_of_ones_profile_also_without_a_server_and_with_a_new_password() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    let (mut minas, mut juns) = (app.gateway(&mina).await.0, app.gateway(&jun).await.0);
    app.put("/users/me", &mina, json!({ "bio": "tea" })).await.is(200);
    assert_eq!(minas.next_of("user.updated").await["user"]["bio"], "tea");
    hear_nothing_more(&mut [&mut minas, &mut juns]).await;
    let server = app.server(&mina, "Courtyard").await;
    minas.next_of("server.joined").await;
    app.join(&jun, server).await;
    minas.next_of("member.joined").await;
    let both = json!({ "bio": "cats", "password": "a better horse battery" });
    app.put("/users/me", &jun, both).await.is(200);
    assert_eq!(minas.next_of("user.updated").await["user"]["bio"], "cats");
    hear_nothing_more(&mut [&mut minas]).await;
    juns.expect_close(4401).await;
}

/// Changes of one profile at once: the last news says what is.
#[tokio::test]
async fn the_last_that_is_told_of_a_profile_is_how_it_is() {
    let app = spawn_app().await;
    let (mina, jun, _, _) = app.two_members().await;
    let mut gateway = app.gateway(&jun).await.0;
    for round in 0..20 {
        join_all((0..4).map(|n| app.put("/users/me", &mina, json!({ "bio": format!("{round}.{n}") })))).await;
        let now = app.get(&format!("/users/{}", mina.id), &jun).await.is(200);
        while gateway.next_of("user.updated").await["user"] != now {}
        for later in gateway.events_until_pong().await {
            assert_eq!(later["user"], now, "{later}");
        }
    }
}
