//! A text frame and the command in it.

use madang::domain::message::NewMessage;
use madang::sockets::command::{
    AddReaction, BadFrame, Command, DeleteMessage, Dialect, EditMessage, RemoveReaction, SUBSCRIPTIONS_MAX, Subscribe,
    Wanted, parse,
};

const NUMBERS: std::ops::Range<i64> = 0..1 << 53;
/// Whatever was refused, to say so costs little.
const REFUSAL_BYTES_MAX: usize = 2_000;

pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for dialect in [Dialect::Channel, Dialect::Gateway] {
        match parse(&text, dialect) {
            Ok(command) => understood(&command, dialect),
            Err(bad) => refused(&bad),
        }
    }
}

fn understood(command: &Command, dialect: Dialect) {
    let written = serde_json::to_string(command).expect("it can be written");
    assert_eq!(parse(&written, dialect).as_ref(), Ok(command), "{written}");
    match command {
        Command::SendMessage { channel_id, message: NewMessage { content, nonce, reply_to } } => {
            assert_eq!(channel_id.is_some(), dialect == Dialect::Gateway);
            assert!(channel_id.is_none_or(|id| NUMBERS.contains(&id.0)));
            assert!(reply_to.is_none_or(|id| id.0 > 0 && NUMBERS.contains(&id.0)));
            assert!((1..=4_000).contains(&content.as_str().chars().count()));
            assert!(nonce.as_ref().is_none_or(|nonce| (1..=64).contains(&nonce.as_str().chars().count())));
        }
        Command::Subscribe(subscribe) => {
            let wanted = match subscribe {
                Subscribe::One(wanted) => std::slice::from_ref(wanted),
                Subscribe::Many { channels } => channels,
            };
            assert!((1..=SUBSCRIPTIONS_MAX).contains(&wanted.len()));
            for Wanted { channel_id, after, .. } in wanted {
                assert!(NUMBERS.contains(&channel_id.0) && after.is_none_or(|after| NUMBERS.contains(&after.0)));
            }
        }
        Command::EditMessage(EditMessage { id: message_id, .. })
        | Command::DeleteMessage(DeleteMessage { id: message_id, .. })
        | Command::AddReaction(AddReaction { message_id, .. })
        | Command::RemoveReaction(RemoveReaction { message_id, .. }) => {
            assert!(message_id.0 > 0 && NUMBERS.contains(&message_id.0));
            assert!(command.channel_id().is_some_and(|id| NUMBERS.contains(&id.0)));
        }
        Command::Identify { .. } | Command::Unsubscribe { .. } | Command::Ping { .. } => {}
    }
    assert!(dialect == Dialect::Gateway || matches!(command, Command::SendMessage { .. }));
}

fn refused(bad: &BadFrame) {
    let written = serde_json::to_string(&bad.to_frame()).expect("it can be written");
    assert!(written.len() <= REFUSAL_BYTES_MAX, "{} bytes: {written}", written.len());
    assert!(
        !bad.detail.is_empty() && bad.code.as_str().bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')),
        "{written}"
    );
}
