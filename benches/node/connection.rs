//! A client that costs as little as one can: a request that is made already, an answer of which only the length is read.

use std::ops::Range;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Fifty logins may wait for one core.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A kept-alive connection with one call on its way.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body: Range<usize>,
}

impl Connection {
    pub async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("it can be set");
        Self { stream, buffer: vec![0; 64 * 1024], body: 0..0 }
    }

    /// Sends a request and reads the whole answer; answers its status.
    pub async fn call(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.expect("it is sent");
        let mut filled = 0;
        loop {
            let read = timeout(ANSWER_MAX, self.stream.read(&mut self.buffer[filled..])).await;
            let count = read.expect("an answer in time").expect("the connection lives");
            assert!(count > 0, "the connection was closed");
            filled += count;
            if let Some((status, body)) = shape(&self.buffer[..filled])
                && body.end <= filled
            {
                self.body = body;
                return status;
            }
        }
    }

    /// The last answer's body.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.body.clone()]
    }
}

/// An answer's status, and where its body is; once its head is whole.
fn shape(bytes: &[u8]) -> Option<(u16, Range<usize>)> {
    const LENGTH: &[u8] = b"content-length: ";
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let number = |from: usize| {
        let digits = bytes[from..head].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
    };
    let length = bytes[..head].windows(LENGTH.len()).position(|part| part == LENGTH)? + LENGTH.len();
    Some((number(b"HTTP/1.1 ".len()) as u16, head..head + number(length)))
}
