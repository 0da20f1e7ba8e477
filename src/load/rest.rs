//! Management calls: a weighted mix, each answer looked at.

use super::Trouble;
use super::call::{Answer, Body, Http};
use super::checks::Rule;
use super::meter::count;
use super::people::{People, Person, Place};
use super::run::{Phase, Run};
use hyper::Method;
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

const AFTER_TROUBLE: Duration = Duration::from_millis(200);
/// Troubles in a row before the node counts as gone.
const TROUBLES_MAX: u32 = 50;

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Me,
    User,
    Servers,
    Server,
    Channel,
    Messages,
    Events,
    EditMe,
    EditServer,
    EditChannel,
    Post,
    ChannelLife,
    ServerLife,
    Login,
}

/// Each call's name in `--mix`, and how often it comes by default.
const CALLS: [(Call, &str, u32); 14] = [
    (Call::Me, "me", 10),
    (Call::User, "user", 10),
    (Call::Servers, "servers", 10),
    (Call::Server, "server", 20),
    (Call::Channel, "channel", 15),
    (Call::Messages, "messages", 20),
    (Call::Events, "events", 5),
    (Call::EditMe, "edit-me", 2),
    (Call::EditServer, "edit-server", 1),
    (Call::EditChannel, "edit-channel", 1),
    (Call::Post, "post", 4),
    (Call::ChannelLife, "channel-life", 1),
    (Call::ServerLife, "server-life", 1),
    (Call::Login, "login", 0),
];

/// Which calls, and how often each.
#[derive(Clone, Debug)]
pub struct Mix(Vec<(Call, u32)>);

impl Default for Mix {
    fn default() -> Self {
        Self(CALLS.iter().map(|(call, _, weight)| (*call, *weight)).collect())
    }
}

impl Mix {
    /// `me=20,server=5`.
    ///
    /// # Errors
    /// What is wrong with it, or all the names if that is what was asked for.
    pub fn read(text: &str) -> Result<Self, Trouble> {
        let names = || CALLS.iter().map(|(_, name, weight)| format!("{name}={weight}")).collect::<Vec<_>>().join(",");
        let wrong =
            |part: &str| Trouble::Input(format!("--mix: `{part}`; the calls and their default weights: {}", names()));
        let mut mix = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').ok_or_else(|| wrong(part))?;
            let (call, ..) = CALLS.iter().find(|(_, known, _)| *known == name.trim()).ok_or_else(|| wrong(part))?;
            let weight = weight.trim().parse().ok().filter(|weight| *weight <= 1_000_000);
            mix.push((*call, weight.ok_or_else(|| wrong(part))?));
        }
        if mix.iter().all(|(_, weight)| *weight == 0) { Err(wrong(text)) } else { Ok(Self(mix)) }
    }

    fn pick(&self) -> Call {
        let all: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut left = rand::random_range(0..all.max(1));
        for (call, weight) in &self.0 {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *call,
            }
        }
        Call::Me
    }
}

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
    pub fn new(people: &People, places: &[Place], number: u32) -> Result<Self, Trouble> {
        let owner = people.owner()?;
        let number = number as usize;
        let person = people.all.get(number % people.all.len().max(1)).unwrap_or(owner);
        let place = places.first().ok_or_else(|| Trouble::Input("a run needs a server".into()))?;
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
) -> Result<(), Trouble> {
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
    run.watch("calls", duration, &run.meter.times("any call"), |_| {}).await;
    let took_s = (run.clock.now_us() - run.began_us.get()).max(1) as f64 / 1e6;
    let calls = run.meter.calls.get();
    run.figure("calls", calls as f64, "");
    run.figure("calls a second", calls as f64 / took_s, "/s");
    processors.figures(run, &[("call", calls)]);
    run.enter(Phase::Over);
    while tasks.join_next().await.is_some() {}
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
    async fn trouble(&mut self, trouble: &Trouble) {
        self.run.meter.error("no answer");
        self.troubles += 1;
        if self.troubles > TROUBLES_MAX {
            self.run.fail(format!("the node went away: {trouble}"));
        }
        tokio::time::sleep(AFTER_TROUBLE).await;
    }

    async fn make(&mut self, call: Call) -> Result<(), Trouble> {
        let Visitor { person, owner, server_id, channel_id } = &self.visitor;
        let (person, owner, server, channel) = (Rc::clone(person), Rc::clone(owner), *server_id, *channel_id);
        let name = format!("load {:08x}", rand::random::<u32>());
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
                let path = format!("/channels/{channel}/messages?limit=50");
                self.get("/channels/{channel_id}/messages", &path, &person, 200, |json| is_page(json, 50)).await?
            }
            Call::Events => {
                let path = format!("/channels/{channel}/events?limit=100");
                self.get("/channels/{channel_id}/events", &path, &person, 200, |json| is_page(&json["events"], 100))
                    .await?
            }
            Call::EditMe => {
                let body = json!({ "bio": name });
                self.put("/users/me", "/users/me", &person, &body, |json| json["bio"] == name.as_str()).await?
            }
            Call::EditServer => {
                let (path, body) = (format!("/servers/{server}"), json!({ "name": name }));
                self.put("/servers/{server_id}", &path, &owner, &body, has_name(&name)).await?
            }
            Call::EditChannel => {
                let (path, body) = (format!("/channels/{channel}"), json!({ "name": name }));
                self.put("/channels/{channel_id}", &path, &owner, &body, has_name(&name)).await?
            }
            Call::Post => {
                let (path, body) = (format!("/channels/{channel}/messages"), json!({ "content": name, "nonce": name }));
                let call = ("POST", "/channels/{channel_id}/messages", path.as_str());
                drop(self.send(call, &person, Body::Json(&body), 201, |json| json["content"] == name.as_str()).await?);
            }
            Call::ChannelLife => self.channel_life(&owner, server, &name).await?,
            Call::ServerLife => self.server_life(&owner, &person, &name).await?,
            Call::Login => self.log_in(&person).await?,
        }
        Ok(())
    }

    /// Made, seen, deleted, gone.
    async fn channel_life(&mut self, owner: &Person, server: i64, name: &str) -> Result<(), Trouble> {
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
    async fn server_life(&mut self, owner: &Person, person: &Person, name: &str) -> Result<(), Trouble> {
        let body = json!({ "name": name });
        let call = ("POST", "/servers/", "/servers/");
        let made = self.send(call, owner, Body::Json(&body), 201, |json| json["name"] == name).await?;
        let Some(id) = made.and_then(|made| made["id"].as_i64()) else { return Ok(()) };
        let path = format!("/servers/{id}");
        if person.id != owner.id {
            self.visit(&path, id, person).await?;
        }
        self.send(("DELETE", "/servers/{server_id}", &path), owner, Body::None, 204, |_| true).await.map(drop)
    }

    /// Joined, seen, left, refused; no further than it goes.
    async fn visit(&mut self, path: &str, id: i64, person: &Person) -> Result<(), Trouble> {
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

    async fn log_in(&mut self, person: &Person) -> Result<(), Trouble> {
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
    ) -> Result<(), Trouble> {
        self.send(("GET", name, path), person, Body::None, status, is_right).await.map(drop)
    }

    async fn put(
        &mut self,
        name: &str,
        path: &str,
        person: &Person,
        body: &Value,
        is_right: impl Fn(&Value) -> bool,
    ) -> Result<(), Trouble> {
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
    ) -> Result<Option<Value>, Trouble> {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let from_us = self.due_us.take().unwrap_or_else(|| self.run.clock.now_us());
        let mut token = person.token();
        let mut answer = self.http.call(method.clone(), path, &token, body).await?;
        if answer.status == 401 && name != "/auth/login" {
            self.run.meter.error("token expired");
            person.renew(&self.run.target, &token).await?;
            token = person.token();
            answer = self.http.call(method.clone(), path, &token, body).await?;
        }
        let took_us = self.run.clock.now_us().saturating_sub(from_us);
        let json = answer.json();
        match answer.status {
            429 | 503 => {
                self.wait_for_better(&answer).await;
                return Ok(None);
            }
            got => {
                self.run.meter.times("any call").note(took_us);
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

    async fn wait_for_better(&self, answer: &Answer) {
        self.run.meter.error(answer.json()["code"].as_str().unwrap_or("busy"));
        tokio::time::sleep(AFTER_TROUBLE).await;
    }
}

fn includes(list: &Value, id: i64) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|one| one["id"] == id))
}

/// A page of messages or events, in the order of the log.
fn is_page(list: &Value, most: usize) -> bool {
    list.as_array().is_some_and(|list| {
        let seqs: Vec<i64> = list.iter().filter_map(|one| one["seq"].as_i64()).collect();
        seqs.len() == list.len() && list.len() <= most && seqs.is_sorted_by(|one, next| next - one == 1)
    })
}

#[cfg(test)]
mod tests;
