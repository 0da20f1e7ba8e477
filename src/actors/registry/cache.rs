//! What the registry remembers, least recently used first out.

mod bounded;

use super::load::{Key, Loaded};
use super::{Found, Target};
use crate::actors::AbortOnPanic;
use crate::auth::token::Bearer;
use crate::domain::access::{Account, Caller, Facts, MemberState, ServerState};
use crate::domain::{ChannelId, ServerId, UserId};
use crate::error::{Error, Unauthorized};
use bounded::Bounded;
use parking_lot::Mutex;
use std::sync::Arc;

const USERS: usize = 200_000;
const CHANNELS: usize = 200_000;
/// Servers differ in size (a channel's description alone may have 4 KiB), and so do members (of at most 249 roles) and lists of memberships (of at
/// most 200 servers): each kind is bounded by its bytes.
const SERVER_BYTES: usize = 64 << 20;
const MEMBER_BYTES: usize = 64 << 20;
const MEMBERSHIP_BYTES: usize = 32 << 20;

/// A user's servers, and what they are there.
pub(super) type Memberships = Arc<[(ServerId, Arc<MemberState>)]>;

pub(super) struct Cache {
    users: Bounded<UserId, Arc<Account>>,
    channels: Bounded<ChannelId, ServerId>,
    servers: Bounded<ServerId, Arc<ServerState>>,
    members: Bounded<(UserId, ServerId), Option<Arc<MemberState>>>,
    memberships: Bounded<UserId, Memberships>,
}

/// The cache as every thread reads it. The registry alone inserts and forgets.
#[derive(Clone, Default)]
pub(super) struct SharedCache(Arc<Mutex<Cache>>);

impl SharedCache {
    /// A short look, never over a wait. A panic in it ends the node, so nobody ever finds the cache half changed.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Cache) -> T) -> T {
        let _vital = AbortOnPanic("registry");
        look(&mut self.0.lock())
    }
}

/// Why nothing was found.
pub(super) enum Miss {
    /// This has to be loaded first.
    Load(Key),
    /// The token is void.
    Refuse(Error),
}

impl From<Key> for Miss {
    fn from(key: Key) -> Self {
        Self::Load(key)
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            users: Bounded::new(USERS, |_| 1),
            channels: Bounded::new(CHANNELS, |_| 1),
            servers: Bounded::new(SERVER_BYTES, |state| weight(state)),
            members: Bounded::new(MEMBER_BYTES, |member| 96 + member.as_deref().map_or(0, member_weight)),
            memberships: Bounded::new(MEMBERSHIP_BYTES, |all| {
                96 + all.iter().map(|(_, member)| 16 + member_weight(member)).sum::<usize>()
            }),
        }
    }
}

impl Cache {
    /// What is known about a target, or the first thing that has to be loaded.
    pub(super) fn find(&mut self, bearer: &Bearer, target: Target) -> Result<Found, Miss> {
        let user = bearer.user_id;
        let account = self.users.get(&user).ok_or(Key::User(user))?;
        let is_kept = account.kept_token.as_deref() == Some(&*bearer.token_id);
        let is_current = bearer.password_version == account.password_version || is_kept;
        // A token of none was signed by whoever has the key, and lasts as long as the password.
        let has_session = bearer.session_id.is_none_or(|session| account.sessions.binary_search(&session).is_ok());
        if !is_current || !has_session {
            return Err(Miss::Refuse(Unauthorized::Revoked.into()));
        }
        let caller = Caller::known(user, account, bearer.session_id);
        let server_id = match target {
            Target::Account => return Ok(Found::Caller(caller)),
            Target::Memberships => {
                let servers = self.memberships.get(&user).ok_or(Key::Memberships(user))?;
                return Ok(Found::Memberships(caller, Arc::clone(servers)));
            }
            Target::Server(id) | Target::Member(id, _) => id,
            Target::Channel(id) => *self.channels.get(&id).ok_or(Key::Channel(id))?,
        };
        let server = Arc::clone(self.servers.get(&server_id).ok_or(Key::Server(server_id))?);
        let member = self.members.get(&(user, server_id)).ok_or(Key::Member(user, server_id))?.clone();
        let facts = Facts { caller, server, member };
        match target {
            Target::Member(_, of) => {
                let target = self.members.get(&(of, server_id)).ok_or(Key::Member(of, server_id))?.clone();
                Ok(Found::Target(facts, target))
            }
            _ => Ok(Found::Facts(facts)),
        }
    }

    /// What is remembered of a server, if anything is.
    pub(super) fn server(&mut self, id: ServerId) -> Option<Arc<ServerState>> {
        self.servers.get(&id).cloned()
    }

    /// Remembers what has been loaded; false where the database has no such thing.
    pub(super) fn insert(&mut self, key: Key, loaded: &Loaded) -> bool {
        match (key, loaded) {
            (Key::User(id), Loaded::User(Some(account))) => self.users.put(id, Arc::clone(account)),
            (Key::Channel(id), Loaded::Channel(Some(server))) => self.channels.put(id, *server),
            (Key::Member(user, server), Loaded::Member(found)) => self.members.put((user, server), found.clone()),
            (Key::ShownMember(user, server), Loaded::ShownMember(found)) => {
                let state =
                    found.as_ref().map(|member| MemberState::new(member.role_ids.clone(), member.timeout_until));
                self.members.put((user, server), state);
            }
            (Key::Memberships(id), Loaded::Memberships(all)) => {
                // Whoever comes with a gateway asks for all of them next.
                for (server, member) in all.iter() {
                    self.members.put((id, *server), Some(Arc::clone(member)));
                }
                self.memberships.put(id, Arc::clone(all));
            }
            (Key::Server(id), Loaded::Server(Some(state))) => self.servers.put(id, Arc::clone(state)),
            _ => return false,
        }
        true
    }

    pub(super) fn forget(&mut self, key: Key) {
        match key {
            Key::User(id) => self.users.forget(&id),
            Key::Channel(id) => self.channels.forget(&id),
            Key::Memberships(id) => self.memberships.forget(&id),
            Key::Member(user, server) => self.members.forget(&(user, server)),
            Key::ShownMember(..) | Key::ShownUser(_) => {}
            Key::Server(id) => self.servers.forget(&id),
        }
    }
}

/// What most members are is one for all of them.
fn member_weight(member: &MemberState) -> usize {
    if *member == MemberState::default() { 0 } else { 48 + 8 * member.roles.len() }
}

fn weight(state: &ServerState) -> usize {
    // As it is, and encoded, which may make two of each character.
    let text = |text: &Option<String>| text.as_ref().map_or(0, |text| 3 * text.len());
    let channels = state.channels.iter().map(|channel| 288 + 3 * channel.name.len() + text(&channel.description));
    // Each with the names of all permissions, as it may be encoded.
    let roles = state.roles.iter().map(|role| 768 + 3 * role.name.len());
    let server = &state.server;
    let own = 512 + 3 * server.name.len() + text(&server.description) + text(&server.icon_url);
    own + channels.sum::<usize>() + roles.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RoleId;
    use crate::domain::server::Server;
    use time::OffsetDateTime;

    fn server(id: i64, description_bytes: usize) -> Loaded {
        let at = OffsetDateTime::UNIX_EPOCH;
        let (id, owner_id, name, icon_url) = (ServerId(id), UserId(1), "test".into(), None);
        let description = Some("d".repeat(description_bytes));
        let server = Server { id, name, description, icon_url, owner_id, created_at: at, updated_at: at };
        Loaded::Server(Some(Arc::new(ServerState::new(server, Arc::new([]), Arc::new([])))))
    }

    #[test]
    fn servers_are_bounded_by_their_bytes() {
        let mut cache = Cache::default();
        for id in 0..20 {
            assert!(cache.insert(Key::Server(ServerId(id)), &server(id, SERVER_BYTES / 8 / 3)));
        }
        let is_held: Vec<i64> = (0..20).filter(|id| cache.server(ServerId(*id)).is_some()).collect();
        assert_eq!(is_held, (13..20).collect::<Vec<_>>());
    }

    #[test]
    fn members_and_lists_of_memberships_are_bounded_by_their_bytes() {
        let (mut cache, roles) = (Cache::default(), (0..249).map(RoleId).collect::<Vec<_>>());
        let state = MemberState::new(roles, None);
        let each = 96 + member_weight(&state);
        let bound = (MEMBER_BYTES / each) as i64;
        for id in 0..=bound {
            cache.insert(Key::Member(UserId(id), ServerId(1)), &Loaded::Member(Some(Arc::clone(&state))));
        }
        let (first, second) = ((UserId(0), ServerId(1)), (UserId(1), ServerId(1)));
        assert!(cache.members.get(&first).is_none() && cache.members.get(&second).is_some());
        let all: Memberships = (0..200).map(|id| (ServerId(id), Arc::clone(&state))).collect();
        let bound = (MEMBERSHIP_BYTES / (96 + 200 * (16 + member_weight(&state)))) as i64;
        for id in 0..=bound {
            cache.insert(Key::Memberships(UserId(id)), &Loaded::Memberships(Arc::clone(&all)));
        }
        assert!(cache.memberships.get(&UserId(0)).is_none() && cache.memberships.get(&UserId(1)).is_some());
        assert!(!cache.insert(Key::User(UserId(1)), &Loaded::User(None)), "the database has none");
    }

    #[test]
    fn users_and_channels_are_bounded_by_their_number() {
        let mut cache = Cache::default();
        let account =
            Account { username: "mina".into(), password_version: 0, kept_token: None, sessions: Box::default() };
        let (user, channel) = (Loaded::User(Some(Arc::new(account))), Loaded::Channel(Some(ServerId(1))));
        for id in 0..=USERS as i64 {
            cache.insert(Key::User(UserId(id)), &user);
        }
        for id in 0..=CHANNELS as i64 {
            cache.insert(Key::Channel(ChannelId(id)), &channel);
        }
        assert!(cache.users.get(&UserId(0)).is_none() && cache.users.get(&UserId(1)).is_some());
        assert!(cache.channels.get(&ChannelId(0)).is_none() && cache.channels.get(&ChannelId(1)).is_some());
    }
}
