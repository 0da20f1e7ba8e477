//! The checker checked, as in `faults`: what is done to messages that are there.

use super::check::check;
use super::history::{
    Change, ChangeKind, ChangeRow, Connection, Event, Heard, Hears, Log, LogEntry, MessageRow, Observations, Outcome,
    Owner, ReactionRow, Request, RevisionRow, Sent, Tables, Tombstone, Wish, Witness,
};
use super::violation::{Entry, Place, Violation};

const CHANNEL: i64 = 9;
const MINA: i64 = 1;
const JOON: i64 = 2;
const OWNER: i64 = 3;
const THUMB: &str = "👍";
const END: i64 = 15;

fn time(seq: i64) -> String {
    format!("2026-01-01T00:00:{seq:02}.5Z")
}

/// A message as it was made; its id is 100 and its number among the messages.
fn message(id: i64, seq: i64, author: i64, nonce: &str, content: &str) -> Event {
    Event {
        id,
        seq,
        channel: CHANNEL,
        author,
        author_username: if author == MINA { "mina" } else { "joon" }.into(),
        content: content.into(),
        nonce: Some(nonce.into()),
        created_at: time(seq),
        updated_at: time(seq),
        edited_at: None,
    }
}

fn made(id: i64) -> Event {
    match id {
        101 => message(101, 1, MINA, "1", "one"),
        102 => message(102, 2, JOON, "1", "two"),
        103 => message(103, 3, MINA, "2", "three"),
        _ => message(104, 11, MINA, "3", "four"),
    }
}

fn edited(id: i64, by: i64) -> Event {
    let content = format!("{} indeed", made(id).content);
    Event { content, updated_at: time(by), edited_at: Some(time(by)), ..made(id) }
}

fn updated(id: i64, seq: i64) -> LogEntry {
    LogEntry::Updated { event: Event { seq, ..edited(id, seq) }, message_seq: made(id).seq }
}

fn tombstone(id: i64, deleted_by: i64) -> LogEntry {
    let Event { id, seq, channel, created_at, .. } = made(id);
    let (content, author_username, author, nonce) = (String::new(), String::new(), None, None);
    let updated_at = time(deleted_by);
    LogEntry::Tombstone(Tombstone { id, seq, channel, author, author_username, content, nonce, created_at, updated_at })
}

fn changed(seq: i64, user: i64, kind: ChangeKind) -> LogEntry {
    LogEntry::Changed(Change { seq, channel: CHANNEL, user, kind })
}

/// An entry as it was told when it was made.
fn live(seq: i64) -> LogEntry {
    let emoji = || THUMB.to_owned();
    match seq {
        1 => LogEntry::Created(made(101)),
        2 => LogEntry::Created(made(102)),
        3 => LogEntry::Created(made(103)),
        4 => updated(101, 4),
        5 => changed(5, JOON, ChangeKind::ReactionAdded { id: 101, emoji: emoji() }),
        6 => changed(6, MINA, ChangeKind::ReactionAdded { id: 102, emoji: emoji() }),
        7 => changed(7, OWNER, ChangeKind::Pinned { id: 101 }),
        8 => changed(8, MINA, ChangeKind::Deleted { id: 103, message_seq: 3 }),
        9 => changed(9, MINA, ChangeKind::ReactionRemoved { id: 102, emoji: emoji() }),
        10 => updated(102, 10),
        11 => LogEntry::Created(made(104)),
        12 => updated(104, 12),
        13 => changed(13, OWNER, ChangeKind::DeletedMany { ids: vec![104] }),
        14 => changed(14, OWNER, ChangeKind::Pinned { id: 102 }),
        _ => changed(15, OWNER, ChangeKind::Unpinned { id: 102 }),
    }
}

/// An entry as it is told in the end.
fn now(seq: i64) -> LogEntry {
    match seq {
        1 => LogEntry::Created(edited(101, 4)),
        2 => LogEntry::Created(edited(102, 10)),
        3 => tombstone(103, 8),
        11 => tombstone(104, 13),
        12 => LogEntry::Skipped { channel: CHANNEL, from: 12, to: 12 },
        _ => live(seq),
    }
}

fn change_row(seq: i64, kind: &str, user: i64, message: i64, emoji: Option<&str>) -> ChangeRow {
    let (kind, emoji) = (kind.to_owned(), emoji.map(str::to_owned));
    ChangeRow { seq, kind, message: Some(message), messages: None, user, emoji, created_at: time(seq) }
}

fn tables() -> Tables {
    let row = |event: Event| MessageRow { event, is_deleted: false, is_pinned: false, counts: vec![] };
    let gone = |id, by| MessageRow {
        is_deleted: true,
        ..row(Event { content: String::new(), updated_at: time(by), ..made(id) })
    };
    let pinned = MessageRow { is_pinned: true, counts: vec![(THUMB.into(), 1)], ..row(edited(101, 4)) };
    let bulk =
        ChangeRow { message: None, messages: Some(vec![104]), ..change_row(13, "messages.deleted", OWNER, 0, None) };
    Tables {
        messages: vec![pinned, row(edited(102, 10)), gone(103, 8), gone(104, 13)],
        changes: vec![
            change_row(4, "message.updated", MINA, 101, None),
            change_row(5, "reaction.added", JOON, 101, Some(THUMB)),
            change_row(6, "reaction.added", MINA, 102, Some(THUMB)),
            change_row(7, "message.pinned", OWNER, 101, None),
            change_row(8, "message.deleted", MINA, 103, None),
            change_row(9, "reaction.removed", MINA, 102, Some(THUMB)),
            change_row(10, "message.updated", JOON, 102, None),
            change_row(12, "message.updated", MINA, 104, None),
            bulk,
            change_row(14, "message.pinned", OWNER, 102, None),
            change_row(15, "message.unpinned", OWNER, 102, None),
        ],
        reactions: vec![ReactionRow { message: 101, emoji: THUMB.into(), user: JOON }],
        revisions: vec![
            RevisionRow { message: 101, seq: 4, content: "one".into() },
            RevisionRow { message: 102, seq: 10, content: "two".into() },
        ],
        last_seq: END,
    }
}

/// Answered on a gateway, which says where, or over HTTP.
fn request(nonce: usize, wish: Wish, at: u64, seq: Option<i64>) -> Request {
    let id = seq.and_then(|_| super::index::ids(&wish).first().copied());
    Request { nonce: format!("c{nonce}"), wish, answers: vec![(at, Outcome::Done { id, seq })] }
}

fn edit(id: i64) -> Wish {
    Wish::Edit { id, content: edited(id, 0).content }
}

fn witness(name: &str, author: i64, requests: Vec<Request>, connections: Vec<Connection>) -> Witness {
    let own = [101, 102, 103, 104].map(made).into_iter().filter(|event| event.author == author);
    let sent = own.map(|event| Sent { nonce: event.nonce.unwrap_or_default(), content: event.content }).collect();
    let (name, posted, rejections) = (name.to_owned(), vec![], vec![]);
    Witness { name, author, channel: CHANNEL, sent, requests, connections, posted, rejections }
}

/// Mina has a gateway, which breaks once; Joon hears messages only, and changes over HTTP; somebody comes late and reads all.
fn good() -> Observations {
    let (react, unreact) =
        (Wish::React { id: 102, emoji: THUMB.into() }, Wish::Unreact { id: 102, emoji: THUMB.into() });
    let minas = vec![
        request(0, edit(101), 5, Some(4)),
        request(1, react, 6, Some(6)),
        request(2, Wish::Delete { id: 103 }, 9, Some(8)),
        request(3, unreact, 10, Some(9)),
        request(4, edit(104), 13, Some(12)),
    ];
    let joons =
        vec![request(0, Wish::React { id: 101, emoji: THUMB.into() }, 6, None), request(1, edit(102), 11, None)];
    let owners = [
        Wish::Pin { id: 101 },
        Wish::DeleteMany { ids: vec![103, 104] },
        Wish::Pin { id: 102 },
        Wish::Unpin { id: 102 },
    ];
    let requests = owners.into_iter().enumerate().map(|(number, wish)| request(number, wish, 20, None)).collect();
    let before = [Heard::ReplayDone(0)].into_iter().chain((1..=10).map(|seq| Heard::Entry(live(seq))));
    // Her third message was never told her but as deleted: she sends it again.
    let mut again = tombstone(104, 13);
    if let LogEntry::Tombstone(buried) = &mut again {
        buried.nonce = Some("3".into());
    }
    let after = (11..=END).map(|seq| Heard::Entry(now(seq)));
    let after = after.chain([Heard::ReplayDone(END), Heard::Answer(again, None)]);
    let mina = vec![
        Connection { began: 1, heard: before.collect(), ..Connection::default() },
        Connection { began: 30, after: 10, heard: after.collect(), ..Connection::default() },
    ];
    let messages = [Heard::ReplayDone(0)].into_iter().chain([1, 2, 3, 11].map(|seq| Heard::Entry(live(seq))));
    let joon =
        vec![Connection { hears: Hears::Messages, began: 2, heard: messages.collect(), ..Connection::default() }];
    let all = (1..=END).map(|seq| Heard::Entry(now(seq))).chain([Heard::ReplayDone(END)]);
    let late = vec![Connection { began: 40, heard: all.collect(), ..Connection::default() }];
    let served = (1..=END).map(now).collect();
    Observations {
        logs: vec![Log { channel: CHANNEL, served, served_last_seqs: vec![END], stored: tables() }],
        witnesses: vec![
            witness("mina", MINA, minas, mina),
            witness("joon", JOON, joons, joon),
            witness("late", 4, vec![], late),
        ],
        latecomers: vec![],
        skeptics: vec![],
        erased: vec![],
        visitors: vec![],
        owners: vec![Owner { name: "owner".into(), author: OWNER, channel: CHANNEL, requests }],
    }
}

/// Plants a fault in a good history; the checker must name it.
fn finds(fault: &str, expected: Violation, plant: impl FnOnce(&mut Observations)) {
    let mut history = good();
    plant(&mut history);
    assert_ne!(history, good(), "{fault}: nothing was planted");
    let found = check(&history);
    assert!(found.contains(&expected), "{fault}: expected {expected:?} but found {found:#?}");
}

fn stored(history: &mut Observations) -> &mut Tables {
    &mut history.logs[0].stored
}

/// What the one who came late heard.
fn late(history: &mut Observations) -> &mut Vec<Heard> {
    &mut history.witnesses[2].connections[0].heard
}

fn at(client: &str, frame: usize) -> Place {
    Place { client: client.into(), connection: 0, frame }
}

#[test]
fn a_good_history_passes() {
    assert_eq!(check(&good()), []);
}

#[test]
fn faults_of_what_is_told_are_found() {
    let three = Entry { id: 103, seq: 3 };
    let text = Violation::SeenDeletedText { at: at("late", 2), entry: three };
    finds("a deleted text is replayed", text, |history| late(history)[2] = Heard::Entry(live(3)));
    let text = Violation::SeenDeletedText { at: at("late", 16), entry: three };
    finds("a deleted text is the answer to a send", text, |history| {
        late(history).push(Heard::Answer(live(3), Some(35)));
    });
    let tombstone = Violation::SeenTombstoneWithText { at: at("late", 2), entry: three };
    finds("a tombstone has a text", tombstone, |history| {
        let Heard::Entry(LogEntry::Tombstone(buried)) = &mut late(history)[2] else { panic!("it is one") };
        buried.content = "three".into();
    });
    let older = Violation::SeenOlderText { at: at("late", 0), entry: Entry { id: 101, seq: 1 } };
    finds("a text is replayed that was replaced", older, |history| late(history)[0] = Heard::Entry(live(1)));
    let older = Violation::SeenOlderText { at: at("mina", 4), entry: Entry { id: 101, seq: 4 } };
    finds("an edit is told with the text before it", older, |history| {
        let event = Event { seq: 4, ..made(101) };
        history.witnesses[0].connections[0].heard[4] = Heard::Entry(LogEntry::Updated { event, message_seq: 1 });
    });
    let unsent = Violation::SeenUnsentText { at: at("late", 3), entry: Entry { id: 101, seq: 4 } };
    finds("an edit is told with a text that nobody sent", unsent, |history| {
        let event = Event { seq: 4, content: "never".into(), ..edited(101, 4) };
        late(history)[3] = Heard::Entry(LogEntry::Updated { event, message_seq: 1 });
    });
    let differs = Violation::SeenOtherwise { at: at("mina", 5), entry: Entry { id: 101, seq: 5 } };
    finds("two views have an entry differently", differs, |history| {
        let kind = ChangeKind::ReactionAdded { id: 101, emoji: "🎉".into() };
        history.witnesses[0].connections[0].heard[5] = Heard::Entry(changed(5, JOON, kind));
    });
    let nothing = Violation::SkippedWrongly { at: at("late", 13), seq: 14 };
    finds("a pin is skipped", nothing, |history| {
        late(history)[13] = Heard::Entry(LogEntry::Skipped { channel: CHANNEL, from: 14, to: 14 });
    });
}

#[test]
fn faults_of_the_numbers_are_found() {
    let hole = Violation::ViewHole { at: at("late", 11), after: 11, seq: 13 };
    finds("a number is left out without a word", hole, |history| drop(late(history).remove(11)));
    let repeat = Violation::ViewRepeat { at: at("late", 5), seq: 5 };
    finds("a number is told twice", repeat, |history| late(history).insert(5, Heard::Entry(live(5))));
    let repeat = Violation::ViewRepeat { at: at("late", 5), seq: 5 };
    finds("a number is told, and skipped as well", repeat, |history| {
        late(history).insert(5, Heard::Entry(LogEntry::Skipped { channel: CHANNEL, from: 5, to: 5 }));
    });
    let unasked = Violation::SeenUnasked { at: at("joon", 4), entry: Entry { id: 101, seq: 4 } };
    finds("who hears messages only is told of an edit", unasked, |history| {
        history.witnesses[1].connections[0].heard.insert(4, Heard::Entry(live(4)));
    });
    let hole = Violation::ViewHole { at: at("joon", 3), after: 2, seq: 11 };
    finds("who hears messages only misses one, which was deleted later", hole, |history| {
        drop(history.witnesses[1].connections[0].heard.remove(3));
    });
    let early = Violation::ViewEndsEarly { client: "joon".into(), view: 1, end: END };
    finds("who hears messages only misses the last that is there", early, |history| {
        history.witnesses[1].connections[0].heard.truncate(2);
    });
    let wrong = Violation::ReplayDoneWrong { at: at("joon", 0), said: 1, view: 0 };
    finds("a replay is done without a message that is there", wrong, |history| {
        history.witnesses[1].connections[0].heard[0] = Heard::ReplayDone(1);
    });
}

#[test]
fn faults_of_an_answer_to_a_change_are_found() {
    let named = |client: &str, nonce: &str| (client.to_owned(), nonce.to_owned());
    let (client, nonce) = named("mina", "c0");
    finds("an edit is lost after its answer", Violation::ChangeLost { client, nonce }, |history| {
        stored(history).messages[0].event = made(101);
        drop(stored(history).revisions.remove(0));
    });
    let (client, nonce) = named("mina", "c1");
    finds(
        "an answer names another's entry",
        Violation::ChangeAcknowledgedElsewhere { client, nonce, seq: 5 },
        |history| {
            history.witnesses[0].requests[1].answers[0].1 = Outcome::Done { id: Some(102), seq: Some(5) };
        },
    );
    let (client, nonce) = named("mina", "c0");
    finds(
        "an answer names another message",
        Violation::ChangeAcknowledgedElsewhere { client, nonce, seq: 4 },
        |history| {
            history.witnesses[0].requests[0].answers[0].1 = Outcome::Done { id: Some(104), seq: Some(4) };
        },
    );
    let (client, nonce) = named("joon", "c1");
    finds("an edit is made twice", Violation::ChangeMadeTwice { client, nonce }, |history| {
        stored(history).changes[9] = change_row(14, "message.updated", JOON, 102, None);
        let content = edited(102, 10).content;
        stored(history).revisions.push(RevisionRow { message: 102, seq: 14, content });
    });
    let (client, nonce) = named("mina", "c1");
    finds("a reaction is taken away by nobody", Violation::ChangeLost { client, nonce }, |history| {
        drop(history.witnesses[0].requests.remove(3));
    });
    let (client, nonce) = named("mina", "c2");
    finds("a deletion is lost after its answer", Violation::ChangeLost { client, nonce }, |history| {
        stored(history).messages[2].is_deleted = false;
    });
    let ((client, nonce), code) = (named("mina", "c0"), String::from("message_not_found"));
    let refused = Violation::ChangeRefused { client, nonce, code: code.clone() };
    finds("a change is refused of a message that is there", refused, |history| {
        history.witnesses[0].requests[0].answers.push((6, Outcome::Refused(code)));
    });
    let (client, nonce) = named("owner", "c3");
    finds("a change is never answered", Violation::ChangeUnanswered { client, nonce }, |history| {
        history.owners[0].requests[3].answers.clear();
    });
}

#[test]
fn faults_of_the_tables_are_found() {
    let channel = CHANNEL;
    finds("a reaction is there twice", Violation::ReactionTwice { channel, id: 101 }, |history| {
        let again = stored(history).reactions[0].clone();
        stored(history).reactions.push(again);
    });
    finds("a reaction is made twice", Violation::ChangeRedundant { channel, seq: 6 }, |history| {
        stored(history).changes[2] = change_row(6, "reaction.added", JOON, 101, Some(THUMB));
    });
    finds("a reaction is not there", Violation::ReactionsDiffer { channel, id: 101 }, |history| {
        stored(history).reactions.clear();
    });
    finds("a count is not that of the rows", Violation::CountsDiffer { channel, id: 101 }, |history| {
        stored(history).messages[0].counts[0].1 = 2;
    });
    finds("a deleted message has its text", Violation::DeletedTextKept { channel, id: 103 }, |history| {
        stored(history).messages[2].event.content = "three".into();
    });
    finds("a deleted message has an earlier text", Violation::RevisionsDiffer { channel, id: 104 }, |history| {
        stored(history).revisions.push(RevisionRow { message: 104, seq: 12, content: "four".into() });
    });
    finds("a message is deleted by no entry", Violation::DeletionDiffers { channel, id: 102 }, |history| {
        stored(history).messages[1].is_deleted = true;
    });
    finds("a pin is there that the log took away", Violation::PinDiffers { channel, id: 102 }, |history| {
        stored(history).messages[1].is_pinned = true;
    });
    finds("a message is changed that is gone", Violation::ChangeOfNothing { channel, seq: 14 }, |history| {
        stored(history).changes[9].message = Some(103);
    });
    finds("somebody else edits", Violation::EditNotTheAuthors { channel, seq: 4 }, |history| {
        stored(history).changes[0].user = JOON;
    });
    finds("nobody asked for a change", Violation::ChangeNeverAsked { channel, seq: 14 }, |history| {
        stored(history).changes[9].user = JOON;
    });
    finds("an edit gives a text that nobody sent", Violation::EditNeverSent { channel, seq: 10 }, |history| {
        stored(history).messages[1].event.content = "never".into();
    });
    finds("a message does not say that it was edited", Violation::EditedAtDiffers { channel, id: 101 }, |history| {
        stored(history).messages[0].event.edited_at = None;
    });
    finds("a tombstone is served with its text", Violation::AccountsDiffer { channel, seq: 3 }, |history| {
        history.logs[0].served[2] = live(3);
    });
}
