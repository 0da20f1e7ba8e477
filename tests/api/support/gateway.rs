//! A gateway, as an ordinary WebSocket client has it.

use super::app::TestApp;
use super::client::User;
use super::{Socket, Value, json};

impl TestApp {
    /// Opens a gateway with the token in the query; with what it starts with.
    pub async fn gateway(&self, user: &User) -> (Socket, Value) {
        let mut socket = self.socket_at(&format!("/gateway?token={}", user.token), &[]).await.0;
        let ready = socket.next_of("ready").await;
        (socket, ready)
    }

    /// Opens a gateway whose client has not said who it is.
    pub async fn unknown_gateway(&self) -> Socket {
        self.socket_at("/gateway", &[]).await.0
    }

    /// Opens a gateway and subscribes it to a channel, live.
    pub async fn subscriber(&self, user: &User, channel_id: i64) -> Socket {
        let mut socket = self.gateway(user).await.0;
        socket.subscribe(channel_id).await;
        socket
    }
}

impl Socket {
    /// Subscribes to a channel, live; nothing else is on its way.
    pub async fn subscribe(&mut self, channel_id: i64) -> Value {
        self.tell_well(json!({ "type": "subscribe", "channel_id": channel_id })).await;
        let subscribed = self.next_of("subscribed").await;
        assert_eq!(subscribed["channel_id"], channel_id, "{subscribed}");
        subscribed
    }

    /// Sends a message to a channel, on a gateway.
    pub async fn say_in(&mut self, channel_id: i64, content: &str, nonce: &str) {
        let send = json!({ "type": "message.send", "channel_id": channel_id, "content": content, "nonce": nonce });
        self.tell_well(send).await;
    }

    /// The next event, which is a message with this content.
    pub async fn hears(&mut self, content: &str) -> Value {
        let event = self.next_message().await;
        assert_eq!(event["content"], content, "{event}");
        event
    }

    /// The next event, which is a gateway's acknowledgement of this nonce.
    pub async fn next_ack(&mut self, nonce: &str) -> Value {
        let ack = self.next_of("ack").await;
        assert_eq!(ack["nonce"], nonce, "{ack}");
        ack
    }

    /// Everything up to the answer of a `ping` that is sent now.
    pub async fn events_until_pong(&mut self) -> Vec<Value> {
        self.tell_well(json!({ "type": "ping", "t": "events_until_pong" })).await;
        let mut events = Vec::new();
        loop {
            let event = self.next_event().await;
            if event == json!({ "type": "pong", "t": "events_until_pong" }) {
                return events;
            }
            events.push(event);
        }
    }
}
