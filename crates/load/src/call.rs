//! Management calls, over connections that are kept.

use super::LoadError;
use super::target::Target;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::rc::Rc;
use std::time::Duration;

/// As long as an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const BODY_BYTES_MAX: usize = 32 << 20;

/// A connection; it is made anew when it has ended.
pub struct Http {
    target: Rc<Target>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What goes with a request.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing.
    None,
    /// JSON.
    Json(&'a Value),
    /// A form's name and password, as a login has it.
    Login(&'a str, &'a str),
}

/// What the node answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What it says, for a person.
    pub fn says(&self) -> String {
        let json = self.json();
        match (json["code"].as_str(), json["detail"].as_str()) {
            (Some(code), Some(detail)) => format!("{} {code}: {detail}", self.status),
            (Some(code), None) => format!("{} {code}: {}", self.status, json["detail"]),
            _ => {
                format!("{} {}", self.status, String::from_utf8_lossy(&self.body).chars().take(200).collect::<String>())
            }
        }
    }
}

impl Http {
    /// Nothing is connected before the first call.
    pub fn new(target: Rc<Target>) -> Self {
        Self { target, connection: None }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// When no answer came: one line that says why.
    pub async fn call(&mut self, method: Method, path: &str, token: &str, body: Body<'_>) -> Result<Answer, LoadError> {
        let answered = tokio::time::timeout(ANSWER_MAX, self.exchange(&method, path, token, body)).await;
        answered.unwrap_or_else(|_| Err(format!("no answer within {} s", ANSWER_MAX.as_secs()))).map_err(|why| {
            self.connection = None;
            LoadError::Node(format!("{method} {}{path}: {why}", self.target.url))
        })
    }

    async fn exchange(&mut self, method: &Method, path: &str, token: &str, body: Body<'_>) -> Result<Answer, String> {
        let (kind, bytes) = match body {
            Body::None => (None, Bytes::new()),
            Body::Json(value) => (Some("application/json"), Bytes::from(value.to_string())),
            Body::Login(name, password) => {
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("username", name)
                    .append_pair("password", password)
                    .finish();
                (Some("application/x-www-form-urlencoded"), Bytes::from(form))
            }
        };
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.target.path));
        request = request.header("host", &self.target.host);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(bytes)).map_err(|error| error.to_string())?;
        let connection = self.connection().await?;
        let answer = connection.send_request(request).await.map_err(|error| because(&error))?;
        let status = answer.status().as_u16();
        let body =
            Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        Ok(Answer { status, body: body.to_bytes() })
    }

    async fn connection(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let is_good = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !is_good {
            let stream = self.target.connect().await.map_err(|error| because(&error))?;
            let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(|error| because(&error))?;
            tokio::task::spawn_local(driver);
            self.connection = Some(sender);
        }
        self.connection.as_mut().ok_or_else(|| "no connection".into())
    }
}

/// An error with what caused it, on one line.
fn because(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        line = format!("{line}: {deeper}");
        cause = deeper.source();
    }
    line
}
