//! The newest messages of a channel's history, ready to be answered: while nothing but new messages comes to a channel with life, whoever
//! opens it costs the database nothing.
//!
//! The second call that finds no page reads one. The channel appends each message that it announces, and forgets the page at every
//! other entry, and where it does not know what has come; a channel that does not know where its log ends has none. All of that is
//! done before anybody is told, so a page has what its reader was told of, and nothing that is gone. What was read in an earlier
//! generation, one that ended with a [`Newest::forget`], is not kept.
//!
//! Bounds: [`PAGE_BYTES_MAX`] and [`REACTORS_MAX`] for a page, [`BYTES_MAX`] for all of a node, [`READS_AT_ONCE`]. What is more is read from
//! the database by each call, as the pages of channels without life are. A page that nobody uses is forgotten after a while.

mod page;

use crate::domain::access::{ChannelAccess, ReadHistory};
use crate::domain::message::PAGE_MAX;
use crate::domain::{ChannelId, MessageId};
use crate::error::{Error, Result};
use crate::store::Db;
use crate::store::messages::newest;
use crate::websocket::encode;
use bytes::Bytes;
use page::{Page, Share};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What all pages of the node may hold.
pub const BYTES_MAX: usize = 64 << 20;
/// What a page may hold: of the longest messages only some are kept.
pub const PAGE_BYTES_MAX: usize = 512 << 10;
/// The most reactions to the messages of a page, of whom each may be the reader's own.
pub const REACTORS_MAX: i64 = 1_000;
/// Pages that are read at once, to be kept.
const READS_AT_ONCE: usize = 4;

/// The pages of the channels with life, as every thread reads them.
#[derive(Clone)]
pub struct NewestPages(Arc<Inner>);

struct Inner {
    channels: Mutex<HashMap<ChannelId, Arc<Kept>>>,
    reads: Semaphore,
    share: Share,
}

/// A channel's end of it.
pub struct Newest {
    id: ChannelId,
    pages: NewestPages,
    kept: Arc<Kept>,
    is_open: bool,
}

#[derive(Default)]
struct Kept(Mutex<State>);

#[derive(Default)]
struct State {
    page: Option<Arc<Page>>,
    attempt: Attempt,
    generation: u64,
    /// Whether the channel knows where its log ends: it knows then what comes to it.
    is_open: bool,
    was_used: bool,
}

/// What has become of calls that found no page.
#[derive(Default)]
enum Attempt {
    /// There was none, as far as it counts.
    #[default]
    None,
    /// The next one may read it.
    Missed,
    /// One reads it; meanwhile these messages have come.
    Reading(Vec<(MessageId, Bytes)>),
    /// It was read, or could not be, and was not kept.
    NotKept,
}

/// What a call finds.
enum Look {
    Found(Arc<Page>),
    /// It may keep what it reads, if it is still this generation then.
    MayKeep(u64),
    Missed,
}

impl Default for NewestPages {
    fn default() -> Self {
        let (channels, reads) = (Mutex::default(), Semaphore::new(READS_AT_ONCE));
        Self(Arc::new(Inner { channels, reads, share: Share::default() }))
    }
}

impl NewestPages {
    /// The newest messages, as JSON, if they are here or worth to be kept.
    ///
    /// # Errors
    /// What reading from the database fails with.
    pub async fn read(&self, db: &Db, access: &ChannelAccess<ReadHistory>, limit: i64) -> Result<Option<Bytes>> {
        let (limit, user) = (usize::try_from(limit).unwrap_or(0), access.caller().id());
        let Some(kept) = self.0.channels.lock().get(&access.id()).cloned() else { return Ok(None) };
        let generation = match kept.look() {
            Look::Found(page) => return Ok(Some(page.json(limit, user))),
            Look::Missed => return Ok(None),
            Look::MayKeep(generation) => generation,
        };
        // Also where the caller hangs up meanwhile.
        let mut reading = Reading { kept: &kept, generation, then: Attempt::NotKept };
        let Ok(_permit) = self.0.reads.try_acquire() else {
            reading.then = Attempt::Missed;
            return Ok(None);
        };
        let Some(messages) = newest(db, access, PAGE_MAX, REACTORS_MAX).await? else { return Ok(None) };
        let page = Page::new(messages, &self.0.share).map_err(|error| {
            tracing::error!(%error, "a page could not be encoded");
            Error::Internal
        })?;
        let page = Arc::new(page);
        kept.keep(&page, generation);
        Ok(Some(page.json(limit, user)))
    }

    /// Begins with a channel's life.
    pub(super) fn begin(&self, id: ChannelId) -> Newest {
        let kept = Arc::default();
        self.0.channels.lock().insert(id, Arc::clone(&kept));
        Newest { id, pages: self.clone(), kept, is_open: false }
    }

    /// Ends what a channel has here: it is being let go, or has failed.
    pub(super) fn end(&self, id: ChannelId) {
        self.0.channels.lock().remove(&id);
    }

    /// Forgets all pages.
    pub(super) fn forget(&self) {
        self.0.channels.lock().values().for_each(|kept| kept.0.lock().forget());
    }
}

impl Newest {
    /// The channel knows where its log ends, from now on.
    pub fn open(&mut self) {
        if !std::mem::replace(&mut self.is_open, true) {
            self.kept.0.lock().is_open = true;
        }
    }

    /// A message has come, whose entry this is, as a frame.
    pub fn append(&self, id: MessageId, frame: &Bytes) {
        self.kept.0.lock().append(id, frame);
    }

    /// Something else has come, or may have.
    pub fn forget(&self) {
        self.kept.0.lock().forget();
    }

    /// It may have come that one of these messages is another one.
    pub fn forget_these(&self, ids: &[MessageId]) {
        let mut state = self.kept.0.lock();
        if state.page.as_ref().is_none_or(|page| page.has_one_of(ids)) {
            state.forget();
        }
    }

    /// Forgets it if nobody has used it since this was last asked.
    pub fn forget_unused(&self) {
        let mut state = self.kept.0.lock();
        if !std::mem::take(&mut state.was_used) {
            state.page = None;
        }
        if matches!(state.attempt, Attempt::NotKept) {
            state.attempt = Attempt::None;
        }
    }
}

impl Drop for Newest {
    fn drop(&mut self) {
        // The channel's next life may have begun.
        let mut channels = self.pages.0.channels.lock();
        if channels.get(&self.id).is_some_and(|kept| Arc::ptr_eq(kept, &self.kept)) {
            channels.remove(&self.id);
        }
    }
}

/// While a call reads a page.
struct Reading<'a> {
    kept: &'a Kept,
    generation: u64,
    /// What has become of it, if nothing was kept.
    then: Attempt,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut state = self.kept.0.lock();
        if state.generation == self.generation && matches!(state.attempt, Attempt::Reading(_)) {
            state.attempt = std::mem::take(&mut self.then);
        }
    }
}

impl Kept {
    fn look(&self) -> Look {
        let mut state = self.0.lock();
        state.was_used = true;
        if let Some(page) = &state.page {
            return Look::Found(Arc::clone(page));
        }
        match state.attempt {
            _ if !state.is_open => {}
            Attempt::None => state.attempt = Attempt::Missed,
            Attempt::Missed => {
                state.attempt = Attempt::Reading(Vec::new());
                return Look::MayKeep(state.generation);
            }
            Attempt::Reading(_) | Attempt::NotKept => {}
        }
        Look::Missed
    }

    fn keep(&self, page: &Arc<Page>, generation: u64) {
        let mut state = self.0.lock();
        if state.generation != generation {
            return;
        }
        let Attempt::Reading(meanwhile) = std::mem::take(&mut state.attempt) else { return };
        let mut page = Arc::clone(page);
        for (id, json) in meanwhile {
            Arc::make_mut(&mut page).append(id, json);
        }
        if page.fits() {
            state.page = Some(page);
        } else {
            state.attempt = Attempt::NotKept;
        }
    }
}

impl State {
    fn append(&mut self, id: MessageId, frame: &Bytes) {
        let Self { page, attempt, .. } = self;
        let is_kept = match (page, attempt) {
            (Some(kept), _) => encode::payload(frame).as_deref().and_then(page::message_of).is_some_and(|json| {
                let page = Arc::make_mut(kept);
                page.append(id, Bytes::copy_from_slice(json));
                page.fits()
            }),
            (None, Attempt::Reading(meanwhile)) => {
                let json = encode::payload(frame);
                let json = json.as_deref().and_then(page::message_of).filter(|_| meanwhile.len() < PAGE_MAX as usize);
                json.map(|json| meanwhile.push((id, Bytes::copy_from_slice(json)))).is_some()
            }
            (None, _) => true,
        };
        if !is_kept {
            self.forget();
            self.attempt = Attempt::NotKept;
        }
    }

    fn forget(&mut self) {
        self.generation += 1;
        self.page = None;
        self.attempt = Attempt::None;
    }
}

#[cfg(test)]
mod tests;
