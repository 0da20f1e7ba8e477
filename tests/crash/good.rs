//! A good history, for `faults` to be planted in: there are messages, and nothing is done to them.

use super::history::{
    Connection, Erased, Event, Fate, Heard, Log, LogEntry, MessageRow, Observations, Sent, Skeptic, Tables, Visitor,
    Witness,
};

pub const GENERAL: i64 = 7;
pub const RANDOM: i64 = 8;
pub const MINA: i64 = 1;
const JOON: i64 = 2;
const SORA: i64 = 3;
const ARA: i64 = 5;
const BORA: i64 = 6;

/// Ids are drawn for all channels together, so within one they have gaps.
fn event(channel: i64, seq: i64, author: i64, nonce: &str) -> Event {
    let created_at = format!("2026-01-01T00:00:{seq:02}.5Z");
    Event {
        id: 100 + seq * 2 + i64::from(channel == RANDOM),
        seq,
        channel,
        author,
        author_username: ["mina", "joon", "sora", "late", "ara", "deleted user"]
            [usize::try_from(author - 1).expect("one of six")]
        .to_owned(),
        content: format!("{author} says {nonce}"),
        nonce: Some(nonce.to_owned()),
        updated_at: created_at.clone(),
        created_at,
        edited_at: None,
    }
}

/// Eight messages of Mina (odd) and Joon (even).
pub fn general(seq: i64) -> Event {
    let author = if seq % 2 == 1 { MINA } else { JOON };
    event(GENERAL, seq, author, &format!("{}", (seq + 1) / 2))
}

/// Two of Sora, one of somebody who is gone.
pub fn random(seq: i64) -> Event {
    event(RANDOM, seq, if seq == 3 { BORA } else { SORA }, &format!("{seq}"))
}

pub fn log(channel: i64, events: Vec<Event>) -> Log {
    let last_seq = events.len() as i64;
    let messages = events.iter().cloned().map(row).collect();
    let served = events.into_iter().map(LogEntry::Created).collect();
    let stored = Tables { messages, last_seq, ..Tables::default() };
    Log { channel, served, served_last_seqs: vec![last_seq, last_seq], stored }
}

/// A message that is as it was made.
pub fn row(event: Event) -> MessageRow {
    MessageRow { event, is_deleted: false, is_pinned: false, counts: Vec::new() }
}

pub fn told(event: Event) -> Heard {
    Heard::Entry(LogEntry::Created(event))
}

pub fn answer(event: Event) -> Heard {
    Heard::Answer(LogEntry::Created(event), None)
}

fn witness(name: &str, author: i64, channel: i64, sent: i64, connections: Vec<Connection>) -> Witness {
    let sent = (1..=sent).map(|nonce| Sent { nonce: format!("{nonce}"), content: format!("{author} says {nonce}") });
    let (name, sent) = (name.into(), sent.collect());
    Witness { name, author, channel, sent, requests: vec![], connections, posted: vec![], rejections: vec![] }
}

fn connection(after: i64, heard: Vec<Heard>) -> Connection {
    Connection { after, heard, ..Connection::default() }
}

pub fn refusal(code: &str) -> Heard {
    Heard::Error { code: code.into(), nonce: Some("2".into()), retry_after_ms: Some(50) }
}

/// A crash after the fourth message, another after the sixth. Mina's second acknowledgement was lost with the
/// connection; Joon's third was in doubt.
pub fn good() -> Observations {
    let live = |seq| told(general(seq));
    let mina = vec![
        connection(0, vec![Heard::ReplayDone(0), live(1), live(2)]),
        connection(2, vec![refusal("unavailable"), live(3), answer(general(3)), live(4), Heard::ReplayDone(4)]),
        connection(4, vec![live(5), live(6), Heard::ReplayDone(6), live(7), answer(general(1)), live(8)]),
    ];
    let joon = vec![
        connection(0, vec![Heard::ReplayDone(0), live(1), live(2), live(3), live(4), refusal("unconfirmed")]),
        connection(4, vec![Heard::ReplayDone(4), live(5), live(6), Heard::Closed(1012)]),
        connection(6, vec![]),
        connection(6, vec![Heard::ReplayDone(6), live(7), live(8)]),
    ];
    let late = vec![connection(5, vec![live(6), live(7), live(8), Heard::ReplayDone(8)])];
    // Sora's gateway; the account of the third message is gone by then, and has no name any more.
    let ack = Heard::Ack { nonce: "2".into(), channel: RANDOM, id: random(2).id, seq: Some(2), is_duplicate: false };
    let first = [Heard::News("ready".into()), Heard::ReplayDone(0)];
    let all = first.into_iter().chain((1..=2).map(|seq| told(random(seq)))).chain([ack, named()]);
    let sent = ["1", "2"].map(str::to_owned).to_vec();
    let sora = vec![Connection { sent, began: 5, ..connection(0, all.collect()) }];
    Observations {
        logs: vec![log(GENERAL, (1..=8).map(general).collect()), log(RANDOM, (1..=3).map(random).collect())],
        witnesses: vec![
            witness("mina", MINA, GENERAL, 4, mina),
            witness("joon", JOON, GENERAL, 4, joon),
            witness("late", 4, GENERAL, 0, late),
            witness("sora", SORA, RANDOM, 2, sora),
        ],
        latecomers: vec![],
        skeptics: vec![Skeptic {
            name: "ara".into(),
            author: ARA,
            channel: RANDOM,
            fates: vec![("never".into(), Fate::Refused), ("perhaps".into(), Fate::Unknown)],
        }],
        erased: vec![Erased {
            name: "bora".into(),
            author: BORA,
            channel: RANDOM,
            sent: vec![Sent { nonce: "3".into(), content: format!("{BORA} says 3") }],
            is_gone: true,
            answered: Some(6),
        }],
        visitors: vec![Visitor {
            name: "dal".into(),
            author: 7,
            channel: RANDOM,
            after_leave: vec![(3, None), (3, Some(3))],
            wrong_answers: vec![],
        }],
        owners: vec![],
    }
}

/// The third message of the second channel as it was told while its author had a name.
fn named() -> Heard {
    told(Event { author_username: "bora".into(), ..random(3) })
}

/// A message without a nonce, behind all others.
pub fn unnamed(content: &str, seq: i64) -> Event {
    Event { content: content.into(), nonce: None, ..event(RANDOM, seq, ARA, "") }
}
