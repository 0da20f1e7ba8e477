//! A connection on which nothing is on its way.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const KEPT: Duration = Duration::from_millis(50);
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: m\r\n\r\n";

/// A client, and its connection after a call has been answered.
async fn idle() -> (TcpStream, Wire) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let (tcp, _) = listener.accept().await.expect("it comes");
    let mut wire = accept(tcp, None, &Newcomers::default()).await.expect("there is room");
    wire.keep_alive = KEPT;
    client.write_all(GET).await.expect("it is sent");
    wire.read_exact(&mut [0; GET.len()]).await.expect("a head");
    let exchange = wire.exchange();
    exchange.begin();
    exchange.admit(Some(0));
    exchange.end(Some(0));
    (client, wire)
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let (mut client, mut wire) = idle().await;
    assert_eq!(wire.read(&mut [0; 1]).await.expect("it ends in order"), 0);
    drop(wire);
    assert_eq!(client.read(&mut [0; 1]).await.expect("it ends in order"), 0);
}

/// Everything stands still once, for longer than an idle connection is kept. What was sent meanwhile comes to be seen only after that.
#[tokio::test]
async fn a_pause_does_not_end_a_connection_on_which_a_request_has_come() {
    let (mut client, mut wire) = idle().await;
    let pause = async {
        tokio::time::sleep(KEPT / 5).await;
        std::thread::sleep(PAUSE_MIN + 2 * KEPT);
        tokio::time::sleep(KEPT / 5).await;
        client.write_all(GET).await.expect("it is sent");
    };
    let mut head = [0; GET.len()];
    let (read, ()) = tokio::join!(wire.read_exact(&mut head), pause);
    assert_eq!(read.expect("it is read"), GET.len());
}
