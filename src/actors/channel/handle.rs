//! How a channel is reached, and what it can be told.

use super::{Channel, Posted};
use crate::actors::bus::BusEntry;
use crate::actors::relay::{Completion, OpenSend, Outbox, SessionKey};
use crate::actors::tell;
use crate::domain::access::{Author, ChannelAccess, ViewChannel};
use crate::domain::close::End;
use crate::domain::message::NewMessage;
use crate::domain::text::Nonce;
use crate::domain::{ChannelId, Seq, UserId};
use crate::error::{Error, Result};
use crate::store::changes::ChangeDraft;
use actix::prelude::SendError;
use actix::{Addr, Message};
use bytes::Bytes;
use tokio::sync::oneshot;

/// How sessions and the registry reach a channel.
#[derive(Clone)]
pub struct ChannelHandle {
    id: ChannelId,
    addr: Addr<Channel>,
}

/// Something that is to be posted, and who waits for the outcome.
pub struct Posting {
    /// What is said.
    pub message: NewMessage,
    /// Who says it.
    pub poster: Poster,
}

/// Who waits for the outcome of a post.
pub enum Poster {
    /// A socket: it gets the event, or an error frame.
    Socket(OpenSend),
    /// A call.
    Call(oneshot::Sender<Result<Posted>>),
    /// A gateway's command, and what its client named it: it gets an acknowledgement, or an error frame.
    Command(OpenSend, Option<Nonce>),
    /// A call that changes messages: it gets the change's place in the log, if it changed anything.
    ChangeCall(oneshot::Sender<Result<Option<Seq>>>),
    /// Nobody any more.
    Nobody,
}

/// Where a socket's events start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what is committed next.
    Live,
    /// After this entry of the log.
    After(Seq),
}

impl Start {
    /// After an entry, if one is named; of whichever other log it is, that is beyond the end of this one.
    pub fn of(after: Option<Seq>, is_of_this_log: bool) -> Self {
        after.map_or(Self::Live, |after| Self::After(if is_of_this_log { after } else { Seq::BEYOND }))
    }

    /// The entry, if there is one.
    pub fn after(self) -> Option<Seq> {
        if let Self::After(after) = self { Some(after) } else { None }
    }
}

/// Why a socket's right to a channel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeReason {
    /// Its user has left.
    Left,
    /// The channel is gone, or they may not know of it any more.
    Gone,
    /// The node stops, or the channel failed.
    Restart,
}

/// A socket that has been attached, until somebody takes it over; dropped before, it is detached again.
pub struct Attachment {
    channel: Option<ChannelHandle>,
    key: SessionKey,
}

impl Attachment {
    pub(in crate::actors) fn new(channel: ChannelHandle, key: SessionKey) -> Self {
        Self { channel: Some(channel), key }
    }

    /// Whoever takes it detaches it.
    pub fn take(mut self) -> Option<ChannelHandle> {
        self.channel.take()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if let Some(channel) = &self.channel {
            channel.detach(self.key);
        }
    }
}

/// Why a post was not taken.
pub enum NotTaken {
    /// The channel has too much to do; later it has not.
    Busy(Posting),
    /// The channel has ended.
    Gone(Posting),
}

impl ChannelHandle {
    pub(super) fn new(id: ChannelId, addr: Addr<Channel>) -> Self {
        Self { id, addr }
    }

    /// Which channel.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// Posts a message from an attached socket.
    pub fn post(&self, posting: Posting) -> Result<(), NotTaken> {
        self.try_post(Post { posting, author: None })
    }

    /// Posts a message from someone who may write here, attached or not.
    pub(in crate::actors) fn post_as(&self, author: Author, posting: Posting) -> Result<(), NotTaken> {
        self.try_post(Post { posting, author: Some(author) })
    }

    /// Changes messages, for someone who may. Back comes the poster of what was not taken, and why.
    pub(in crate::actors) fn change(&self, draft: ChangeDraft, poster: Poster) -> Result<(), (Poster, Error)> {
        self.addr.try_send(Change { draft, poster }).map_err(|error| match error {
            SendError::Full(change) => (change.poster, Error::Busy),
            SendError::Closed(change) => (change.poster, Error::Unavailable),
        })
    }

    fn try_post(&self, post: Post) -> Result<(), NotTaken> {
        self.addr.try_send(post).map_err(|error| match error {
            SendError::Full(post) => NotTaken::Busy(post.posting),
            SendError::Closed(post) => NotTaken::Gone(post.posting),
        })
    }

    /// Says that a socket is gone.
    pub fn detach(&self, key: SessionKey) {
        tell(&self.addr, Detach { key, unsubscribed: None });
    }

    /// Ends a subscription; `last` is the last that the socket hears of it.
    pub fn unsubscribe(&self, key: SessionKey, last: Bytes) {
        let completion = Completion::ignored();
        tell(&self.addr, Detach { key, unsubscribed: Some((last, completion)) });
    }

    /// Asks for the next part of the log, after `after`: the socket has taken the last one.
    pub fn more(&self, key: SessionKey, after: Seq) {
        tell(&self.addr, More { key, after });
    }

    pub(in crate::actors) fn attach(&self, access: ChannelAccess<ViewChannel>, outbox: Outbox, start: Start) {
        tell(&self.addr, Attach { access, arriving: Arriving(Some(outbox)), start });
    }

    /// Lets the channel forget what it holds of its log, because a name in it has been erased.
    pub(in crate::actors) fn forget(&self, completion: Completion) {
        tell(&self.addr, Forget { _completion: completion });
    }

    pub(in crate::actors) fn revoke_user(&self, user: UserId, why: RevokeReason, completion: Completion) {
        tell(&self.addr, Revoke { whose: RevokeScope::User(user), why, completion });
    }

    /// Says how far the log went when the database was asked.
    pub(in crate::actors) fn log_is_at(&self, last_seq: Seq) {
        tell(&self.addr, LogIsAt { last_seq });
    }

    /// Says that another node has written: up to here at least.
    pub(in crate::actors) fn log_goes_on(&self, last_seq: Seq) {
        tell(&self.addr, LogGoesOn { last_seq });
    }

    /// Brings entries that another node has written.
    pub(in crate::actors) fn hear(&self, entries: Vec<BusEntry<Bytes>>) {
        tell(&self.addr, Heard { entries });
    }

    /// Says that what could not be told may be told again.
    pub(in crate::actors) fn lease_is_back(&self) {
        tell(&self.addr, LeaseIsBack);
    }

    /// Has the channel forget what it holds of its log, of which the database has `last_seq` entries now; answers whether some that
    /// were announced are lost. One that has ended meanwhile has nothing to compare and nobody to tell: it was idle, or has failed and
    /// sent its sockets to come back; and the next one begins with what the database says now.
    pub(in crate::actors) async fn read_again(&self, last_seq: Seq) -> bool {
        self.addr.send(ReadAgain { last_seq }).await.unwrap_or(false)
    }

    pub(in crate::actors) fn revoke_all(&self, why: RevokeReason, completion: Completion) {
        tell(&self.addr, Revoke { whose: RevokeScope::All, why, completion });
    }

    pub(in crate::actors) fn addr(&self) -> &Addr<Channel> {
        &self.addr
    }

    pub(in crate::actors) fn is_alive(&self) -> bool {
        self.addr.connected()
    }
}

impl NotTaken {
    /// The post, and the error that its poster gets.
    pub fn into_refusal(self) -> (Posting, Error) {
        match self {
            Self::Busy(posting) => (posting, Error::Busy),
            Self::Gone(posting) => (posting, Error::Unavailable),
        }
    }
}

/// Whose right ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum RevokeScope {
    User(UserId),
    All,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Attach {
    pub access: ChannelAccess<ViewChannel>,
    pub arriving: Arriving,
    pub start: Start,
}

/// A socket on its way to a channel. Dropped before it is there (the channel has failed), it is ended, and comes back.
pub(super) struct Arriving(Option<Outbox>);

impl Arriving {
    /// It is there.
    pub(super) fn arrive(mut self) -> Option<Outbox> {
        self.0.take()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(outbox) = &self.0 {
            let completion = Completion::ignored();
            outbox.relay().end(vec![outbox.key()], End::RESTART, completion);
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Detach {
    pub key: SessionKey,
    /// For a socket that lives on.
    pub unsubscribed: Option<(Bytes, Completion)>,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct More {
    pub key: SessionKey,
    pub after: Seq,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Post {
    pub posting: Posting,
    /// The right to write, where the registry has just seen it; an attached socket has it already.
    pub author: Option<Author>,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Change {
    pub draft: ChangeDraft,
    pub poster: Poster,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LogIsAt {
    pub last_seq: Seq,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LogGoesOn {
    pub last_seq: Seq,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Heard {
    pub entries: Vec<BusEntry<Bytes>>,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct LeaseIsBack;

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Forget {
    pub _completion: Completion,
}

#[derive(Message)]
#[rtype(result = "bool")]
pub(super) struct ReadAgain {
    pub last_seq: Seq,
}

#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Revoke {
    pub whose: RevokeScope,
    pub why: RevokeReason,
    pub completion: Completion,
}
