//! How a gateway comes to know its client, and what it starts the client with.
//!
//! Race-free: the gateway is added for its user's news first, then the state is read, then `ready` goes out, and after
//! it the news that came meanwhile. Something may so be told twice; nothing is left out.

use super::command::SUBSCRIPTIONS_MAX;
use super::session::{Gateway, Peer, Session};
use super::subscriptions::Subscriptions;
use super::upgrade::Door;
use crate::actors::relay::UNACKED_MAX;
use crate::actors::relay::{About, error_frame};
use crate::auth::token::Bearer;
use crate::domain::ServerId;
use crate::domain::access::{Caller, Member};
use crate::domain::close::End;
use crate::domain::frame::{Frame, Limits, LoggedChannel, Membership, Ready};
use crate::domain::role::Role;
use crate::domain::text::{CONTENT_MAX, NONCE_MAX};
use crate::error::{Error, Result};
use crate::limits::{FRAMES, MESSAGES, Rate, SOCKETS_MAX, USER_CONTENT_KIB, USER_MESSAGES};
use crate::store::{channels, servers, users};
use crate::telemetry::RequestId;
use crate::times::PING_AFTER_S;
use crate::websocket::decode;
use crate::websocket::encode;
use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use futures_util::future::join_all;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The most channels that are read for one `ready`.
const READY_CHANNELS_MAX: i64 = 20_000;
/// About as many bytes as a `ready` may have; servers beyond it come without their channels.
const READY_BYTES_MAX: usize = 4 << 20;

impl Session {
    /// Gets ready for the bearer of a good token.
    pub(super) fn identify(&mut self, bearer: Bearer, ctx: &mut Context<Self>) {
        // A void token takes no place of its user's.
        if let Some(error) = self.door.registry.refusal(&bearer) {
            return self.identified(Err(error));
        }
        let slot = match self.user.take() {
            Some((_, slot)) => slot,
            None => match self.door.limits.socket(bearer.user_id) {
                Ok(slot) => slot.map(Rc::new),
                Err(_) => return self.socket.end(End::TOO_MANY_SOCKETS),
            },
        };
        self.user = Some((bearer.user_id, slot.clone()));
        self.door.relay.identify(self.outbox.key(), &bearer);
        self.socket.hold();
        self.peer = Peer::Gateway(Gateway::Identifying);
        let (door, outbox) = (Rc::clone(&self.door), self.outbox.clone());
        let (sender, answer) = oneshot::channel();
        // A task of its own: if the socket ends meanwhile, it has to be withdrawn again. It holds the socket's place, so that
        // no more of a user's reads are under way than sockets may be open.
        actix_rt::spawn(async move {
            let _slot = slot;
            let user = bearer.user_id;
            let known = match door.registry.add_gateway(bearer.clone(), outbox.clone()).await {
                Ok(caller) => ready(&door, &bearer, &caller).await.map(|ready| (bearer, ready)),
                Err(error) => Err(error),
            };
            let is_good = known.is_ok();
            if sender.send(known).is_err() || !is_good {
                door.registry.remove_gateway(user, outbox.key());
            }
        });
        ctx.spawn(answer.into_actor(self).map(|known, session, _| {
            session.identified(known.unwrap_or(Err(Error::Unavailable)));
        }));
    }

    /// Whatever was on its way to be known is no longer.
    pub(super) fn remove_gateway(&self) {
        if let (Peer::Gateway(Gateway::Identifying), Some((user, _))) = (&self.peer, &self.user) {
            self.door.registry.remove_gateway(*user, self.outbox.key());
        }
    }

    fn identified(&mut self, known: Result<(Bearer, Ready)>) {
        // What was read meanwhile waits.
        self.socket.wake();
        match known {
            Ok((bearer, ready)) => {
                tracing::debug!(session_id = ready.session_id, user_id = %bearer.user_id, "a gateway is ready");
                self.peer = Peer::Gateway(Gateway::Known(Rc::new(RefCell::new(Subscriptions::new(bearer)))));
                self.socket.release(encode::json(&Frame::Ready(Box::new(ready))));
            }
            Err(error @ Error::Unauthorized(_)) => {
                self.peer = Peer::Gateway(Gateway::Unknown);
                tracing::debug!(code = error.code().as_str(), "a gateway's token was refused");
                self.socket.drop_held();
                self.socket.end(End::BAD_TOKEN);
            }
            Err(error) => {
                // It may hear its servers already, and is known to nobody: it comes back.
                self.peer = Peer::Gateway(Gateway::Unknown);
                self.socket.drop_held();
                self.socket.send(error_frame(&error, About::default()));
                self.socket.end(End::RESTART);
            }
        }
    }
}

async fn ready(door: &Door, bearer: &Bearer, caller: &Caller) -> Result<Ready> {
    Ok(Ready {
        session_id: RequestId::random().to_string(),
        user: users::own(&door.db, caller).await?,
        servers: memberships(door, bearer, caller).await?,
        epoch: door.epoch.clone(),
        heartbeat_interval_ms: PING_AFTER_S * 1_000,
        limits: limits(door.limits.is_on()),
    })
}

/// What a client has to keep to, on a node that limits the rate of frames or does not.
pub fn limits(rate_limit: bool) -> Limits {
    Limits {
        content_characters: CONTENT_MAX,
        nonce_characters: NONCE_MAX,
        frame_bytes: decode::Limits::default().message_bytes,
        unacknowledged_sends: UNACKED_MAX,
        subscriptions: SUBSCRIPTIONS_MAX,
        frames_per_second: rate_limit.then_some(per_second(FRAMES)),
        frame_burst: rate_limit.then_some(FRAMES.burst),
        channel_messages_per_second: rate_limit.then_some(per_second(MESSAGES)),
        channel_message_burst: rate_limit.then_some(MESSAGES.burst),
        messages_per_second: rate_limit.then_some(per_second(USER_MESSAGES)),
        message_burst: rate_limit.then_some(USER_MESSAGES.burst),
        content_kib_per_second: rate_limit.then_some(per_second(USER_CONTENT_KIB)),
        content_kib_burst: rate_limit.then_some(USER_CONTENT_KIB.burst),
        sockets: rate_limit.then_some(SOCKETS_MAX),
    }
}

/// What a rate allows for ever.
fn per_second(rate: Rate) -> f64 {
    1.0 / rate.refill.as_secs_f64()
}

async fn memberships(door: &Door, bearer: &Bearer, caller: &Caller) -> Result<Vec<Membership>> {
    let servers = servers::list(&door.db, caller).await?;
    let listed = channels::of_user(&door.db, caller, READY_CHANNELS_MAX + 1).await?;
    // They come by server: a list that is cut is cut in its last server, which comes without.
    let is_cut = listed.len() as i64 > READY_CHANNELS_MAX;
    let last = listed.last().filter(|_| is_cut).map(|last| last.channel.server_id);
    let mut by_server: HashMap<ServerId, Vec<LoggedChannel>> = HashMap::new();
    for channel in listed {
        by_server.entry(channel.channel.server_id).or_default().push(channel);
    }
    // What the user may see is what the registry knows, which tells them what becomes of it.
    let accesses =
        join_all(servers.iter().map(|server| door.registry.server::<Member>(bearer.clone(), server.id))).await;
    let (mut memberships, mut bytes) = (Vec::with_capacity(servers.len()), 0);
    for (server, access) in servers.into_iter().zip(accesses) {
        let access = match access {
            Ok(access) => access,
            // They have left it meanwhile, and are told so.
            Err(Error::NotFound(_) | Error::Denied(_)) => continue,
            Err(error) => return Err(error),
        };
        let mut channels = by_server.remove(&server.id).unwrap_or_default();
        channels.retain(|listed| access.sees(listed.channel.id));
        let roles = Arc::clone(&access.state().roles);
        bytes += channels.iter().map(weight).sum::<usize>() + roles.iter().map(role_weight).sum::<usize>();
        let is_whole = last.is_none_or(|last| server.id < last) && bytes <= READY_BYTES_MAX;
        memberships.push(Membership {
            server,
            channels: is_whole.then_some(channels),
            roles: is_whole.then_some(roles),
            my_role_ids: access.role_ids(),
            my_timeout_until: access.timeout_until(),
            my_permissions: access.permissions(),
        });
    }
    Ok(memberships)
}

/// About as many bytes as a channel has in a frame.
fn weight(channel: &LoggedChannel) -> usize {
    let channel = &channel.channel;
    200 + channel.name.len() + channel.description.as_ref().map_or(0, String::len)
}

/// About as many bytes as a role has in a frame.
fn role_weight(role: &Role) -> usize {
    // A name of a permission has up to 20 characters.
    230 + role.name.len() + 20 * role.permissions.iter().count()
}
