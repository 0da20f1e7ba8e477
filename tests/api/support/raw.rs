//! Bytes on a TCP connection, for what no client library would send.

use super::SOON;
use super::app::TestApp;
use super::client::Answer;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The headers of a good opening handshake.
pub const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A server's frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub opcode: u8,
    pub payload: Vec<u8>,
}

/// A short frame as a client must send it: masked.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "a short frame");
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).expect("short")];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

impl TestApp {
    /// A connection that takes little before it is read.
    pub async fn raw(&self) -> Raw {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(32 * 1024).expect("a small buffer");
        Raw { stream: socket.connect(self.address).await.expect("the node listens"), read: Vec::new() }
    }

    /// Sends a request with these lines and reads the answer, which is no `101`.
    pub async fn refusal(&self, request_line: &str, headers: &str) -> Answer {
        let mut raw = self.raw().await;
        raw.send(format!("{request_line}\r\nHost: madang\r\n{headers}\r\n").as_bytes()).await;
        let answer = raw.answer(request_line).await;
        answer.check(request_line.starts_with("HEAD"));
        answer
    }

    /// Opens a channel's socket.
    pub async fn raw_socket(&self, channel_id: i64, token: &str) -> Raw {
        let mut raw = self.raw().await;
        let request = format!("GET /ws/{channel_id}?token={token} HTTP/1.1\r\nHost: madang\r\n{HANDSHAKE}\r\n");
        raw.send(request.as_bytes()).await;
        assert_eq!(raw.answer("handshake").await.status, 101);
        raw
    }
}

impl Raw {
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the node takes bytes");
    }

    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&masked(first, payload)).await;
    }

    /// Reads until `count` bytes are there; false where the stream ends before.
    async fn fill(&mut self, count: usize) -> bool {
        while self.read.len() < count {
            let read = timeout(SOON, self.stream.read_buf(&mut self.read)).await.expect("bytes in time");
            if !matches!(read, Ok(1..)) {
                return false;
            }
        }
        true
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        if self.fill(count).await { Some(self.read.drain(..count).collect()) } else { None }
    }

    /// The next answer: its head, and as much of a body as it announces.
    pub async fn answer(&mut self, call: &str) -> Answer {
        let (answer, body) = self.answer_with_body(call).await;
        Answer { text: String::from_utf8(body).expect("a body is text"), ..answer }
    }

    /// The next answer, and its body apart from it, which need not be text.
    pub async fn answer_with_body(&mut self, call: &str) -> (Answer, Vec<u8>) {
        let end = loop {
            match self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => assert!(self.fill(self.read.len() + 1).await, "no answer to {call}"),
            }
        };
        let head = String::from_utf8(self.take(end).await.expect("read already")).expect("a head is text");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.insert(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        let announced = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        let length = if call.starts_with("HEAD") { 0 } else { announced.unwrap_or(0) };
        let body = self.take(length).await.expect("a whole body");
        (Answer { call: call.to_owned(), status, headers, text: String::new() }, body)
    }

    /// All that still comes.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill(self.read.len() + 1).await {}
        std::mem::take(&mut self.read)
    }

    /// The next frame; `None` at the end of the stream.
    pub async fn frame(&mut self) -> Option<Frame> {
        let start = self.take(2).await?;
        assert!(start[0] & 0x80 != 0 && start[1] & 0x80 == 0, "whole and not masked: {start:?}");
        let length = match start[1] {
            126 => self.take(2).await?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
            127 => self.take(8).await?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
            short => usize::from(short),
        };
        Some(Frame { opcode: start[0] & 0x0F, payload: self.take(length).await? })
    }

    /// The next frame, which is text, as JSON.
    pub async fn event(&mut self) -> Value {
        let frame = self.frame().await.expect("an event");
        assert_eq!(frame.opcode, 1, "{frame:?}");
        let event = serde_json::from_slice(&frame.payload).expect("an event is JSON");
        // The gateway has every frame that a channel socket has.
        super::schema::check_frame("gateway", &event);
        event
    }

    /// All frames up to the close frame, which has this code and is the last one.
    pub async fn read_to_close(&mut self, code: u16) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await.expect("a close frame");
            if frame.opcode == 8 {
                let is = frame.payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]));
                assert_eq!(is, Some(code), "{}", String::from_utf8_lossy(&frame.payload));
                assert_eq!(self.frame().await, None, "something came after the close frame");
                return frames;
            }
            frames.push(frame);
        }
    }

    /// The next frame is a close frame with this code, and the last one.
    pub async fn expect_close(&mut self, code: u16) {
        assert_eq!(self.read_to_close(code).await, []);
    }
}
