//! Rights that change while sockets are attached: each is decided about anew, before the call that has changed them is answered.

use super::{Channel, ChannelHandle, RevokeReason};
use crate::actors::relay::{Completion, SessionKey};
use crate::actors::tell;
use crate::domain::UserId;
use crate::domain::access::{MemberState, ServerRights};
use crate::domain::permission::Permission;
use actix::{Context, Handler, Message};
use std::sync::Arc;

/// Decides anew about everyone who is attached.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct DecideAnew {
    rights: Arc<ServerRights>,
    completion: Completion,
}

/// Decides anew about somebody who is this in the server now.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct MemberIs {
    user: UserId,
    member: Arc<MemberState>,
    completion: Completion,
}

impl ChannelHandle {
    /// The server's roles give this now.
    pub(in crate::actors) fn decide_anew(&self, rights: Arc<ServerRights>, completion: Completion) {
        tell(self.addr(), DecideAnew { rights, completion });
    }

    /// A member is this now.
    pub(in crate::actors) fn member_is(&self, user: UserId, member: Arc<MemberState>, completion: Completion) {
        tell(self.addr(), MemberIs { user, member, completion });
    }
}

impl Channel {
    /// Whether a socket's user may hear what was said before.
    pub(super) fn may_read_history(&self, key: SessionKey) -> bool {
        self.attached.get(&key).is_none_or(|attached| attached.participant.may(Permission::ReadHistory))
    }

    /// Ends what those have of the channel who may not know of it any more.
    fn end_hidden(&mut self, mut is_meant: impl FnMut(UserId) -> bool, completion: &Completion) {
        let Some(rights) = &self.rights else { return };
        let meant = self.attached.iter_mut().filter(|(_, attached)| is_meant(attached.participant.id()));
        let hidden = meant.filter_map(|(key, attached)| (!attached.participant.decide_anew(rights)).then_some(*key));
        let keys: Vec<SessionKey> = hidden.collect();
        self.end(keys, RevokeReason::Gone, completion);
    }
}

impl Handler<DecideAnew> for Channel {
    type Result = ();

    fn handle(&mut self, decide: DecideAnew, _: &mut Context<Self>) {
        self.rights = Some(decide.rights);
        self.end_hidden(|_| true, &decide.completion);
    }
}

impl Handler<MemberIs> for Channel {
    type Result = ();

    fn handle(&mut self, now: MemberIs, _: &mut Context<Self>) {
        let theirs = self.attached.values_mut().filter(|attached| attached.participant.id() == now.user);
        theirs.for_each(|attached| attached.participant.is_now(Arc::clone(&now.member)));
        self.end_hidden(|user| user == now.user, &now.completion);
    }
}
