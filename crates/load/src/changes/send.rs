//! The call of a change: it is made until it has an answer, for a change that is sent again is made once.

use super::changer::Outstanding;
use super::{Change, EMOJI, OwnMessage};
use crate::LoadError;
use crate::call::{Answer, Body, Http};
use crate::checks::Rule;
use crate::client::Room;
use crate::meter::count;
use crate::people::Person;
use crate::report::UNLIMITED;
use crate::run::{Phase, Run};
use hyper::Method;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// As long as a change is sent again after the first trouble, before the run is given up.
const PATIENCE: Duration = Duration::from_secs(15);
const AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// Calls of changes on their way at once, all senders together.
pub const CALLS_MAX: usize = 256;

/// Connections for changes; there are as many as calls were on their way at once.
pub struct Pool {
    idle: RefCell<Vec<Http>>,
    turns: Semaphore,
}

impl Default for Pool {
    fn default() -> Self {
        Self { idle: RefCell::default(), turns: Semaphore::new(CALLS_MAX) }
    }
}

/// A change that somebody sends.
pub struct Sending {
    pub run: Rc<Run>,
    pub room: Rc<Room>,
    pub person: Rc<Person>,
    pub outstanding: Rc<Outstanding>,
    pub change: Change,
    /// When it was due.
    pub due_us: u64,
}

impl Sending {
    /// Makes its call, unless the run ends before that is answered.
    pub async fn send(self) {
        let run = Rc::clone(&self.run);
        let Ok(_turn) = run.pool.turns.acquire().await else { return };
        let idle = run.pool.idle.borrow_mut().pop();
        let mut http = idle.unwrap_or_else(|| Http::new(Rc::clone(&run.target)));
        let mut since = None;
        while run.phase() != Phase::Over && run.failure().is_none() {
            match self.try_once(&mut http).await {
                Ok(Some(answer)) => {
                    run.pool.idle.borrow_mut().push(http);
                    return self.outstanding.finish(&run, self.answered(&answer));
                }
                // With a new token it is sent again at once.
                Ok(None) => continue,
                Err(trouble) if since.get_or_insert_with(Instant::now).elapsed() > PATIENCE => {
                    return run.fail(format!("the node went away: {trouble}"));
                }
                Err(_) => tokio::time::sleep(AFTER_TROUBLE).await,
            }
        }
    }

    /// The node's answer; `None` where it wants another token, which there is now.
    async fn try_once(&self, http: &mut Http) -> Result<Option<Answer>, LoadError> {
        let (run, token) = (&self.run, self.person.token());
        let answer = self.call(http, &token).await.inspect_err(|_| run.meter.error("no answer"))?;
        match answer.status {
            401 => self.person.renew(&run.target, &token).await.map(|()| None),
            429 => {
                count(&run.meter.limited, 1);
                run.fail(format!("the node limits the rate of changes: {UNLIMITED}"));
                Ok(None)
            }
            503 => {
                run.meter.error(answer.json()["code"].as_str().unwrap_or("busy"));
                Err(LoadError::Node(answer.says()))
            }
            _ => Ok(Some(answer)),
        }
    }

    async fn call(&self, http: &mut Http, token: &str) -> Result<Answer, LoadError> {
        let channel_id = self.room.ledger.borrow().channel_id();
        let path = |id: i64| format!("/channels/{channel_id}/messages/{id}");
        match &self.change {
            Change::Edit(message) => {
                let content = message.said.edited(self.run.content_bytes, message.edits);
                let body = json!({ "content": content });
                http.call(Method::PATCH, &path(message.id), token, Body::Json(&body)).await
            }
            Change::Reaction(id, emoji) => {
                let emoji = EMOJI.get(*emoji).copied().unwrap_or_default();
                let emoji: String = url::form_urlencoded::byte_serialize(emoji.as_bytes()).collect();
                let path = format!("{}/reactions/{emoji}/me", path(*id));
                http.call(Method::PUT, &path, token, Body::None).await
            }
            Change::Deletion(message) => http.call(Method::DELETE, &path(message.id), token, Body::None).await,
        }
    }

    /// Judges the answer; answers with the message of the sender's that can be changed again.
    fn answered(&self, answer: &Answer) -> Option<OwnMessage> {
        let (run, change, kind) = (&self.run, self.change, self.change.kind());
        run.checks.look(Rule::Answered, 1);
        run.checks.look(Rule::RightAnswer, 1);
        if let (Change::Reaction(id, _), 404) = (change, answer.status)
            && answer.json()["code"] == "message_not_found"
        {
            // Somebody else may have deleted it meanwhile: the log must say so.
            self.room.record.borrow_mut().is_absent(id);
            return None;
        }
        let is_right = match change {
            Change::Edit(message) => answer.status == 200 && self.is_edited(&message, &answer.json()),
            Change::Reaction(..) | Change::Deletion(_) => answer.status == 204,
        };
        if !is_right {
            run.checks.violate(Rule::RightAnswer, || {
                let channel = self.room.ledger.borrow().channel_id();
                format!("channel {channel}: {change:?} was answered with {}", answer.says())
            });
        }
        if !(200..300).contains(&answer.status) {
            return None;
        }
        run.meter.times(kind.name()).note(run.clock.now_us().saturating_sub(self.due_us));
        if let Some(counter) = run.meter.changes.get(kind as usize) {
            count(counter, 1);
        }
        self.room.record.borrow_mut().answer(&change, self.person.id);
        match change {
            Change::Edit(message) => Some(message),
            Change::Reaction(..) => None,
            Change::Deletion(message) => {
                self.room.ledger.borrow_mut().bury(message.id, message.seq);
                None
            }
        }
    }

    /// Whether the answer is the message as it must be now, and no other.
    fn is_edited(&self, message: &OwnMessage, json: &Value) -> bool {
        let content = message.said.edited(self.run.content_bytes, message.edits);
        json["id"] == message.id
            && json["seq"] == message.seq
            && json["channel_id"] == self.room.ledger.borrow().channel_id()
            && json["author_id"] == self.person.id
            && json["content"] == content.as_str()
            && json["edited_at"].is_string()
    }
}
