//! A change over HTTP whose answer is lost while it is still running: when it has committed, this node knows it.

use super::client::{Account, Api, Socket};
use super::node::{Node, data_folder};
use super::proxy::Proxy;
use madang::store::embedded;
use reqwest::{Client, Method, StatusCode};
use std::time::Duration;
use tokio_postgres::NoTls;

async fn call(url: &str, method: Method, path: &str, account: &Account) -> StatusCode {
    let call = Client::new().request(method, format!("{url}{path}")).bearer_auth(&account.token);
    call.send().await.expect("an answer").status()
}

/// Makes a change while `lock` holds what it needs, cuts its connection, and lets it go on.
async fn lose(url: &str, proxy: &Proxy, database: &tokio_postgres::Client, lock: &str, path: &str, account: &Account) {
    database.batch_execute(&format!("begin; {lock} for update")).await.expect("it is free");
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    let cut = async {
        while database.query_one(waits, &[]).await.expect("a count").get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        proxy.cut_calls();
    };
    let (status, ()) = tokio::join!(call(url, Method::POST, path, account), cut);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    database.batch_execute("commit").await.expect("it was open");
}

#[tokio::test(flavor = "current_thread")]
async fn a_change_that_was_lost_and_took_effect_takes_effect_here() {
    let folder = data_folder();
    let database = embedded::start(&folder, None).await.expect("PostgreSQL starts");
    let proxy = Proxy::start(folder.join("postgres-run/.s.PGSQL.5432")).await;
    let node = Node::start_on(&format!("postgresql://madang@127.0.0.1:{}/madang?sslmode=disable", proxy.port)).await;
    let (client, connection) = database.config().connect(NoTls).await.expect("PostgreSQL runs");
    tokio::spawn(connection);
    let api = Api::new(&node.url);
    let (owner, june, kim) = (api.account("owner").await, api.account("june").await, api.account("kim").await);
    let channel = api.channel(&owner).await;
    let (server, url) = (owner.server, node.url.as_str());
    assert_eq!(call(url, Method::POST, &format!("/servers/{server}/join"), &june).await, StatusCode::OK);
    let mut socket = Socket::open(&node.address, channel, &june).await;
    let reads = format!("/channels/{channel}/messages");
    assert_eq!(call(url, Method::GET, &reads, &kim).await, StatusCode::FORBIDDEN);

    let membership = format!(
        "select from user_servers m join users u on u.id = user_id and username = 'june' where server_id = {server}"
    );
    lose(url, &proxy, &client, &membership, &format!("/servers/{server}/leave"), &june).await;
    assert_eq!(socket.read_close().await, 4403);
    assert_eq!(call(url, Method::GET, &reads, &june).await, StatusCode::FORBIDDEN);

    let account = "select from users where username = 'kim'";
    lose(url, &proxy, &client, account, &format!("/servers/{server}/join"), &kim).await;
    while call(url, Method::GET, &reads, &kim).await != StatusCode::OK {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    node.stop().await;
    database.stop().await.expect("it stops");
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
