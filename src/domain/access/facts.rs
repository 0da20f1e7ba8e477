//! What is known when a decision is made.

use crate::domain::channel::Channel;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::rights::{Overwrites, Roles, Standing};
use crate::domain::role::Role;
use crate::domain::server::{Server, SharedDetail};
use crate::domain::{AuthSessionId, ChannelId, RoleId, UserId};
use std::cmp::Reverse;
use std::sync::{Arc, LazyLock, OnceLock};
use time::OffsetDateTime;

/// What the registry knows of an account.
#[derive(Debug)]
pub struct Account {
    /// The name that the user's messages carry.
    pub username: Arc<str>,
    /// How often its password has been changed. Tokens of older versions are void,
    pub password_version: i32,
    /// except this one (a `jti`).
    pub kept_token: Option<Box<str>>,
    /// Its sessions, in order. Tokens of others are void.
    pub sessions: Box<[AuthSessionId]>,
}

/// A user whose token was good and whose account exists.
#[derive(Clone, Debug)]
pub struct Caller {
    id: UserId,
    username: Arc<str>,
    password_version: i32,
    session_id: Option<AuthSessionId>,
}

impl Caller {
    /// For the registry alone, once it has seen the account.
    pub(crate) fn known(id: UserId, account: &Account, session_id: Option<AuthSessionId>) -> Self {
        Self { id, username: Arc::clone(&account.username), password_version: account.password_version, session_id }
    }

    /// Who it is.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The name that the user's messages carry.
    pub fn username(&self) -> &Arc<str> {
        &self.username
    }

    /// How often the account's password had been changed when the caller became known.
    pub fn password_version(&self) -> i32 {
        self.password_version
    }

    /// The login by which the caller came, if there is one.
    pub fn session_id(&self) -> Option<AuthSessionId> {
        self.session_id
    }
}

/// What is known of a server when a decision is made.
#[derive(Debug)]
pub struct ServerState {
    /// The server.
    pub server: Server,
    /// Its channels, oldest first.
    pub channels: Arc<[Channel]>,
    /// Its roles, oldest first.
    pub roles: Arc<[Role]>,
    /// What decisions take of it.
    pub rights: Arc<ServerRights>,
    detail: OnceLock<Box<[u8]>>,
}

impl ServerState {
    /// A server as it was read.
    pub fn new(server: Server, channels: Arc<[Channel]>, roles: Arc<[Role]>) -> Self {
        let rights = Arc::new(ServerRights::new(server.owner_id, &roles));
        Self { server, channels, roles, rights, detail: OnceLock::new() }
    }

    /// The role of this id, be it the default one.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    /// Those of a member's roles that are still there.
    pub fn roles_of(&self, member: &MemberState) -> Vec<RoleId> {
        member.roles.iter().copied().filter(|role| self.role(*role).is_some()).collect()
    }

    /// Its roles but the default one, the highest first.
    pub fn highest_first(&self) -> Vec<RoleId> {
        let mut others: Vec<&Role> = self.roles.iter().filter(|role| !role.is_default).collect();
        others.sort_by_key(|role| (Reverse(role.position), role.id));
        others.iter().map(|role| role.id).collect()
    }

    /// What all of those who see every channel see of it, in JSON, encoded once.
    pub(super) fn detail(&self) -> serde_json::Result<&[u8]> {
        if let Some(encoded) = self.detail.get() {
            return Ok(encoded);
        }
        let encoded = serde_json::to_vec(&self.shown(&self.channels))?.into_boxed_slice();
        Ok(self.detail.get_or_init(|| encoded))
    }

    /// What those see of it who see these channels.
    pub(super) fn shown<'a>(&'a self, channels: &'a [Channel]) -> SharedDetail<'a> {
        SharedDetail { server: &self.server, channels, roles: &self.roles }
    }
}

/// Who owns a server and what its roles give: what decisions about its members take, whoever they are.
#[derive(Debug)]
pub struct ServerRights {
    owner_id: UserId,
    roles: Roles,
}

impl ServerRights {
    /// Of a server of this owner, with these roles.
    pub fn new(owner_id: UserId, roles: &[Role]) -> Self {
        Self { owner_id, roles: Roles::from(roles) }
    }

    /// What a member may do in the server.
    pub fn of_member(&self, user: UserId, member: &MemberState) -> Permissions {
        self.roles.of_member(&self.standing(user, member))
    }

    /// What a member may do in a channel; `None` where they may not know of it.
    pub fn in_channel(&self, user: UserId, member: &MemberState, _: ChannelId) -> Option<Permissions> {
        let permissions = self.roles.in_channel(&self.standing(user, member), &Overwrites::default());
        permissions.has(Permission::ViewChannel).then_some(permissions)
    }

    /// The same, whether they are kept from writing for now or not.
    pub fn lasting_in_channel(&self, user: UserId, member: &MemberState, _: ChannelId) -> Option<Permissions> {
        let standing = Standing { is_timed_out: false, ..self.standing(user, member) };
        let permissions = self.roles.in_channel(&standing, &Overwrites::default());
        permissions.has(Permission::ViewChannel).then_some(permissions)
    }

    /// What a member may do in the server, whether they are kept from writing for now or not.
    pub fn lasting_of_member(&self, user: UserId, member: &MemberState) -> Permissions {
        self.roles.of_member(&Standing { is_timed_out: false, ..self.standing(user, member) })
    }

    /// Whether a member sees channels.
    pub fn shows_channels_to(&self, user: UserId, member: &MemberState) -> bool {
        self.roles.in_channel(&self.standing(user, member), &Overwrites::default()).has(Permission::ViewChannel)
    }

    /// Whether every member sees channels, whoever they are.
    pub fn shows_channels_to_all(&self) -> bool {
        self.shows_channels_to(UserId(0), &MemberState::default())
    }

    /// Whether a member stands above somebody, a member or not, or above a role.
    pub(super) fn is_above(&self, of: (UserId, &MemberState), target: (UserId, &MemberState)) -> bool {
        self.roles.is_above(&self.standing(of.0, of.1), &self.standing(target.0, target.1))
    }

    pub(super) fn is_above_role(&self, user: UserId, member: &MemberState, role: RoleId) -> bool {
        self.roles.is_above_role(&self.standing(user, member), role)
    }

    fn standing<'a>(&self, user: UserId, member: &'a MemberState) -> Standing<'a> {
        Standing { user, is_owner: self.owner_id == user, is_timed_out: member.is_timed_out(), roles: &member.roles }
    }
}

/// What is known of a member of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemberState {
    /// Their roles but the default one, by id.
    pub roles: Box<[RoleId]>,
    /// Until then they may see and read, and nothing else.
    pub timeout_until: Option<OffsetDateTime>,
}

impl MemberState {
    /// Somebody with these roles, in the order of their ids.
    pub fn new(roles: Vec<RoleId>, timeout_until: Option<OffsetDateTime>) -> Arc<Self> {
        // What most members are: one for all of them.
        static PLAIN: LazyLock<Arc<MemberState>> = LazyLock::new(Arc::default);
        match timeout_until {
            None if roles.is_empty() => Arc::clone(&PLAIN),
            _ => Arc::new(Self { roles: roles.into(), timeout_until }),
        }
    }

    /// Whether they are kept from writing now, by this node's clock: a timeout ends by itself.
    pub fn is_timed_out(&self) -> bool {
        self.timeout_until.is_some_and(|end| OffsetDateTime::now_utc() < end)
    }
}

/// The facts of one decision.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Who asks.
    pub caller: Caller,
    /// About which server.
    pub server: Arc<ServerState>,
    /// What the caller is in it, if they belong to it.
    pub member: Option<Arc<MemberState>>,
}

impl Facts {
    /// Whether the server is the caller's own.
    pub fn is_owner(&self) -> bool {
        self.server.server.owner_id == self.caller.id
    }

    /// What the caller may do in the server: nothing, where they do not belong to it.
    pub fn permissions(&self) -> Permissions {
        let member = self.member.as_deref();
        member.map_or(Permissions::NONE, |member| self.server.rights.of_member(self.caller.id, member))
    }

    /// What the caller may do in a channel; `None` where they may not know of it. Who does not belong to the server may do nothing, and knows
    /// of what a member without roles would see.
    pub fn permissions_in(&self, channel: ChannelId) -> Option<Permissions> {
        let rights = &self.server.rights;
        match self.member.as_deref() {
            Some(member) => rights.in_channel(self.caller.id, member, channel),
            None => rights.in_channel(UserId(0), &MemberState::default(), channel).map(|_| Permissions::NONE),
        }
    }
}
