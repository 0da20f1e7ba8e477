//! What a server answers before anybody is let in, and a start's patience with it.

use super::company::second;
use super::node::Node;
use super::scene::Scene;
use super::settings::refusal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// Refuses with this SQLSTATE, a number of times or those whose first packet has a text in it, and then lets through to PostgreSQL.
struct Door {
    port: u16,
    refused: Arc<AtomicUsize>,
}

impl Door {
    async fn open(scene: &Scene, code: &'static str, refuses: impl Fn(usize, &[u8]) -> bool + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (port, behind) = (listener.local_addr().expect("it is bound").port(), scene.proxy.port);
        let refused = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&refused);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut first = vec![0; 4_096];
                let length = client.read(&mut first).await.unwrap_or(0);
                first.truncate(length);
                if refuses(count.load(Ordering::SeqCst), &first) {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = client.write_all(&fatal(code)).await;
                    continue;
                }
                let mut server = TcpStream::connect(("127.0.0.1", behind)).await.expect("it is there");
                tokio::spawn(async move {
                    if server.write_all(&first).await.is_ok() {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { port, refused }
    }

    fn url(&self) -> String {
        format!("postgresql://madang@127.0.0.1:{}/madang?sslmode=disable", self.port)
    }
}

fn fatal(code: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0Mas a test wants it\0\0");
    let length = u32::try_from(fields.len() + 4).expect("short");
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

#[tokio::test(flavor = "current_thread")]
async fn what_passes_by_itself_is_waited_for() {
    let scene = Scene::start().await;
    for code in ["53300", "57P03", "08006"] {
        let door = Door::open(&scene, code, |refused, _| refused < 3).await;
        let node = Node::start_on(&door.url()).await;
        assert_eq!(door.refused.load(Ordering::SeqCst), 3, "{code}");
        node.stop().await;
    }
    scene.stop().await;
}

#[tokio::test(flavor = "current_thread")]
async fn what_does_not_get_better_is_said_at_once() {
    let scene = Scene::start().await;
    for code in ["28P01", "3D000", "42501", "08P01"] {
        let door = Door::open(&scene, code, |_, _| true).await;
        let mut command = second(&scene);
        command.env("DATABASE_URL", door.url());
        let (status, said) = refusal(command).await;
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(code), "{said}");
        assert!(door.refused.load(Ordering::SeqCst) <= 2, "{code}: once, and once more to find out why");
    }
    scene.stop().await;
}

/// The first host, a standby, does not know the role; the second one is only just starting.
#[tokio::test(flavor = "current_thread")]
async fn a_host_that_is_starting_is_waited_for_whatever_another_says() {
    let scene = Scene::start().await;
    let stranger = Door::open(&scene, "28000", |_, _| true).await;
    let starting = Door::open(&scene, "57P03", |refused, _| refused < 3).await;
    for (first, second) in [(&stranger, &starting), (&starting, &stranger)] {
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", first.port, second.port);
        let node = Node::start_on(&format!("postgresql://madang@{hosts}/madang?sslmode=disable")).await;
        node.stop().await;
        starting.refused.store(0, Ordering::SeqCst);
    }
    scene.stop().await;
}

/// PostgreSQL 11 knows no `plan_cache_mode`, and lets in who does not ask for it: then it is asked what can be asked of any.
#[tokio::test(flavor = "current_thread")]
async fn who_does_not_know_what_a_connection_asks_for_is_asked_without_it() {
    let scene = Scene::start().await;
    scene
        .client
        .batch_execute("create database old encoding 'SQL_ASCII' locale 'C' template template0")
        .await
        .expect("it is made");
    let asks = |_: usize, first: &[u8]| first.windows(15).any(|part| part == b"plan_cache_mode");
    let door = Door::open(&scene, "42704", asks).await;
    let mut command = second(&scene);
    command.env("DATABASE_URL", door.url().replace("/madang?", "/old?"));
    let (status, said) = refusal(command).await;
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("SQL_ASCII"), "{said}");
    scene.stop().await;
}
