//! What limits by rate cost a call, and what a call costs that is refused.
//!
//! The same call from the registry, to a node that limits nothing and to one that does, in the names of so many users that
//! none is refused; and calls that are refused for one reason each.

use super::connection::Connection;
use super::node::{Node, cpu_of};
use super::results::{Goal, Results, Row};
use super::site::Site;
use futures_util::future::join_all;
use madang::auth::token::{TokenAlgorithm, Tokens};
use madang::domain::UserId;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const WARMING: Duration = Duration::from_millis(200);
/// Each may call 50 times a second.
const USERS: i64 = 4_000;
/// What the site's nodes sign with.
const SECRET_KEY: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// A way to call, and how it is answered.
struct Kind {
    name: &'static str,
    status: u16,
    requests: Vec<String>,
}

pub async fn measure(results: &mut Results) {
    let site = Site::start("limits").await;
    let channel = site.api.channel(&site.account).await;
    let server = site.account.server;
    let people = format!(
        "insert into users (username, email, hashed_password, display_name)
             select 'limited' || n, 'limited' || n || '@example.com', '', 'n' from generate_series(1, {USERS}) n;
         insert into user_servers (user_id, server_id)
             select id, {server} from users where username like 'limited%'"
    );
    site.client.batch_execute(&people).await.expect("they are made");
    let rows = site.client.query("select id from users where username like 'limited%'", &[]).await.expect("them");
    let tokens = Tokens::new(&SECRET_KEY.into(), None, TokenAlgorithm::Hs256, Duration::from_secs(3_600));
    let signed = |id: i64| tokens.issue_alone(UserId(id)).expect("a token");
    let everybody: Vec<String> = rows.iter().map(|row| signed(row.get(0))).collect();
    let void = void_token(&site).await;
    let get = |token: &str| {
        format!(
            "GET /channels/{channel} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            site.node.address
        )
    };
    let limited = Node::start_on_with(&site.url(), &[("RATE_LIMIT", "on")]).await;
    let accepted: Vec<String> = everybody.iter().map(|token| get(token)).collect();
    let forged = format!("{}x", &everybody[0][..everybody[0].len() - 1]);
    let one = |name, status, request: String| Kind { name, status, requests: vec![request] };
    let refused = [
        one("too many, 429", 429, get(&everybody[0])),
        one("a forged token, 401", 401, get(&forged)),
        one("a token whose login has ended, 401 or 429", 0, get(&void)),
        one("no token, 401", 401, format!("GET /channels/{channel} HTTP/1.1\r\nHost: m\r\n\r\n")),
        one("no such path, 404", 404, "GET /nothing HTTP/1.1\r\nHost: m\r\n\r\n".into()),
    ];
    let accepted = Kind { name: "accepted", status: 200, requests: accepted };
    let (mut free, mut counted) = (Vec::new(), Vec::new());
    let mut others: Vec<Vec<f64>> = refused.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        free.push(round(&site.node, &accepted).await);
        counted.push(round(&limited, &accepted).await);
        for (kind, rounds) in refused.iter().zip(&mut others) {
            rounds.push(round(&limited, kind).await);
        }
    }
    let row = |name: String, rounds: &[f64], floor: &[f64], goal| Row {
        part: "limits",
        name,
        unit: "µs CPU a call",
        rounds: rounds.to_vec(),
        floor: floor.to_vec(),
        goal,
    };
    let name = "GET /channels/{channel_id}, limited, against a node that limits nothing";
    results.push(row(name.into(), &counted, &free, Goal::None));
    for (kind, rounds) in refused.iter().zip(&others) {
        // A refused request costs less than one that is accepted.
        let name = format!("refused: {}, against one that is accepted", kind.name);
        results.push(row(name, rounds, &counted, Goal::TimesFloor(1.0)));
    }
    limited.stop().await;
    site.stop().await;
}

/// A token that is signed well, and whose login has been ended, as a node finds it that starts later.
async fn void_token(site: &Site) -> String {
    let token = site.api.log_in("limits", "correct horse battery").await;
    let end = "delete from auth_sessions where id = (select max(id) from auth_sessions)";
    assert_eq!(site.client.execute(end, &[]).await.expect("it is ended"), 1);
    token
}

/// Keeps every connection busy for a while; microseconds of CPU a call.
async fn round(node: &Node, kind: &Kind) -> f64 {
    let mut connections = join_all((0..CONNECTIONS).map(|_| Connection::open(&node.address))).await;
    keep_busy(&mut connections, kind, WARMING).await;
    let before = cpu_of(node.pid());
    let calls = keep_busy(&mut connections, kind, ROUND).await;
    (cpu_of(node.pid()) - before).as_secs_f64() * 1e6 / calls as f64
}

async fn keep_busy(connections: &mut [Connection], kind: &Kind, time: Duration) -> u64 {
    let end = Instant::now() + time;
    let counts = connections.iter_mut().enumerate().map(|(number, connection)| async move {
        let (mut calls, mut right) = (0, 0);
        while Instant::now() < end {
            // Each connection goes through all users, from another place on.
            let at = (number * kind.requests.len() / CONNECTIONS + calls) % kind.requests.len();
            let status = connection.call(kind.requests[at].as_bytes()).await;
            calls += 1;
            right += usize::from(status == kind.status || kind.status == 0 && [401, 429].contains(&status));
        }
        // The first ones of whoever calls too often are taken.
        assert!(right * 10 >= calls * 9, "{}: {right} of {calls}", kind.name);
        calls as u64
    });
    join_all(counts).await.into_iter().sum()
}
