//! What the registry remembers, least recently used first out.

use super::load::{Key, Loaded};
use super::{Found, Target};
use crate::actors::AbortOnPanic;
use crate::auth::token::Bearer;
use crate::domain::access::{Account, Caller, Facts, MemberState, ServerState};
use crate::domain::{ChannelId, ServerId, UserId};
use crate::error::{Error, Unauthorized};
use lru::LruCache;
use parking_lot::Mutex;
use std::sync::Arc;

const USERS: usize = 200_000;
const CHANNELS: usize = 200_000;
const MEMBERS: usize = 400_000;
/// Of at most 200 servers each.
const MEMBERSHIPS: usize = 20_000;
/// Servers differ in size (a channel's description alone may have 4 KiB), so they are bounded by their bytes.
const SERVER_BYTES: usize = 64 << 20;

pub(super) struct Cache {
    users: LruCache<UserId, Arc<Account>>,
    channels: LruCache<ChannelId, ServerId>,
    servers: LruCache<ServerId, Arc<ServerState>>,
    server_bytes: usize,
    members: LruCache<(UserId, ServerId), Option<Arc<MemberState>>>,
    memberships: LruCache<UserId, Arc<[ServerId]>>,
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
        // Unbounded here means: not allocated in advance. The bound is kept by `insert`.
        Self {
            users: LruCache::unbounded(),
            channels: LruCache::unbounded(),
            servers: LruCache::unbounded(),
            server_bytes: 0,
            members: LruCache::unbounded(),
            memberships: LruCache::unbounded(),
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
            Target::Server(id) => id,
            Target::Channel(id) => *self.channels.get(&id).ok_or(Key::Channel(id))?,
        };
        let server = Arc::clone(self.servers.get(&server_id).ok_or(Key::Server(server_id))?);
        let member = self.members.get(&(user, server_id)).ok_or(Key::Member(user, server_id))?.clone();
        Ok(Found::Facts(Facts { caller, server, member }))
    }

    /// Remembers what has been loaded; false where the database has no such thing.
    pub(super) fn insert(&mut self, key: Key, loaded: &Loaded) -> bool {
        match (key, loaded) {
            (Key::User(id), Loaded::User(Some(account))) => put(&mut self.users, USERS, id, Arc::clone(account)),
            (Key::Channel(id), Loaded::Channel(Some(server))) => put(&mut self.channels, CHANNELS, id, *server),
            (Key::Member(user, server), Loaded::Member(found)) => {
                put(&mut self.members, MEMBERS, (user, server), found.clone());
            }
            (Key::ShownMember(user, server), Loaded::ShownMember(found)) => {
                put(&mut self.members, MEMBERS, (user, server), found.as_ref().map(|_| MemberState::without_roles()));
            }
            (Key::Memberships(id), Loaded::Memberships(ids)) => {
                put(&mut self.memberships, MEMBERSHIPS, id, Arc::clone(ids))
            }
            (Key::Server(id), Loaded::Server(Some(state))) => self.insert_server(id, Arc::clone(state)),
            _ => return false,
        }
        true
    }

    fn insert_server(&mut self, id: ServerId, state: Arc<ServerState>) {
        self.forget(Key::Server(id));
        self.server_bytes += weight(&state);
        self.servers.put(id, state);
        while self.server_bytes > SERVER_BYTES && self.servers.len() > 1 {
            if let Some((_, old)) = self.servers.pop_lru() {
                self.server_bytes -= weight(&old);
            }
        }
    }

    pub(super) fn forget(&mut self, key: Key) {
        match key {
            Key::User(id) => drop(self.users.pop(&id)),
            Key::Channel(id) => drop(self.channels.pop(&id)),
            Key::Memberships(id) => drop(self.memberships.pop(&id)),
            Key::Member(user, server) => drop(self.members.pop(&(user, server))),
            Key::ShownMember(..) | Key::ShownUser(_) => {}
            Key::Server(id) => {
                if let Some(old) = self.servers.pop(&id) {
                    self.server_bytes -= weight(&old);
                }
            }
        }
    }
}

fn put<K: std::hash::Hash + Eq, V>(cache: &mut LruCache<K, V>, bound: usize, key: K, value: V) {
    cache.put(key, value);
    while cache.len() > bound {
        cache.pop_lru();
    }
}

fn weight(state: &ServerState) -> usize {
    // As it is, and encoded, which may make two of each character.
    let text = |text: &Option<String>| text.as_ref().map_or(0, |text| 3 * text.len());
    let channels = state.channels.iter().map(|channel| 288 + 3 * channel.name.len() + text(&channel.description));
    let server = &state.server;
    512 + 3 * server.name.len() + text(&server.description) + text(&server.icon_url) + channels.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::server::Server;
    use time::OffsetDateTime;

    fn server(id: i64, description_bytes: usize) -> Loaded {
        let at = OffsetDateTime::UNIX_EPOCH;
        let (id, owner_id, name, icon_url) = (ServerId(id), UserId(1), "test".into(), None);
        let description = Some("d".repeat(description_bytes));
        let server = Server { id, name, description, icon_url, owner_id, created_at: at, updated_at: at };
        Loaded::Server(Some(Arc::new(ServerState::new(server, Arc::new([])))))
    }

    #[test]
    fn servers_are_bounded_by_their_bytes_and_what_is_forgotten_makes_room() {
        let mut cache = Cache::default();
        let each = SERVER_BYTES / 8;
        for id in 0..20 {
            assert!(cache.insert(Key::Server(ServerId(id)), &server(id, each / 3)));
            assert!(cache.server_bytes <= SERVER_BYTES, "{id}");
        }
        assert_eq!(cache.servers.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), (13..20).rev().collect::<Vec<_>>());
        // In place of what it was, and not beside it.
        assert!(cache.insert(Key::Server(ServerId(19)), &server(19, 1)));
        let of_all: usize = cache.servers.iter().map(|(_, state)| weight(state)).sum();
        assert_eq!((cache.server_bytes, cache.servers.len()), (of_all, 7));
        (0..20).for_each(|id| cache.forget(Key::Server(ServerId(id))));
        assert_eq!((cache.server_bytes, cache.servers.len()), (0, 0));
        // One alone may have more than all may have together.
        assert!(cache.insert(Key::Server(ServerId(1)), &server(1, SERVER_BYTES)) && cache.servers.len() == 1);
    }

    #[test]
    fn who_was_not_asked_for_longest_is_forgotten_first() {
        let mut cache = Cache::default();
        for id in 0..=MEMBERSHIPS as i64 {
            assert!(cache.insert(Key::Memberships(UserId(id)), &Loaded::Memberships(Arc::new([]))));
        }
        assert_eq!(cache.memberships.len(), MEMBERSHIPS);
        assert!(!cache.memberships.contains(&UserId(0)) && cache.memberships.contains(&UserId(1)));
        assert!(!cache.insert(Key::User(UserId(1)), &Loaded::User(None)), "the database has none");
    }

    #[test]
    fn users_channels_and_members_are_bounded_by_their_number() {
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
        for id in 0..=MEMBERS as i64 {
            cache.insert(Key::Member(UserId(id), ServerId(1)), &Loaded::Member(Some(MemberState::without_roles())));
        }
        assert_eq!((cache.users.len(), cache.channels.len(), cache.members.len()), (USERS, CHANNELS, MEMBERS));
    }
}
