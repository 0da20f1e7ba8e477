use super::*;
use crate::changes::{Change, OwnMessage};
use crate::ledger::View;

const USER: i64 = 1;

fn own(id: i64, seq: i64, edits: u32) -> OwnMessage {
    OwnMessage { id, seq, said: said(id), edits }
}

fn said(id: i64) -> Said {
    Said { run: 1, sender: 2, number: id.unsigned_abs() - 101, due_us: 3 }
}

fn message(kind: &str, id: i64, seq: i64, edits: u32) -> String {
    let (content, nonce) = (said(id).edited(64, edits), said(id).nonce());
    let edited = if edits > 0 { r#","edited_at":"2026-01-02T00:00:00Z""# } else { "" };
    format!(
        r#"{{"type":"{kind}","id":{id},"seq":{seq},"content":"{content}","author_id":{USER},"channel_id":7,"nonce":"{nonce}","created_at":"2026-01-01T00:00:00Z"{edited},"message_seq":1}}"#
    )
}

fn created(id: i64, seq: i64, edits: u32) -> String {
    message("message.created", id, seq, edits)
}

fn updated(id: i64, seq: i64, edits: u32) -> String {
    message("message.updated", id, seq, edits)
}

fn tombstone(id: i64, seq: i64) -> String {
    format!(
        r#"{{"type":"message.created","id":{id},"seq":{seq},"channel_id":7,"deleted":true,"content":"","author_id":null,"created_at":"2026-01-01T00:00:00Z"}}"#
    )
}

fn deleted(id: i64, seq: i64) -> String {
    format!(r#"{{"type":"message.deleted","seq":{seq},"channel_id":7,"id":{id},"message_seq":2,"deleted_by":{USER}}}"#)
}

fn reaction(id: i64, seq: i64) -> String {
    let emoji = EMOJI[0];
    format!(
        r#"{{"type":"reaction.added","seq":{seq},"channel_id":7,"message_id":{id},"user_id":{USER},"emoji":"{emoji}"}}"#
    )
}

fn skipped(seq: i64) -> String {
    format!(r#"{{"type":"skipped","channel_id":7,"from":{seq},"to":{seq}}}"#)
}

/// Message 101 was edited twice and reacted to, message 102 edited and deleted; all of it was answered.
fn record() -> Record {
    let mut record = Record::default();
    let all = [
        Change::Edit(own(101, 1, 1)),
        Change::Edit(own(102, 2, 1)),
        Change::Reaction(101, 0),
        Change::Edit(own(101, 1, 2)),
        Change::Deletion(own(102, 2, 1)),
    ];
    for change in &all {
        record.send(change, USER);
        record.answer(change, USER);
    }
    record
}

/// What the sockets were told, as it happened.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new(7, 64, (1, 64), true);
    ledger.introduce(2, USER);
    let (checks, mut view) = (Checks::default(), View::new(0));
    view.connect(&ledger);
    view.go_live();
    for entry in [
        created(101, 1, 0),
        created(102, 2, 0),
        updated(101, 3, 1),
        updated(102, 4, 1),
        reaction(101, 5),
        updated(101, 6, 2),
        deleted(102, 7),
    ] {
        let incoming: Incoming<'_> = serde_json::from_str(&entry).expect("an entry");
        view.take(&incoming, entry.as_bytes(), &mut ledger, &checks);
    }
    assert_eq!(checks.violations(), 0);
    ledger
}

/// The log that such a run leaves.
fn log() -> Vec<String> {
    vec![
        created(101, 1, 2),
        tombstone(102, 2),
        updated(101, 3, 2),
        skipped(4),
        reaction(101, 5),
        updated(101, 6, 2),
        deleted(102, 7),
    ]
}

fn violated(log: &[String], record: &Record, is_whole: bool) -> Vec<String> {
    let checks = Checks::default();
    let mut changes = ChangesInLog::new(7, &checks);
    for entry in log {
        changes.take(&serde_json::from_str(entry).expect("an entry"), is_whole);
    }
    changes.compare(record, &ledger(), is_whole);
    checks.report().into_iter().filter(|check| check.violations > 0).map(|check| check.name).collect()
}

const KEPT: &str = "each change that was answered is in the log once";
const LAST: &str = "each edited message has its last text";
const INVENTED: &str = "no change is in the log that nobody sent";
const FORGOTTEN: &str = "nobody gets the text of a deleted message";
const HISTORY: &str = "the history is what was seen";

#[test]
fn a_log_that_has_all_of_it_is_good() {
    assert_eq!(violated(&log(), &record(), true), Vec::<String>::new());
    assert_eq!(violated(&log(), &record(), false), Vec::<String>::new());
    // What was not answered may be there or not.
    let mut record = record();
    record.send(&Change::Edit(own(101, 1, 3)), USER);
    record.send(&Change::Reaction(101, 1), USER);
    assert_eq!(violated(&log(), &record, true), Vec::<String>::new());
    let mut more = log();
    (more[0], more[2], more[5]) = (created(101, 1, 3), updated(101, 3, 3), updated(101, 6, 3));
    more.push(updated(101, 8, 3));
    assert_eq!(violated(&more, &record, true), Vec::<String>::new());
}

#[test]
fn each_fault_of_a_log_is_named_for_what_it_is() {
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut log = log();
        change(&mut log);
        violated(&log, &record(), true)
    };
    let edit_lost = changed(&|log| {
        (log[0], log[2]) = (created(101, 1, 1), updated(101, 3, 1));
        drop(log.remove(5));
    });
    assert_eq!(edit_lost, [HISTORY, KEPT, LAST], "an edit that was answered and told is not there");
    assert_eq!(changed(&|log| log[0] = created(101, 1, 1)), [LAST], "the message has the text before");
    assert_eq!(changed(&|log| log[2] = updated(101, 3, 1)), [LAST], "an entry has the text before");
    assert_eq!(changed(&|log| drop(log.remove(4))), [KEPT], "a reaction that was answered is not there");
    assert_eq!(changed(&|log| log.push(reaction(101, 8))), [KEPT], "a reaction is there twice");
    assert_eq!(changed(&|log| log.push(deleted(102, 8))), [KEPT], "a deletion is there twice");
    assert_eq!(changed(&|log| drop(log.remove(3))), [KEPT], "a number is missing without `skipped`");
    assert_eq!(changed(&|log| log.push(skipped(8))), [KEPT], "a number is skipped for nothing");
    assert_eq!(changed(&|log| log[1] = created(102, 2, 1)), [HISTORY, KEPT, LAST, FORGOTTEN], "the deleted text");
    assert_eq!(changed(&|log| log[3] = updated(102, 4, 1)), [KEPT, FORGOTTEN], "the deleted text of an edit");
    let text = changed(&|log| log[1] = tombstone(102, 2).replace(r#""content":"""#, r#""content":"once""#));
    assert_eq!(text, [FORGOTTEN], "a tombstone with a text");
    assert_eq!(changed(&|log| log.push(reaction(102, 8))), [INVENTED], "a reaction that nobody sent");
    let pinned = r#"{"type":"message.pinned","seq":8,"channel_id":7,"message_id":101,"user_id":1}"#;
    assert_eq!(changed(&|log| log.push(pinned.into())), [INVENTED], "a pin that nobody sent");
    assert_eq!(changed(&|log| log.push(tombstone(103, 8))), Vec::<String>::new(), "another's, which sockets judge");
}

#[test]
fn who_is_told_that_a_message_is_gone_must_not_find_it() {
    let mut record = record();
    record.is_absent(102);
    assert_eq!(violated(&log(), &record, true), Vec::<String>::new());
    record.is_absent(101);
    assert_eq!(violated(&log(), &record, true), ["each call has the right answer"]);
}
