//! Channels with life on this node: started by their first socket or post, let go when they are idle.

use super::{Live, Registry, Retire, decide_channel};
use crate::actors::channel::{Channel, ChannelHandle, Posting, Start};
use crate::actors::relay::Outbox;
use crate::actors::relay::frame::About;
use crate::domain::access::{ChannelAccess, Facts, Member};
use crate::domain::{ChannelId, ServerId};
use crate::error::{Error, Result};
use actix::Handler;

impl Registry {
    /// Decides and attaches in one turn: whatever is applied later finds the socket attached.
    pub(super) fn attach(
        &mut self,
        facts: Facts,
        id: ChannelId,
        outbox: Outbox,
        start: Start,
    ) -> Result<ChannelHandle> {
        let access: ChannelAccess<Member> = decide_channel(facts, id)?;
        let handle = self.live(id, access.server_id());
        handle.attach(access, outbox, start);
        Ok(handle)
    }

    /// Decides and posts in one turn: posts keep the order in which they were asked for.
    pub(super) fn post(&mut self, facts: Facts, id: ChannelId, posting: Posting) {
        match decide_channel::<Member>(facts, id) {
            Ok(access) => {
                let handle = self.live(id, access.server_id());
                if let Err(not_taken) = handle.post_as(access.into(), posting) {
                    let (posting, error) = not_taken.into_refusal();
                    refuse(posting, id, error);
                    self.not_arrived(id);
                }
            }
            Err(error) => refuse(posting, id, error),
        }
    }

    /// The channel, with one more arrival on its way.
    fn live(&mut self, id: ChannelId, server_id: ServerId) -> ChannelHandle {
        if self.live.get(&id).is_some_and(|live| !live.handle.is_alive()) {
            self.live.remove(&id);
        }
        let shared = &self.shared;
        let live = self.live.entry(id).or_insert_with(|| Live {
            handle: Channel::start_one(id, shared.clone()),
            server_id,
            arrivals: 0,
        });
        live.arrivals += 1;
        live.handle.clone()
    }

    fn not_arrived(&mut self, id: ChannelId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.arrivals -= 1;
        }
    }
}

/// Tells the poster that nothing was posted.
pub(super) fn refuse(posting: Posting, id: ChannelId, error: Error) {
    let nonce = posting.message.nonce.as_ref().map(|nonce| nonce.as_str());
    posting.poster.refuse(error, About { nonce, channel_id: Some(id) });
}

impl Handler<Retire> for Registry {
    type Result = bool;

    fn handle(&mut self, retire: Retire, _: &mut Self::Context) -> bool {
        let is_idle = self.live.get(&retire.channel_id).is_some_and(|live| live.arrivals == retire.arrivals);
        if is_idle {
            self.live.remove(&retire.channel_id);
        }
        is_idle
    }
}
