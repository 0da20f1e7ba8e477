//! What a start finds on its database: connections that an earlier node has left, and locks of somebody else.

use super::client::Api;
use super::company::second;
use super::node::Node;
use super::proxy::Fate;
use super::scene::Scene;
use super::settings::refusal;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;
/// Of the schema's changes.
const MIGRATION_LOCK: &str = "select pg_advisory_lock(120265063362151)";

/// A connection that calls itself so, and has done this.
async fn connection(scene: &Scene, name: &str, statements: &str) -> Client {
    let mut config = scene.database.config();
    let (client, connection) = config.application_name(name).connect(NoTls).await.expect("it runs");
    tokio::spawn(connection);
    client.batch_execute(statements).await.expect("good SQL");
    client
}

/// Its machine died while it was changing the schema, or it was stopped with a transaction open: what it left holds locks.
#[tokio::test(flavor = "current_thread")]
async fn what_an_earlier_node_has_left_is_ended_before_the_schema_is_looked_at() {
    let scene = Scene::start().await;
    Node::start_on(&scene.proxy.url()).await.stop().await;
    let table = "begin; lock table refinery_schema_history, messages in access exclusive mode";
    for (name, statements) in [
        ("madang migrate", MIGRATION_LOCK),
        ("madang start", table),
        ("madang", table),
        ("madang cascade", table),
        ("madang writer", table),
    ] {
        let left = connection(&scene, name, statements).await;
        let url = scene.proxy.url();
        let start = tokio::time::timeout(PATIENCE, Node::start_on(&url));
        let node = start.await.unwrap_or_else(|_| panic!("it waits for {name}"));
        assert!(left.execute("select 1", &[]).await.is_err(), "{name} has been ended");
        node.stop().await;
    }
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_names_whoever_else_holds_what_the_schema_needs_and_does_not_wait_for_ever() {
    let scene = Scene::start().await;
    Node::start_on(&scene.proxy.url()).await.stop().await;
    for statements in [MIGRATION_LOCK, "begin; lock table refinery_schema_history"] {
        let other = connection(&scene, "somebody's dump", statements).await;
        let (code, said) = refusal(second(&scene)).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("others hold locks") && said.contains("`somebody's dump`"), "{said}");
        other.batch_execute("rollback; select pg_advisory_unlock_all()").await.expect("it is left alone");
    }
    Node::start_on(&scene.proxy.url()).await.stop().await;
    scene.stop().await;
}

/// PostgreSQL takes the connection, and then says nothing: at each of the statements of a start.
#[tokio::test(flavor = "current_thread")]
async fn a_database_that_hangs_stops_the_start_wherever_it_is() {
    let scene = Scene::start().await;
    Node::start_on(&scene.proxy.url()).await.stop().await;
    let statements = ["datcollate", "pg_try_advisory_lock", "regexp_replace(application_name", "into node_lock"];
    for statement in statements {
        scene.proxy.next_call(statement, Fate::Hold);
        let (code, said) = refusal(second(&scene)).await;
        assert_eq!(code, Some(1), "{statement}: {said}");
        assert!(said.contains("in time"), "{statement}: {said}");
    }
    let node = Node::start_on(&scene.proxy.url()).await;
    Api::new(&node.url).account("afterwards").await;
    node.stop().await;
    scene.stop().await;
}
