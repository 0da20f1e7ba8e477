//! Who takes part in a run, and the servers and channels in which it happens.

use super::LoadError;
use super::call::{Answer, Body, Http};
use super::options::Common;
use super::progress::{Progress, tell};
use super::target::Target;
use crate::{MakeSigner, Signer};
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Calls of the set-up at once: passwords are hashed one a core, and more would only wait.
const AT_ONCE: usize = 8;
/// Channels of one server: of the 500 that a node allows, the rest is for those that calls make and delete.
const CHANNELS_A_SERVER: u32 = 400;
/// The beginning of a channel's name.
const DONE: &str = "done: shard";
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// As long as a call of the owner's is made again where the node limits calls.
const LIMITED_MAX: Duration = Duration::from_secs(10);
/// As long as a shard waits for the first one's set-up.
const FIRST_SHARD_MAX: Duration = Duration::from_secs(120);

/// Somebody with a token.
pub struct Person {
    /// The account.
    pub id: i64,
    token: RefCell<Rc<str>>,
    /// Name and password, where they are known.
    credentials: Option<(String, String)>,
    renewing: tokio::sync::Mutex<()>,
}

/// Everyone, and how they get in.
pub struct People {
    target: Rc<Target>,
    signer: Option<Signer>,
    /// At least one; the first owns what is made.
    pub all: Vec<Rc<Person>>,
    run: String,
    shard: (u32, u32),
    made: RefCell<Vec<i64>>,
}

/// A server of the run and its channels.
pub struct Place {
    /// The server.
    pub server_id: i64,
    /// Channels of it.
    pub channels: Vec<i64>,
}

impl People {
    /// Registers accounts and logs them in, or signs tokens for those that are known.
    ///
    /// # Errors
    /// When the node refuses one of them, or does not answer.
    pub async fn gather(
        target: &Rc<Target>,
        common: &Common,
        run: &str,
        secret: Option<&SecretString>,
        make_signer: MakeSigner,
    ) -> Result<Self, LoadError> {
        // A node of its own has this algorithm, whatever the environment says.
        let algorithm = if common.own_node { "HS256" } else { &common.algorithm };
        let signer = secret.map(|secret| make_signer(secret, algorithm));
        let mut people = Self {
            target: Rc::clone(target),
            signer,
            all: Vec::new(),
            run: run.into(),
            shard: common.shard.unwrap_or((1, 1)),
            made: RefCell::default(),
        };
        match common.user_ids {
            Some((from, to)) => {
                for id in from..=to {
                    people.all.push(Rc::new(Person::new(id, people.sign(id)?, None)));
                }
                if let Some(first) = people.all.first() {
                    people.check_key(first).await?;
                }
            }
            None => people.register(common.users).await?,
        }
        Ok(people)
    }

    fn sign(&self, id: i64) -> Result<Rc<str>, LoadError> {
        let token = self.signer.as_ref().and_then(|signer| signer(id));
        token.map(Into::into).ok_or_else(|| LoadError::Input("no token could be signed".into()))
    }

    async fn check_key(&self, person: &Person) -> Result<(), LoadError> {
        let answer =
            Http::new(Rc::clone(&self.target)).call(Method::GET, "/users/me", &person.token(), Body::None).await?;
        match answer.status {
            200 => Ok(()),
            401 => Err(LoadError::Input(format!(
                "the node refuses a token for user {} that was signed with --secret-key: it must be the node's SECRET_KEY, \
                 and the account must exist ({})",
                person.id,
                answer.says()
            ))),
            _ => Err(unexpected("GET /users/me", &answer)),
        }
    }

    async fn register(&mut self, count: u32) -> Result<(), LoadError> {
        let progress = Progress::begin("accounts", u64::from(count));
        let done = std::cell::Cell::new(0);
        let made = stream::iter(0..count).map(|number| {
            let people = &*self;
            let (done, progress) = (&done, &progress);
            async move {
                let person = people.enter(number).await?;
                done.set(done.get() + 1);
                progress.at(done.get());
                Ok::<_, LoadError>(person)
            }
        });
        let all = made.buffered(AT_ONCE).try_collect().await;
        progress.end();
        self.all = all?;
        match self.all.first() {
            Some(first) if self.signer.is_some() => self.check_key(first).await,
            _ => Ok(()),
        }
    }

    /// Registers one account, or logs in to it if it is there: from an earlier run of this name, or another shard.
    async fn enter(&self, number: u32) -> Result<Rc<Person>, LoadError> {
        let mut http = Http::new(Rc::clone(&self.target));
        let name = format!("load-{}-{number}", self.run);
        let password = format!("madang load {}", self.run);
        let new = json!({ "username": name, "email": format!("{name}@example.com"), "password": password });
        let answer = http.call(Method::POST, "/auth/register", "", Body::Json(&new)).await?;
        let id = answer.json()["id"].as_i64();
        match (answer.status, id) {
            (201, Some(id)) if self.signer.is_some() => return Ok(Rc::new(Person::new(id, self.sign(id)?, None))),
            (201, Some(_)) => {}
            (400, _) if answer.json()["code"] == "username_taken" => {}
            _ => return Err(unexpected("POST /auth/register", &answer)),
        }
        let token: Rc<str> = log_in(&mut http, &name, &password).await?.into();
        let me = http.call(Method::GET, "/users/me", &token, Body::None).await?;
        let id = me.json()["id"].as_i64().ok_or_else(|| unexpected("GET /users/me", &me))?;
        Ok(Rc::new(Person::new(id, token, Some((name, password)))))
    }

    /// The owner of what is made.
    pub fn owner(&self) -> Result<&Rc<Person>, LoadError> {
        self.all.first().ok_or_else(|| LoadError::Input("a run needs an account".into()))
    }

    /// Makes `channels` channels in as many servers as that takes, and lets everybody in; a later shard finds them.
    ///
    /// # Errors
    /// When the node refuses, or the first shard does not come.
    pub async fn settle(&self, channels: u32) -> Result<Vec<Place>, LoadError> {
        if self.shard.0 == 1 && self.shard.1 > 1 {
            self.check_name().await?;
        }
        let progress = Progress::begin("channels", u64::from(channels));
        let mut places: Vec<Place> = Vec::new();
        let mut left = channels;
        while left > 0 {
            let count = left.min(CHANNELS_A_SERVER);
            let name = self.server_name(places.len());
            let place = match self.shard.0 == 1 {
                true => self.make(&name, count, &progress, channels - left).await?,
                false => self.find(&name, count).await?,
            };
            places.push(place);
            left -= count;
            progress.at(u64::from(channels - left));
        }
        progress.end();
        Ok(places)
    }

    async fn make(&self, name: &str, count: u32, progress: &Progress, before: u32) -> Result<Place, LoadError> {
        let (owner, mut http) = (self.owner()?, Http::new(Rc::clone(&self.target)));
        let new = json!({ "name": name, "description": "made by madang load" });
        let server = http.call(Method::POST, "/servers/", &owner.token(), Body::Json(&new)).await?;
        let server_id = made("POST /servers/", &server)?;
        self.made.borrow_mut().push(server_id);
        // They join before the channels are made: a shard that sees all channels may use every account.
        let joined = stream::iter(self.all.iter().skip(1)).map(|person| async move {
            let path = format!("/servers/{server_id}/join");
            let answer =
                Http::new(Rc::clone(&self.target)).call(Method::POST, &path, &person.token(), Body::None).await?;
            if answer.status == 200 { Ok(()) } else { Err(unexpected("POST /servers/{server_id}/join", &answer)) }
        });
        joined.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let mut channels = Vec::new();
        for number in 0..count {
            let new = json!({ "name": format!("channel {number}"), "server_id": server_id });
            let channel = http.call(Method::POST, "/channels/", &owner.token(), Body::Json(&new)).await?;
            channels.push(made("POST /channels/", &channel)?);
            progress.at(u64::from(before + number + 1));
        }
        Ok(Place { server_id, channels })
    }

    fn server_name(&self, number: usize) -> String {
        format!("load {} {number}", self.run)
    }

    /// The newest server of a name.
    async fn server(&self, http: &mut Http, name: &str) -> Result<Option<i64>, LoadError> {
        let mine = self.ask(http, Method::GET, "/servers/", Body::None).await?.json();
        let found = mine.as_array().into_iter().flatten().rfind(|server| server["name"] == name);
        Ok(found.and_then(|server| server["id"].as_i64()))
    }

    /// What an earlier run has left would be taken for this one's by the other shards.
    async fn check_name(&self) -> Result<(), LoadError> {
        match self.server(&mut Http::new(Rc::clone(&self.target)), &self.server_name(0)).await? {
            None => Ok(()),
            Some(id) => Err(LoadError::Input(format!(
                "--run {}: server {id} of an earlier run of this name is still there; delete it, or take another name",
                self.run
            ))),
        }
    }

    async fn find(&self, name: &str, count: u32) -> Result<Place, LoadError> {
        let (mut http, since) = (Http::new(Rc::clone(&self.target)), Instant::now());
        while since.elapsed() < FIRST_SHARD_MAX {
            if let Some(server_id) = self.server(&mut http, name).await? {
                let channels = self.channels(&mut http, server_id).await?;
                if channels.len() == count as usize {
                    return Ok(Place { server_id, channels: channels.into_iter().map(|(id, _)| id).collect() });
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(LoadError::Input(format!("shard 1 of run {} has not made the server `{name}`; start it too", self.run)))
    }

    /// A server's channels: ids and names.
    async fn channels(&self, http: &mut Http, server_id: i64) -> Result<Vec<(i64, String)>, LoadError> {
        let detail = self.ask(http, Method::GET, &format!("/servers/{server_id}"), Body::None).await?.json();
        let channels = detail["channels"].as_array().into_iter().flatten();
        let named = |channel: &Value| Some((channel["id"].as_i64()?, channel["name"].as_str()?.to_owned()));
        Ok(channels.filter_map(named).collect())
    }

    /// Servers that have to go with those of the run.
    pub fn also_delete(&self, servers: impl IntoIterator<Item = i64>) {
        self.made.borrow_mut().extend(servers);
    }

    /// Deletes what was made; with several shards the first one does, when all others are done.
    pub async fn clear(&self, places: &[Place], patience: Duration) {
        let cleared = match (self.shard, places.first()) {
            ((1, all), Some(place)) if all > 1 => {
                match self.others_are_done(place.server_id, all - 1, patience).await {
                    Ok(true) => self.delete().await,
                    Ok(false) => Err(LoadError::Node("not every shard has ended".into())),
                    Err(trouble) => Err(trouble),
                }
            }
            ((1, _), _) => self.delete().await,
            (_, Some(place)) => match self.delete().await {
                Ok(()) => self.say_done(place.server_id).await,
                failed => failed,
            },
            (_, None) => Ok(()),
        };
        if let Err(trouble) = cleared {
            let left = self.made.borrow().iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            tell(&format!("servers that are left: {left} ({trouble})"));
        }
    }

    async fn delete(&self) -> Result<(), LoadError> {
        let mut http = Http::new(Rc::clone(&self.target));
        loop {
            let last = self.made.borrow().last().copied();
            let Some(server_id) = last else { return Ok(()) };
            let answer = self.ask(&mut http, Method::DELETE, &format!("/servers/{server_id}"), Body::None).await?;
            if !matches!(answer.status, 204 | 404) {
                return Err(unexpected("DELETE /servers/{server_id}", &answer));
            }
            self.made.borrow_mut().pop();
        }
    }

    /// A channel of this name tells the first shard that this one needs the servers no more.
    async fn say_done(&self, server_id: i64) -> Result<(), LoadError> {
        let new = json!({ "name": format!("{DONE} {}", self.shard.0), "server_id": server_id });
        let mut http = Http::new(Rc::clone(&self.target));
        let answer = self.ask(&mut http, Method::POST, "/channels/", Body::Json(&new)).await?;
        made("POST /channels/", &answer).map(drop)
    }

    async fn others_are_done(&self, server_id: i64, others: u32, patience: Duration) -> Result<bool, LoadError> {
        let (mut http, since) = (Http::new(Rc::clone(&self.target)), Instant::now());
        let progress = Progress::begin("other shards", u64::from(others));
        let mut done = 0;
        while done < others as usize && since.elapsed() < patience {
            let channels = self.channels(&mut http, server_id).await?;
            done = channels.iter().filter(|(_, name)| name.starts_with(DONE)).count();
            progress.at(done as u64);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        progress.end();
        Ok(done >= others as usize)
    }

    /// A call of the owner's; it is made again with a new token where the old one has expired, and a little later where the
    /// node limits calls.
    async fn ask(&self, http: &mut Http, method: Method, path: &str, body: Body<'_>) -> Result<Answer, LoadError> {
        let (owner, since, mut is_new) = (self.owner()?, Instant::now(), false);
        loop {
            let token = owner.token();
            let answer = http.call(method.clone(), path, &token, body).await?;
            match answer.status {
                401 if !std::mem::replace(&mut is_new, true) => owner.renew(&self.target, &token).await?,
                429 if since.elapsed() < LIMITED_MAX => tokio::time::sleep(LOOK_EVERY).await,
                _ => return Ok(answer),
            }
        }
    }
}

impl Person {
    fn new(id: i64, token: Rc<str>, credentials: Option<(String, String)>) -> Self {
        Self { id, token: RefCell::new(token), credentials, renewing: tokio::sync::Mutex::new(()) }
    }

    /// Goes with every call and handshake.
    pub fn token(&self) -> Rc<str> {
        Rc::clone(&self.token.borrow())
    }

    /// Gets a new token in place of one that the node no longer takes; of many who ask at once, one does it.
    ///
    /// # Errors
    /// When the password is not known, or the node refuses it.
    pub async fn renew(&self, target: &Rc<Target>, old: &str) -> Result<(), LoadError> {
        let _turn = self.renewing.lock().await;
        if *self.token() != *old {
            return Ok(());
        }
        let Some((name, password)) = &self.credentials else {
            return Err(LoadError::Node(format!("the node no longer takes the token of user {}", self.id)));
        };
        let token = log_in(&mut Http::new(Rc::clone(target)), name, password).await?;
        *self.token.borrow_mut() = token.into();
        Ok(())
    }

    /// Name and password, where they are known.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(name, password)| (name.as_str(), password.as_str()))
    }
}

async fn log_in(http: &mut Http, name: &str, password: &str) -> Result<String, LoadError> {
    let answer = http.call(Method::POST, "/auth/login", "", Body::Login(name, password)).await?;
    let token = answer.json()["access_token"].as_str().map(str::to_owned);
    token.filter(|_| answer.status == 200).ok_or_else(|| unexpected("POST /auth/login", &answer))
}

fn made(call: &str, answer: &Answer) -> Result<i64, LoadError> {
    let id = answer.json()["id"].as_i64();
    id.filter(|_| answer.status == 201).ok_or_else(|| unexpected(call, answer))
}

/// An answer that a run cannot go on with.
pub fn unexpected(call: &str, answer: &Answer) -> LoadError {
    let hint = match (answer.status, answer.json()["code"].as_str()) {
        (404, None) => "; is this the address of a Madang node?",
        (401, _) => "; does --secret-key fit?",
        (429, _) => "; for a run start the node with RATE_LIMIT=off",
        _ => "",
    };
    LoadError::Node(format!("{call} was answered with {}{hint}", answer.says()))
}
