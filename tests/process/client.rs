//! The cheapest client that is still a real one: it must not be what is measured.

use super::node::PATIENCE;
use super::schema::check_frame;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// As much as the system keeps of what is sent, or not read; it makes more of it.
const NARROW_BYTES: u32 = 4 * 1024;

/// Management calls.
pub struct Api {
    http: reqwest::Client,
    url: String,
}

/// Somebody who is logged in, with a server to make channels in.
pub struct Account {
    pub token: String,
    pub server: i64,
}

impl Api {
    pub fn new(url: &str) -> Self {
        Self { http: reqwest::Client::new(), url: url.to_owned() }
    }

    pub async fn post(&self, path: &str, token: &str, body: Value) -> Value {
        let call = self.http.post(format!("{}{path}", self.url)).bearer_auth(token).json(&body);
        call.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// Any call with a body; answers how it went and what was said, where that is JSON.
    pub async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
        let call = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(token).json(&body);
        let answer = call.send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// The same where it has to succeed.
    pub async fn must(&self, method: Method, path: &str, token: &str, body: Value) -> Value {
        let (status, said) = self.call(method, path, token, body).await;
        assert!(status.is_success(), "{path}: {status} {said}");
        said
    }

    pub async fn account(&self, name: &str) -> Account {
        let password = "correct horse battery";
        let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": password });
        self.post("/auth/register", "", new).await;
        let token = self.log_in(name, password).await;
        let server = self.post("/servers/", &token, json!({ "name": name })).await["id"].as_i64().expect("an id");
        Account { token, server }
    }

    pub async fn log_in(&self, name: &str, password: &str) -> String {
        let form =
            self.http.post(format!("{}/auth/login", self.url)).form(&[("username", name), ("password", password)]);
        let answer: Value = form.send().await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    /// The token of the first account of a run of the load tool.
    pub async fn owner_of_run(&self, run: &str) -> String {
        self.log_in(&format!("load-{run}-0"), &format!("madang load {run}")).await
    }

    /// The servers that a run of the load tool has left.
    pub async fn servers_of_run(&self, run: &str) -> usize {
        let token = self.owner_of_run(run).await;
        self.get("/servers/", &token).await.as_array().expect("a list").len()
    }

    pub async fn get(&self, path: &str, token: &str) -> Value {
        let call = self.http.get(format!("{}{path}", self.url)).bearer_auth(token);
        call.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// A channel's whole history, oldest first.
    pub async fn history(&self, account: &Account, channel: i64) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let last = all.last().map_or(0, |message| message["id"].as_i64().expect("an id"));
            let path = format!("{}/channels/{channel}/messages?limit=100&after={last}", self.url);
            let call = self.http.get(path).bearer_auth(&account.token).send().await.expect("an answer");
            let page: Vec<Value> = call.error_for_status().expect("200").json().await.expect("JSON");
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    pub async fn join(&self, server: i64, account: &Account) {
        self.change(&format!("/servers/{server}/join"), account).await;
    }

    pub async fn leave(&self, server: i64, account: &Account) {
        self.change(&format!("/servers/{server}/leave"), account).await;
    }

    /// A call whose answer has nothing in it.
    async fn change(&self, path: &str, account: &Account) {
        let call = self.http.post(format!("{}{path}", self.url)).bearer_auth(&account.token).send().await;
        call.and_then(reqwest::Response::error_for_status).expect("it is done");
    }

    /// A fresh server.
    pub async fn server(&self, account: &Account) -> i64 {
        self.post("/servers/", &account.token, json!({ "name": "more" })).await["id"].as_i64().expect("an id")
    }

    /// A fresh channel; in a fresh server when the account's has all that it may have.
    pub async fn channel(&self, account: &Account) -> i64 {
        let body = json!({ "name": "bench", "server_id": account.server });
        let made = self.post("/channels/", &account.token, body).await;
        if let Some(id) = made["id"].as_i64() {
            return id;
        }
        let body = json!({ "name": "bench", "server_id": self.server(account).await });
        self.post("/channels/", &account.token, body).await["id"].as_i64().expect("an id")
    }
}

/// A channel socket that only counts what comes.
pub struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Socket {
    pub async fn open(address: &str, channel: i64, account: &Account) -> Self {
        Self::open_at(address, &format!("/ws/{channel}"), account).await
    }

    /// Opens a socket on a path with its query.
    pub async fn open_at(address: &str, path: &str, account: &Account) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        Self::shake_hands(stream, address, path, account).await
    }

    /// Opens a gateway that has its state: what is lost from now on is news.
    pub async fn ready_gateway(address: &str, account: &Account) -> Self {
        let mut gateway = Self::open_at(address, "/gateway", account).await;
        loop {
            let (first, payload) = gateway.next_frame().await.expect("it lives");
            assert_ne!(first, 0x88, "it was closed");
            if first == 0x81 && String::from_utf8_lossy(&payload).contains("\"ready\"") {
                return gateway;
            }
        }
    }

    /// Opens a socket for which the system keeps hardly anything before it is read.
    pub async fn open_narrow(address: &str, path: &str, account: &Account) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(NARROW_BYTES).expect("a small buffer");
        socket.set_send_buffer_size(NARROW_BYTES).expect("a small buffer");
        let stream = socket.connect(address.parse().expect("an address")).await.expect("a connection");
        Self::shake_hands(stream, address, path, account).await
    }

    async fn shake_hands(mut stream: TcpStream, address: &str, path: &str, account: &Account) -> Self {
        stream.set_nodelay(true).expect("it can be set");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Authorization: Bearer {}\r\n\r\n",
            account.token
        );
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let mut socket = Self { stream, buffer: Vec::new() };
        loop {
            socket.fill().await;
            if let Some(end) = socket.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                assert!(socket.buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&socket.buffer));
                socket.buffer.drain(..end + 4);
                socket.buffer.shrink_to_fit();
                return socket;
            }
        }
    }

    pub async fn open_many(address: &str, channel: i64, account: &Account, count: usize) -> Vec<Self> {
        let mut sockets = Vec::with_capacity(count);
        while sockets.len() < count {
            let batch = (0..100.min(count - sockets.len())).map(|_| Self::open(address, channel, account));
            sockets.extend(futures_util::future::join_all(batch).await);
        }
        sockets
    }

    /// Sends a message.
    pub async fn send(&mut self, content: &str) {
        let text = format!(r#"{{"content":"{content}"}}"#);
        self.send_bytes(&frame(0x81, text.as_bytes())).await.expect("it is sent");
    }

    /// A connection to something that sends frames and takes no handshake.
    pub async fn bare(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("it can be set");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends the same message so often, in one write.
    pub async fn send_many(&mut self, content: &str, count: u64) {
        let text = format!(r#"{{"content":"{content}"}}"#);
        let frames: Vec<u8> = (0..count).flat_map(|_| frame(0x81, text.as_bytes())).collect();
        self.send_bytes(&frames).await.expect("it is sent");
    }

    /// Sends bytes that need not be what the node wants.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        // The node may have ended the connection before.
        let _ = self.stream.shutdown().await;
    }

    /// The next frame's first byte and payload; `None` at the connection's end.
    pub async fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        timeout(PATIENCE, self.any_frame()).await.expect("nothing came")
    }

    async fn any_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(length) = frame_length(&self.buffer) {
                let frame: Vec<u8> = self.buffer.drain(..length).collect();
                let header = if frame[1] == 126 { 4 } else { 2 };
                return Some((frame[0], frame[header..].to_vec()));
            }
            let mut piece = [0; 16 * 1024];
            match self.stream.read(&mut piece).await {
                Ok(count @ 1..) => self.buffer.extend_from_slice(&piece[..count]),
                Ok(_) | Err(_) => return None,
            }
        }
    }

    async fn fill(&mut self) {
        let mut piece = [0; 16 * 1024];
        let count = self.stream.read(&mut piece).await.expect("the socket lives");
        assert!(count > 0, "the socket was closed");
        self.buffer.extend_from_slice(&piece[..count]);
    }

    /// Reads at least one frame; answers how many came.
    pub async fn read_frames(&mut self) -> u64 {
        self.read_counting(b"").await
    }

    /// Reads at least one frame; answers how many of those that came hold `marker`.
    pub async fn read_counting(&mut self, marker: &[u8]) -> u64 {
        self.fill().await;
        self.take_frames(marker).await
    }

    async fn take_frames(&mut self, marker: &[u8]) -> u64 {
        let (mut at, mut count, mut is_pinged) = (0, 0, false);
        while let Some(length) = frame_length(&self.buffer[at..]) {
            let frame = &self.buffer[at..at + length];
            at += length;
            if frame[0] == 0x89 {
                is_pinged = true;
                continue;
            }
            assert_eq!(frame[0], 0x81, "{}", String::from_utf8_lossy(frame));
            if marker.is_empty() || frame.windows(marker.len()).any(|part| part == marker) {
                count += 1;
            }
        }
        self.buffer.drain(..at);
        if is_pinged {
            self.send_bytes(&frame(0x8A, b"")).await.expect("it is sent");
        }
        count
    }

    /// Reads until a whole text frame is there; answers what it says.
    pub async fn read_event(&mut self) -> Value {
        timeout(PATIENCE, self.any_event()).await.expect("no event came")
    }

    async fn any_event(&mut self) -> Value {
        loop {
            if let Some(length) = frame_length(&self.buffer) {
                let frame: Vec<u8> = self.buffer.drain(..length).collect();
                let header = if frame[1] == 126 { 4 } else { 2 };
                match frame[0] {
                    0x81 => {
                        let event = serde_json::from_slice(&frame[header..]).expect("an event is JSON");
                        check_frame("channelSocket", &event);
                        return event;
                    }
                    0x89 => {
                        // Where the node is gone by now, it shows in what is read.
                        let _ = self.send_bytes(&self::frame(0x8A, &frame[2..])).await;
                        continue;
                    }
                    other => panic!("not a text frame: {other:#x} {:?}", String::from_utf8_lossy(&frame)),
                }
            }
            self.fill().await;
        }
    }

    /// Reads until the close frame; answers its code.
    pub async fn read_close(&mut self) -> u16 {
        timeout(PATIENCE, self.any_close()).await.expect("it was not closed")
    }

    async fn any_close(&mut self) -> u16 {
        loop {
            if let Some(length) = frame_length(&self.buffer) {
                let frame: Vec<u8> = self.buffer.drain(..length).collect();
                if frame[0] == 0x88 {
                    return u16::from_be_bytes([frame[2], frame[3]]);
                }
            } else {
                self.fill().await;
            }
        }
    }

    /// Reads until a text begins like this; answers how many came before it.
    pub async fn read_until(&mut self, beginning: &[u8]) -> u64 {
        let (mut at, mut count) = (0, 0);
        loop {
            while let Some(length) = frame_length(&self.buffer[at..]) {
                let frame = &self.buffer[at..at + length];
                assert_eq!(frame[0], 0x81, "{}", String::from_utf8_lossy(frame));
                at += length;
                if frame[if frame[1] == 126 { 4 } else { 2 }..].starts_with(beginning) {
                    self.buffer.drain(..at);
                    self.buffer.shrink_to_fit();
                    return count;
                }
                count += 1;
            }
            self.buffer.drain(..at);
            at = 0;
            self.fill().await;
        }
    }

    /// The bare stream, once everything that has come is read.
    pub fn into_stream(self) -> std::net::TcpStream {
        assert!(self.buffer.is_empty(), "something waits to be read");
        self.stream.into_std().expect("it leaves the runtime")
    }

    /// Reads until `count` frames have come; answers how many bytes they had.
    pub async fn wait_for(&mut self, count: u64) -> usize {
        let (mut seen, mut bytes) = (0, 0);
        while seen < count {
            let before = self.buffer.len();
            self.fill().await;
            bytes += self.buffer.len() - before;
            seen += self.take_frames(b"").await;
        }
        bytes
    }
}

/// A client's frame; the mask is zero, so the payload stays as it is.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        middle @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend((middle as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// The length of the whole frame at the front, if it is all there.
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    let whole = match bytes.get(1)? {
        126 => 4 + usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        127 => return None,
        short => 2 + usize::from(*short),
    };
    (bytes.len() >= whole).then_some(whole)
}
