//! A storm of logins: what it does to those who talk meanwhile. Each costs a third of a second of a core.

use super::client::Api;
use super::connection::Connection;
use super::node::{Node, data_folder};
use super::results::{Goal, Results, Row};
use super::traffic::Traffic;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use tokio::time::sleep;

const LOGINS_AT_ONCE: usize = 50;
const TRAFFIC: Traffic = Traffic { readers: 4, senders: 4, messages_a_second: 500, messages: 2_000 };
const WARMING_ROUNDS: usize = 2;
const ROUNDS: usize = 5;
/// Until the hashes that were begun are over.
const CALM_AFTER: Duration = Duration::from_secs(2);

/// Measures in turn without and with a storm.
pub async fn measure(results: &mut Results) {
    let folder = data_folder();
    let node = Node::start_logging(&folder, &[("BCRYPT_COST", "12")]).await;
    let api = Api::new(&node.url);
    let account = api.account("logins").await;
    let channel = api.channel(&account).await;
    // Somebody else: a hundred logins end those who talk.
    api.account("storm").await;
    for _ in 0..WARMING_ROUNDS {
        TRAFFIC.p99_us(&node, channel, &account).await;
    }
    let (mut calm, mut stormy, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        calm.push(TRAFFIC.p99_us(&node, channel, &account).await as f64);
        let answered = Rc::new(Cell::new(0_u32));
        let storm = LocalSet::new();
        for _ in 0..LOGINS_AT_ONCE {
            storm.spawn_local(log_in_for_ever(node.address.clone(), Rc::clone(&answered)));
        }
        let started = Instant::now();
        let during = storm.run_until(async {
            sleep(Duration::from_secs(1)).await;
            TRAFFIC.p99_us(&node, channel, &account).await
        });
        stormy.push(during.await as f64);
        rates.push(f64::from(answered.get()) / started.elapsed().as_secs_f64());
        drop(storm);
        sleep(CALM_AFTER).await;
    }
    node.stop().await;
    let _ = std::fs::remove_dir_all(&folder);
    results.push(Row {
        part: "logins",
        name: "p99 of a delivery, 500 messages a second, while 50 log in again and again".into(),
        unit: "µs",
        rounds: stormy,
        floor: calm,
        goal: Goal::TimesFloor(2.0),
    });
    results.push(Row {
        part: "logins",
        name: "logins meanwhile, BCRYPT_COST=12".into(),
        unit: "a second",
        rounds: rates,
        floor: Vec::new(),
        goal: Goal::None,
    });
}

/// Who is refused comes back after a second, as the answer says.
async fn log_in_for_ever(address: String, answered: Rc<Cell<u32>>) {
    const FORM: &str = "username=storm&password=correct+horse+battery";
    let request = format!(
        "POST /auth/login HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{FORM}",
        FORM.len()
    );
    let mut connection = Connection::open(&address).await;
    loop {
        match connection.call(request.as_bytes()).await {
            200 => answered.set(answered.get() + 1),
            503 => sleep(Duration::from_secs(1)).await,
            other => panic!("{other}"),
        }
    }
}
