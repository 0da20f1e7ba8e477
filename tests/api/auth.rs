//! Making an account, and logging in.

use crate::support::shapes::PROFILE;
use crate::support::{Answer, By, Method, PASSWORD, TestApp, Value, has_shape, json, spawn_app};
use std::time::{Duration, Instant};

async fn register(app: &TestApp, body: Value) -> Answer {
    app.post("/auth/register", By::Nobody, body).await
}

fn account(username: &str, email: &str) -> Value {
    json!({ "username": username, "email": email, "password": PASSWORD })
}

#[tokio::test]
async fn a_new_account_answers_its_own_profile_with_the_username_as_display_name() {
    let app = spawn_app().await;
    let mut body = account("Mina", "Mina@Example.com");
    body["unknown"] = json!({ "is": ["ignored"] });
    let profile = register(&app, body).await.is(201);
    has_shape(&profile, PROFILE);
    let is = ["username", "email", "display_name", "bio", "avatar_url"].map(|field| &profile[field]);
    assert_eq!(is, [&json!("Mina"), &json!("Mina@Example.com"), &json!("Mina"), &Value::Null, &Value::Null]);
    assert_eq!(profile["created_at"], profile["updated_at"]);
    assert_eq!(app.count("select count(*) from users where hashed_password like '$2b$04$%'").await, 1);
}

#[tokio::test]
async fn a_username_is_taken_in_every_case_and_every_way_to_write_it() {
    let app = spawn_app().await;
    for (at, (first, same)) in
        [("mina", "MINA"), ("Ärger", "äRGER"), ("ЖУК", "жук"), ("\u{e9}a", "e\u{301}a"), ("가나", "\u{1100}\u{1161}나")]
            .into_iter()
            .enumerate()
    {
        register(&app, account(first, &format!("a{at}@example.com"))).await.is(201);
        let again = register(&app, account(same, &format!("b{at}@example.com"))).await;
        // A combining mark is no letter: then the name cannot be had at all, which is as good.
        assert!(again.status == 422 || again.json()["code"] == "username_taken", "{first} {same}: {again:?}");
        if same.chars().count() == first.chars().count() {
            again.refuses(400, "username_taken");
        }
    }
}

/// `і` is Cyrillic. Names that were there before the comparison stay, and are compared with from the next start on.
#[tokio::test]
async fn a_username_is_taken_by_one_that_looks_like_it() {
    let mut app = spawn_app().await;
    register(&app, account("mina", "mina@example.com")).await.is(201);
    register(&app, account("mіna", "other@example.com")).await.refuses(400, "username_taken");
    register(&app, account("jυne", "june@example.com")).await.is(201);
    register(&app, account("june", "other@example.com")).await.refuses(400, "username_taken");
    app.sql("insert into users (username, email, hashed_password) values ('mіna', 'before@example.com', '')").await;
    app.sql("update users set looks = null").await;
    app.restart().await;
    assert_eq!(app.count("select count(*) from users where looks is not null").await, 3);
    register(&app, account("mіnа", "more@example.com")).await.refuses(400, "username_taken");
    register(&app, account("june", "other@example.com")).await.refuses(400, "username_taken");
    register(&app, account("minja", "other@example.com")).await.is(201);
}

#[tokio::test]
async fn an_email_is_taken_in_every_case() {
    let app = spawn_app().await;
    register(&app, account("first", "Jürgen@Example.com")).await.is(201);
    register(&app, account("second", "jÜRGEN@eXAMPLE.COM")).await.refuses(400, "email_taken");
    register(&app, account("second", "other@example.com")).await.is(201);
}

#[tokio::test]
async fn of_many_who_want_one_name_at_once_exactly_one_gets_it() {
    let app = spawn_app().await;
    let all = (0..8).map(|at| register(&app, account("wanted", &format!("u{at}@example.com")))).collect::<Vec<_>>();
    let answers = futures_util::future::join_all(all).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| answer.refuses(400, "username_taken"));
    assert_eq!((made, app.count("select count(*) from users").await), (1, 1));
}

#[tokio::test]
async fn everything_that_is_wrong_with_an_account_is_named_at_once() {
    let app = spawn_app().await;
    let at = |field: &str| json!(["body", field]);
    register(&app, json!({})).await.rejects(&[
        (at("username"), "missing"),
        (at("email"), "missing"),
        (at("password"), "missing"),
    ]);
    register(&app, json!({ "username": 7, "email": null, "password": ["x"] })).await.rejects(&[
        (at("username"), "string_type"),
        (at("email"), "string_type"),
        (at("password"), "string_type"),
    ]);
    for (field, value, kind) in [
        ("username", "a".to_owned(), "string_too_short"),
        ("username", "a".repeat(33), "string_too_long"),
        ("username", "two words".to_owned(), "string_pattern_mismatch"),
        ("username", "tab\there".to_owned(), "string_pattern_mismatch"),
        ("username", "nul\0here".to_owned(), "string_pattern_mismatch"),
        ("username", "bidi\u{202E}here".to_owned(), "string_pattern_mismatch"),
        ("email", "nobody".to_owned(), "value_error"),
        ("email", "a@b".to_owned(), "value_error"),
        ("email", "a\u{202E}@example.com".to_owned(), "value_error"),
        ("email", format!("{}@example.com", "a".repeat(250)), "string_too_long"),
        ("password", "seven77".to_owned(), "string_too_short"),
        ("password", "x".repeat(73), "string_too_long"),
        ("password", "가".repeat(25), "string_too_long"),
        ("password", "12345678\0".to_owned(), "value_error"),
    ] {
        let mut body = account("mina", "mina@example.com");
        body[field] = json!(value);
        register(&app, body).await.rejects(&[(at(field), kind)]);
    }
    assert_eq!(app.count("select count(*) from users").await, 0);
}

#[tokio::test]
async fn the_longest_and_shortest_accounts_are_good() {
    let app = spawn_app().await;
    for (username, password) in [("ab".to_owned(), "12345678".to_owned()), ("가".repeat(32), "가".repeat(24))] {
        let email = format!("{}@example.com", username.chars().count());
        let body = json!({ "username": username, "email": email, "password": password });
        register(&app, body).await.is(201);
        app.login(&username, &password).await.is(200);
    }
}

#[tokio::test]
async fn login_answers_a_bearer_token_that_names_the_account() {
    let app = spawn_app().await;
    let profile = register(&app, account("Mina", "mina@example.com")).await.is(201);
    for username in ["Mina", "mina", "MINA"] {
        let answer = app.login(username, PASSWORD).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.is(200);
        assert_eq!(body["token_type"], "bearer");
        let token = body["access_token"].as_str().expect("a token");
        let own = app.get("/users/me", By::Header(&format!("Bearer {token}"))).await.is(200);
        assert_eq!(own, profile);
        let claims = crate::tokens::claims(token);
        assert_eq!(claims["sub"], profile["id"].to_string());
        assert!(claims["jti"].as_str().is_some_and(|id| id.len() >= 16), "{claims}");
        assert_eq!(claims["exp"].as_u64().zip(claims["iat"].as_u64()).map(|(exp, iat)| exp - iat), Some(1_800));
    }
}

#[tokio::test]
async fn no_two_tokens_are_the_same() {
    let app = spawn_app().await;
    let user = app.register("mina").await;
    let again = app.login("mina", PASSWORD).await.is(200);
    assert_ne!(again["access_token"], user.token);
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_get_the_same_answer() {
    let app = spawn_app().await;
    app.register("mina").await;
    let wrong = app.login("mina", "not her password").await;
    wrong.refuses(401, "invalid_credentials");
    let nul = "mi\0na".to_owned();
    let long = PASSWORD.repeat(10);
    for (username, password) in [("nobody", PASSWORD), (&nul, PASSWORD), ("mina", ""), ("mina", &long), ("", "")] {
        let answer = app.login(username, password).await;
        assert_eq!((answer.status, &answer.text), (wrong.status, &wrong.text), "{username:?}");
    }
}

/// Without the hash that is made for nobody, an unknown name would be answered a hundred times faster.
#[tokio::test]
async fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let app = crate::support::spawn_app_with(|config| config.bcrypt_cost = 8).await;
    app.register("mina").await;
    let mut fastest = [Duration::MAX; 2];
    // On a busy machine any of them may be slow: each one's fastest comes down to what it takes, and a fast one stays so.
    for tries in 1..=100 {
        for (username, fastest) in ["mina", "nobody"].into_iter().zip(&mut fastest) {
            let start = Instant::now();
            app.login(username, "not her password").await.refuses(401, "invalid_credentials");
            *fastest = start.elapsed().min(*fastest);
        }
        if tries >= 5 && fastest[1] * 2 > fastest[0] && fastest[0] * 2 > fastest[1] {
            return;
        }
    }
    panic!("{fastest:?}");
}

#[tokio::test]
async fn a_login_form_needs_its_two_fields_and_ignores_others() {
    let app = spawn_app().await;
    app.register("mina").await;
    let login = |form: &'static str| {
        app.call(Method::POST, "/auth/login", By::Nobody, move |call| {
            call.header("content-type", "application/x-www-form-urlencoded").body(form)
        })
    };
    login("grant_type=password&scope=&username=mina&password=correct+horse%20battery&client_id=x").await.is(200);
    login("grant_type=&username=mina&password=correct+horse+battery").await.is(200);
    // FastAPI's OAuth2PasswordRequestForm takes no other.
    let grant = (json!(["body", "grant_type"]), "string_pattern_mismatch");
    let other = "grant_type=client_credentials&username=mina&password=correct+horse+battery";
    login(other).await.rejects(std::slice::from_ref(&grant));
    let (username, password) = ((json!(["body", "username"]), "missing"), (json!(["body", "password"]), "missing"));
    login("").await.rejects(&[username.clone(), password.clone()]);
    login("username=mina").await.rejects(std::slice::from_ref(&password));
    login("username=mina&grant_type=x").await.rejects(&[password.clone(), grant]);
    login("password=x").await.rejects(std::slice::from_ref(&username));
    login(r#"{"user": "mina", "pass": "correct horse battery"}"#).await.rejects(&[username, password]);
}
