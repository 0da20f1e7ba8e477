//! How the rest of the node asks the registry.

use super::attach::{refuse, refuse_change};
use super::cache::{Miss, SharedCache};
use super::{
    Apply, Ask, Change, EndChannels, Forget, Found, ReadAgain, Registry, RemoveGateway, Reply, Target, decide_channel,
};
use crate::actors::channel::{Attachment, Posted, Poster, Posting, Start};
use crate::actors::lease::Lease;
use crate::actors::relay::{Completion, Outbox, Relays, SessionKey};
use crate::actors::tell;
use crate::auth::token::Bearer;
use crate::domain::access::{
    Caller, ChannelAccess, Facts, ManageRoles, Member, MemberAccess, MemberState, Over, Right, ServerAccess,
};
use crate::domain::close::End;
use crate::domain::log::MessageChange;
use crate::domain::message::NewMessage;
use crate::domain::{ChannelId, Seq, ServerId, UserId};
use crate::error::{Error, Noun, Result};
use crate::patience::timeout;
use actix::Addr;
use actix::prelude::SendError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// As long as a change may take to reach every socket before its answer goes out all the same.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// As long as a change of this node waits to be told while nothing is: later there is no socket left.
const UNLEASED_MAX: Duration = Duration::from_secs(11);

/// How the rest of the node asks the registry.
#[derive(Clone)]
pub struct RegistryHandle {
    pub(super) addr: Addr<Registry>,
    pub(super) cache: SharedCache,
    pub(super) lease: Lease,
    pub(super) answer_max: Duration,
}

impl RegistryHandle {
    /// Why a token is void, as far as is known here without asking anybody.
    pub fn refusal(&self, bearer: &Bearer) -> Option<Error> {
        if !self.lease.is_held() {
            return None;
        }
        match self.cache.with(|cache| cache.find(bearer, Target::Account)) {
            Err(Miss::Refuse(error)) => Some(error),
            Ok(_) | Err(Miss::Load(_)) => None,
        }
    }

    /// Who the bearer of a good token is.
    ///
    /// # Errors
    /// `invalid_token` when the account is gone, `token_revoked` when its password has been changed since.
    pub async fn caller(&self, bearer: Bearer) -> Result<Caller> {
        match self.ask(bearer, Target::Account).await? {
            Found::Caller(caller) | Found::Memberships(caller, _) => Ok(caller),
            Found::Facts(facts) | Found::Target(facts, _) => Ok(facts.caller),
        }
    }

    /// Who the bearer of a good token is, and the servers that they belong to.
    pub async fn memberships(&self, bearer: Bearer) -> Result<(Caller, Arc<[ServerId]>)> {
        match self.ask(bearer, Target::Memberships).await? {
            Found::Memberships(caller, servers) => Ok((caller, servers.iter().map(|(server, _)| *server).collect())),
            // No question asks for one thing and is given another.
            _ => Err(Error::Internal),
        }
    }

    /// The right `R` to a server.
    pub async fn server<R: Right>(&self, bearer: Bearer, id: ServerId) -> Result<ServerAccess<R>> {
        match self.ask(bearer, Target::Server(id)).await? {
            Found::Facts(facts) => Ok(ServerAccess::decide(facts)?),
            _ => Err(Error::NotFound(Noun::Server)),
        }
    }

    /// The right `R` to a server, over somebody, a member or not.
    pub async fn over<R: Right>(&self, bearer: Bearer, id: ServerId, user: UserId) -> Result<Over<R>> {
        let (facts, target) = self.about(bearer, id, user).await?;
        Ok(Over::decide(ServerAccess::decide(facts)?, user, target.as_deref())?)
    }

    /// The right to give and take roles of a member, who may be the caller.
    pub async fn over_or_self(&self, bearer: Bearer, id: ServerId, user: UserId) -> Result<Over<ManageRoles>> {
        let (facts, target) = self.about(bearer, id, user).await?;
        let over = Over::decide_or_self(ServerAccess::decide(facts)?, user, target.as_deref())?;
        if target.is_some() { Ok(over) } else { Err(Error::NotFound(Noun::User)) }
    }

    /// A member of a server, for somebody who belongs to it.
    pub async fn member(&self, bearer: Bearer, id: ServerId, user: UserId) -> Result<MemberAccess> {
        let (facts, target) = self.about(bearer, id, user).await?;
        // Who does not belong to it learns nothing of its members.
        ServerAccess::<Member>::decide(facts.clone())?;
        Ok(MemberAccess::decide(facts, user, target.ok_or(Error::NotFound(Noun::User))?)?)
    }

    async fn about(&self, bearer: Bearer, id: ServerId, user: UserId) -> Result<(Facts, Option<Arc<MemberState>>)> {
        match self.ask(bearer, Target::Member(id, user)).await? {
            Found::Target(facts, target) => Ok((facts, target)),
            _ => Err(Error::NotFound(Noun::Server)),
        }
    }

    /// The right `R` to a channel.
    pub async fn channel<R: Right>(&self, bearer: Bearer, id: ChannelId) -> Result<ChannelAccess<R>> {
        match self.ask(bearer, Target::Channel(id)).await? {
            Found::Facts(facts) => decide_channel(facts, id),
            _ => Err(Error::NotFound(Noun::Channel)),
        }
    }

    /// Attaches a socket to a channel that its user may read.
    pub async fn attach(&self, bearer: Bearer, id: ChannelId, outbox: Outbox, start: Start) -> Result<Attachment> {
        self.answer(bearer, Target::Channel(id), |reply| Reply::Attach(id, outbox, start, reply)).await
    }

    /// Posts to a channel that the bearer may write in; returns when the message is in the log.
    pub async fn post(&self, bearer: Bearer, id: ChannelId, message: NewMessage) -> Result<Posted> {
        self.may_tell().await?;
        let (reply, answer) = oneshot::channel();
        let posting = Posting { message, poster: Poster::Call(reply) };
        self.send(Ask { bearer, target: Target::Channel(id), reply: Reply::Post(id, posting) });
        // What has not been answered by now may still be written.
        let answer = timeout(self.answer_max, answer).await;
        answer.unwrap_or(Ok(Err(Error::Unconfirmed))).unwrap_or(Err(Error::Unconfirmed))
    }

    /// Changes messages of a channel for a call; returns when the change is in the log, with its place there, if it has changed anything.
    pub async fn change(&self, bearer: Bearer, id: ChannelId, change: MessageChange) -> Result<Option<Seq>> {
        self.may_tell().await?;
        let (reply, answer) = oneshot::channel();
        self.send_change(bearer, id, change, Poster::ChangeCall(reply));
        // What has not been answered by now may still be made.
        let answer = timeout(self.answer_max, answer).await;
        answer.unwrap_or(Ok(Err(Error::Unconfirmed))).unwrap_or(Err(Error::Unconfirmed))
    }

    /// Changes messages of a channel; the poster hears what becomes of it.
    pub fn send_change(&self, bearer: Bearer, id: ChannelId, change: MessageChange, poster: Poster) {
        self.send(Ask { bearer, target: Target::Channel(id), reply: Reply::Change(id, change, poster) });
    }

    /// Posts for a socket, which gets the outcome as a frame.
    pub fn post_for_socket(&self, bearer: Bearer, id: ChannelId, posting: Posting) {
        self.send(Ask { bearer, target: Target::Channel(id), reply: Reply::Post(id, posting) });
    }

    /// Lets a gateway hear the news of its user's servers, from now on.
    pub async fn add_gateway(&self, bearer: Bearer, outbox: Outbox) -> Result<Caller> {
        self.answer(bearer, Target::Memberships, |reply| Reply::AddGateway(outbox, reply)).await
    }

    /// Says that a gateway is gone.
    pub fn remove_gateway(&self, user: UserId, key: SessionKey) {
        tell(&self.addr, RemoveGateway { user, key });
    }

    /// Makes a committed change true here, and tells the gateways that it concerns. Returns when every later question is answered
    /// by it and no later event reaches a socket whose right it ended.
    pub async fn apply(&self, change: Change) {
        if !self.lease.is_held() {
            // Those who would be told by what is remembered may not be told any more. Until it is known who may, nothing is told at all.
            self.forget(change.clone()).await;
            let _ = timeout(UNLEASED_MAX, self.lease.held()).await;
        }
        let (completion, settled) = Completion::awaited();
        if self.addr.send(Apply { change, completion }).await.is_err() {
            tracing::error!("the registry is gone");
        }
        settle(settled).await;
    }

    /// Forgets what a change would have changed: for a commit whose outcome is not known.
    pub async fn forget(&self, change: Change) {
        let _ = self.addr.send(Forget { change }).await;
    }

    /// Ends every socket of the node, after what its channels still have to say; returns when all have been told.
    pub async fn end_all(&self, relays: &Relays, end: End) {
        let (completion, settled) = Completion::awaited();
        let _ = self.addr.send(EndChannels { completion }).await;
        settle(settled).await;
        let (completion, settled) = Completion::awaited();
        relays.all().iter().for_each(|relay| relay.end_all(end, completion.clone()));
        drop(completion);
        settle(settled).await;
    }

    /// Has everything that is remembered of the database read again: it has another history now. Where that has lost what was
    /// announced, something else may be lost as well, so every socket ends and begins anew.
    pub async fn read_again(&self, relays: &Relays) {
        if self.addr.send(ReadAgain).await.unwrap_or(true) {
            self.end_all(relays, End::RESTART).await;
        }
    }

    #[cfg(test)]
    pub(in crate::actors) fn into_addr(self) -> Addr<Registry> {
        self.addr
    }

    /// Waits until what is remembered may be told.
    async fn may_tell(&self) -> Result<()> {
        if self.lease.is_held() || timeout(self.answer_max, self.lease.held()).await.is_some() {
            return Ok(());
        }
        Err(Error::Unavailable)
    }

    async fn ask(&self, bearer: Bearer, target: Target) -> Result<Found> {
        self.may_tell().await?;
        match self.cache.with(|cache| cache.find(&bearer, target)) {
            Ok(found) => Ok(found),
            Err(Miss::Refuse(error)) => Err(error),
            Err(Miss::Load(_)) => self.answer(bearer, target, Reply::Found).await,
        }
    }

    async fn answer<T>(
        &self,
        bearer: Bearer,
        target: Target,
        reply: impl FnOnce(oneshot::Sender<Result<T>>) -> Reply,
    ) -> Result<T> {
        self.may_tell().await?;
        let (sender, answer) = oneshot::channel();
        self.send(Ask { bearer, target, reply: reply(sender) });
        let answer = timeout(self.answer_max, answer).await;
        answer.unwrap_or(Ok(Err(Error::Unavailable))).unwrap_or(Err(Error::Unavailable))
    }

    fn send(&self, ask: Ask) {
        match self.addr.try_send(ask) {
            Ok(()) => {}
            Err(SendError::Full(ask)) => ask.fail(Error::Busy),
            Err(SendError::Closed(ask)) => ask.fail(Error::Unavailable),
        }
    }
}

impl Ask {
    pub(super) fn fail(self, error: Error) {
        // Whoever asked may have hung up.
        match self.reply {
            Reply::Found(reply) => drop(reply.send(Err(error))),
            Reply::Attach(_, _, _, reply) => drop(reply.send(Err(error))),
            Reply::AddGateway(_, reply) => drop(reply.send(Err(error))),
            Reply::Post(id, posting) => refuse(posting, id, error),
            Reply::Change(id, _, poster) => refuse_change(poster, id, error),
        }
    }
}

/// Waits until every copy of a completion is gone.
async fn settle(mut settled: mpsc::Receiver<()>) {
    if timeout(SETTLE_MAX, settled.recv()).await.is_none() {
        tracing::warn!("a change has not reached every socket in time");
    }
}
