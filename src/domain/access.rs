//! Authorization as a value. Whoever holds a [`ServerAccess`] or [`ChannelAccess`] has been allowed what its right says:
//! the fields are private, the only way to make one is [`decide`](ServerAccess::decide) over facts, and only the
//! registry calls that (a layer test says so). Store calls demand these values, so a forgotten check does not compile.

use super::channel::Channel;
use super::server::{Server, ServerDetail};
use super::{AuthSessionId, ChannelId, ServerId, UserId};
use bytes::Bytes;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

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
    detail: OnceLock<Bytes>,
}

impl ServerState {
    /// A server as it was read.
    pub fn new(server: Server, channels: Arc<[Channel]>) -> Self {
        Self { server, channels, detail: OnceLock::new() }
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

/// The facts of one decision.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Who asks.
    pub caller: Caller,
    /// About which server.
    pub server: Arc<ServerState>,
    /// Whether the caller belongs to it.
    pub is_member: bool,
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The caller does not belong to the server.
    NotMember,
    /// The caller belongs to it, but it is somebody else's.
    NotOwner,
    /// The message is somebody else's.
    NotAuthor,
}

/// The right to know that a server exists: everyone with a token.
#[derive(Debug)]
pub enum Visitor {}
/// The right to read and write in a server.
#[derive(Debug)]
pub enum Member {}
/// The right to change and delete a server and its channels.
#[derive(Debug)]
pub enum Owner {}

/// A kind of right, and what it takes.
pub trait Right {
    /// Whether `facts` give the right.
    fn check(facts: &Facts) -> Result<(), Denied>;
}

impl Right for Visitor {
    fn check(_: &Facts) -> Result<(), Denied> {
        Ok(())
    }
}

impl Right for Member {
    fn check(facts: &Facts) -> Result<(), Denied> {
        if facts.is_member { Ok(()) } else { Err(Denied::NotMember) }
    }
}

impl Right for Owner {
    fn check(facts: &Facts) -> Result<(), Denied> {
        Member::check(facts)?;
        if facts.server.server.owner_id == facts.caller.id { Ok(()) } else { Err(Denied::NotOwner) }
    }
}

/// Proof of the right `R` to a server.
#[derive(Debug)]
pub struct ServerAccess<R> {
    facts: Facts,
    right: PhantomData<R>,
}

impl<R: Right> ServerAccess<R> {
    /// Decides. For the registry alone.
    pub(crate) fn decide(facts: Facts) -> Result<Self, Denied> {
        R::check(&facts)?;
        Ok(Self { facts, right: PhantomData })
    }
}

impl<R> ServerAccess<R> {
    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        &self.facts.caller
    }

    /// To which server.
    pub fn id(&self) -> ServerId {
        self.facts.server.server.id
    }

    /// The server and its channels as they were when it was decided.
    pub fn state(&self) -> &ServerState {
        &self.facts.server
    }

    /// Whether the server is the caller's own.
    pub fn is_owner(&self) -> bool {
        self.facts.server.server.owner_id == self.facts.caller.id
    }
}

/// Proof of the right `R` to a channel.
#[derive(Debug)]
pub struct ChannelAccess<R> {
    server: ServerAccess<R>,
    channel: Channel,
}

impl<R: Right> ChannelAccess<R> {
    /// Decides about a channel of the server in `facts`; `None` where the server has no such channel. For the registry alone.
    pub(crate) fn decide(facts: Facts, id: ChannelId) -> Option<Result<Self, Denied>> {
        let channel = facts.server.channels.iter().find(|channel| channel.id == id)?.clone();
        Some(ServerAccess::decide(facts).map(|server| Self { server, channel }))
    }
}

impl<R> ChannelAccess<R> {
    /// Who was allowed.
    pub fn caller(&self) -> &Caller {
        self.server.caller()
    }

    /// To which channel.
    pub fn id(&self) -> ChannelId {
        self.channel.id
    }

    /// Of which server.
    pub fn server_id(&self) -> ServerId {
        self.server.id()
    }

    /// The channel as it was when it was decided.
    pub fn into_channel(self) -> Channel {
        self.channel
    }
}

/// The lasting part of a member's access to a channel: what a socket may keep writing with until it is revoked.
#[derive(Clone, Debug)]
pub struct Author {
    channel_id: ChannelId,
    caller: Caller,
}

impl From<ChannelAccess<Member>> for Author {
    fn from(access: ChannelAccess<Member>) -> Self {
        Self { channel_id: access.id(), caller: access.server.facts.caller }
    }
}

impl Author {
    /// Who writes.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Where.
    pub fn channel_id(&self) -> ChannelId {
        self.channel_id
    }
}

/// Who may change messages of a channel: their own, or as the server's owner.
#[derive(Clone, Debug)]
pub struct Editor {
    author: Author,
    is_owner: bool,
}

impl From<ChannelAccess<Member>> for Editor {
    fn from(access: ChannelAccess<Member>) -> Self {
        Self { is_owner: access.server.is_owner(), author: access.into() }
    }
}

impl Editor {
    /// Who it is.
    pub fn id(&self) -> UserId {
        self.author.caller.id
    }

    /// Where.
    pub fn channel_id(&self) -> ChannelId {
        self.author.channel_id
    }

    /// Whether the server is the editor's own.
    pub fn is_owner(&self) -> bool {
        self.is_owner
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn facts(caller: i64, is_member: bool) -> Facts {
        let at = OffsetDateTime::UNIX_EPOCH;
        let server = Server {
            id: ServerId(7),
            name: "s".into(),
            description: None,
            icon_url: None,
            owner_id: UserId(1),
            created_at: at,
            updated_at: at,
        };
        let channel = Channel {
            id: ChannelId(9),
            name: "c".into(),
            description: None,
            server_id: ServerId(7),
            created_at: at,
            updated_at: at,
        };
        let account = Account { username: "u".into(), password_version: 0, kept_token: None, sessions: Box::default() };
        Facts {
            caller: Caller::known(UserId(caller), &account, None),
            server: Arc::new(ServerState::new(server, Arc::new([channel]))),
            is_member,
        }
    }

    /// Somebody who may change messages of channel 9; user 1 is the owner.
    pub(crate) fn editor(id: i64) -> Editor {
        let access = ChannelAccess::<Member>::decide(facts(id, true), ChannelId(9));
        access.expect("it has this channel").expect("a member").into()
    }

    #[test]
    fn each_right_takes_what_it_says() {
        let denied = |facts: Facts| {
            (
                ServerAccess::<Visitor>::decide(facts.clone()).err(),
                ServerAccess::<Member>::decide(facts.clone()).err(),
                ServerAccess::<Owner>::decide(facts).err(),
            )
        };
        assert_eq!(denied(facts(1, true)), (None, None, None));
        assert_eq!(denied(facts(2, true)), (None, None, Some(Denied::NotOwner)));
        assert_eq!(denied(facts(2, false)), (None, Some(Denied::NotMember), Some(Denied::NotMember)));
    }

    #[test]
    fn a_channel_of_another_server_is_no_channel_of_this_one() {
        assert!(ChannelAccess::<Member>::decide(facts(1, true), ChannelId(8)).is_none());
        assert!(ChannelAccess::<Member>::decide(facts(1, true), ChannelId(9)).is_some_and(|access| access.is_ok()));
    }
}
