//! A channel socket, as an ordinary WebSocket client has it.

use super::app::TestApp;
use super::client::User;
use super::schema::check_frame;
use super::{SOON, Value, json};
use futures_util::{SinkExt, StreamExt};
use madang::domain::close::RECONNECT_WITHIN_MS;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// As the document of the sockets calls it.
    channel: &'static str,
}

impl TestApp {
    /// Opens a channel's socket with the token in the query, as a browser does.
    pub async fn socket(&self, channel_id: i64, user: &User) -> Socket {
        self.socket_at(&format!("/ws/{channel_id}?token={}", user.token), &[]).await.0
    }

    /// Opens a socket at a path, with further headers.
    pub async fn socket_at(&self, path: &str, headers: &[(&'static str, String)]) -> (Socket, Response) {
        self.try_socket_at(path, headers).await.expect("the handshake succeeds")
    }

    /// The same, if the node takes it.
    pub async fn try_socket_at(&self, path: &str, headers: &[(&'static str, String)]) -> Option<(Socket, Response)> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().expect("a good URL");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a good header"));
        }
        let stream = TcpStream::connect(self.address).await.expect("the node listens");
        let opening = timeout(SOON, client_async(request, stream)).await.expect("an answer in time");
        let (stream, response) = opening.ok()?;
        let channel = if path.starts_with("/gateway") { "gateway" } else { "channelSocket" };
        Some((Socket { stream, channel }, response))
    }
}

/// What the reason of every `1012` says.
fn wait_told(reason: &str) -> u32 {
    let said: Value = serde_json::from_str(reason).unwrap_or_else(|_| panic!("no JSON: {reason}"));
    let wait = said["reconnect_after_ms"].as_u64().unwrap_or_else(|| panic!("no wait: {reason}"));
    u32::try_from(wait).ok().filter(|wait| *wait <= RECONNECT_WITHIN_MS).expect("a short wait")
}

impl Socket {
    pub async fn send(&mut self, message: Message) {
        self.stream.send(message).await.expect("the socket takes a frame");
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    /// Sends a message to the channel.
    pub async fn say(&mut self, content: &str) {
        self.tell_well(json!({ "content": content })).await;
    }

    /// Sends a message to the channel and waits until it comes back.
    pub async fn say_and_hear(&mut self, content: &str) -> Value {
        self.say(content).await;
        let event = self.next_message().await;
        assert_eq!(event["content"], content, "{event}");
        event
    }

    /// The next frame, whatever it is; `None` where the stream ends.
    pub async fn next_frame(&mut self) -> Option<Message> {
        timeout(SOON, self.stream.next()).await.expect("a frame in time").and_then(Result::ok)
    }

    /// The next text frame, as it was sent. A node that pings and says nothing is not waited for for ever.
    pub async fn next_text(&mut self) -> String {
        let text = async {
            loop {
                match self.next_frame().await {
                    Some(Message::Text(text)) => return text.to_string(),
                    Some(Message::Ping(_) | Message::Pong(_)) => {}
                    other => panic!("no event but {other:?}"),
                }
            }
        };
        timeout(SOON, text).await.expect("an event in time")
    }

    /// The next text frame, as JSON.
    pub async fn next_event(&mut self) -> Value {
        let event = serde_json::from_str(&self.next_text().await).expect("an event is JSON");
        check_frame(self.channel, &event);
        if event["type"] == "error" {
            assert_eq!(super::secrets::find(&event.to_string()), None, "it tells a secret: {event}");
        }
        event
    }

    /// The next event, which has this type.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        let event = self.next_event().await;
        assert_eq!(event["type"], kind, "{event}");
        event
    }

    /// Sends a frame that is as the document says.
    pub async fn tell_well(&mut self, frame: Value) {
        check_frame(self.channel, &frame);
        self.tell(frame).await;
    }

    /// Sends a frame of JSON.
    pub async fn tell(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// The next event, which is a message.
    pub async fn next_message(&mut self) -> Value {
        let event = self.next_event().await;
        assert_eq!(event["type"], "message.created", "{event}");
        event
    }

    /// The next event, which is this error.
    pub async fn next_error(&mut self, code: &str) -> Value {
        let event = self.next_event().await;
        assert_eq!((&event["type"], &event["code"]), (&json!("error"), &json!(code)), "{event}");
        assert!(event["detail"].as_str().is_some_and(|detail| detail.len() > 4), "{event}");
        event
    }

    /// The outcome of a send, which is this error. It may be told before that nobody knows yet, where PostgreSQL is slow.
    pub async fn refused_in_the_end(&mut self, code: &str) -> Value {
        loop {
            let event = self.next_event().await;
            if event["code"] != "unconfirmed" {
                assert_eq!(event["code"], code, "{event}");
                return event;
            }
        }
    }

    /// The answer to a ping: nothing else had been sent before it.
    pub async fn hears_nothing(&mut self) {
        self.send(Message::Ping(Bytes::from_static(b"anything?"))).await;
        match self.next_frame().await {
            Some(Message::Pong(payload)) if *payload == *b"anything?" => {}
            other => panic!("heard {other:?}"),
        }
    }

    /// Reads on to the close frame, which has this code; then the stream ends.
    pub async fn expect_close(&mut self, code: u16) {
        self.read_to_close(code).await;
    }

    /// Reads on to the close frame of a node that restarts; answers how many messages came before, and how long to wait.
    pub async fn read_to_restart(&mut self) -> (usize, u32) {
        let (heard, reason) = self.read_to_close(1012).await;
        (heard, wait_told(&reason))
    }

    /// The same where the messages do not matter.
    pub async fn expect_restart(&mut self) -> u32 {
        self.read_to_restart().await.1
    }

    async fn read_to_close(&mut self, code: u16) -> (usize, String) {
        let mut heard = 0;
        let reason = loop {
            match self.next_frame().await {
                Some(Message::Close(Some(CloseFrame { code: is, reason }))) => {
                    assert_eq!(u16::from(is), code);
                    break reason.to_string();
                }
                Some(Message::Close(None)) => panic!("closed without a code, not with {code}"),
                Some(Message::Text(text)) => heard += usize::from(text.contains("message.created")),
                Some(_) => {}
                None => panic!("the stream ended without a close frame {code}"),
            }
        };
        assert!(self.next_frame().await.is_none(), "something came after the close frame");
        if code == 1012 {
            wait_told(&reason);
        }
        (heard, reason)
    }

    pub async fn close(mut self) {
        self.send(Message::Close(None)).await;
        while self.next_frame().await.is_some() {}
    }
}
