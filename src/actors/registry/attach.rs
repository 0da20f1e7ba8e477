//! Channels with life on this node: started by their first socket, let go when they are idle.

use super::{Live, Registry, Retire, decide_channel};
use crate::actors::channel::{Channel, ChannelHandle};
use crate::actors::relay::Outbox;
use crate::domain::ChannelId;
use crate::domain::access::{ChannelAccess, Facts, Member};
use crate::error::Result;
use actix::{AsyncContext, Context, Handler};

impl Registry {
    /// Decides and attaches in one turn: whatever is applied later finds the socket attached.
    pub(super) fn attach(
        &mut self,
        facts: Facts,
        id: ChannelId,
        outbox: Outbox,
        ctx: &mut Context<Self>,
    ) -> Result<ChannelHandle> {
        let access: ChannelAccess<Member> = decide_channel(facts, id)?;
        if self.live.get(&id).is_some_and(|live| !live.handle.is_alive()) {
            self.live.remove(&id);
        }
        let live = self.live.entry(id).or_insert_with(|| Live {
            handle: Channel::start_one(id, ctx.address(), self.writer.clone()),
            server_id: access.server_id(),
            attaches: 0,
        });
        live.attaches += 1;
        live.handle.attach(access, outbox);
        Ok(live.handle.clone())
    }
}

impl Handler<Retire> for Registry {
    type Result = bool;

    fn handle(&mut self, retire: Retire, _: &mut Self::Context) -> bool {
        let is_idle = self.live.get(&retire.channel_id).is_some_and(|live| live.attaches == retire.attaches);
        if is_idle {
            self.live.remove(&retire.channel_id);
        }
        is_idle
    }
}
