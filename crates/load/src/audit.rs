//! After the load: whether the history says what the sockets saw, and what posts were answered with.

mod changes;

use super::LoadError;
use super::call::{Body, Http};
use super::checks::Rule;
use super::client::Room;
use super::ledger::{EntryKind, Incoming};
use super::people::{People, unexpected};
use super::progress::Progress;
use super::run::Run;
use bytes::Bytes;
use changes::ChangesInLog;
use futures_util::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde::Deserialize;
use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Channels that are read at once.
const AT_ONCE: usize = 4;
/// Events of one answer (the node's limit).
const PAGE: i64 = 1_000;
/// As long as a page is asked for again when it does not come.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    events: Vec<Incoming<'a>>,
    last_seq: i64,
}

/// A channel's log, as far as this process knows it.
struct Log<'a> {
    run: &'a Run,
    channel_id: i64,
    /// What its sockets saw, where there were any.
    room: Option<&'a Room>,
    /// The last place that was seen, or that an answer named.
    head: i64,
}

/// Reads every channel's log to its end and compares it with what was seen. With other shards on their way it is read as
/// far as this one has seen it.
///
/// # Errors
/// When it cannot be read.
pub async fn compare(run: &Run, people: &People, rooms: &[Rc<Room>]) -> Result<(), LoadError> {
    let logs = logs(run, rooms);
    let events: i64 = logs.iter().map(|log| log.head).sum();
    let progress = Progress::begin("history", events.unsigned_abs());
    let done = Cell::new(0);
    let compared = stream::iter(&logs).map(|log| log.compare(people, &done, &progress));
    let compared = compared.buffer_unordered(AT_ONCE).try_collect::<()>().await;
    progress.end();
    if run.posts.beyond() > 0 {
        run.figure("posts that were too many to look up", run.posts.beyond() as f64, "");
    }
    compared
}

/// Notes how far each log goes in which messages were changed: the calls that change them do not say it, and everybody must get there.
pub async fn ends(run: &Run, people: &People, rooms: &[Rc<Room>]) -> Result<(), LoadError> {
    let ends = stream::iter(rooms).map(async |room| {
        let (channel_id, head) = (room.ledger.borrow().channel_id(), room.ledger.borrow().head());
        let log = Log { run, channel_id, room: Some(&**room), head };
        let body = log.page(people, &mut Http::new(Rc::clone(&run.target)), head).await?;
        room.end.set(log.read(&body)?.last_seq.max(head));
        Ok(())
    });
    ends.buffer_unordered(AT_ONCE).try_collect().await
}

fn logs<'a>(run: &'a Run, rooms: &'a [Rc<Room>]) -> Vec<Log<'a>> {
    let heard = rooms.iter().map(|room| {
        let (channel_id, head) = (room.ledger.borrow().channel_id(), room.ledger.borrow().head());
        let head = head.max(run.posts.head(channel_id)).max(room.end.get());
        Log { run, channel_id, room: Some(&**room), head }
    });
    let mut logs: Vec<Log<'_>> = heard.collect();
    let known: HashSet<i64> = logs.iter().map(|log| log.channel_id).collect();
    let others = run.posts.channels().into_iter().filter(|channel_id| !known.contains(channel_id));
    logs.extend(others.map(|channel_id| Log { run, channel_id, room: None, head: run.posts.head(channel_id) }));
    logs
}

impl Log<'_> {
    async fn compare(&self, people: &People, done: &Cell<u64>, progress: &Progress) -> Result<(), LoadError> {
        let mut http = Http::new(Rc::clone(&self.run.target));
        let mut after = 0;
        let mut changes = ChangesInLog::new(self.channel_id, &self.run.checks);
        loop {
            // What is interrupted says so; there is no end to wait for.
            if self.run.is_interrupted() {
                return Ok(());
            }
            let body = self.page(people, &mut http, after).await?;
            let page = self.read(&body)?;
            let before = after;
            after = self.compare_page(before, &page.events, &mut changes);
            done.set(done.get() + after.abs_diff(before));
            progress.at(done.get());
            let end = if self.run.is_whole { page.last_seq.max(self.head) } else { self.head };
            if after >= end {
                break;
            }
            if after == before {
                self.violate(format!("the history ends at seq {after}, but there is a seq {end}"));
                break;
            }
        }
        if let Some(room) = self.room.filter(|_| !self.run.mix.is_none()) {
            changes.compare(&room.record.borrow(), &room.ledger.borrow(), self.run.is_whole);
        }
        Ok(())
    }

    fn read<'b>(&self, body: &'b [u8]) -> Result<Page<'b>, LoadError> {
        serde_json::from_slice(body).map_err(|_| {
            LoadError::Node(format!("GET /channels/{}/events was answered with something else", self.channel_id))
        })
    }

    /// Asks until there is a page, or there has been none for [`PATIENCE`].
    async fn page(&self, people: &People, http: &mut Http, after: i64) -> Result<Bytes, LoadError> {
        let (owner, since, mut is_new) = (people.owner()?, Instant::now(), false);
        let path = format!("/channels/{}/events?after={after}&limit={PAGE}", self.channel_id);
        loop {
            let token = owner.token();
            let trouble = match http.call(Method::GET, &path, &token, Body::None).await {
                Ok(answer) if answer.status == 200 => return Ok(answer.body),
                Ok(answer) if answer.status == 401 && !is_new => match owner.renew(&self.run.target, &token).await {
                    Ok(()) => {
                        is_new = true;
                        continue;
                    }
                    Err(trouble) => trouble,
                },
                Ok(answer) => {
                    let trouble = unexpected("GET /channels/{channel_id}/events", &answer);
                    if !matches!(answer.status, 429 | 503) {
                        return Err(trouble);
                    }
                    trouble
                }
                Err(trouble) => trouble,
            };
            if since.elapsed() > PATIENCE {
                return Err(trouble);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Compares a page; answers how far the log is compared now.
    fn compare_page(&self, after: i64, events: &[Incoming<'_>], changes: &mut ChangesInLog<'_>) -> i64 {
        let mut last = after;
        for event in events {
            let (first, end) = event.span().unwrap_or((0, 0));
            if !self.run.is_whole && first > self.head {
                continue;
            }
            if first != last + 1 {
                self.violate(format!("the history goes on with seq {first} after seq {last}"));
            }
            last = last.max(end);
            if !self.run.mix.is_none() {
                changes.take(event, self.run.is_whole);
            }
            let seq = first;
            if let Some(room) = self.room {
                (first..=end).for_each(|seq| self.compare_entry(room, seq, event));
            }
            let (id, content) = (event.id.unwrap_or(0), event.content.as_deref().unwrap_or_default());
            if let Some(is_there) = self.run.posts.is_there(self.channel_id, seq, id, content) {
                self.run.checks.look(Rule::Kept, 1);
                if !is_there {
                    let channel = self.channel_id;
                    let what =
                        || format!("channel {channel}: seq {seq} is not what was posted there, but message {id}");
                    self.run.checks.violate(Rule::Kept, what);
                }
            }
        }
        last
    }

    fn compare_entry(&self, room: &Room, seq: i64, event: &Incoming<'_>) {
        let ledger = room.ledger.borrow();
        self.run.checks.look(Rule::SameAsHistory, 1);
        match ledger.digest(seq) {
            Some(_) if ledger.is_told(seq, event) => {}
            Some(_) => self.violate(format!("seq {seq} is another event in the history than was seen")),
            None => self.violate(format!("seq {seq} is in the history, and no socket got it")),
        }
        let is_text = matches!(event.entry(), Some(EntryKind::Created | EntryKind::Updated));
        if is_text && let Some(id) = event.id {
            let is_mixed = !self.run.mix.is_none();
            self.run.checks.look(Rule::Forgotten, u64::from(is_mixed));
            if !ledger.fates().may_have_text(id, seq, u64::MAX) {
                self.run.checks.violate(Rule::Forgotten, || {
                    format!("channel {}: the history has the text of message {id}, which is deleted", self.channel_id)
                });
            }
        }
    }

    fn violate(&self, what: String) {
        // Where nothing was heard, it is the posts that are not there.
        let rule = if self.room.is_some() { Rule::SameAsHistory } else { Rule::Kept };
        self.run.checks.violate(rule, || format!("channel {}: {what}", self.channel_id));
    }
}
