//! Calls over HTTP, and what is true of every answer.

use super::app::TestApp;
use madang::error::Code;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

/// An account with a token.
#[derive(Clone, Debug)]
pub struct User {
    pub id: i64,
    pub token: String,
}

/// In whose name a call is made.
#[derive(Clone, Copy)]
pub enum By<'a> {
    Nobody,
    /// The whole `Authorization` header.
    Header(&'a str),
    User(&'a User),
}

impl<'a> From<&'a User> for By<'a> {
    fn from(user: &'a User) -> Self {
        Self::User(user)
    }
}

/// An answer that has passed [`Answer::check`].
#[derive(Debug)]
pub struct Answer {
    pub call: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl TestApp {
    /// A new account with `username`, logged in.
    pub async fn register(&self, username: &str) -> User {
        let email = format!("{username}@example.com");
        let new = json!({ "username": username, "email": email, "password": PASSWORD });
        let profile = self.post("/auth/register", By::Nobody, new).await.is(201);
        let token = self.login(username, PASSWORD).await.is(200)["access_token"].as_str().expect("a token").to_owned();
        User { id: id(&profile), token }
    }

    pub async fn login(&self, username: &str, password: &str) -> Answer {
        self.call(Method::POST, "/auth/login", By::Nobody, |call| {
            call.form(&[("username", username), ("password", password)])
        })
        .await
    }

    pub async fn get<'a>(&self, path: &str, by: impl Into<By<'a>>) -> Answer {
        self.call(Method::GET, path, by, |call| call).await
    }

    pub async fn post<'a>(&self, path: &str, by: impl Into<By<'a>>, body: Value) -> Answer {
        self.call(Method::POST, path, by, |call| call.json(&body)).await
    }

    pub async fn put<'a>(&self, path: &str, by: impl Into<By<'a>>, body: Value) -> Answer {
        self.call(Method::PUT, path, by, |call| call.json(&body)).await
    }

    pub async fn patch<'a>(&self, path: &str, by: impl Into<By<'a>>, body: Value) -> Answer {
        self.call(Method::PATCH, path, by, |call| call.json(&body)).await
    }

    pub async fn delete<'a>(&self, path: &str, by: impl Into<By<'a>>) -> Answer {
        self.call(Method::DELETE, path, by, |call| call).await
    }

    /// Any call; `with` gives it a body or further headers.
    pub async fn call<'a>(
        &self,
        method: Method,
        path: &str,
        by: impl Into<By<'a>>,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let call = self.http.request(method.clone(), format!("http://{}{path}", self.address));
        let call = match by.into() {
            By::Nobody => call,
            By::Header(header) => call.header("authorization", header),
            By::User(user) => call.bearer_auth(&user.token),
        };
        let answer = with(call).send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.expect("a whole answer");
        let answer = Answer { call: format!("{method} {path}"), status, headers, text };
        answer.check(method == Method::HEAD);
        super::documented::check(&method, path, &answer);
        answer
    }

    /// A server of `owner`, by its id.
    pub async fn server(&self, owner: &User, name: &str) -> i64 {
        id(&self.post("/servers/", owner, json!({ "name": name })).await.is(201))
    }

    /// A channel of a server, by its id.
    pub async fn channel(&self, owner: &User, server_id: i64, name: &str) -> i64 {
        id(&self.post("/channels/", owner, json!({ "name": name, "server_id": server_id })).await.is(201))
    }

    /// A new role of a server.
    pub async fn role<'a>(&self, by: impl Into<By<'a>>, server_id: i64, new: Value) -> i64 {
        id(&self.post(&format!("/servers/{server_id}/roles"), by, new).await.is(201))
    }

    /// The role that every member of a server has.
    pub async fn default_role(&self, by: &User, server_id: i64) -> i64 {
        let roles = self.get(&format!("/servers/{server_id}/roles"), by).await.is(200);
        id(roles.as_array().expect("a list").iter().find(|role| role["is_default"] == true).expect("one is"))
    }

    /// Gives a role to a member.
    pub async fn give(&self, by: &User, server_id: i64, user: &User, role: i64) {
        let path = format!("/servers/{server_id}/members/{}/roles/{role}", user.id);
        self.call(Method::PUT, &path, by, |call| call).await.is(204);
    }

    /// Somebody whom the owner has banned.
    pub async fn banned(&self, server_id: i64, owner: &User) -> i64 {
        let user = self.register("banned").await;
        self.put(&format!("/servers/{server_id}/bans/{}", user.id), owner, json!({})).await.is(200);
        user.id
    }

    pub async fn join(&self, user: &User, server_id: i64) {
        self.post(&format!("/servers/{server_id}/join"), user, Value::Null).await.is(200);
    }
}

impl Answer {
    /// What the contract says of every answer.
    pub fn check(&self, is_head: bool) {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        assert!(header("x-request-id").is_some_and(|id| id.len() >= 16), "no request id: {self:?}");
        assert!(!(300..400).contains(&self.status), "a redirect: {self:?}");
        match self.status {
            401 => assert_eq!(header("www-authenticate"), Some("Bearer"), "{self:?}"),
            405 => assert!(header("allow").is_some_and(|methods| !methods.is_empty()), "{self:?}"),
            503 => assert!(header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{self:?}"),
            _ => {}
        }
        // A cookie that is set is for its owner, as a body is.
        let headers = self.headers.iter().filter(|(name, _)| self.status >= 400 || *name != "set-cookie");
        let said = headers.map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let said = said.collect::<Vec<_>>().join("\n") + if self.status >= 400 { &self.text } else { "" };
        assert_eq!(super::secrets::find(&said), None, "it tells a secret: {self:?}");
        if self.status >= 400 && !is_head {
            assert_eq!(header("content-type"), Some("application/json"), "{self:?}");
            let body = self.json();
            let code = body["code"].as_str().unwrap_or_default();
            let is_it = |known: &&Code| known.as_str() == code && known.status() == Some(self.status);
            assert!(Code::ALL.iter().any(|known| is_it(&known)), "the table has no such code: {self:?}");
            if self.status == 422 && code == "validation_error" {
                let issues = body["detail"].as_array().expect("a list of issues");
                let good = |issue: &Value| {
                    keys(issue) == ["loc", "msg", "type"] && issue["msg"].is_string() && issue["type"].is_string()
                };
                assert!(!issues.is_empty() && issues.iter().all(good), "{self:?}");
            } else {
                assert!(body["detail"].as_str().is_some_and(|detail| detail.len() > 4), "{self:?}");
            }
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, after a look at the status; `null` where it must be empty.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if status == 204 {
            assert_eq!(self.text, "", "{self:?}");
            return Value::Null;
        }
        self.json()
    }

    /// The answer is this error.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str) {
        let is = (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned());
        assert_eq!(is, (status, code.to_owned()), "{self:?}");
    }

    /// The answer is a `422` with exactly these issues, each the parts of its place and its type.
    #[track_caller]
    pub fn rejects(&self, issues: &[(Value, &str)]) {
        self.refuses(422, "validation_error");
        let detail = self.json()["detail"].take();
        let is: Vec<_> =
            detail.as_array().into_iter().flatten().map(|issue| json!([issue["loc"], issue["type"]])).collect();
        let expected: Vec<_> = issues.iter().map(|(loc, kind)| json!([loc, kind])).collect();
        assert_eq!(is, expected, "{self:?}");
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The id of whatever was answered.
#[track_caller]
pub fn id(body: &Value) -> i64 {
    body["id"].as_i64().unwrap_or_else(|| panic!("no id: {body}"))
}

/// The names of an object's fields, sorted.
pub fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys
}
