//! A writer's own connection to PostgreSQL.

use crate::domain::backend::Backend;
use crate::patience::timeout;
use crate::store::backends::end_and_wait;
use crate::store::changes::{self, ChangeDraft, Changed, Changes};
use crate::store::messages::{Append, Draft, Written};
use crate::store::turns::Turns;
use crate::store::write_batches::{BatchKey, Found, prune, resolve};
use crate::store::{Fault, OpenError, Opened, Target, WRITER_NAME, chain, fault, session_config};
use crate::telemetry::Often;
use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;
use tokio_postgres::Client;

/// As long as a statement of a batch may take in PostgreSQL.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as a batch waits for a lock, in milliseconds: a changing table, or a channel to which another node writes.
const LOCK_TIMEOUT_MS: u64 = 200;
/// As much longer anything is waited for before the connection counts as lost.
const ANSWER_SLACK: Duration = Duration::from_millis(500);
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// As long as a note stays for other nodes that follow it. Who comes later compares all its logs.
const FOLLOWED_MAX: Duration = Duration::from_secs(120);

/// Batches that were not written.
static UNWRITTEN: Often = Often::never();

pub struct Link {
    client: Client,
    append: Append,
    changes: Changes,
    /// Where other nodes write to the same channels.
    turns: Option<Turns>,
    backend: Backend,
    generation: u64,
    database: Target,
    answer_max: Duration,
}

impl Link {
    /// Connects and prepares; `None` where PostgreSQL is away.
    pub async fn open(database: &Target, patience: Duration) -> Option<Self> {
        let statement_max = STATEMENT_TIMEOUT + patience;
        let timeout_ms = u64::try_from(statement_max.as_millis()).unwrap_or(u64::MAX);
        let config = session_config(database.config(), WRITER_NAME, timeout_ms, LOCK_TIMEOUT_MS);
        let connect = async {
            database.ready().await;
            let Opened { client, backend, generation, .. } = database.open_for_writer(&config).await?;
            // On another history than the one that this node remembers, what it writes next may take a `seq` that others have seen.
            database.ready().await;
            let append = Append::prepare(&client).await?;
            let changes = Changes::prepare(&client).await?;
            let turns = if database.is_shared() { Some(Turns::prepare(&client).await?) } else { None };
            Ok::<_, OpenError>(Self {
                client,
                append,
                changes,
                turns,
                backend,
                generation,
                database: database.clone(),
                answer_max: statement_max + ANSWER_SLACK,
            })
        };
        timeout(CONNECT_MAX + patience, connect).await?.ok()
    }

    /// Writes all of a batch, or none of it where one of them cannot be written.
    pub async fn append_all(&self, key: BatchKey, drafts: &[&Draft]) -> Result<Option<Vec<Written>>, Fault> {
        let write = pin!(self.append.all(&self.client, key, drafts));
        let Some(turns) = &self.turns else { return self.answered(write, drafts.len()).await };
        match self.answered(pin!(turns.write(&self.client, &channels(drafts), write)), drafts.len()).await {
            Err(Fault::Locked) => self.append_free(key, drafts).await.map(Some),
            written => written,
        }
    }

    /// Writes what can be written of a batch.
    pub async fn append_each(&self, key: BatchKey, drafts: &[&Draft]) -> Result<Vec<Written>, Fault> {
        let Some(turns) = &self.turns else { return self.append_free(key, drafts).await };
        let write = pin!(self.append.each(&self.client, key, drafts));
        match self.answered(pin!(turns.write(&self.client, &channels(drafts), write)), drafts.len()).await {
            Err(Fault::Locked) => self.append_free(key, drafts).await,
            written => written,
        }
    }

    /// Writes what can be written of a batch without waiting for anybody.
    async fn append_free(&self, key: BatchKey, drafts: &[&Draft]) -> Result<Vec<Written>, Fault> {
        self.answered(pin!(self.append.each(&self.client, key, drafts)), drafts.len()).await
    }

    /// Makes what can be made of a batch of changes.
    pub async fn change(&self, key: BatchKey, drafts: &[&ChangeDraft]) -> Result<Vec<Changed>, Fault> {
        let make =
            async |turns| self.answered(pin!(self.changes.make(&self.client, turns, key, drafts)), drafts.len()).await;
        match make(self.turns.as_ref()).await {
            Err(Fault::Locked) if self.turns.is_some() => make(None).await,
            made => made,
        }
    }

    /// The changes of a batch that was found.
    pub async fn found_changes(&self, found: &Found, drafts: &[&ChangeDraft]) -> Result<Vec<Changed>, Fault> {
        self.in_time(changes::found(&self.client, found, drafts)).await
    }

    /// The process of PostgreSQL that serves it.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Ends the processes of earlier connections; answers which are not gone yet. An end makes a commit visible that waits for a
    /// standby, so while commits are not answered there is none: [`Fault::Locked`].
    pub async fn end(&self, earlier: &[Backend]) -> Result<Vec<Backend>, Fault> {
        self.commits_are_answered().await?;
        self.in_time(end_and_wait(&self.client, earlier)).await
    }

    /// Whether a batch of an earlier connection committed; see [`resolve`]. What is found is as safe as what is acknowledged;
    /// [`Fault::Locked`] while it is not.
    pub async fn resolve(&self, key: BatchKey) -> Result<Option<Found>, Fault> {
        let found = self.in_time(resolve(&self.client, key)).await?;
        // A claim is a commit by itself.
        if found.is_some() {
            self.commits_are_answered().await?;
        }
        // What a server says that the database has left is not how things stand.
        if self.is_current() { Ok(found) } else { Err(Fault::Lost) }
    }

    async fn commits_are_answered(&self) -> Result<(), Fault> {
        if self.database.can_commit().await { Ok(()) } else { Err(Fault::Locked) }
    }

    /// Removes notes from the ledger that nobody can ask for; false if the connection is lost.
    pub async fn prune(&self, upto: BatchKey) -> bool {
        let kept = if self.database.is_shared() { FOLLOWED_MAX } else { Duration::ZERO };
        timeout(self.answer_max, prune(&self.client, upto, kept)).await.is_some_and(|pruned| pruned.is_ok())
    }

    /// Whether the connection is known to be gone, or the database to have moved.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() || !self.is_current()
    }

    /// Whether the database is where it was when this was opened.
    pub fn is_current(&self) -> bool {
        self.database.is_current(self.generation)
    }

    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Fault> {
        match timeout(self.answer_max, answer).await {
            Some(answer) => answer.map_err(|error| fault(&error)),
            None => Err(Fault::Lost),
        }
    }

    /// Takes what is pinned: each step that took it by value would copy it, and it is large.
    async fn answered<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>> + Unpin,
        rows: usize,
    ) -> Result<T, Fault> {
        match timeout(self.answer_max, answer).await {
            Some(Ok(written)) => Ok(written),
            Some(Err(error)) => {
                let fault = fault(&error);
                if let Some(batches) = UNWRITTEN.happened() {
                    let error = chain(&error);
                    tracing::warn!(?fault, error, rows, batches, "a batch was not written");
                }
                Err(fault)
            }
            None => Err(Fault::Lost),
        }
    }
}

/// The channels of messages, each once, in the order of their ids.
fn channels(drafts: &[&Draft]) -> Vec<i64> {
    drafts.iter().map(|draft| draft.channel_id().0).collect::<BTreeSet<_>>().into_iter().collect()
}
