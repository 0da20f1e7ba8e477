//! The fields of a frame, and what each has to be.

use super::change::{AddReaction, DeleteMessage, EditMessage, RemoveReaction};
use super::{BadFrame, Command, Dialect, SUBSCRIPTIONS_MAX, Subscribe, Wanted};
use crate::domain::emoji::Emoji;
use crate::domain::message::NewMessage;
use crate::domain::text::{Content, Nonce};
use crate::domain::validation::{Parse, Refusal};
use crate::domain::{ChannelId, MessageId, Seq};
use crate::error::Code;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// The deepest nesting of a frame.
const DEPTH_MAX: usize = 16;
/// Every id and every `seq` is below 2^53.
const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Every field that any command has. The others are ignored.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Fields<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    nonce: Option<Value>,
    #[serde(default)]
    reply_to: Option<Value>,
    #[serde(default)]
    channel_id: Option<Value>,
    #[serde(default)]
    after: Option<Value>,
    #[serde(default)]
    epoch: Option<Value>,
    #[serde(default)]
    channels: Option<Value>,
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    message_id: Option<Value>,
    #[serde(default)]
    emoji: Option<Value>,
    #[serde(default)]
    token: Option<Value>,
    #[serde(default)]
    t: Option<Value>,
}

/// A text in the place of an object would be repeated whole.
const REASON_CHARACTERS_MAX: usize = 200;

/// Understands a text frame.
pub fn parse(text: &str, dialect: Dialect) -> Result<Command, Box<BadFrame>> {
    if depth(text) > DEPTH_MAX {
        return Err(BadFrame::new(Code::TooDeep, format!("A frame may nest at most {DEPTH_MAX} levels")).into());
    }
    // Serde would take an array for an object without names.
    if text.trim_start().starts_with('[') {
        return Err(BadFrame::new(Code::InvalidFrame, "Send a JSON object, not an array").into());
    }
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| {
        let reason: String = error.to_string().chars().take(REASON_CHARACTERS_MAX).collect();
        match error.classify() {
            serde_json::error::Category::Data => {
                BadFrame::new(Code::InvalidFrame, format!("Send a JSON object: {reason}"))
            }
            _ => BadFrame::new(Code::InvalidJson, format!("Send one JSON object a frame: {reason}")),
        }
    })?;
    fields.command(dialect).map_err(|bad| {
        let nonce = fields.nonce().ok().flatten();
        let channel_id = fields.channel_id().ok().flatten();
        Box::new(BadFrame { nonce, channel_id, ..bad })
    })
}

impl Fields<'_> {
    fn command(&self, dialect: Dialect) -> Result<Command, BadFrame> {
        match (self.kind.as_deref(), dialect) {
            (None, Dialect::Channel) | (Some("message.send"), _) => self.send(dialect),
            (None, Dialect::Gateway) => {
                Err(BadFrame::at("type", Code::TypeMissing, format!("`type` is missing: it must be {KINDS}")))
            }
            (Some("identify"), Dialect::Gateway) => Ok(Command::Identify { token: self.token()? }),
            (Some("subscribe"), Dialect::Gateway) => Ok(Command::Subscribe(self.subscribe()?)),
            (Some("unsubscribe"), Dialect::Gateway) => {
                Ok(Command::Unsubscribe { channel_id: self.required_channel_id()? })
            }
            (Some("message.edit"), Dialect::Gateway) => Ok(Command::EditMessage(self.edit()?)),
            (Some("message.delete"), Dialect::Gateway) => Ok(Command::DeleteMessage(self.delete()?)),
            (Some("reaction.add"), Dialect::Gateway) => Ok(Command::AddReaction(self.add_reaction()?)),
            (Some("reaction.remove"), Dialect::Gateway) => Ok(Command::RemoveReaction(self.remove_reaction()?)),
            (Some("ping"), Dialect::Gateway) => Ok(Command::Ping { t: self.t.clone() }),
            (Some(_), Dialect::Channel) => {
                Err(BadFrame::at("type", Code::UnknownType, "`type` must be message.send, or be left out"))
            }
            (Some(_), Dialect::Gateway) => {
                Err(BadFrame::at("type", Code::UnknownType, format!("`type` must be {KINDS}")))
            }
        }
    }

    fn send(&self, dialect: Dialect) -> Result<Command, BadFrame> {
        let channel_id = match dialect {
            Dialect::Gateway => Some(self.required_channel_id()?),
            Dialect::Channel => None,
        };
        let content = self.content()?;
        let reply_to = number("reply_to", self.reply_to.as_ref(), 1)?.map(MessageId);
        Ok(Command::SendMessage { channel_id, message: NewMessage { content, nonce: self.nonce()?, reply_to } })
    }

    fn content(&self) -> Result<Content, BadFrame> {
        match &self.content {
            Some(Value::String(content)) => Content::try_from(content.as_str())
                .map_err(|Refusal { kind, msg, .. }| BadFrame::at("content", Code::of_text(kind), msg)),
            None | Some(Value::Null) => {
                let detail = r#"`content` is missing: send {"content": "…"}"#;
                Err(BadFrame::at("content", Code::ContentMissing, detail))
            }
            Some(_) => Err(BadFrame::at("content", Code::ContentNotText, "`content` must be a string")),
        }
    }

    fn edit(&self) -> Result<EditMessage, BadFrame> {
        let channel_id = self.required_channel_id()?;
        let (id, content) = (message_id("id", self.id.as_ref())?, self.content()?);
        Ok(EditMessage { channel_id, id, content, nonce: self.nonce()? })
    }

    fn delete(&self) -> Result<DeleteMessage, BadFrame> {
        let channel_id = self.required_channel_id()?;
        Ok(DeleteMessage { channel_id, id: message_id("id", self.id.as_ref())?, nonce: self.nonce()? })
    }

    fn add_reaction(&self) -> Result<AddReaction, BadFrame> {
        let channel_id = self.required_channel_id()?;
        let (message_id, emoji) = (message_id("message_id", self.message_id.as_ref())?, self.emoji()?);
        Ok(AddReaction { channel_id, message_id, emoji, nonce: self.nonce()? })
    }

    fn remove_reaction(&self) -> Result<RemoveReaction, BadFrame> {
        let AddReaction { channel_id, message_id, emoji, nonce } = self.add_reaction()?;
        Ok(RemoveReaction { channel_id, message_id, emoji, nonce })
    }

    fn emoji(&self) -> Result<Emoji, BadFrame> {
        match &self.emoji {
            None | Some(Value::Null) => Err(BadFrame::at("emoji", Code::EmojiMissing, "`emoji` is missing")),
            Some(emoji) => {
                Emoji::parse(emoji).map_err(|Refusal { msg, .. }| BadFrame::at("emoji", Code::EmojiInvalid, msg))
            }
        }
    }

    fn subscribe(&self) -> Result<Subscribe, BadFrame> {
        let Some(channels) = self.channels.as_ref().filter(|channels| !channels.is_null()) else {
            let (channel_id, after) = (self.required_channel_id()?, number("after", self.after.as_ref(), 0)?.map(Seq));
            return Ok(Subscribe::One(Wanted { channel_id, after, epoch: epoch(self.epoch.as_ref())? }));
        };
        let invalid = |detail: String| BadFrame::at("channels", Code::ChannelsInvalid, detail);
        let Some(entries) = channels.as_array().filter(|entries| (1..=SUBSCRIPTIONS_MAX).contains(&entries.len()))
        else {
            return Err(invalid(format!("`channels` must be a list of 1 to {SUBSCRIPTIONS_MAX} channels")));
        };
        let read = |entry: &Value| {
            let channel_id = number("channel_id", entry.get("channel_id"), 0)?.ok_or_else(|| {
                invalid(r#"an entry is {"channel_id": …, "after": …}, where `after` may be left out"#.to_owned())
            })?;
            let after = number("after", entry.get("after"), 0)?.map(Seq);
            Ok(Wanted { channel_id: ChannelId(channel_id), after, epoch: epoch(entry.get("epoch"))? })
        };
        let read =
            |(at, entry)| read(entry).map_err(|bad: BadFrame| invalid(format!("`channels[{at}]`: {}", bad.detail)));
        Ok(Subscribe::Many { channels: entries.iter().enumerate().map(read).collect::<Result<_, _>>()? })
    }

    fn nonce(&self) -> Result<Option<Nonce>, BadFrame> {
        match &self.nonce {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(nonce)) => Nonce::try_from(nonce.as_str())
                .map(Some)
                .map_err(|Refusal { kind, msg, .. }| BadFrame::at("nonce", Code::of_text(kind), msg)),
            Some(_) => Err(BadFrame::at("nonce", Code::NonceInvalid, "`nonce` must be a string")),
        }
    }

    fn channel_id(&self) -> Result<Option<ChannelId>, BadFrame> {
        Ok(number("channel_id", self.channel_id.as_ref(), 0)?.map(ChannelId))
    }

    fn required_channel_id(&self) -> Result<ChannelId, BadFrame> {
        self.channel_id()?.ok_or_else(|| {
            BadFrame::at("channel_id", Code::ChannelIdMissing, "`channel_id` is missing: say which channel")
        })
    }

    fn token(&self) -> Result<String, BadFrame> {
        match &self.token {
            Some(Value::String(token)) => Ok(token.clone()),
            None | Some(Value::Null) => Err(BadFrame::at("token", Code::TokenMissing, "`token` is missing")),
            Some(_) => Err(BadFrame::at("token", Code::TokenInvalid, "`token` must be a string")),
        }
    }
}

const KINDS: &str = "identify, subscribe, unsubscribe, message.send, message.edit, message.delete, reaction.add, reaction.remove or ping";

fn message_id(field: &'static str, value: Option<&Value>) -> Result<MessageId, BadFrame> {
    let id = number(field, value, 1)?;
    id.map(MessageId)
        .ok_or_else(|| BadFrame::at(field, Code::MessageIdMissing, format!("`{field}` is missing: say which message")))
}

/// Whatever text it is: one that is not ours names other logs.
fn epoch(value: Option<&Value>) -> Result<Option<String>, BadFrame> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(epoch)) => Ok(Some(epoch.clone())),
        Some(_) => Err(BadFrame::at("epoch", Code::AfterInvalid, "`epoch` must be the text that came in `ready`")),
    }
}

fn number(field: &'static str, value: Option<&Value>, least: i64) -> Result<Option<i64>, BadFrame> {
    let code = match field {
        "after" => Code::AfterInvalid,
        "reply_to" => Code::ReplyToInvalid,
        "id" | "message_id" => Code::MessageIdInvalid,
        _ => Code::ChannelIdInvalid,
    };
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match i64::parse(value) {
            Ok(number) if (least..=NUMBER_MAX).contains(&number) => Ok(Some(number)),
            _ => {
                Err(BadFrame::at(field, code, format!("`{field}` must be a whole number from {least} to {NUMBER_MAX}")))
            }
        },
    }
}

/// How deep brackets nest outside strings; exact for JSON, and bounded work for anything else.
pub(super) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
