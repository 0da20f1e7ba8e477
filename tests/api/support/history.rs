//! Long histories, and what they are compared with.

use super::app::TestApp;
use super::client::User;
use super::{Answer, Socket, Value, json};

impl TestApp {
    /// Two members of one server, the server, and its only channel.
    pub async fn two_members(&self) -> (User, User, i64, i64) {
        let (mina, jun) = (self.register("mina").await, self.register("jun").await);
        let server = self.server(&mina, "Courtyard").await;
        self.join(&jun, server).await;
        let channel = self.channel(&mina, server, "general").await;
        (mina, jun, server, channel)
    }

    /// A message that somebody posts over HTTP, by its id.
    pub async fn said(&self, channel_id: i64, by: &User, content: &str) -> i64 {
        super::id(&self.say(channel_id, by, json!({ "content": content })).await.is(201))
    }

    /// Opens a channel's socket that hears every type of frame.
    pub async fn hears_all(&self, channel_id: i64, user: &User, after: Option<i64>) -> Socket {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        let path = format!("/ws/{channel_id}?token={}&events=all{after}", user.token);
        self.socket_at(&path, &[]).await.0
    }

    /// Posts a message over HTTP.
    pub async fn say(&self, channel_id: i64, by: &User, body: Value) -> Answer {
        self.post(&format!("/channels/{channel_id}/messages"), by, body).await
    }

    /// Writes `count` more messages into a log, as another node would: the database alone knows of it. Every hundredth
    /// has 16,000 bytes.
    pub async fn write_behind(&self, channel_id: i64, author: &User, count: i64) {
        self.sql(&format!(
            "begin;
            insert into messages (channel_id, author_id, seq, content, nonce, created_at, updated_at)
                select {channel_id}, {author}, c.last_seq + n,
                    case when n % 100 = 0 then repeat('\u{1f3e1}', 4000) else 'entry ' || c.last_seq + n end,
                    case when n % 7 = 0 then 'n' || c.last_seq + n end, now() + n * '1 ms'::interval, now()
                from (select last_seq from channels where id = {channel_id} for update) c, generate_series(1, {count}) n
                order by n;
            update channels set last_seq = last_seq + {count} where id = {channel_id};
            commit",
            author = author.id,
        ))
        .await;
    }

    /// All of a channel's log, as `GET …/events` has it.
    pub async fn log(&self, channel_id: i64, by: &User) -> Vec<Value> {
        let mut log = Vec::new();
        loop {
            let page =
                self.get(&format!("/channels/{channel_id}/events?after={}&limit=1000", log.len()), by).await.is(200);
            let events = page["events"].as_array().expect("a list");
            assert!(!events.is_empty() || page["last_seq"] == json!(log.len()), "it does not go on: {page}");
            log.extend(events.iter().cloned());
            if page["last_seq"] == json!(log.len()) {
                return log;
            }
        }
    }
}

impl Socket {
    /// Everything up to `replay.done`, which is for `seq`; it comes in order, and begins just after `after`.
    pub async fn replay(&mut self, after: i64, seq: i64) -> Vec<Value> {
        let mut events = Vec::new();
        for at in after + 1..=seq {
            let event = self.next_message().await;
            assert_eq!(event["seq"], at, "after {after}: {event}");
            events.push(event);
        }
        let done = self.next_of("replay.done").await;
        assert_eq!(done["seq"], seq, "{done}");
        events
    }
}
