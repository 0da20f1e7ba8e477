//! Loading what the cache misses: one load a key at a time, and again if a change came between.

use super::cache::{Memberships, Miss};
use super::changes::Confirm;
use super::{Ask, Registry, Target, WAITING_MAX};
use crate::domain::access::{Account, MemberState, ServerState};
use crate::domain::server::ServerMember;
use crate::domain::user::PublicProfile;
use crate::domain::{ChannelId, ServerId, UserId};
use crate::error::{Error, Noun, Result, Unauthorized};
use crate::store::{Db, channels, roles, servers, user_servers, users};
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use std::rc::Rc;
use std::sync::Arc;

/// What can be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    User(UserId),
    Channel(ChannelId),
    Server(ServerId),
    Member(UserId, ServerId),
    Memberships(UserId),
    /// A member as others see them. Only news need it.
    ShownMember(UserId, ServerId),
    /// A user as others see them, and where. Only news need it.
    ShownUser(UserId),
}

/// What has been loaded.
pub(super) enum Loaded {
    User(Option<Arc<Account>>),
    Channel(Option<ServerId>),
    Server(Option<Arc<ServerState>>),
    Member(Option<Arc<MemberState>>),
    Memberships(Memberships),
    ShownMember(Option<ServerMember>),
    ShownUser(Option<ShownUser>),
}

/// A user as others see them, and the servers whose members do.
#[derive(Clone)]
pub(super) struct ShownUser {
    pub(super) profile: PublicProfile,
    pub(super) servers: Arc<[ServerId]>,
}

/// A load that is under way, and who waits for it, by the number of each: in the order in which they came to the registry, whatever
/// else they have waited for before.
#[derive(Default)]
pub(super) struct Loading {
    pub(super) is_stale: bool,
    /// Which load is the one that counts: one that was superseded brings nothing.
    run: Number,
    /// Whether it waits in no line of questions.
    is_confirming: bool,
    waiting: Vec<(Number, Waiter)>,
}

/// Counts questions and changes as they come.
pub(super) type Number = u64;

/// Who waits for a load.
pub(super) enum Waiter {
    Ask(Ask),
    Confirm(Confirm),
}

impl Registry {
    /// Answers a question, or lets it wait for what it needs.
    pub(super) fn step(&mut self, number: Number, ask: Ask, ctx: &mut Context<Self>) {
        // Another node may have changed what is remembered here.
        if !self.shared.lease().is_held() {
            return ask.fail(Error::Unavailable);
        }
        match self.cache.with(|cache| cache.find(&ask.bearer, ask.target)) {
            Ok(found) => self.answer(ask, found),
            Err(Miss::Load(_)) if self.waiting >= WAITING_MAX => ask.fail(Error::Busy),
            Err(Miss::Load(key)) => self.wait(key, number, Waiter::Ask(ask), ctx),
            Err(Miss::Refuse(error)) => ask.fail(error),
        }
    }

    /// Changes wait however many there are: each is one that a call has made.
    pub(super) fn wait(&mut self, key: Key, number: Number, waiter: Waiter, ctx: &mut Context<Self>) {
        self.waiting += 1;
        let is_confirm = matches!(waiter, Waiter::Confirm(_));
        let loading = self.loading.entry(key).or_default();
        let (is_confirming, waiting) = (loading.is_confirming, &mut loading.waiting);
        // At the end, but for one that has waited for something else before.
        let place = waiting.partition_point(|(earlier, _)| *earlier < number);
        waiting.insert(place, (number, waiter));
        if waiting.len() == 1 || (is_confirm && !is_confirming) {
            self.load(key, ctx);
        }
    }

    /// A right that ends is not kept alive by a long line of questions: what is looked up for a change has slots of its own, and does not
    /// wait for the same look-up in that line.
    fn load(&mut self, key: Key, ctx: &mut Context<Self>) {
        let run = self.next_number();
        let Some(loading) = self.loading.get_mut(&key) else { return };
        loading.run = run;
        loading.is_stale = false;
        loading.is_confirming = loading.waiting.iter().any(|(_, waiter)| matches!(waiter, Waiter::Confirm(_)));
        let slots = Rc::clone(if loading.is_confirming { &self.confirm_slots } else { &self.slots });
        let db = self.db.clone();
        let load = async move {
            let _slot = slots.in_time().await?;
            load(&db, key).await
        };
        ctx.spawn(load.into_actor(self).map(move |loaded, registry, ctx| registry.loaded(key, run, loaded, ctx)));
    }

    fn loaded(&mut self, key: Key, run: Number, loaded: Result<Loaded>, ctx: &mut Context<Self>) {
        let Some(loading) = self.loading.get_mut(&key).filter(|loading| loading.run == run) else { return };
        if std::mem::take(&mut loading.is_stale) {
            return self.load(key, ctx);
        }
        let waiting = self.loading.remove(&key).map(|loading| loading.waiting).unwrap_or_default();
        self.waiting -= waiting.len();
        if let (Key::Server(id), Ok(Loaded::Server(Some(state)))) = (key, &loaded) {
            self.seats.learn(id, &state.rights);
        }
        let is_there = loaded.as_ref().is_ok_and(|loaded| self.cache.with(|cache| cache.insert(key, loaded)));
        for (number, waiter) in waiting {
            match (waiter, &loaded) {
                (Waiter::Ask(ask), _) if is_there => self.step(number, ask, ctx),
                (Waiter::Ask(ask), Ok(_)) => {
                    let error = missing(key, ask.target);
                    ask.fail(error);
                }
                (Waiter::Ask(ask), Err(_)) => ask.fail(Error::Unavailable),
                (Waiter::Confirm(confirm), Ok(loaded)) => self.confirmed(confirm, loaded, ctx),
                (Waiter::Confirm(confirm), Err(_)) => self.unconfirmed(confirm, ctx),
            }
        }
    }
}

async fn load(db: &Db, key: Key) -> Result<Loaded> {
    Ok(match key {
        Key::User(id) => Loaded::User(users::account(db, id).await?.map(Arc::new)),
        Key::Channel(id) => Loaded::Channel(channels::server(db, id).await?),
        Key::Member(user, server) => Loaded::Member(user_servers::state(db, user, server).await?),
        Key::Memberships(user) => Loaded::Memberships(user_servers::list(db, user).await?.into()),
        Key::ShownMember(user, server) => Loaded::ShownMember(user_servers::find(db, user, server).await?),
        Key::ShownUser(user) => Loaded::ShownUser(match users::shown(db, user).await? {
            Some(profile) => {
                let servers = user_servers::list(db, user).await?.into_iter().map(|(server, _)| server).collect();
                Some(ShownUser { profile, servers })
            }
            None => None,
        }),
        Key::Server(id) => Loaded::Server(match servers::find(db, id).await? {
            Some(server) => {
                let channels = channels::list(db, id).await?.into();
                let roles = roles::list(db, id).await?.into();
                Some(Arc::new(ServerState::new(server, channels, roles)))
            }
            None => None,
        }),
    })
}

/// The error for what the database does not have, in the terms of the question.
fn missing(key: Key, target: Target) -> Error {
    match (key, target) {
        (Key::User(_), _) => Unauthorized::Invalid.into(),
        (_, Target::Channel(_)) => Error::NotFound(Noun::Channel),
        _ => Error::NotFound(Noun::Server),
    }
}
