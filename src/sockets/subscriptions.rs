//! A gateway's subscriptions: one socket, many channels.
//!
//! Replays go one after another, each part when the peer has taken the one before, so that however much a client has
//! missed in however many channels, no more than one part of it waits on its socket. Bound: [`SUBSCRIPTIONS_MAX`].

use super::command::{Command, MessageCommand, SUBSCRIPTIONS_MAX, Subscribe, Wanted};
use super::session::Session;
use crate::actors::channel::{ChannelHandle, Poster, Posting, Start};
use crate::actors::relay::{About, error_frame};
use crate::actors::relay::{Notice, Outbox};
use crate::auth::token::Bearer;
use crate::domain::frame::Frame;
use crate::domain::message::NewMessage;
use crate::domain::{ChannelId, Seq, UserId};
use crate::error::{Code, Error, Result};
use crate::websocket::encode;
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use std::collections::{HashMap, VecDeque};
use tokio::sync::oneshot;

/// What a gateway knows of itself once its client is known.
pub struct Subscriptions {
    bearer: Bearer,
    by_channel: HashMap<ChannelId, Subscription>,
    replays: Replays,
}

/// A channel, from the asking to the end.
enum Subscription {
    /// The registry has been asked. What is sent meanwhile waits, so that it keeps its order.
    Asked { held: Vec<Posting>, fate: Fate },
    /// It is heard.
    Active(ChannelHandle),
    /// Its last frame is on its way.
    Ending,
}

/// What is to become of a subscription that has been asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Wanted,
    /// The client has changed its mind.
    Unwanted,
    /// The right has ended already.
    Revoked,
}

/// Who is to be told what was missed, the first one now.
#[derive(Default)]
struct Replays {
    waiting: VecDeque<(ChannelId, ChannelHandle, Seq)>,
    is_under_way: bool,
}

impl Subscriptions {
    /// None yet.
    pub fn new(bearer: Bearer) -> Self {
        Self { bearer, by_channel: HashMap::new(), replays: Replays::default() }
    }

    /// Whose they are.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// The socket is gone.
    pub fn end(&self, outbox: &Outbox) {
        for subscription in self.by_channel.values() {
            if let Subscription::Active(channel) = subscription {
                channel.detach(outbox.key());
            }
        }
    }

    /// Asks for the next part of a replay, if the socket can take it.
    pub fn go_on(&mut self, outbox: &Outbox) {
        if !self.replays.is_under_way
            && let Some((_, channel, after)) = self.replays.waiting.front()
        {
            self.replays.is_under_way = true;
            channel.more(outbox.key(), *after);
        }
    }

    /// Takes what the relay says.
    pub fn take_notice(&mut self, notice: Notice) {
        let replays = &mut self.replays;
        match notice {
            Notice::Replayed { channel_id, upto } => {
                if let Some((_, _, after)) = replays.waiting.front_mut().filter(|front| front.0 == channel_id) {
                    *after = upto;
                    replays.is_under_way = false;
                }
            }
            Notice::Live(channel_id) => replays.forget(channel_id),
            Notice::Revoked(channel_id) => {
                replays.forget(channel_id);
                match self.by_channel.get_mut(&channel_id) {
                    Some(Subscription::Asked { fate, .. }) => *fate = Fate::Revoked,
                    _ => drop(self.by_channel.remove(&channel_id)),
                }
            }
        }
    }

    fn send(&mut self, channel_id: ChannelId, posting: Posting) -> Sent {
        match self.by_channel.get_mut(&channel_id) {
            Some(Subscription::Active(channel)) => match channel.post(posting) {
                Ok(()) => Sent::Taken,
                Err(not_taken) => {
                    let (posting, error) = not_taken.into_refusal();
                    Sent::Refused(posting, error)
                }
            },
            Some(Subscription::Asked { held, .. }) => {
                held.push(posting);
                Sent::Taken
            }
            Some(Subscription::Ending) | None => Sent::ByRegistry(posting),
        }
    }
}

enum Sent {
    Taken,
    Refused(Posting, Error),
    /// The socket does not hear the channel: the registry has to say whether its user may write there.
    ByRegistry(Posting),
}

impl Replays {
    fn forget(&mut self, channel_id: ChannelId) {
        if self.waiting.front().is_some_and(|front| front.0 == channel_id) {
            self.is_under_way = false;
        }
        self.waiting.retain(|waiting| waiting.0 != channel_id);
    }
}

impl Session {
    /// Carries out a command of an identified client.
    pub(super) fn carry_out(&mut self, command: Command, ctx: &mut Context<Self>) {
        let Some((user, _)) = self.user else { return };
        let command = match command.into_change(user) {
            Ok(change) => return self.change(user, change),
            Err(other) => other,
        };
        match command {
            Command::SendMessage { channel_id: Some(channel_id), message } => self.admit(channel_id, message, ctx),
            Command::Subscribe(Subscribe::One(wanted)) => self.subscribe_to(vec![wanted], ctx),
            Command::Subscribe(Subscribe::Many { channels }) => self.subscribe_to(channels, ctx),
            Command::Unsubscribe { channel_id } => self.unsubscribe(channel_id),
            Command::Ping { t } => self.socket.send(encode::json(&Frame::Pong { t: t.as_ref() })),
            Command::Identify { .. } => self.error(Code::AlreadyIdentified, "This socket is identified already", None),
            // The parser lets no send on a gateway through without its channel; the others are changes.
            Command::SendMessage { channel_id: None, .. }
            | Command::EditMessage(_)
            | Command::DeleteMessage(_)
            | Command::AddReaction(_)
            | Command::RemoveReaction(_) => {}
        }
    }

    /// Has messages changed, by way of the registry, which knows whose server it is.
    fn change(&self, user: UserId, MessageCommand { channel_id, change, nonce }: MessageCommand) {
        let Some(subscriptions) = self.subscriptions() else { return };
        if let Err(limit) = self.door.limits.change(user, change.bytes()) {
            return self.refuse_rate(limit.retry_after_ms, nonce.as_ref(), Some(channel_id));
        }
        let Some(send) = self.outbox.begin_send() else {
            let about = About { nonce: nonce.as_deref(), channel_id: Some(channel_id) };
            return self.socket.send(error_frame(&Error::Busy, about));
        };
        let bearer = subscriptions.borrow().bearer.clone();
        self.door.registry.send_change(bearer, channel_id, change, Poster::Command(send, nonce));
    }

    /// Gives a send to its channel; back comes what that has no room for now.
    pub(super) fn send_to(&self, channel_id: ChannelId, message: NewMessage) -> Result<(), NewMessage> {
        let Some(send) = self.outbox.begin_send() else { return Err(message) };
        match self.hand_over(channel_id, Posting { message, poster: Poster::Socket(send) }) {
            Some(Posting { message, mut poster }) => {
                poster.finish();
                Err(message)
            }
            None => Ok(()),
        }
    }

    /// Back comes what its channel has no room for now.
    fn hand_over(&self, channel_id: ChannelId, posting: Posting) -> Option<Posting> {
        let subscriptions = self.subscriptions()?;
        let sent = subscriptions.borrow_mut().send(channel_id, posting);
        match sent {
            Sent::Taken => {}
            Sent::Refused(posting, Error::Busy) => return Some(posting),
            Sent::Refused(posting, error) => refuse(channel_id, posting, error),
            Sent::ByRegistry(posting) => {
                let bearer = subscriptions.borrow().bearer.clone();
                self.door.registry.post_for_socket(bearer, channel_id, posting);
            }
        }
        None
    }

    /// Each is counted by itself: it costs a look at the database where the channel is not known.
    fn subscribe_to(&mut self, channels: Vec<Wanted>, ctx: &mut Context<Self>) {
        let Some((user, _)) = self.user else { return };
        let mut refused = 0;
        for wanted in channels {
            let channel_id = wanted.channel_id;
            match self.door.limits.subscription(user, refused) {
                Ok(()) => self.subscribe(wanted, ctx),
                Err(retry_after_ms) => {
                    refused += 1;
                    self.refuse_rate(retry_after_ms, None, Some(channel_id));
                }
            }
        }
    }

    fn subscribe(&mut self, Wanted { channel_id, after, epoch }: Wanted, ctx: &mut Context<Self>) {
        let Some(subscriptions) = self.subscriptions() else { return };
        let mut subscriptions = subscriptions.borrow_mut();
        match subscriptions.by_channel.get(&channel_id) {
            None => {}
            Some(Subscription::Ending) => {
                let about = About { nonce: None, channel_id: Some(channel_id) };
                return self.socket.send(error_frame(&Error::Busy, about));
            }
            Some(_) => return self.error(Code::AlreadySubscribed, "Unsubscribe first", Some(channel_id)),
        }
        if subscriptions.by_channel.len() >= SUBSCRIPTIONS_MAX {
            let detail = "A socket may be subscribed to 500 channels; unsubscribe from one first";
            return self.error(Code::TooManySubscriptions, detail, Some(channel_id));
        }
        subscriptions.by_channel.insert(channel_id, Subscription::Asked { held: Vec::new(), fate: Fate::Wanted });
        let bearer = subscriptions.bearer.clone();
        drop(subscriptions);
        let (registry, outbox) = (self.door.registry.clone(), self.outbox.clone());
        let start = Start::of(after, self.door.epoch.is_known_to(epoch.as_deref()));
        let after = start.after();
        let (sender, answer) = oneshot::channel();
        // A task of its own: if the socket ends meanwhile, the channel has to hear of it.
        actix_rt::spawn(async move {
            drop(sender.send(registry.attach(bearer, channel_id, outbox, start).await));
        });
        ctx.spawn(answer.into_actor(self).map(move |attached, session, _| {
            let attached = attached.unwrap_or(Err(Error::Unavailable));
            let attached = attached.and_then(|attached| attached.take().ok_or(Error::Internal));
            session.subscribed(channel_id, after, attached);
        }));
    }

    fn subscribed(&mut self, channel_id: ChannelId, after: Option<Seq>, attached: Result<ChannelHandle>) {
        let Some(subscriptions) = self.subscriptions() else { return };
        let mut subscriptions = subscriptions.borrow_mut();
        let Some(Subscription::Asked { held, fate }) = subscriptions.by_channel.remove(&channel_id) else {
            return;
        };
        match attached {
            Ok(_) if fate == Fate::Revoked => {}
            Ok(channel) if fate == Fate::Unwanted => {
                subscriptions.by_channel.insert(channel_id, Subscription::Ending);
                channel.unsubscribe(self.outbox.key(), unsubscribed(channel_id));
            }
            Ok(channel) => {
                subscriptions.by_channel.insert(channel_id, Subscription::Active(channel.clone()));
                if let Some(after) = after {
                    subscriptions.replays.waiting.push_back((channel_id, channel, after));
                }
            }
            Err(error) => self.socket.send(error_frame(&error, About { nonce: None, channel_id: Some(channel_id) })),
        }
        drop(subscriptions);
        // Its replay may be the first that waits.
        self.socket.wake();
        for posting in held {
            if let Some(posting) = self.hand_over(channel_id, posting) {
                refuse(channel_id, posting, Error::Busy);
            }
        }
    }

    fn unsubscribe(&mut self, channel_id: ChannelId) {
        let Some(subscriptions) = self.subscriptions() else { return };
        let mut subscriptions = subscriptions.borrow_mut();
        match subscriptions.by_channel.get_mut(&channel_id) {
            Some(Subscription::Active(channel)) => {
                channel.unsubscribe(self.outbox.key(), unsubscribed(channel_id));
                subscriptions.by_channel.insert(channel_id, Subscription::Ending);
                subscriptions.replays.forget(channel_id);
            }
            Some(Subscription::Asked { fate, .. }) => *fate = Fate::Unwanted,
            Some(Subscription::Ending) | None => {
                drop(subscriptions);
                self.error(Code::NotSubscribed, "This socket is not subscribed to the channel", Some(channel_id));
            }
        }
    }
}

fn refuse(channel_id: ChannelId, Posting { message, poster }: Posting, error: Error) {
    let nonce = message.nonce.as_deref();
    poster.refuse(error, About { nonce, channel_id: Some(channel_id) });
}

fn unsubscribed(channel_id: ChannelId) -> bytes::Bytes {
    encode::json(&Frame::Unsubscribed { channel_id, reason: None })
}
