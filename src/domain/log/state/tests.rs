//! A batch of changes makes the same of a channel as each change by itself, one after another.

use super::*;
use crate::domain::access::tests::maker;
use crate::domain::log::MessageIds;
use crate::domain::validation::Parse;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

const CHANNEL: ChannelId = ChannelId(9);
const OWNER: i64 = 1;
const EMOJI: [&str; 3] = ["👍", "❤️", "🎉"];

/// What a store keeps of a channel.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stored {
    last_seq: i64,
    messages: BTreeMap<MessageId, (String, bool, bool, Vec<ReactionCount>)>,
    reactions: BTreeSet<(MessageId, Emoji, UserId)>,
    revisions: Vec<(MessageId, Seq, String)>,
    entries: Vec<String>,
}

/// Messages 1 to 6: each of the two members and the owner has written two.
fn stored() -> Stored {
    let message = |id: i64| (MessageId(id), (format!("text {id}"), false, false, Vec::new()));
    Stored { last_seq: 6, messages: (1..=6).map(message).collect(), ..Stored::default() }
}

fn author(id: MessageId) -> UserId {
    UserId(id.0 % 3 + 1)
}

impl Stored {
    /// What a batch is told of it.
    fn read(&self) -> ChannelState {
        let at = OffsetDateTime::UNIX_EPOCH;
        let mut state = ChannelState::new(CHANNEL, Seq(self.last_seq), at);
        for (id, (content, is_deleted, pinned, reactions)) in &self.messages {
            let message = Message {
                id: *id,
                content: content.clone().into(),
                channel_id: CHANNEL,
                author_id: author(*id),
                author_username: "u".into(),
                seq: Seq(id.0),
                nonce: None,
                reply_to: None,
                created_at: at,
                updated_at: at,
                edited_at: None,
                pinned: *pinned,
                reactions: reactions.clone(),
            };
            state.add_message(MessageState { message, is_deleted: *is_deleted, has_new_text: false });
        }
        state.set_pins(self.messages.values().filter(|message| message.2).count() as i64);
        self.reactions.iter().cloned().for_each(|(id, emoji, user)| state.add_reaction(id, emoji, user));
        state
    }

    /// Makes the changes in one batch, and keeps what it says is to be written, in its order.
    fn make(&mut self, changes: &[(i64, MessageChange)]) -> Vec<Result<bool, ChangeRefused>> {
        let mut state = self.read();
        let mut answers = Vec::new();
        for (user, change) in changes {
            let made = state.apply(&maker(*user), change);
            if let Ok(Some(made)) = &made {
                self.last_seq += 1;
                assert_eq!(made.entry.seq(), Seq(self.last_seq), "each takes the next number");
                self.entries.push(json!(made.entry).to_string());
            }
            answers.push(made.map(|made| made.is_some()));
        }
        let writes = state.writes();
        for id in &writes.messages {
            let state = state.message(*id).expect("it was read");
            let message = &state.message;
            let kept =
                (message.content.clone().into_owned(), state.is_deleted, message.pinned, message.reactions.clone());
            self.messages.insert(*id, kept);
        }
        self.revisions.retain(|(id, ..)| !writes.erased.contains(id));
        self.revisions.extend(writes.revisions.iter().map(|of| (of.message_id, of.seq, of.content.clone())));
        for (id, emoji) in &writes.cleared {
            self.reactions.retain(|(of, with, _)| of != id || emoji.as_ref().is_some_and(|emoji| emoji != with));
        }
        for (reaction, is_there) in &writes.reactions {
            match is_there {
                true => assert!(self.reactions.insert(reaction.clone()), "it was there: {reaction:?}"),
                false => drop(self.reactions.remove(reaction)),
            }
        }
        answers
    }

    /// What is true whatever was done.
    fn check(&self) {
        for (id, (content, is_deleted, pinned, reactions)) in &self.messages {
            let of = self.reactions.iter().filter(|(of, ..)| of == id);
            let counted: i64 = reactions.iter().map(|reaction| reaction.count).sum();
            assert_eq!(counted, of.count() as i64, "{id}");
            for reaction in reactions {
                let of = self.reactions.iter().filter(|(of, with, _)| of == id && *with == reaction.emoji);
                assert_eq!(reaction.count, of.count() as i64, "{id}");
            }
            if *is_deleted {
                assert!(content.is_empty() && !pinned && reactions.is_empty(), "{id}");
                assert!(self.revisions.iter().all(|(of, ..)| of != id), "{id}");
            }
        }
    }
}

fn change() -> impl Strategy<Value = (i64, MessageChange)> {
    let id = || (1..=7_i64).prop_map(MessageId);
    let emoji = || prop::sample::select(&EMOJI[..]).prop_map(|text| Emoji::try_from(text).expect("an emoji"));
    let content = prop::sample::select(vec!["text 1", "a", "b"]);
    let ids = prop::collection::btree_set(1..=7_i64, 2..4);
    let change = prop_oneof![
        2 => (id(), content).prop_map(|(id, text)| MessageChange::Edit(id, Content::try_from(text).expect("a content"))),
        1 => id().prop_map(MessageChange::Delete),
        1 => ids.prop_map(|ids| MessageChange::DeleteMany(MessageIds::parse(&json!(ids)).expect("ids"))),
        6 => (id(), emoji()).prop_map(|(id, emoji)| MessageChange::AddReaction(id, emoji)),
        4 => (id(), emoji(), 1..=3_i64).prop_map(|(id, emoji, of)| MessageChange::RemoveReaction(id, emoji, UserId(of))),
        1 => (id(), prop::option::of(emoji())).prop_map(|(id, emoji)| MessageChange::ClearReactions(id, emoji)),
        1 => id().prop_map(MessageChange::Pin),
        1 => id().prop_map(MessageChange::Unpin),
    ];
    (1..=3_i64, change)
}

proptest! {
    #[test]
    fn a_batch_is_its_changes_one_after_another(changes in prop::collection::vec(change(), 1..40), cut in 0..40_usize) {
        let (mut at_once, mut one_by_one) = (stored(), stored());
        let (first, second) = changes.split_at(cut.min(changes.len()));
        let batched = [at_once.make(first), at_once.make(second)].concat();
        let single: Vec<_> = changes.iter().flat_map(|change| one_by_one.make(std::slice::from_ref(change))).collect();
        assert_eq!(batched, single);
        assert_eq!(at_once, one_by_one);
        at_once.check();
    }
}

#[test]
fn the_owner_may_what_others_may_not() {
    let emoji = Emoji::try_from(EMOJI[0]).expect("an emoji");
    let of_others = MessageId(1);
    let theirs = [
        (MessageChange::Edit(of_others, Content::try_from("x").expect("a content")), Err(ChangeRefused::NotTheAuthor)),
        (MessageChange::Delete(of_others), Ok(true)),
        (MessageChange::RemoveReaction(of_others, emoji, UserId(2)), Ok(false)),
        (MessageChange::ClearReactions(of_others, None), Ok(false)),
        (MessageChange::Pin(MessageId(2)), Ok(true)),
        (MessageChange::Unpin(MessageId(2)), Ok(false)),
    ];
    let refused = [
        ChangeRefused::NotTheAuthor,
        ChangeRefused::Lacks(Permission::ManageMessages),
        ChangeRefused::Lacks(Permission::PinMessages),
    ];
    for (change, of_owner) in theirs {
        // Neither user 3 nor the owner has written the first message.
        let of_member = stored().make(&[(3, change.clone())]);
        assert!(matches!(&of_member[..], [Err(why)] if refused.contains(why)), "{change:?}: {of_member:?}");
        assert_eq!(stored().make(&[(OWNER, change.clone())]), [of_owner], "{change:?}");
    }
}
