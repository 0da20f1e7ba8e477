//! A change is committed, and how it stands cannot be read then: whoever may have lost a right comes back at once.

use super::client::Socket;
use super::courtyard::Courtyard;
use super::proxy::Fate;
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::cell::Cell;

const MEMBER: &str = "from user_servers where user_id = $1 and server_id = $2 limit 1";

/// June is a member.
async fn start() -> Courtyard {
    let scene = Courtyard::start().await;
    assert_eq!(scene.join().await.0, StatusCode::OK);
    scene
}

/// The answer to this statement, which follows the change, does not come.
async fn loses_its_look(
    scene: &Courtyard,
    look: &'static str,
    change: impl Future<Output = (StatusCode, String)>,
) -> StatusCode {
    scene.use_fresh_connections().await;
    scene.storage.proxy.next_call(look, Fate::Hold);
    change.await.0
}

#[tokio::test(flavor = "current_thread")]
async fn who_has_left_comes_back_and_is_refused() {
    let scene = start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    let mut owners = Socket::open(&scene.node.address, scene.channel, &scene.owner).await;
    assert_eq!(loses_its_look(&scene, MEMBER, scene.leave()).await, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 1012);
    let messages = format!("/channels/{}/messages", scene.channel);
    assert_eq!(scene.call(Method::GET, &messages, &scene.june, json!(null)).await.0, StatusCode::FORBIDDEN);
    owners.send("nobody else").await;
    assert_eq!(owners.read_event().await["content"], "nobody else");
    scene.stop().await;
}

/// Whoever is told that somebody has left can rely on it: no socket of theirs hears or says anything any more.
#[tokio::test(flavor = "current_thread")]
async fn a_change_is_answered_when_it_is_true_for_every_socket() {
    let scene = start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    scene.use_fresh_connections().await;
    scene.storage.proxy.next_call(MEMBER, Fate::Delay);
    let is_answered = Cell::new(false);
    let leave = async {
        let (status, _) = scene.leave().await;
        is_answered.set(true);
        status
    };
    let look = async {
        scene.storage.proxy.held().await;
        // An answer that waits for nothing would have come by then.
        for _ in 0..50 {
            scene.api.get("/users/me", &scene.owner.token).await;
        }
        assert!(!is_answered.get(), "it is not known yet how it stands");
        scene.storage.proxy.give_answer();
    };
    let (status, ()) = tokio::join!(leave, look);
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 4403);
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_has_a_new_password_comes_back_with_a_new_login() {
    let scene = start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    let change = scene.call(Method::PUT, "/users/me", &scene.june, json!({ "password": "a better horse battery" }));
    assert_eq!(loses_its_look(&scene, "order by s.id + 0", change).await, StatusCode::OK);
    assert_eq!(socket.read_close().await, 1012);
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn who_was_in_a_deleted_server_comes_back_and_finds_nothing() {
    let scene = start().await;
    let mut socket = Socket::open(&scene.node.address, scene.channel, &scene.june).await;
    let server = format!("/servers/{}", scene.owner.server);
    let delete = scene.call(Method::DELETE, &server, &scene.owner, json!(null));
    let look = "select id, name, description, icon_url";
    assert_eq!(loses_its_look(&scene, look, delete).await, StatusCode::NO_CONTENT);
    assert_eq!(socket.read_close().await, 1012);
    assert_eq!(scene.call(Method::GET, &server, &scene.june, json!(null)).await.0, StatusCode::NOT_FOUND);
    scene.stop().await;
}

/// Nobody comes back for it: it is told when it can be read.
#[tokio::test(flavor = "current_thread")]
async fn members_hear_of_who_has_joined_though_a_look_was_lost() {
    let scene = Courtyard::start().await;
    let mut gateway = Socket::ready_gateway(&scene.node.address, &scene.owner).await;
    assert_eq!(loses_its_look(&scene, MEMBER, scene.join()).await, StatusCode::OK);
    loop {
        let (first, payload) = gateway.next_frame().await.expect("it lives");
        assert_ne!(first, 0x88, "it was closed");
        if first == 0x81 && String::from_utf8_lossy(&payload).contains("member.joined") {
            break;
        }
    }
    scene.stop().await;
}
