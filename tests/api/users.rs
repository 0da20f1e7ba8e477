//! Profiles: one's own, and what others see of it.

use crate::support::shapes::{PROFILE, PUBLIC_PROFILE, time_of};
use crate::support::{PASSWORD, has_shape, json, spawn_app};

#[tokio::test]
async fn my_profile_is_what_i_registered() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let profile = app.get("/users/me", &mina).await.is(200);
    has_shape(&profile, PROFILE);
    assert_eq!((profile["id"].as_i64(), &profile["email"]), (Some(mina.id), &json!("mina@example.com")));
}

#[tokio::test]
async fn a_change_keeps_what_it_leaves_out_and_null_clears() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let before = app.get("/users/me", &mina).await.is(200);
    let change = json!({ "display_name": "민아", "bio": "tea\ncats", "avatar_url": "https://example.com/m.png" });
    let full = app.put("/users/me", &mina, change).await.is(200);
    has_shape(&full, PROFILE);
    assert_eq!((&full["display_name"], &full["bio"]), (&json!("민아"), &json!("tea\ncats")));
    assert_eq!((&full["username"], &full["email"]), (&before["username"], &before["email"]));
    assert!(time_of(&full["updated_at"]) > time_of(&before["updated_at"]), "{full}");

    for (cleared, kept) in [
        ("bio", ["display_name", "avatar_url", "created_at"]),
        ("display_name", ["bio", "avatar_url", "created_at"]),
        ("avatar_url", ["display_name", "bio", "created_at"]),
    ] {
        let after = app.put("/users/me", &mina, json!({ cleared: null, "unknown": 1 })).await.is(200);
        has_shape(&after, PROFILE);
        assert!(after[cleared].is_null(), "{after}");
        kept.iter().for_each(|field| assert_eq!(after[field], full[field], "{field}"));
        app.put("/users/me", &mina, json!({ cleared: full[cleared] })).await.is(200);
    }
    let nothing = app.put("/users/me", &mina, json!({})).await.is(200);
    for field in ["display_name", "bio", "avatar_url", "created_at"] {
        assert_eq!(nothing[field], full[field], "{field}");
    }
    let bare = app.put("/users/me", &mina, json!({ "display_name": null, "avatar_url": null })).await.is(200);
    assert!(bare["display_name"].is_null() && bare["avatar_url"].is_null(), "{bare}");
    assert_eq!(app.get("/users/me", &mina).await.is(200), bare);
}

#[tokio::test]
async fn a_new_password_replaces_the_old_one() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    app.put("/users/me", &mina, json!({ "password": "a better horse battery" })).await.is(200);
    app.login("mina", PASSWORD).await.refuses(401, "invalid_credentials");
    app.login("mina", "a better horse battery").await.is(200);
}

#[tokio::test]
async fn a_bad_change_changes_nothing_and_names_every_mistake() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    let before = app.get("/users/me", &mina).await.is(200);
    for (field, value, kind) in [
        ("display_name", json!(""), "string_too_short"),
        ("display_name", json!("x".repeat(65)), "string_too_long"),
        ("display_name", json!("  "), "value_error"),
        ("display_name", json!("a\u{202E}b"), "value_error"),
        ("display_name", json!("a\u{2066}b"), "value_error"),
        ("display_name", json!("a\nb"), "value_error"),
        ("display_name", json!(7), "string_type"),
        ("bio", json!("x".repeat(501)), "string_too_long"),
        ("bio", json!("nul\0"), "value_error"),
        ("bio", json!({}), "string_type"),
        ("avatar_url", json!("javascript:alert(1)"), "url_scheme"),
        ("avatar_url", json!("not a url"), "url_parsing"),
        ("avatar_url", json!(format!("https://example.com/{}", "x".repeat(2_048))), "string_too_long"),
        ("password", json!("short"), "string_too_short"),
        ("password", json!("x".repeat(73)), "string_too_long"),
        ("password", json!(null), "string_type"),
    ] {
        let mut change = json!({ "bio": "must not be kept" });
        change[field] = value;
        app.put("/users/me", &mina, change).await.rejects(&[(json!(["body", field]), kind)]);
    }
    let two = app.put("/users/me", &mina, json!({ "display_name": "", "password": 1 })).await;
    two.rejects(&[(json!(["body", "display_name"]), "string_too_short"), (json!(["body", "password"]), "string_type")]);
    assert_eq!(app.get("/users/me", &mina).await.is(200), before);
}

#[tokio::test]
async fn others_see_a_profile_without_its_address() {
    let app = spawn_app().await;
    let (mina, jun) = (app.register("mina").await, app.register("jun").await);
    app.put("/users/me", &mina, json!({ "display_name": "Mina!", "bio": "tea" })).await.is(200);
    let seen = app.get(&format!("/users/{}", mina.id), &jun).await;
    assert!(!seen.text.contains("example.com"), "{seen:?}");
    let seen = seen.is(200);
    has_shape(&seen, PUBLIC_PROFILE);
    assert_eq!((&seen["display_name"], &seen["bio"]), (&json!("Mina!"), &json!("tea")));
    has_shape(&app.get(&format!("/users/{}", mina.id), &mina).await.is(200), PUBLIC_PROFILE);
}

#[tokio::test]
async fn a_user_who_does_not_exist_is_not_found() {
    let app = spawn_app().await;
    let mina = app.register("mina").await;
    app.get(&format!("/users/{}", mina.id + 1), &mina).await.refuses(404, "user_not_found");
}
