//! What a socket has missed: from the tail where that reaches back, else page by page from the database, in parts that
//! the socket asks for as it takes them. The last part and the joining are one message to the relay, sent in the turn in
//! which nothing has been announced beyond it: no hole, no repeat.
//!
//! However many sockets have missed the same, it is read once: who comes while a read is under way waits for it, and
//! pages stay for a while. While the database is away whoever needs it waits, and is served when it is back.

use super::handle::LogIsAt;
use super::pages::{PAGE, Page, PageNumber};
use super::reads::Want;
use super::tail::{Entry, Part};
use super::{Channel, Start};
use crate::actors::relay::{Hears, SessionKey};
use crate::domain::access::Participant;
use crate::domain::frame::Frame;
use crate::domain::log::{LogEntry, Skipped};
use crate::domain::{MessageId, Seq};
use crate::error::Result;
use crate::store::channels;
use crate::store::log::{Log, events, tail};
use crate::websocket::encode;
use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use bytes::Bytes;
use std::collections::hash_map;
use std::rc::Rc;
use std::time::Duration;

/// As much of the log's end as is read when nothing is known of it.
const FIRST_READ: i64 = PAGE;
/// Before a read that failed is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

impl Channel {
    /// Forgets what is held of the log with the text of one of these messages, and nothing else: whoever asks for a deletion again and
    /// again takes nothing from others.
    pub(super) fn forget_texts(&mut self, ids: &[MessageId]) {
        if self.tail.has_text_of(ids) {
            self.tail.clear();
        }
        self.shared.pages.forget_texts(self.id, ids);
        ids.iter().for_each(|id| self.reads.retell(*id));
        self.sequence.drop_held();
    }

    /// Answers a gateway's `subscribe`.
    pub(super) fn subscribe(&mut self, key: SessionKey, start: Start, ctx: &mut Context<Self>) {
        let Some(attached) = self.attached.get(&key) else { return };
        let Some(head) = self.sequence.head() else {
            return self.wait_for_head(key, Want::Subscribe(start), ctx);
        };
        if !self.may_tell() {
            return self.reads.wait(key, Want::Subscribe(start));
        }
        let subscribed =
            encode::json(&Frame::Subscribed { channel_id: self.id, seq: head, epoch: self.shared.epoch.clone() });
        match start {
            Start::Live => self.go_live(key, vec![subscribed], false),
            // Its session asks for the rest when this one's turn comes.
            Start::After(_) => attached.outbox.send(subscribed),
        }
    }

    /// Sends a socket the next part of what follows `after`; with the last part it goes live.
    pub(super) fn resume(&mut self, key: SessionKey, after: Seq, ctx: &mut Context<Self>) {
        if self.attached.get(&key).is_none_or(|attached| attached.is_live) {
            return;
        }
        let Some(head) = self.sequence.head() else { return self.wait_for_head(key, Want::Resume(after), ctx) };
        // Others write as well: what they have changed before it came is not told in its old form.
        if self.shared.lease.is_limited() {
            return self.ask_for_end(key, after, ctx);
        }
        self.serve(key, after, head, ctx);
    }

    /// Sends what follows `after`, as far as it is announced.
    pub(super) fn serve(&mut self, key: SessionKey, after: Seq, head: Seq, ctx: &mut Context<Self>) {
        let Some(attached) = self.attached.get(&key).filter(|attached| !attached.is_live) else { return };
        if after > head {
            // What is committed may be known, from the history say, before it is announced: as far as drafts are on their way, or a gap
            // is being read.
            if after - head <= self.posters.len() as i64 || Some(after) <= self.sequence.known() {
                return self.reads.wait(key, Want::Resume(after));
            }
            let resync =
                encode::json(&Frame::Resync { channel_id: self.id, seq: head, epoch: self.shared.epoch.clone() });
            return self.go_live(key, vec![resync], true);
        }
        let hears = attached.outbox.hears();
        if !self.may_read_history(key) {
            // Every number is accounted for, where numbers are told.
            let unread = Skipped { channel_id: self.id, from: after.next(), to: head };
            let is_told = hears == Hears::All && after < head;
            let frames = is_told.then(|| encode::json(&LogEntry::Skipped(unread))).into_iter().collect();
            return self.finish(key, frames, head);
        }
        match self.tail.after(after, head, hears) {
            Some(Part { frames, upto }) if upto == head => self.finish(key, frames, head),
            Some(part) => self.send_part(key, part),
            None => self.resume_from_page(key, after, ctx),
        }
    }

    /// Sends a socket the last of what it has missed; from there on it hears the channel.
    fn finish(&mut self, key: SessionKey, mut frames: Vec<Bytes>, head: Seq) {
        let done = Frame::ReplayDone { channel_id: self.id, seq: head, epoch: self.shared.epoch.clone() };
        frames.push(encode::json(&done));
        self.go_live(key, frames, true);
    }

    /// Serves those who waited for what has been announced.
    pub(super) fn announced(&mut self, ctx: &mut Context<Self>) {
        self.adopt();
        self.follow(ctx);
        if self.sequence.head().is_some() && self.may_tell() && !self.reads.for_head.is_empty() {
            for (key, want) in std::mem::take(&mut self.reads.for_head) {
                match want {
                    Want::Live => self.go_live(key, Vec::new(), false),
                    Want::ResumeAt(after, last_seq) => self.resume_at(key, after, last_seq, ctx),
                    Want::Subscribe(start) => self.subscribe(key, start, ctx),
                    Want::Resume(after) => self.resume(key, after, ctx),
                }
            }
        }
    }

    /// Looks how far the log goes, if that is not known: what goes beyond it without this node is noticed then.
    pub(super) fn learn_head(&mut self, ctx: &mut Context<Self>) {
        if self.sequence.head().is_some() || self.reads.is_reading_end || self.attached.len() > 1 {
            return;
        }
        let (db, slots, id) = (self.shared.db.clone(), self.shared.read_slots.clone(), self.id);
        let read = async move {
            let _slot = slots.acquire().await;
            channels::last_seqs(&db, &[id]).await
        };
        let history = self.shared.history();
        ctx.spawn(read.into_actor(self).map(move |ends, channel, ctx| {
            // What cannot be read now is looked at with all others.
            for (_, last_seq) in ends.unwrap_or_default() {
                channel.end_is_known(last_seq, history, ctx);
            }
        }));
    }

    /// Takes it over in this turn: the next one may bring another history.
    pub(super) fn end_is_known(&mut self, last_seq: Seq, history: u64, ctx: &mut Context<Self>) {
        if history == self.shared.history() {
            self.handle(LogIsAt { last_seq }, ctx);
        }
    }

    /// The database has another history: an end that was read and not yet taken over is read again.
    pub(super) fn read_end_again(&mut self, ctx: &mut Context<Self>) {
        // A read that is on its way sees by itself that it is too old.
        if self.reads.unadopted.take().is_some() && !self.reads.is_reading_end {
            self.reads.is_reading_end = true;
            self.read_end(ctx);
        }
    }

    pub(super) fn wait_for_head(&mut self, key: SessionKey, want: Want, ctx: &mut Context<Self>) {
        self.reads.for_head.push((key, want));
        if !self.reads.is_reading_end {
            self.reads.is_reading_end = true;
            self.read_end(ctx);
        }
    }

    fn read_end(&mut self, ctx: &mut Context<Self>) {
        // Any of those who wait may read the log.
        let reader = self.reads.for_head.iter().find_map(|(key, _)| self.attached.get(key));
        let Some(reader) = reader.map(|attached| attached.participant.clone()) else {
            self.reads.is_reading_end = false;
            return self.reads.for_head.clear();
        };
        let (db, slots) = (self.shared.db.clone(), self.shared.read_slots.clone());
        let (pages, clock) = (self.shared.pages.clone(), Rc::clone(&self.reads.clock));
        let read = async move {
            let _slot = slots.acquire().await;
            let at = (pages.generation(), clock.get());
            (tail(&db, &reader, FIRST_READ).await, at)
        };
        ctx.spawn(read.into_actor(self).map(move |(log, (generation, since)), channel, ctx| {
            match channel.shared.pages.generation() {
                now if now == generation && !channel.reads.has_old_text(&log, since) => channel.end_was_read(log, ctx),
                _ => channel.read_end(ctx),
            }
        }));
    }

    pub(super) fn end_was_read(&mut self, log: Result<Option<Log>>, ctx: &mut Context<Self>) {
        match log {
            Ok(Some(log)) => {
                self.reads.is_reading_end = false;
                self.reads.is_read();
                self.reads.unadopted = Some((log.entries.iter().map(Entry::new).collect(), log.last_seq));
                self.announced(ctx);
            }
            // The channel has been deleted; its sockets are about to end.
            Ok(None) => {
                self.reads.is_reading_end = false;
                self.reads.for_head.clear();
            }
            Err(_) => {
                ctx.run_later(AGAIN_AFTER, Self::read_end);
            }
        }
    }

    /// Takes over what was read of the log's end, once all of it has been announced: what the writer has committed and
    /// not yet said will still be delivered.
    fn adopt(&mut self) {
        let Some((_, last_seq)) = &self.reads.unadopted else { return };
        if (self.sequence.head().is_some_and(|head| head >= *last_seq) || self.posters.is_empty())
            && let Some((older, last_seq)) = self.reads.unadopted.take()
        {
            self.tail.adopt(older, self.sequence.begin(last_seq));
            self.end_is_known_here();
        }
    }

    fn resume_from_page(&mut self, key: SessionKey, after: Seq, ctx: &mut Context<Self>) {
        let hears = self.hears(key);
        if let Some(part) = self.shared.pages.find(self.id, after).and_then(|page| page.after(after, hears)) {
            return self.send_part(key, part);
        }
        let number = PageNumber::after(after);
        match self.reads.for_page.entry(number) {
            // A read is under way, perhaps for somebody who has gone.
            hash_map::Entry::Occupied(mut waiting) => waiting.get_mut().push((key, after)),
            hash_map::Entry::Vacant(none) => {
                none.insert(vec![(key, after)]);
                self.read_page(number, ctx);
            }
        }
    }

    fn read_page(&mut self, number: PageNumber, ctx: &mut Context<Self>) {
        let waiting = self.reads.for_page.get(&number).into_iter().flatten();
        let reader: Option<Participant> =
            waiting.filter_map(|(key, _)| self.attached.get(key)).map(|attached| attached.participant.clone()).next();
        let Some(reader) = reader else {
            self.reads.for_page.remove(&number);
            return;
        };
        let (db, slots) = (self.shared.db.clone(), self.shared.read_slots.clone());
        let (pages, clock) = (self.shared.pages.clone(), Rc::clone(&self.reads.clock));
        let read = async move {
            let _slot = slots.acquire().await;
            let at = (pages.generation(), clock.get());
            (events(&db, &reader, number.start(), PAGE, i64::MAX).await, at)
        };
        ctx.spawn(read.into_actor(self).map(move |(log, (generation, since)), channel, ctx| {
            match channel.shared.pages.generation() {
                now if now == generation && !channel.reads.has_old_text(&log, since) => {
                    channel.page_was_read(number, log, ctx);
                }
                _ => channel.read_page(number, ctx),
            }
        }));
    }

    pub(super) fn page_was_read(&mut self, number: PageNumber, log: Result<Option<Log>>, ctx: &mut Context<Self>) {
        let log = match log {
            Ok(Some(log)) => log,
            // The channel has been deleted; its sockets are about to end.
            Ok(None) => return drop(self.reads.for_page.remove(&number)),
            Err(_) => {
                ctx.run_later(AGAIN_AFTER, move |channel, ctx| channel.read_page(number, ctx));
                return;
            }
        };
        // What has not been announced yet will be: it is not for a replay.
        let announced = self.sequence.head().unwrap_or_default();
        let upto = number.end().min(log.last_seq).min(announced);
        let entries = log.entries.iter().filter(|entry| entry.seq() <= upto).map(Entry::new).collect();
        let page = Rc::new(Page::new(entries, upto));
        self.shared.pages.keep((self.id, number), Rc::clone(&page));
        let waiting = self.reads.for_page.remove(&number).unwrap_or_default();
        self.reads.is_read();
        for (key, after) in waiting {
            match page.after(after, self.hears(key)) {
                _ if !self.may_tell() => self.reads.wait(key, Want::Resume(after)),
                _ if !self.may_read_history(key) => self.resume(key, after, ctx),
                Some(part) => self.send_part(key, part),
                // It was read before that was committed.
                None => self.resume_later(key, after, ctx),
            }
        }
    }

    pub(super) fn resume_later(&mut self, key: SessionKey, after: Seq, ctx: &mut Context<Self>) {
        self.reads.again.push((key, after));
        if self.reads.again.len() == 1 {
            ctx.run_later(AGAIN_AFTER, |channel, ctx| {
                for (key, after) in std::mem::take(&mut channel.reads.again) {
                    channel.resume(key, after, ctx);
                }
            });
        }
    }

    fn hears(&self, key: SessionKey) -> Hears {
        self.attached.get(&key).map_or(Hears::All, |attached| attached.outbox.hears())
    }

    fn send_part(&self, key: SessionKey, part: Part) {
        if let Some(attached) = self.attached.get(&key) {
            attached.outbox.replay(self.id, part.frames, part.upto);
        }
    }
}
