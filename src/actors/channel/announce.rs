//! What a channel tells its sockets, and those who posted.

use super::Poster;
use crate::actors::relay::{About, error_frame};
use crate::actors::relay::{Kind, Outbox};
use crate::actors::writer::{Outcome, Refused};
use crate::domain::frame::Frame;
use crate::domain::log::{LogEntry, MessageCreated};
use crate::domain::message::Message;
use crate::domain::{ChannelId, MessageId, Seq};
use crate::error::{Conflict, Error, Noun};
use crate::store::changes::ChangeDraft;
use crate::store::log::LogWrite;
use crate::store::messages::{Draft, Known, Place};
use crate::websocket::encode;

/// The entry of a committed message.
pub fn created<'a>(draft: &'a Draft, author_username: &'a str, place: &Place, duplicate: Option<bool>) -> LogEntry<'a> {
    LogEntry::created(draft.at(place, author_username), duplicate)
}

/// A message that a call has posted.
#[derive(Debug)]
pub struct Posted {
    /// As it is in the log.
    pub message: MessageCreated<'static>,
    /// Whether its nonce was known: it is the message made then.
    pub is_duplicate: bool,
}

impl Poster {
    /// Says what became of a write. What is not final leaves the poster waiting, if it can wait.
    pub(super) fn answer(&mut self, write: &LogWrite, author_username: &str, outcome: &Outcome) {
        match write {
            LogWrite::Message(draft) => self.answer_message(draft, author_username, outcome),
            LogWrite::Change(draft) => self.answer_change(draft, outcome),
        }
    }

    fn answer_message(&mut self, draft: &Draft, author_username: &str, outcome: &Outcome) {
        let made = match outcome {
            Outcome::Committed(place) => Ok((created(draft, author_username, place, None), place, None)),
            Outcome::Duplicate(place) => Ok((created(draft, author_username, place, Some(true)), place, Some(true))),
            Outcome::Known(known) => Ok((as_it_is_now(draft, author_username, known), &known.place, Some(true))),
            Outcome::Refused(refused) => Err(Error::from(*refused)),
            // No message becomes one of these.
            Outcome::Changed(_) | Outcome::Unchanged => Err(Error::Internal),
        };
        match (&*self, made) {
            (Self::Socket(send), Ok((entry, place, duplicate))) => {
                // All who hear the channel have been told of a new one.
                if duplicate.is_some() {
                    send.outbox().send(encode::json(&entry));
                }
                acknowledge(
                    send.outbox(),
                    draft.nonce(),
                    draft.channel_id(),
                    Some(place.id),
                    Some(place.seq),
                    duplicate,
                );
            }
            (Self::Socket(send), Err(why)) => {
                let outbox = send.outbox();
                let channel_id = (outbox.kind() == Kind::Gateway).then(|| draft.channel_id());
                outbox.send(error_frame(&why, About { nonce: draft.nonce(), channel_id }));
            }
            (Self::Call(_), made) => {
                let posted = made.and_then(|(entry, _, duplicate)| match entry {
                    LogEntry::MessageCreated(message) => {
                        // Over HTTP the status says so.
                        let message = message.into_owned().without_duplicate();
                        Ok(Posted { message, is_duplicate: duplicate.is_some() })
                    }
                    _ => Err(Error::Internal),
                });
                if let Self::Call(reply) = std::mem::replace(self, Self::Nobody) {
                    // Whoever called may have hung up.
                    let _ = reply.send(posted);
                }
            }
            (Self::Command(..) | Self::ChangeCall(_) | Self::Nobody, _) => {}
        }
    }

    fn answer_change(&mut self, draft: &ChangeDraft, outcome: &Outcome) {
        let seq = match outcome {
            Outcome::Changed(made) => Ok(Some(made.entry.seq())),
            Outcome::Unchanged => Ok(None),
            Outcome::Refused(refused) => Err(Error::from(*refused)),
            // No change becomes one of these.
            Outcome::Committed(_) | Outcome::Duplicate(_) | Outcome::Known(_) => Err(Error::Internal),
        };
        match (&*self, seq) {
            (Self::Command(send, nonce), seq) => {
                let (nonce, channel_id) = (nonce.as_deref(), draft.channel_id());
                match seq {
                    Ok(seq) => {
                        let id = draft.change().message_ids().first().copied();
                        acknowledge(send.outbox(), nonce, channel_id, id, seq, None);
                    }
                    Err(why) => send.outbox().send(error_frame(&why, About { nonce, channel_id: Some(channel_id) })),
                }
            }
            (Self::ChangeCall(_), seq) => {
                if let Self::ChangeCall(reply) = std::mem::replace(self, Self::Nobody) {
                    // Whoever called may have hung up.
                    let _ = reply.send(seq);
                }
            }
            (Self::Socket(_) | Self::Call(_) | Self::Nobody, _) => {}
        }
    }

    /// Nothing more will be said of the send: its place among those of its socket is free.
    pub fn finish(&mut self) {
        if let Self::Socket(send) | Self::Command(send, _) = self {
            send.finish();
        }
    }

    /// Refuses what has not become a write.
    pub fn refuse(self, why: Error, about: About<'_>) {
        match self {
            Self::Nobody => {}
            Self::Socket(mut send) | Self::Command(mut send, _) => {
                send.finish();
                send.outbox().send(error_frame(&why, about));
            }
            Self::Call(reply) => drop(reply.send(Err(why))),
            Self::ChangeCall(reply) => drop(reply.send(Err(why))),
        }
    }
}

/// A message that was made with a draft's nonce before, as it is now.
fn as_it_is_now<'a>(draft: &'a Draft, author_username: &'a str, known: &'a Known) -> LogEntry<'a> {
    let message = draft.at(&known.place, author_username);
    if known.is_deleted {
        return LogEntry::deleted_duplicate(&message);
    }
    LogEntry::created(
        Message { content: known.content.as_str().into(), edited_at: known.edited_at, ..message },
        Some(true),
    )
}

/// On a gateway the sender may not hear the channel, so its acknowledgement is a frame of its own.
fn acknowledge(
    outbox: &Outbox,
    nonce: Option<&str>,
    channel_id: ChannelId,
    id: Option<MessageId>,
    seq: Option<Seq>,
    duplicate: Option<bool>,
) {
    if let (Kind::Gateway, Some(id)) = (outbox.kind(), id) {
        outbox.send(encode::json(&Frame::Ack { nonce, channel_id, id, seq, duplicate }));
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy => Self::Busy,
            Refused::Unavailable => Self::Unavailable,
            Refused::Unconfirmed => Self::Unconfirmed,
            Refused::Gone => Self::NotFound(Noun::Channel),
            Refused::NonceConflict => Self::NonceConflict,
            Refused::ReplyToNothing => Conflict::ReplyToNothing.into(),
            Refused::Invalid => Conflict::InvalidContent.into(),
            Refused::Change(refused) => refused.into(),
        }
    }
}
