//! What a channel tells its sockets, and those who posted.

use super::Poster;
use crate::actors::relay::frame::{About, encode, error};
use crate::actors::relay::{Kind, Outbox};
use crate::actors::writer::{Outcome, Refused};
use crate::domain::event::{Event, MessageCreated};
use crate::domain::frame::Frame;
use crate::domain::message::Message;
use crate::error::{Conflict, Error, Noun};
use crate::store::messages::{Draft, Place};
use bytes::Bytes;

/// The frame of a committed message.
pub fn created(draft: &Draft, author_username: &str, place: &Place, duplicate: Option<bool>) -> Bytes {
    encode(&Event::MessageCreated(MessageCreated { message: draft.at(place, author_username), duplicate }))
}

/// A message that a call has posted.
#[derive(Debug)]
pub struct Posted {
    /// As it is in the log.
    pub message: Message<'static>,
    /// Whether its nonce was known: it is the message made then.
    pub is_duplicate: bool,
}

impl Poster {
    /// Says what became of a draft. What is not final leaves the poster waiting, if it can wait.
    pub(super) fn answer(&mut self, draft: &Draft, author_username: &str, outcome: Outcome) {
        match (self, outcome) {
            (Self::Nobody, _) => {}
            (Self::Socket(send), outcome) => {
                let outbox = send.outbox();
                match outcome {
                    Outcome::Committed(place) => acknowledge(outbox, draft, &place, None),
                    Outcome::Duplicate(place) => {
                        outbox.send(created(draft, author_username, &place, Some(true)));
                        acknowledge(outbox, draft, &place, Some(true));
                    }
                    Outcome::Refused(refused) => outbox.send(error(&refused.into(), about(outbox, draft))),
                }
            }
            (call @ Self::Call(_), outcome) => {
                let message = |place| draft.at(&place, author_username).into_owned();
                let posted = match outcome {
                    Outcome::Committed(place) => Ok(Posted { message: message(place), is_duplicate: false }),
                    Outcome::Duplicate(place) => Ok(Posted { message: message(place), is_duplicate: true }),
                    Outcome::Refused(refused) => Err(refused.into()),
                };
                if let Self::Call(reply) = std::mem::replace(call, Self::Nobody) {
                    // Whoever called may have hung up.
                    let _ = reply.send(posted);
                }
            }
        }
    }

    /// Nothing more will be said of the send: its place among those of its socket is free.
    pub fn finish(&mut self) {
        if let Self::Socket(send) = self {
            send.finish();
        }
    }

    /// Refuses what has not become a draft.
    pub fn refuse(self, why: Error, about: About<'_>) {
        match self {
            Self::Nobody => {}
            Self::Socket(mut send) => {
                send.finish();
                send.outbox().send(error(&why, about));
            }
            Self::Call(reply) => drop(reply.send(Err(why))),
        }
    }
}

/// On a gateway the sender may not hear the channel, so its acknowledgement is a frame of its own.
fn acknowledge(outbox: &Outbox, draft: &Draft, place: &Place, duplicate: Option<bool>) {
    if outbox.kind() == Kind::Gateway {
        outbox.send(encode(&Frame::Ack {
            nonce: draft.nonce(),
            channel_id: place.channel_id,
            id: place.id,
            seq: place.seq,
            duplicate,
        }));
    }
}

fn about<'a>(outbox: &Outbox, draft: &'a Draft) -> About<'a> {
    About { nonce: draft.nonce(), channel_id: (outbox.kind() == Kind::Gateway).then(|| draft.channel_id()) }
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
        }
    }
}
