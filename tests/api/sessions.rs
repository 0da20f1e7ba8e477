//! Logins that last: refreshed, listed, ended; and what ends with them.

use crate::support::raw::HANDSHAKE;
use crate::support::{By, Method, PASSWORD, Socket, TestApp, User, Value, json, spawn_app, spawn_app_with};
use crate::tokens::claims;
use tokio_tungstenite::tungstenite::Message;

const NEW: &str = "a better horse battery";

/// Somebody's login: the tokens, and the session's id.
struct Login {
    user: User,
    refresh_token: String,
    session: i64,
}

impl Login {
    fn of(id: i64, answer: &Value) -> Self {
        let token = answer["access_token"].as_str().expect("a token").to_owned();
        let session = claims(&token)["sid"].as_str().expect("a session").parse().expect("a number");
        let refresh_token = answer["refresh_token"].as_str().expect("a token").to_owned();
        Self { user: User { id, token }, refresh_token, session }
    }
}

async fn log_in(app: &TestApp, user: &User, name: &str) -> Login {
    Login::of(user.id, &app.login(name, PASSWORD).await.is(200))
}

async fn refresh(app: &TestApp, token: &str) -> crate::support::Answer {
    app.post("/auth/refresh", By::Nobody, json!({ "refresh_token": token })).await
}

async fn ends(mut socket: Socket) {
    loop {
        match socket.next_frame().await {
            Some(Message::Ping(_)) => {}
            Some(Message::Close(Some(close))) => return assert_eq!(u16::from(close.code), 4401),
            other => panic!("heard {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_refresh_token_gives_the_next_pair_and_the_access_token_says_what_it_must() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let first = log_in(&app, &mina, "mina").await;
    let answer = refresh(&app, &first.refresh_token).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.is(200);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(1_800)));
    let second = Login::of(mina.id, &body);
    assert_eq!(first.session, second.session);
    assert_ne!(first.refresh_token, second.refresh_token);
    assert!(second.refresh_token.len() > 64);
    let (before, after) = (claims(&first.user.token), claims(&second.user.token));
    for name in ["sub", "exp", "iat", "nbf", "jti", "sid", "iss", "aud"] {
        assert!(!after[name].is_null(), "{name}: {after}");
    }
    assert_ne!(before["jti"], after["jti"]);
    assert_eq!(
        before["auth_time"].as_u64().map(|at| at.abs_diff(after["auth_time"].as_u64().expect("a second")) <= 1),
        Some(true)
    );
    // The first access token lives on until its time is over.
    for good in [&first.user, &second.user] {
        app.get("/users/me", good).await.is(200);
    }
    refresh(&app, &second.refresh_token).await.is(200);
    // What is stored opens nothing.
    assert_eq!(
        app.count(&format!(
            "select count(*) from auth_sessions s where s::text like '%{}%' or s::text like '%{}%'",
            &second.refresh_token[15..47],
            &second.refresh_token[47..]
        ))
        .await,
        0
    );
}

#[tokio::test]
async fn a_refresh_token_that_is_used_again_ends_its_session_and_no_other() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let (stolen, other) = (log_in(&app, &mina, "mina").await, log_in(&app, &mina, "mina").await);
    let thief = Login::of(mina.id, &refresh(&app, &stolen.refresh_token).await.is(200));
    let socket = app.socket(channel, &thief.user).await;
    a_while_later(&app).await;
    let mut others = app.socket(channel, &other.user).await;
    refresh(&app, &stolen.refresh_token).await.refuses(401, "refresh_token_reused");
    ends(socket).await;
    for gone in [&stolen, &thief] {
        app.get("/users/me", &gone.user).await.refuses(401, "token_revoked");
        refresh(&app, &gone.refresh_token).await.refuses(401, "invalid_refresh_token");
    }
    others.say_and_hear("still here").await;
    refresh(&app, &other.refresh_token).await.is(200);
}

/// Two tabs, say: all of them go on with the same next one.
#[tokio::test]
async fn many_who_use_one_refresh_token_at_once_get_the_same_next_one() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let login = log_in(&app, &mina, "mina").await;
    let all = futures_util::future::join_all((0..8).map(|_| refresh(&app, &login.refresh_token))).await;
    let next: Vec<Login> = all.iter().map(|answer| Login::of(mina.id, &answer.is(200))).collect();
    assert!(next.iter().all(|one| one.refresh_token == next[0].refresh_token));
    for good in next.iter().chain([&login]) {
        app.get("/users/me", &good.user).await.is(200);
    }
    refresh(&app, &next[0].refresh_token).await.is(200);
    assert_eq!(app.count("select count(*) from auth_sessions where last_used_at > created_at").await, 1);
}

/// The client has the old one only, and asks again.
#[tokio::test]
async fn a_refresh_whose_answer_was_lost_gives_the_same_next_one_for_a_moment() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let first = log_in(&app, &mina, "mina").await;
    let lost = Login::of(mina.id, &refresh(&app, &first.refresh_token).await.is(200));
    let second = Login::of(mina.id, &refresh(&app, &first.refresh_token).await.is(200));
    assert_eq!(second.refresh_token, lost.refresh_token);
    let third = Login::of(mina.id, &refresh(&app, &second.refresh_token).await.is(200));
    // Only the last one that was used, and not for long.
    refresh(&app, &first.refresh_token).await.refuses(401, "refresh_token_reused");
    app.get("/users/me", &third.user).await.refuses(401, "token_revoked");
    let first = log_in(&app, &mina, "mina").await;
    refresh(&app, &first.refresh_token).await.is(200);
    a_while_later(&app).await;
    refresh(&app, &first.refresh_token).await.refuses(401, "refresh_token_reused");
}

/// More than a used refresh token's grace.
async fn a_while_later(app: &TestApp) {
    app.sql("update auth_sessions set last_used_at = last_used_at - interval '31 seconds'").await;
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let login = log_in(&app, &mina, "mina").await;
    let unknown = format!("madang_refresh_{}", "0".repeat(96));
    for bad in ["", "x", &login.user.token, &unknown, &login.refresh_token[1..], &"x".repeat(60_000)] {
        refresh(&app, bad).await.refuses(401, "invalid_refresh_token");
    }
    app.post("/auth/refresh", By::Nobody, json!({})).await.refuses(422, "validation_error");
    app.get("/users/me", By::Header(&format!("Bearer {}", login.refresh_token))).await.refuses(401, "invalid_token");
    app.get("/users/me", &login.user).await.is(200);
}

#[tokio::test]
async fn a_session_that_is_not_used_in_time_is_over_and_forgotten() {
    let app = spawn_app_with(|config| config.refresh_life = std::time::Duration::from_secs(3_600)).await;
    let mina = app.register("mina").await;
    let login = log_in(&app, &mina, "mina").await;
    app.sql("update auth_sessions set expires_at = now() - interval '1 second'").await;
    refresh(&app, &login.refresh_token).await.refuses(401, "invalid_refresh_token");
    log_in(&app, &mina, "mina").await;
    assert_eq!(app.count("select count(*) from auth_sessions").await, 1);
}

#[tokio::test]
async fn a_session_lasts_a_year_at_most_and_a_used_token_is_known_for_as_long() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let first = log_in(&app, &mina, "mina").await;
    app.sql("update auth_sessions set created_at = now() - interval '365 days' + interval '1 hour' where user_id = 1")
        .await;
    let mut login = Login::of(mina.id, &refresh(&app, &first.refresh_token).await.is(200));
    for _ in 0..110 {
        login = Login::of(mina.id, &refresh(&app, &login.refresh_token).await.is(200));
    }
    let soon = "select count(*) from auth_sessions where expires_at < now() + interval '61 minutes'";
    assert_eq!(app.count(soon).await, 1);
    // An access token outlives no session: 10 minutes are left of this one.
    app.sql("update auth_sessions set created_at = now() - interval '365 days' + interval '10 minutes'").await;
    let body = refresh(&app, &login.refresh_token).await.is(200);
    assert!(body["expires_in"].as_u64().is_some_and(|left| (590..=600).contains(&left)), "{body}");
    let last = Login::of(mina.id, &body);
    let (claims, second) = (claims(&last.user.token), |value: &Value| value.as_u64().expect("a second"));
    assert!((590..=600).contains(&(second(&claims["exp"]) - second(&claims["iat"]))), "{claims}");
    // Whoever comes with the very first one has stolen it, or its thief has been here since.
    refresh(&app, &first.refresh_token).await.refuses(401, "refresh_token_reused");
    app.get("/users/me", &last.user).await.refuses(401, "token_revoked");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_others_at_once() {
    let mut app = spawn_app().await;
    let (mina, jun, _, channel) = app.two_members().await;
    let call = app.call(Method::POST, "/auth/login", By::Nobody, |call| {
        call.header("user-agent", format!("phone {}", "x".repeat(300)))
            .form(&[("username", "mina"), ("password", PASSWORD)])
    });
    let phone = Login::of(mina.id, &call.await.is(200));
    let desk = log_in(&app, &mina, "mina").await;
    let listed = app.get("/auth/sessions", &desk.user).await.is(200);
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 3, "with the registration's own login: {listed:?}");
    let [.., of_phone, of_desk] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((&of_phone["id"], &of_phone["is_current"]), (&json!(phone.session), &json!(false)));
    assert_eq!((&of_desk["id"], &of_desk["is_current"]), (&json!(desk.session), &json!(true)));
    assert_eq!(
        of_phone["user_agent"].as_str().map(|text| (text.starts_with("phone x"), text.len())),
        Some((true, 256))
    );
    assert_eq!(of_phone["address"], "127.0.0.1");

    app.delete(&format!("/auth/sessions/{}", phone.session), &jun).await.refuses(404, "session_not_found");
    app.get("/users/me", &phone.user).await.is(200);
    let (socket, gateway) = (app.socket(channel, &phone.user).await, app.subscriber(&phone.user, channel).await);
    let mut stays = app.socket(channel, &desk.user).await;
    app.delete(&format!("/auth/sessions/{}", phone.session), &desk.user).await.is(204);
    for socket in [socket, gateway] {
        ends(socket).await;
    }
    app.get("/users/me", &phone.user).await.refuses(401, "token_revoked");
    refresh(&app, &phone.refresh_token).await.refuses(401, "invalid_refresh_token");
    app.delete(&format!("/auth/sessions/{}", phone.session), &desk.user).await.refuses(404, "session_not_found");
    stays.say_and_hear("still here").await;

    let (third, old) = (log_in(&app, &mina, "mina").await, app.socket(channel, &mina).await);
    app.delete("/auth/sessions", &desk.user).await.is(204);
    ends(old).await;
    for gone in [&third.user, &mina] {
        app.get("/users/me", gone).await.refuses(401, "token_revoked");
    }
    stays.say_and_hear("and still").await;
    assert_eq!(app.get("/auth/sessions", &desk.user).await.is(200).as_array().map(Vec::len), Some(1));
    app.get("/users/me", &jun).await.is(200);
    app.restart().await;
    app.get("/users/me", &third.user).await.refuses(401, "token_revoked");
    app.get("/users/me", &desk.user).await.is(200);
}

#[tokio::test]
async fn a_logout_ends_the_session_of_its_token() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let login = log_in(&app, &mina, "mina").await;
    let socket = app.socket(channel, &login.user).await;
    let mut other = app.socket(channel, &mina).await;
    app.post("/auth/logout", &login.user, Value::Null).await.is(204);
    ends(socket).await;
    app.post("/auth/logout", &login.user, Value::Null).await.refuses(401, "token_revoked");
    let line = format!("GET /ws/{channel}?token={} HTTP/1.1", login.user.token);
    app.refusal(&line, HANDSHAKE).await.refuses(401, "token_revoked");
    refresh(&app, &login.refresh_token).await.refuses(401, "invalid_refresh_token");
    other.say_and_hear("still here").await;
}

#[tokio::test]
async fn a_further_login_than_a_user_may_have_ends_the_oldest() {
    let app = spawn_app().await;
    let (mina, _, _, channel) = app.two_members().await;
    let second = log_in(&app, &mina, "mina").await;
    let oldest = app.socket(channel, &mina).await;
    let mut stays = app.socket(channel, &second.user).await;
    for _ in 0..99 {
        log_in(&app, &mina, "mina").await;
    }
    ends(oldest).await;
    app.get("/users/me", &mina).await.refuses(401, "token_revoked");
    stays.say_and_hear("still here").await;
    assert_eq!(app.get("/auth/sessions", &second.user).await.is(200).as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_its_refresh_token() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let (own, other) = (log_in(&app, &mina, "mina").await, log_in(&app, &mina, "mina").await);
    app.put("/users/me", &own.user, json!({ "password": NEW })).await.is(200);
    refresh(&app, &other.refresh_token).await.refuses(401, "invalid_refresh_token");
    let next = Login::of(mina.id, &refresh(&app, &own.refresh_token).await.is(200));
    app.get("/users/me", &next.user).await.is(200);
    assert_eq!(app.get("/auth/sessions", &next.user).await.is(200).as_array().map(Vec::len), Some(1));
}

/// The change is under way, and does not see a login that is made with the old password at this moment.
#[tokio::test]
async fn a_login_that_slips_in_while_the_password_is_changed_cannot_be_refreshed() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let lock = crate::support::database::connect(&app.database).await;
    lock.batch_execute(&format!("begin; select from users where id = {} for no key update", mina.id))
        .await
        .expect("free");
    let meanwhile = async {
        app.until(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock' and query like '%update users set%'",
        )
        .await;
        let login = log_in(&app, &mina, "mina").await;
        lock.batch_execute("commit").await.expect("it was open");
        login
    };
    let (changed, late) = tokio::join!(app.put("/users/me", &mina, json!({ "password": NEW })), meanwhile);
    changed.is(200);
    refresh(&app, &late.refresh_token).await.refuses(401, "invalid_refresh_token");
    app.get("/users/me", &late.user).await.refuses(401, "token_revoked");
}

#[tokio::test]
async fn a_password_or_address_is_changed_with_the_current_password_or_a_fresh_login() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let login = log_in(&app, &mina, "mina").await;
    app.put("/users/me", &login.user, json!({ "email": "fresh@example.com" })).await.is(200);
    app.sql("update auth_sessions set created_at = created_at - interval '6 minutes'").await;
    // A refreshed token is young, its login is not.
    let old = Login::of(mina.id, &refresh(&app, &login.refresh_token).await.is(200)).user;
    for change in [json!({ "password": NEW }), json!({ "email": "new@example.com" })] {
        app.put("/users/me", &old, change.clone()).await.refuses(400, "current_password_required");
        let mut wrong = change.clone();
        wrong["current_password"] = json!("a wrong horse");
        app.put("/users/me", &old, wrong).await.refuses(400, "wrong_password");
    }
    app.put("/users/me", &old, json!({ "bio": "tea" })).await.is(200);
    let body = json!({ "password": NEW, "email": "new@example.com", "current_password": PASSWORD });
    assert_eq!(app.put("/users/me", &old, body).await.is(200)["email"], "new@example.com");
    app.login("mina", NEW).await.is(200);
    app.register("jun").await;
    let body = json!({ "email": "JUN@example.com", "current_password": NEW });
    app.put("/users/me", &old, body).await.refuses(400, "email_taken");
    let body = json!({ "email": null, "current_password": NEW });
    app.put("/users/me", &old, body).await.refuses(422, "validation_error");
}

/// A thief's change waits for its hash, say, while the owner ends the thief's login.
#[tokio::test]
async fn a_change_whose_session_ends_while_it_is_under_way_is_not_made() {
    for change in ["password", "bio", "erase"] {
        let app = spawn_app().await;
        let mina = app.register("mina").await;
        let (thief, owner) = (log_in(&app, &mina, "mina").await, log_in(&app, &mina, "mina").await);
        let lock = crate::support::database::connect(&app.database).await;
        let begin = format!("begin; select from users where id = {} for no key update", mina.id);
        lock.batch_execute(&begin).await.expect("free");
        let steal = async {
            match change {
                "password" => app.put("/users/me", &thief.user, json!({ "password": "the thief's own" })).await,
                "bio" => app.put("/users/me", &thief.user, json!({ "bio": "stolen" })).await,
                _ => {
                    let erase = |call: reqwest::RequestBuilder| call.json(&json!({ "password": PASSWORD }));
                    app.call(Method::DELETE, "/users/me", &thief.user, erase).await
                }
            }
        };
        let notice = async {
            let waiting =
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
                 and query like '%update users set%'";
            app.until(waiting).await;
            // As another call of the owner would leave it.
            let changed = format!("update users set password_version = password_version + 1 where id = {}", mina.id);
            lock.batch_execute(&format!("{changed}; commit")).await.expect("it was open");
        };
        let (stolen, ()) = tokio::join!(steal, notice);
        stolen.refuses(401, "token_revoked");
        app.login("mina", PASSWORD).await.is(200);
        let untouched = "select count(*) from users where bio is null and deleted_at is null";
        assert_eq!(app.count(untouched).await, 1);
        let kept = format!("select count(*) from auth_sessions where id = {}", owner.session);
        assert_eq!(app.count(&kept).await, 1, "nor did it end anything");
    }
}
