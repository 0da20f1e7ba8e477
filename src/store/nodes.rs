//! The nodes that share a database, and what they have to tell each other by it: what has been changed that they remember (`rights`), and
//! what their writers have written (`write_batches`).

use super::db::session_config;
use super::fault::chain;
use super::open::Opened;
use super::target::{Target, mark};
use super::{Db, write_batches};
use crate::domain::{ChannelId, RoleId, Seq, ServerId, UserId};
use crate::error::{Error, Result};
use crate::patience::timeout;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

/// What nodes have to have in common to understand each other. A version that changes the meaning of what they tell each other has the next.
pub const PROTOCOL: i32 = 2;
/// Entries that are read at once.
pub const ENTRIES_AT_ONCE: i64 = 1_000;
/// Notes of one writer that are read at once.
const NOTES_AT_ONCE: i64 = 100;
/// As long as a statement may take in PostgreSQL, in milliseconds.
const STATEMENT_TIMEOUT_MS: u64 = 5_000;
/// As long as an answer is waited for before the connection counts as lost.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const CONNECT_MAX: Duration = Duration::from_secs(2);
const NAME: &str = "madang cluster";

/// The connection of a node over which it hears of the others.
pub struct NodesLink {
    client: Client,
    generation: u64,
    history: u64,
    target: Target,
}

/// The connection is of no more use.
#[derive(Debug)]
pub struct Lost(pub String);

/// A node, as the others know it.
#[derive(Clone, Debug)]
pub struct NodeRow {
    /// Its number for as long as it is registered.
    pub id: i64,
    /// What its connections call themselves.
    pub origin: i64,
    /// Its writers, as the ledger names them.
    pub writers: Vec<i64>,
    /// Counts how often it has said that it lives.
    pub beat: i64,
    /// What it understands.
    pub protocol: i32,
    /// Says whether its key is that of the others.
    pub key_proof: String,
    /// Where it runs, for the log.
    pub host: String,
    /// The database's time when this was read, in seconds since 1970.
    pub now_s: f64,
}

/// What a node says of itself when it begins.
#[derive(Clone, Debug)]
pub struct Registration {
    /// See [`NodeRow`].
    pub origin: i64,
    /// See [`NodeRow`].
    pub writers: Vec<i64>,
    /// See [`NodeRow`].
    pub key_proof: String,
    /// See [`NodeRow`].
    pub host: String,
}

/// Something has been changed that nodes remember.
#[derive(Clone, Debug)]
pub struct RightsEntry {
    /// Its place.
    pub seq: i64,
    /// Who has made it.
    pub origin: Option<i64>,
    /// When, by the database: it tells an entry from another one that has its place after a failover.
    pub written_at: OffsetDateTime,
    /// What it is about; `None` where a later version says what this one does not know.
    pub what: Option<RightsChange>,
}

/// What an entry says that is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsChange {
    /// A user belongs to a server.
    Joined(UserId, ServerId),
    /// A user has left a server.
    Left(UserId, ServerId),
    /// A member has other roles.
    MemberUpdated(UserId, ServerId),
    /// A server has a role more.
    RoleCreated(ServerId, RoleId),
    /// A role's fields.
    RoleUpdated(ServerId, RoleId),
    /// It is gone.
    RoleDeleted(ServerId, RoleId),
    /// The order of a server's roles.
    RolesOrdered(ServerId),
    /// A server's fields.
    ServerUpdated(ServerId),
    /// It is gone.
    ServerDeleted(ServerId),
    /// A server has a channel more.
    ChannelCreated(ServerId, ChannelId),
    /// A channel's fields.
    ChannelUpdated(ServerId, ChannelId),
    /// It is gone.
    ChannelDeleted(ServerId, ChannelId),
    /// A login.
    SessionCreated(UserId),
    /// A logout, of whichever kind.
    SessionEnded(UserId),
    /// Another password.
    Password(UserId),
    /// What others see of a user.
    Profile(UserId),
    /// An account is gone.
    Erased(UserId),
}

/// A batch that a writer of another node has written.
#[derive(Debug)]
pub struct Note {
    /// The writer.
    pub writer: i64,
    /// Its count.
    pub number: i64,
    /// The batch before it, if that is known.
    pub prev: Option<i64>,
    /// How far logs go by it.
    pub ends: Vec<(ChannelId, Seq)>,
}

/// How far what has been changed goes, and how far each other node has applied it.
#[derive(Debug)]
pub struct Applied {
    /// The last entry.
    pub last_seq: i64,
    /// Each other node, by its number.
    pub by_others: Vec<(i64, i64)>,
}

/// What a renewal is answered.
#[derive(Debug)]
pub struct Renewed {
    /// When the last entry was written that the node has applied; nothing where that is long ago.
    pub applied_at: Option<OffsetDateTime>,
    /// What has been changed since.
    pub news: Vec<RightsEntry>,
}

/// What there is to hear of other nodes.
#[derive(Debug)]
pub struct Polled {
    /// The last entry of what has been changed.
    pub head: i64,
    /// The numbers of all nodes.
    pub nodes: Vec<i64>,
    /// What writers have noted.
    pub notes: Vec<Note>,
}

impl NodesLink {
    /// Connects; how a statement fares after that is for whoever sends it.
    pub async fn open(target: &Target) -> Result<Self, Lost> {
        let config = session_config(target.config(), NAME, STATEMENT_TIMEOUT_MS, STATEMENT_TIMEOUT_MS);
        let open = async {
            target.ready().await;
            target.open(&config).await
        };
        match timeout(CONNECT_MAX, open).await {
            Some(Ok(Opened { client, generation, history, .. })) => {
                Ok(Self { client, generation, history: number_of(&history), target: target.clone() })
            }
            Some(Err(error)) => Err(Lost(error.to_string())),
            None => Err(Lost("no answer in time".into())),
        }
    }

    /// Whether it is known to be gone.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || !self.target.is_current(self.generation)
    }

    /// Which history the database had when this was opened, as a number that all nodes give it.
    pub fn history(&self) -> u64 {
        self.history
    }

    /// Begins to be one of the nodes.
    pub async fn register(&self, id: i64, of: &Registration) -> Result<(), Lost> {
        let Registration { origin, writers, key_proof, host } = of;
        let register = include_str!("../../sql/nodes/register.sql");
        self.answered(self.client.execute(register, &[&id, origin, writers, &PROTOCOL, key_proof, host])).await?;
        Ok(())
    }

    /// How far what has been changed goes.
    pub async fn head(&self) -> Result<i64, Lost> {
        let head = include_str!("../../sql/rights/head.sql");
        Ok(self.answered(self.client.query_one(head, &[])).await?.get("last_seq"))
    }

    /// Says that the node lives and has applied everything up to `applied`; answers what has been changed since, or nothing where another one
    /// has removed it.
    pub async fn renew(&self, id: i64, applied: i64) -> Result<Option<Renewed>, Lost> {
        let renew = include_str!("../../sql/nodes/renew.sql");
        let rows = self.answered(self.client.query(renew, &[&id, &applied, &ENTRIES_AT_ONCE])).await?;
        if !self.target.is_current(self.generation) {
            return Err(Lost("the database has moved".into()));
        }
        let Some(first) = rows.first().filter(|row| row.get("is_registered")) else { return Ok(None) };
        let applied_at = first.get("applied_at");
        Ok(Some(Renewed { applied_at, news: rows.iter().filter_map(entry).collect() }))
    }

    /// How far what has been changed goes, which nodes there are, and what these writers have written since these batches of theirs.
    pub async fn poll(&self, writers: &[i64], last: &[i64]) -> Result<Polled, Lost> {
        let follow = include_str!("../../sql/write_batches/follow.sql");
        let followed: [&(dyn ToSql + Sync); 3] = [&writers, &last, &NOTES_AT_ONCE];
        let notes = self.client.query(follow, &followed);
        let head = self.client.query_one(include_str!("../../sql/rights/head.sql"), &[]);
        let (head, notes) = self.answered(async { tokio::try_join!(head, notes) }).await?;
        let (head, nodes) = (head.get("last_seq"), head.get("nodes"));
        Ok(Polled { head, nodes, notes: notes.iter().map(note).collect() })
    }

    /// The last batch that each of these writers has noted; 0 where there is none.
    pub async fn last_numbers(&self, writers: &[i64]) -> Result<Vec<i64>, Lost> {
        let last = include_str!("../../sql/write_batches/last_number.sql");
        let rows = self.answered(self.client.query(last, &[&writers])).await?;
        let number = |writer: &i64| {
            let row = rows.iter().find(|row| row.get::<_, i64>("node") == *writer);
            row.map_or(0, |row| row.get("number"))
        };
        Ok(writers.iter().map(number).collect())
    }

    /// All nodes.
    pub async fn list(&self) -> Result<Vec<NodeRow>, Lost> {
        let rows = self.answered(self.client.query(include_str!("../../sql/nodes/list.sql"), &[])).await?;
        Ok(rows.iter().map(node).collect())
    }

    /// Ends being one of the nodes.
    pub async fn remove(&self, id: i64) -> Result<(), Lost> {
        self.answered(self.client.execute(include_str!("../../sql/nodes/remove.sql"), &[&id])).await?;
        Ok(())
    }

    /// Removes a node that has said nothing since this beat; answers whether it has.
    pub async fn bury(&self, id: i64, beat: i64) -> Result<bool, Lost> {
        let bury = include_str!("../../sql/nodes/bury.sql");
        Ok(self.answered(self.client.execute(bury, &[&id, &beat])).await? > 0)
    }

    /// Ends the connections of a node that has been removed; answers whether all are gone.
    pub async fn end_connections(&self, origin: i64) -> Result<bool, Lost> {
        let end = include_str!("../../sql/backends/end_marked.sql");
        Ok(self.answered(self.client.query(end, &[&mark(origin)])).await?.is_empty())
    }

    /// Forgets what every node has applied long ago.
    pub async fn prune(&self) -> Result<(), Lost> {
        self.answered(self.client.execute(include_str!("../../sql/rights/prune.sql"), &[])).await?;
        self.answered(write_batches::prune_old(&self.client)).await?;
        Ok(())
    }

    async fn answered<T>(&self, statement: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Lost> {
        match timeout(ANSWER_MAX, statement).await {
            Some(answer) => answer.map_err(|error| Lost(chain(&error))),
            None => Err(Lost("no answer in time".into())),
        }
    }
}

/// How far what has been changed goes, and how far each node but this one has applied it.
pub async fn applied(db: &Db, but: i64) -> Result<Applied> {
    let rows = db.look_up(include_str!("../../sql/rights/applied.sql"), &[&but]).await?;
    let last_seq = rows.first().ok_or(Error::Internal)?.get("last_seq");
    let by_others = rows.iter().filter_map(|row| Some((row.get::<_, Option<_>>("id")?, row.get("applied"))));
    Ok(Applied { last_seq, by_others: by_others.collect() })
}

/// Never 0, which is no history.
fn number_of(history: &str) -> u64 {
    let digest = Sha256::digest(history);
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte)).max(1)
}

fn node(row: &Row) -> NodeRow {
    NodeRow {
        id: row.get("id"),
        origin: row.get("origin"),
        writers: row.get("writers"),
        beat: row.get("beat"),
        protocol: row.get("protocol"),
        key_proof: row.get("key_proof"),
        host: row.get("host"),
        now_s: row.get("now_s"),
    }
}

fn note(row: &Row) -> Note {
    let channels: Vec<i64> = row.get("channel_ids");
    let ends: Vec<i64> = row.get("last_seqs");
    let ends = channels.into_iter().map(ChannelId).zip(ends.into_iter().map(Seq)).collect();
    Note { writer: row.get("node"), number: row.get("number"), prev: row.get("prev"), ends }
}

fn entry(row: &Row) -> Option<RightsEntry> {
    let seq = row.get::<_, Option<i64>>("seq")?;
    Some(RightsEntry { seq, origin: row.get("origin"), written_at: row.get("written_at"), what: what(row) })
}

fn what(row: &Row) -> Option<RightsChange> {
    let user = || row.get::<_, Option<i64>>("user_id").map(UserId);
    let server = || row.get::<_, Option<i64>>("server_id").map(ServerId);
    let role = || row.get::<_, Option<i64>>("role_id").map(RoleId);
    let channel = || row.get::<_, Option<i64>>("channel_id").map(ChannelId);
    Some(match row.get("kind") {
        "member.joined" => RightsChange::Joined(user()?, server()?),
        "member.left" => RightsChange::Left(user()?, server()?),
        "member.updated" => RightsChange::MemberUpdated(user()?, server()?),
        "role.created" => RightsChange::RoleCreated(server()?, role()?),
        "role.updated" => RightsChange::RoleUpdated(server()?, role()?),
        "role.deleted" => RightsChange::RoleDeleted(server()?, role()?),
        "roles.ordered" => RightsChange::RolesOrdered(server()?),
        "server.updated" => RightsChange::ServerUpdated(server()?),
        "server.deleted" => RightsChange::ServerDeleted(server()?),
        "channel.created" => RightsChange::ChannelCreated(server()?, channel()?),
        "channel.updated" => RightsChange::ChannelUpdated(server()?, channel()?),
        "channel.deleted" => RightsChange::ChannelDeleted(server()?, channel()?),
        "session.created" => RightsChange::SessionCreated(user()?),
        "session.ended" => RightsChange::SessionEnded(user()?),
        "user.password" => RightsChange::Password(user()?),
        "user.profile" => RightsChange::Profile(user()?),
        "user.erased" => RightsChange::Erased(user()?),
        _ => return None,
    })
}
