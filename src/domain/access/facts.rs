//! What is known when a decision is made.

use crate::domain::channel::Channel;
use crate::domain::permission::{Permission, Permissions};
use crate::domain::rights::{Overwrites, RoleId, Roles, Standing};
use crate::domain::server::{Server, ServerDetail};
use crate::domain::{AuthSessionId, UserId};
use bytes::Bytes;
use std::sync::{Arc, LazyLock, OnceLock};

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
    /// What its roles give.
    pub roles: Roles,
    detail: OnceLock<Bytes>,
}

impl ServerState {
    /// A server as it was read.
    pub fn new(server: Server, channels: Arc<[Channel]>) -> Self {
        Self { server, channels, roles: Roles::default(), detail: OnceLock::new() }
    }

    /// The [`ServerDetail`] of this state in JSON, encoded once.
    ///
    /// # Errors
    /// When a time cannot be written.
    pub fn detail(&self) -> serde_json::Result<Bytes> {
        if let Some(encoded) = self.detail.get() {
            return Ok(encoded.clone());
        }
        let detail = ServerDetail { server: self.server.clone(), channels: Arc::clone(&self.channels) };
        let encoded = Bytes::from(serde_json::to_vec(&detail)?.into_boxed_slice());
        Ok(self.detail.get_or_init(|| encoded).clone())
    }
}

/// What is known of a member of a server.
#[derive(Clone, Debug, Default)]
pub struct MemberState {
    /// Their roles but the default one, by id.
    pub roles: Box<[RoleId]>,
}

impl MemberState {
    /// What most members are: one for all of them.
    pub fn without_roles() -> Arc<Self> {
        static ONE: LazyLock<Arc<MemberState>> = LazyLock::new(Arc::default);
        Arc::clone(&ONE)
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
        member.map_or(Permissions::NONE, |member| self.server.roles.of_member(&self.standing(member)))
    }

    /// What the caller may do in a channel; `None` where they may not know of it. Who does not belong to the server may do nothing, and knows
    /// of what a member without roles would see.
    pub fn permissions_in(&self, _: &Channel) -> Option<Permissions> {
        let nobody = MemberState::default();
        let standing = self.standing(self.member.as_deref().unwrap_or(&nobody));
        let permissions = self.server.roles.in_channel(&standing, &Overwrites::default());
        let is_known = permissions.has(Permission::ViewChannel);
        is_known.then(|| if self.member.is_some() { permissions } else { Permissions::NONE })
    }

    /// Whether the caller stands above somebody, who has no role but the default one.
    pub fn is_above(&self, user: UserId) -> bool {
        let nobody = MemberState::default();
        let is_owner = self.server.server.owner_id == user;
        let target = Standing { user, is_owner, is_timed_out: false, roles: &nobody.roles };
        let own = self.member.as_deref();
        own.is_some_and(|own| self.server.roles.is_above(&self.standing(own), &target))
    }

    fn standing<'a>(&self, member: &'a MemberState) -> Standing<'a> {
        Standing { user: self.caller.id, is_owner: self.is_owner(), is_timed_out: false, roles: &member.roles }
    }
}
