//! What people have said in a channel: something of each kind that there is.

use super::super::client::{Account, Api};
use reqwest::Method;
use serde_json::{Value, json};

/// Mina, whose server it is, and two who have joined.
pub struct Talk {
    pub api: Api,
    pub mina: Account,
    pub june: Account,
    haneul: Account,
    channel: i64,
}

/// How many messages are there after `of_all_kinds`.
pub const SHOWN: usize = 9;

fn id(made: &Value) -> i64 {
    made["id"].as_i64().unwrap_or_else(|| panic!("an id: {made}"))
}

impl Talk {
    /// In a channel of Mina's.
    pub async fn begin(api: Api, mina: Account, channel: i64) -> Self {
        let (june, haneul) = (api.account("june").await, api.account("haneul").await);
        api.join(mina.server, &june).await;
        api.join(mina.server, &haneul).await;
        let banned = id(&api.get("/users/me", &api.account("banned").await.token).await);
        let path = format!("/servers/{}/bans/{banned}", mina.server);
        api.must(Method::PUT, &path, &mina.token, json!({ "reason": "Spam in every channel" })).await;
        let role = json!({ "name": "Gardeners", "color": "#ffe08a", "hoist": true, "permissions": ["pin_messages"] });
        let role = id(&api.must(Method::POST, &format!("/servers/{}/roles", mina.server), &mina.token, role).await);
        let held =
            format!("/servers/{}/members/{}/roles/{role}", mina.server, id(&api.get("/users/me", &june.token).await));
        api.must(Method::PUT, &held, &mina.token, Value::Null).await;
        Self { api, mina, june, haneul, channel }
    }

    pub async fn say(&self, by: &Account, content: &str, reply_to: Option<i64>) -> i64 {
        let path = format!("/channels/{}/messages", self.channel);
        id(&self.api.must(Method::POST, &path, &by.token, json!({ "content": content, "reply_to": reply_to })).await)
    }

    pub async fn delete(&self, by: &Account, message: i64) {
        self.change(Method::DELETE, &format!("messages/{message}"), by, Value::Null).await;
    }

    async fn react(&self, by: &Account, message: i64, emoji: &str) {
        self.change(Method::PUT, &format!("messages/{message}/reactions/{emoji}/me"), by, Value::Null).await;
    }

    async fn change(&self, method: Method, path: &str, by: &Account, body: Value) {
        self.api.must(method, &format!("/channels/{}/{path}", self.channel), &by.token, body).await;
    }

    async fn id_of(&self, account: &Account) -> i64 {
        id(&self.api.get("/users/me", &account.token).await)
    }

    /// All kinds of text, replies, reactions, a pin, an edit and a deletion; and what is unread elsewhere.
    pub async fn of_all_kinds(&self) {
        let Self { mina, june, haneul, .. } = self;
        let marks = "Good evening! **Bold**, *italic*, __underlined__, ~~gone~~, `code` and https://example.com/tea";
        let first = self.say(june, marks, None).await;
        self.say(june, "# A heading\n> a quotation\n- one\n- two\n\n1. first\n2. second", None).await;
        let fence = self.say(mina, "```rust\nfn main() {}\n```", None).await;
        let known = format!("||a secret|| for <@{}> and <@{}>", self.id_of(june).await, self.id_of(mina).await);
        self.say(mina, &known, None).await;
        self.say(haneul, "가야금은 제가 가져갈게요. 의자도 몇 개 있어요", Some(first)).await;
        let gone = self.say(june, "Who brings the lanterns?", None).await;
        self.say(mina, "I do", Some(gone)).await;
        self.delete(june, gone).await;
        self.say(haneul, "🎉🎉", None).await;
        let edited = self.say(mina, "See you on Friday", None).await;
        let content = json!({ "content": "See you on Saturday" });
        self.change(Method::PATCH, &format!("messages/{edited}"), mina, content).await;
        let long = self.say(june, &"All that there is to know.\n".repeat(20), None).await;
        self.change(Method::PUT, &format!("pins/{long}"), mina, Value::Null).await;
        for (by, message, emoji) in [(june, fence, "👍"), (mina, fence, "👍"), (haneul, edited, "🏮")] {
            self.react(by, message, emoji).await;
        }
        self.change(Method::PUT, "", mina, json!({ "description": "Tea and music" })).await;
        self.unread_elsewhere().await;
    }

    /// In another channel of the server, and in another server.
    async fn unread_elsewhere(&self) {
        self.api.join(self.haneul.server, &self.mina).await;
        for by in [&self.mina, &self.haneul] {
            let wanted = json!({ "name": "plans", "server_id": by.server });
            let channel = id(&self.api.must(Method::POST, "/channels/", &by.token, wanted).await);
            let path = format!("/channels/{channel}/messages");
            self.api
                .must(Method::POST, &path, &self.haneul.token, json!({ "content": "Has anybody seen this?" }))
                .await;
        }
    }
}
