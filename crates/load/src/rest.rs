//! Management calls: a weighted mix, each answer looked at.

pub mod mix;
mod pages;

use super::LoadError;
use super::audit;
use super::call::{Answer, Body, Http};
use super::checks::Rule;
use super::meter::count;
use super::people::{People, Person, Place};
use super::report::times::ANY_CALL;
use super::run::{Phase, Run};
use hyper::Method;
use mix::{Call, Mix};
use pages::{is_log, is_page, last_seq, log_end};
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

const AFTER_TROUBLE: Duration = Duration::from_millis(200);
/// Troubles in a row before the node counts as gone.
const TROUBLES_MAX: u32 = 50;

/// Who calls, and about what.
pub struct Visitor {
    person: Rc<Person>,
    owner: Rc<Person>,
    server_id: i64,
    channel_id: i64,
}

impl Visitor {
    /// The visitor of a connection.
    ///
    /// # Errors
    /// When there is nobody, or nowhere to go.
    pub fn new(people: &People, places: &[Place], number: u32) -> Result<Self, LoadError> {
        let owner = people.owner()?;
        let number = number as usize;
        let person = people.all.get(number % people.all.len().max(1)).unwrap_or(owner);
        let place = places.first().ok_or_else(|| LoadError::Input("a run needs a server".into()))?;
        let channel_id = place.channels.get(number % place.channels.len().max(1)).copied().unwrap_or_default();
        Ok(Self { person: Rc::clone(person), owner: Rc::clone(owner), server_id: place.server_id, channel_id })
    }
}

/// Runs a mix of calls over some connections.
///
/// # Errors
/// When there is nowhere to go.
pub async fn drive(
    run: &Rc<Run>,
    connections: u32,
    mix: &Mix,
    rate: Option<f64>,
    duration: Duration,
    people: &People,
    places: &[Place],
) -> Result<(), LoadError> {
    let mut tasks = JoinSet::new();
    let interval_us = rate.map(|rate| f64::from(connections) * 1e6 / rate);
    for number in 0..connections {
        let visitor = Visitor::new(people, places, number)?;
        let schedule =
            interval_us.map(|interval_us| (interval_us, interval_us * f64::from(number) / f64::from(connections)));
        tasks.spawn_local(browse(Rc::clone(run), visitor, mix.clone(), schedule));
    }
    run.began_us.set(run.clock.now_us());
    run.enter(Phase::Talking);
    let processors = run.processors();
    run.watch("calls", duration, &run.meter.times(ANY_CALL), |_| {}).await;
    let took_s = (run.clock.now_us() - run.began_us.get()).max(1) as f64 / 1e6;
    let calls = run.meter.calls.get();
    run.figure("calls", calls as f64, "");
    run.figure("calls a second", calls as f64 / took_s, "/s");
    processors.figures(run, &[("call", calls)]);
    run.enter(Phase::Over);
    while tasks.join_next().await.is_some() {}
    if run.failure().is_none() {
        audit::compare(run, people, &[]).await?;
    }
    Ok(())
}

/// One connection's calls, one after another; with a schedule of (interval, first) in microseconds, when they are due.
pub async fn browse(run: Rc<Run>, visitor: Visitor, mix: Mix, schedule: Option<(f64, f64)>) {
    let mut browser = Browser { http: Http::new(Rc::clone(&run.target)), run, visitor, due_us: None, troubles: 0 };
    let mut orders = browser.run.orders();
    while browser.run.phase() == Phase::Waiting {
        if orders.changed().await.is_err() {
            return;
        }
    }
    let mut next_us = schedule.map(|(_, first_us)| browser.run.began_us.get() as f64 + first_us);
    while browser.run.phase() == Phase::Talking && browser.run.failure().is_none() {
        if let (Some(next_us), Some((interval_us, _))) = (&mut next_us, schedule) {
            browser.due_us = Some(*next_us as u64);
            tokio::select! {
                () = tokio::time::sleep_until(browser.run.clock.instant(*next_us as u64).into()) => {}
                _ = orders.changed() => continue,
            }
            *next_us += interval_us;
        }
        if let Err(trouble) = browser.make(mix.pick()).await {
            browser.trouble(&trouble).await;
        } else {
            browser.troubles = 0;
        }
    }
}

struct Browser {
    run: Rc<Run>,
    http: Http,
    visitor: Visitor,
    /// When the next call was due, if it was.
    due_us: Option<u64>,
    troubles: u32,
}

impl Browser {
    async fn trouble(&mut self, trouble: &LoadError) {
        self.run.meter.error("no answer");
        self.troubles += 1;
        if self.troubles > TROUBLES_MAX {
            self.run.fail(format!("the node went away: {trouble}"));
        }
        tokio::time::sleep(AFTER_TROUBLE).await;
    }

    async fn make(&mut self, call: Call) -> Result<(), LoadError> {
        let Visitor { person, owner, server_id, channel_id } = &self.visitor;
        let (person, owner, server, channel) = (Rc::clone(person), Rc::clone(owner), *server_id, *channel_id);
        let name = format!("load {:08x}", rand::random::<u32>());
        let has_changes = !self.run.mix.is_none();
        let has_id = |id: i64| move |json: &Value| json["id"] == id;
        let has_name = |name: &str| {
            let name = name.to_owned();
            move |json: &Value| json["name"] == name.as_str()
        };
        match call {
            Call::Me => self.get("/users/me", "/users/me", &person, 200, has_id(person.id)).await?,
            Call::User => {
                self.get("/users/{user_id}", &format!("/users/{}", owner.id), &person, 200, has_id(owner.id)).await?
            }
            Call::Servers => self.get("/servers/", "/servers/", &person, 200, |json| includes(json, server)).await?,
            Call::Server => {
                let path = format!("/servers/{server}");
                self.get("/servers/{server_id}", &path, &person, 200, |json| {
                    json["id"] == server && includes(&json["channels"], channel)
                })
                .await?
            }
            Call::Channel => {
                self.get("/channels/{channel_id}", &format!("/channels/{channel}"), &person, 200, has_id(channel))
                    .await?
            }
            Call::Messages => {
                let (path, head) = (format!("/channels/{channel}/messages?limit=50"), self.run.posts.head(channel));
                self.get("/channels/{channel_id}/messages", &path, &person, 200, |json| {
                    is_page(json, channel, 50, has_changes) && last_seq(json) >= head
                })
                .await?
            }
            Call::Events => {
                let (path, head) = (format!("/channels/{channel}/events?limit=100"), self.run.posts.head(channel));
                self.get("/channels/{channel_id}/events", &path, &person, 200, |json| {
                    is_log(&json["events"], channel, 100) && log_end(&json["events"]) >= head.min(100)
                })
                .await?
            }
            Call::EditMe => {
                let body = json!({ "bio": name });
                self.put("/users/me", "/users/me", &person, &body, |json| json["bio"] == name.as_str()).await?
            }
            Call::EditServer => {
                let (path, body) = (format!("/servers/{server}"), json!({ "description": name }));
                self.put("/servers/{server_id}", &path, &owner, &body, |json| json["description"] == name.as_str())
                    .await?
            }
            Call::EditChannel => {
                let (path, body) = (format!("/channels/{channel}"), json!({ "name": name }));
                self.put("/channels/{channel_id}", &path, &owner, &body, has_name(&name)).await?
            }
            Call::Post => {
                let (path, body) = (format!("/channels/{channel}/messages"), json!({ "content": name, "nonce": name }));
                let call = ("POST", "/channels/{channel_id}/messages", path.as_str());
                let said = |json: &Value| json["content"] == name.as_str() && json["channel_id"] == channel;
                let posted = self.send(call, &person, Body::Json(&body), 201, said).await?;
                let places = posted.as_ref().and_then(|posted| posted["seq"].as_i64().zip(posted["id"].as_i64()));
                if let Some((seq, id)) = places {
                    self.run.posts.keep(channel, seq, id, &name);
                }
            }
            Call::ChannelLife => self.channel_life(&owner, server, &name).await?,
            Call::ServerLife => self.server_life(&person, &owner, &name).await?,
            Call::Login => self.log_in(&person).await?,
        }
        Ok(())
    }

    /// Made, seen, deleted, gone.
    async fn channel_life(&mut self, owner: &Person, server: i64, name: &str) -> Result<(), LoadError> {
        let run = Rc::clone(&self.run);
        let _turn = run.lives.acquire().await;
        let body = json!({ "name": name, "server_id": server });
        let call = ("POST", "/channels/", "/channels/");
        let made = self.send(call, owner, Body::Json(&body), 201, |json| json["name"] == name).await?;
        let Some(id) = made.and_then(|made| made["id"].as_i64()) else { return Ok(()) };
        let path = format!("/channels/{id}");
        self.get("/channels/{channel_id}", &path, owner, 200, |json| json["id"] == id).await?;
        if self.send(("DELETE", "/channels/{channel_id}", &path), owner, Body::None, 204, |_| true).await?.is_none() {
            return Ok(());
        }
        self.get("/channels/{channel_id} (gone)", &path, owner, 404, |json| json["code"] == "channel_not_found").await
    }

    /// Made, joined by somebody, left, refused to who has left, deleted.
    async fn server_life(&mut self, owner: &Person, guest: &Person, name: &str) -> Result<(), LoadError> {
        let run = Rc::clone(&self.run);
        let _turn = run.lives.acquire().await;
        let body = json!({ "name": name });
        let call = ("POST", "/servers/", "/servers/");
        let made = self.send(call, owner, Body::Json(&body), 201, |json| json["name"] == name).await?;
        let Some(id) = made.and_then(|made| made["id"].as_i64()) else { return Ok(()) };
        run.servers_of_calls.borrow_mut().insert(id);
        let path = format!("/servers/{id}");
        if guest.id != owner.id {
            self.visit(&path, id, guest).await?;
        }
        let call = ("DELETE", "/servers/{server_id}", path.as_str());
        if self.send(call, owner, Body::None, 204, |_| true).await?.is_some() {
            run.servers_of_calls.borrow_mut().remove(&id);
        }
        Ok(())
    }

    /// Joined, seen, left, refused; no further than it goes.
    async fn visit(&mut self, path: &str, id: i64, person: &Person) -> Result<(), LoadError> {
        let (join, leave) = (format!("{path}/join"), format!("{path}/leave"));
        let call = ("POST", "/servers/{server_id}/join", join.as_str());
        if self.send(call, person, Body::None, 200, |json| json["id"] == id).await?.is_none() {
            return Ok(());
        }
        self.get("/servers/{server_id}", path, person, 200, |json| json["id"] == id).await?;
        let call = ("POST", "/servers/{server_id}/leave", leave.as_str());
        if self.send(call, person, Body::None, 204, |_| true).await?.is_none() {
            return Ok(());
        }
        self.get("/servers/{server_id} (left)", path, person, 403, |json| json["code"] == "not_a_member").await
    }

    async fn log_in(&mut self, person: &Person) -> Result<(), LoadError> {
        let Some((name, password)) = person.credentials() else {
            self.run.fail("--mix login needs accounts that the tool registers itself: leave out --secret-key".into());
            return Ok(());
        };
        let call = ("POST", "/auth/login", "/auth/login");
        self.send(call, person, Body::Login(name, password), 200, |json| json["token_type"] == "bearer").await.map(drop)
    }

    async fn get(
        &mut self,
        name: &str,
        path: &str,
        person: &Person,
        status: u16,
        is_right: impl Fn(&Value) -> bool,
    ) -> Result<(), LoadError> {
        self.send(("GET", name, path), person, Body::None, status, is_right).await.map(drop)
    }

    async fn put(
        &mut self,
        name: &str,
        path: &str,
        person: &Person,
        body: &Value,
        is_right: impl Fn(&Value) -> bool,
    ) -> Result<(), LoadError> {
        self.send(("PUT", name, path), person, Body::Json(body), 200, is_right).await.map(drop)
    }

    /// Makes one call, times it, and looks at the answer; `None` where the node has no time for it, and what became of it
    /// is not known. With a token that has expired it was not made: it is made again with a new one.
    async fn send(
        &mut self,
        (method, name, path): (&str, &str, &str),
        person: &Person,
        body: Body<'_>,
        status: u16,
        is_right: impl Fn(&Value) -> bool,
    ) -> Result<Option<Value>, LoadError> {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let from_us = self.due_us.take().unwrap_or_else(|| self.run.clock.now_us());
        let answer = self.answered(&method, name, path, person, body).await;
        let took_us = self.run.clock.now_us().saturating_sub(from_us);
        if answer.is_err() {
            // Whoever waited in vain has waited all the same.
            self.run.meter.times(ANY_CALL).note(took_us);
        }
        let answer = answer?;
        let json = answer.json();
        match answer.status {
            429 | 503 => {
                self.wait_for_better(&answer).await;
                return Ok(None);
            }
            got => {
                self.run.meter.times(ANY_CALL).note(took_us);
                self.run.meter.times(&format!("{method} {name}")).note(took_us);
                count(&self.run.meter.calls, 1);
                self.run.checks.look(Rule::RightAnswer, 1);
                if got != status || !is_right(&json) {
                    self.run.checks.violate(Rule::RightAnswer, || {
                        format!("{method} {path} should be answered with {status}; it was {}", answer.says())
                    });
                }
            }
        }
        Ok(Some(json))
    }

    async fn answered(
        &mut self,
        method: &Method,
        name: &str,
        path: &str,
        person: &Person,
        body: Body<'_>,
    ) -> Result<Answer, LoadError> {
        let token = person.token();
        let answer = self.http.call(method.clone(), path, &token, body).await?;
        if answer.status != 401 || name == "/auth/login" {
            return Ok(answer);
        }
        self.run.meter.error("token expired");
        person.renew(&self.run.target, &token).await?;
        self.http.call(method.clone(), path, &person.token(), body).await
    }

    async fn wait_for_better(&self, answer: &Answer) {
        if answer.status == 429 {
            count(&self.run.meter.limited, 1);
        }
        self.run.meter.error(answer.json()["code"].as_str().unwrap_or("busy"));
        tokio::time::sleep(AFTER_TROUBLE).await;
    }
}

fn includes(list: &Value, id: i64) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|one| one["id"] == id))
}
