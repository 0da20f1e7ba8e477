//! A commit whose answer is lost: the connection is cut at that instant, by a proxy before PostgreSQL.

use super::client::{Api, Socket};
use super::node::{Node, furnished_folder};
use super::proxy::{CUT_ANSWER, CUT_QUESTION, CUT_QUESTION_AND_CLAIM, PASS, Proxy};
use madang::postgres;

#[tokio::test(flavor = "current_thread")]
async fn a_message_whose_commit_was_not_answered_is_there_once() {
    let folder = furnished_folder();
    let database = postgres::start(&folder, None).await.expect("PostgreSQL starts");
    let proxy = Proxy::start(folder.join("postgres-run/.s.PGSQL.5432")).await;
    let url = proxy.url();
    let node = Node::start_on(&url).await;
    let api = Api::new(&node.url);
    let account = api.account("lost").await;
    let channel = api.channel(&account).await;
    let mut socket = Socket::open(&node.address, channel, &account).await;
    let mut seq = 0;
    for mode in [PASS, CUT_ANSWER, PASS, CUT_QUESTION, CUT_ANSWER, CUT_ANSWER, CUT_QUESTION_AND_CLAIM, PASS] {
        proxy.once(mode);
        seq += 1;
        let content = format!("message {seq}");
        socket.send(&content).await;
        let event = loop {
            let event = socket.read_event().await;
            match event["code"].as_str() {
                // A machine that is busy takes longer than a sender waits for an answer.
                Some("unconfirmed") => {}
                // It is not there, and never will be.
                Some("unavailable") => socket.send(&content).await,
                _ => break event,
            }
        };
        assert_eq!((&event["seq"], &event["content"]), (&seq.into(), &content.into()), "{event}");
    }
    let history = api.history(&account, channel).await;
    let seqs: Vec<_> = history.iter().map(|message| message["seq"].as_i64().expect("a seq")).collect();
    assert_eq!(seqs, (1..=seq).collect::<Vec<i64>>());
    node.stop().await;
    database.stop().await.expect("it stops");
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
