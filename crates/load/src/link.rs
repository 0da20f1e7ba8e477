//! One WebSocket connection: the handshake, and the bytes in both directions.

use super::frames::{Kind, Reader, write};
use super::report::UNLIMITED;
use super::report::times::HANDSHAKE;
use super::run::{Phase, Run};
use super::stream::Stream;
use std::cell::RefCell;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HANDSHAKE_MAX: Duration = Duration::from_secs(30);
const WRITE_MAX: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 16 * 1024;
const READS_A_TURN: usize = 4;
/// RFC 6455, section 1.3: this key has that answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// The node does not take the token.
    Token,
    /// It will not help to try again.
    Refused(String),
    /// It may help.
    Failed(String),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A certificate that is not taken now will not be later.
            io::ErrorKind::InvalidData => Self::Refused(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// What has come of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// There may be more.
    Open,
    /// The connection has ended.
    Ended,
    /// What came is no frame that a node may send.
    Garbled,
}

/// See the module.
pub struct Link {
    stream: Stream,
    reader: Reader,
    /// What came with the answer to the handshake.
    early: Vec<u8>,
    /// Reading was left off before the end of what had come.
    has_more: bool,
}

impl Link {
    /// Connects and shakes hands; the time that it takes goes into the run's `handshake`.
    ///
    /// # Errors
    /// Whether, and how, to try again.
    pub async fn open(run: &Run, path: &str, token: &str) -> Result<Self, ConnectError> {
        let _turn = run.handshakes.acquire().await.map_err(|_| ConnectError::Refused("the run is over".into()))?;
        if run.phase() == Phase::Waiting && run.is_stopped() {
            return Err(ConnectError::Failed("the run was stopped".into()));
        }
        let started_us = run.clock.now_us();
        let opened = tokio::time::timeout(HANDSHAKE_MAX, Self::shake_hands(run, path, token)).await;
        let link =
            opened.map_err(|_| ConnectError::Failed(format!("no answer within {} s", HANDSHAKE_MAX.as_secs())))??;
        run.meter.times(HANDSHAKE).note(run.clock.now_us() - started_us);
        Ok(link)
    }

    async fn shake_hands(run: &Run, path: &str, token: &str) -> Result<Self, ConnectError> {
        let mut stream = run.target.connect().await?;
        let request = format!(
            "GET {}{path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\nAuthorization: Bearer {token}\r\n\r\n",
            run.target.path, run.target.host
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut head = Vec::new();
        let end = loop {
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if head.len() > HEAD_BYTES_MAX {
                return Err(ConnectError::Refused("the answer to the handshake has no end".into()));
            }
            // No more than has come: thousands of these are on their way at once.
            let mut piece = [0; 1_024];
            match stream.read(&mut piece).await? {
                0 => return Err(ConnectError::Failed("the connection was closed during the handshake".into())),
                count => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        };
        let early = head.split_off(end);
        let text = String::from_utf8_lossy(&head);
        let status = text.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
        match status {
            Some(101) if text.contains(ACCEPT) => Ok(Self { stream, reader: Reader::default(), early, has_more: true }),
            Some(401) => Err(ConnectError::Token),
            Some(429) => {
                Err(ConnectError::Refused(format!("the node limits handshakes, or a user's sockets: {UNLIMITED}")))
            }
            Some(503) => Err(ConnectError::Failed("the handshake was answered with 503".into())),
            _ => {
                let mut body = early;
                // What it says may still be on its way; the node closes the connection after it.
                let _ = tokio::time::timeout(Duration::from_secs(1), stream.take(4_096).read_to_end(&mut body)).await;
                let line = text.lines().next().unwrap_or_default();
                let says = String::from_utf8_lossy(&body).trim().chars().take(300).collect::<String>();
                Err(ConnectError::Refused(format!("GET {path} as a WebSocket was answered with `{line}` {says}")))
            }
        }
    }

    /// Waits until something may be read.
    pub async fn readable(&self) {
        if !self.has_more {
            // What is wrong with the connection shows when it is read.
            let _ = self.stream.readable().await;
        }
    }

    /// Reads what has come and hands on each frame.
    pub fn read(&mut self, mut take: impl FnMut(Kind, &[u8])) -> Reading {
        let early = std::mem::take(&mut self.early);
        if !early.is_empty() && self.reader.feed(&early, &mut take).is_err() {
            return Reading::Garbled;
        }
        self.has_more = false;
        SCRATCH.with_borrow_mut(|scratch| {
            for _ in 0..READS_A_TURN {
                match self.stream.try_read(scratch) {
                    Ok(0) => return Reading::Ended,
                    Ok(count) => {
                        if self.reader.feed(scratch.get(..count).unwrap_or_default(), &mut take).is_err() {
                            return Reading::Garbled;
                        }
                        if count < scratch.len() {
                            return Reading::Open;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Reading::Open,
                    Err(_) => return Reading::Ended,
                }
            }
            self.has_more = true;
            Reading::Open
        })
    }

    /// Writes frames; an error where the node takes none of them for [`WRITE_MAX`].
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let all = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let written = tokio::time::timeout(WRITE_MAX, all).await;
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let mut frame = Vec::new();
        write(Kind::Close, &1000u16.to_be_bytes(), &mut frame);
        let _ = self.write(&frame).await;
    }
}
