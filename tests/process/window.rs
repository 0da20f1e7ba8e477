//! As many sends on their way as a socket may have, all the time.

use super::site::Site;
use std::collections::BTreeMap;

const WINDOW: i64 = 64;
const SENDS: i64 = 3_000;

/// One's own message is its acknowledgement: who has seen it may send the next.
#[tokio::test(flavor = "current_thread")]
async fn sixty_four_on_their_way_are_never_too_many() {
    let site = Site::start(&[]).await;
    let [path, _] = site.paths();
    let mut socket = site.socket(&path).await;
    let mut answers: BTreeMap<String, i64> = BTreeMap::new();
    for number in 0..SENDS + WINDOW {
        if number >= WINDOW {
            let event = socket.read_event().await;
            let answer = event["code"].as_str().or(event["type"].as_str()).expect("a type");
            *answers.entry(answer.to_owned()).or_default() += 1;
        }
        if number < SENDS {
            socket.send("x").await;
        }
    }
    assert_eq!(answers, BTreeMap::from([("message.created".to_owned(), SENDS)]));
    site.stop().await;
}
