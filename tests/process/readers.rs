//! Programs that read slowly: above the least rate they get all of an answer, below it they are cut off.

use super::node::{Node, furnished_folder};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

/// As in most networks: on a loopback a segment is so large that slow readers look otherwise to the kernel.
const MSS: u32 = 1_400;
const PATIENCE: Duration = Duration::from_secs(120);
/// So long somebody is slow before the rest is read at once; a connection whose peer took nothing was reset by then.
const SLOW: Duration = Duration::from_secs(55);

/// Reads a page of 1.5 MB at so many bytes a second for a while; how many of how many have come.
async fn read(address: &str, bytes_per_second: usize) -> (usize, usize) {
    let address = address.parse::<std::net::SocketAddr>().expect("an address");
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_tcp_mss(MSS).expect("a size");
    socket.connect(&address.into()).expect("a connection");
    socket.set_nonblocking(true).expect("it can be");
    let mut stream = TcpStream::from_std(socket.into()).expect("a stream");
    stream
        .write_all(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
        .await
        .expect("sent");
    let (mut answer, mut piece) = (Vec::new(), vec![0; bytes_per_second / 10]);
    let slowly = async {
        let mut pace = interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            match stream.read(&mut piece).await {
                Ok(count @ 1..) => answer.extend_from_slice(&piece[..count]),
                Ok(_) | Err(_) => return,
            }
        }
    };
    let _ = timeout(SLOW, slowly).await;
    // What was read before a reset counts.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it ends");
    let text = String::from_utf8_lossy(&answer[..answer.len().min(1_000)]).to_lowercase();
    let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    let head = text.find("\r\n\r\n").expect("a head") + 4;
    (answer.len() - head, length.expect("it says how long it is"))
}

#[tokio::test(flavor = "current_thread")]
async fn who_reads_above_the_least_rate_gets_all_of_an_answer_and_who_does_not_is_cut_off() {
    let folder = furnished_folder();
    let node = Node::start(&folder).await;
    let rates = [10_000, 12_000, 16_000, 20_000, 1_024];
    let read = join_all(rates.map(|rate| read(&node.address, rate))).await;
    for (rate, (came, whole)) in rates.iter().zip(&read) {
        assert_eq!(came == whole, *rate > 8 * 1_024, "{rate} bytes a second: {came} of {whole}");
    }
    node.stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}
