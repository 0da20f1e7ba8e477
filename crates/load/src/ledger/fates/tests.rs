//! Logs in which messages are changed: what one socket is told live, and another when it comes back.

use crate::ledger::*;

/// Message 5 of sender 2 in channel 7, after so many edits.
fn text(edits: u32) -> String {
    Said { run: 1, sender: 2, number: 0, due_us: 3 }.edited(64, edits)
}

fn created(edits: u32) -> String {
    let edited = if edits > 0 { r#","edited_at":"2026-01-02T00:00:00Z""# } else { "" };
    format!(
        r#"{{"type":"message.created","id":5,"seq":1,"content":"{}","author_id":1,"channel_id":7,"nonce":"1-2-0","created_at":"2026-01-01T00:00:00Z"{edited}}}"#,
        text(edits)
    )
}

fn updated(seq: i64, edits: u32) -> String {
    created(edits)
        .replace("message.created", "message.updated")
        .replace(r#""seq":1"#, &format!(r#""seq":{seq},"message_seq":1"#))
}

const TOMBSTONE: &str = r#"{"type":"message.created","id":5,"seq":1,"channel_id":7,"deleted":true,"content":"","author_id":null,"created_at":"2026-01-01T00:00:00Z"}"#;
const REACTION: &str = r#"{"type":"reaction.added","seq":3,"channel_id":7,"message_id":5,"user_id":1,"emoji":"👍"}"#;

fn skipped(from: i64, to: i64) -> String {
    format!(r#"{{"type":"skipped","channel_id":7,"from":{from},"to":{to}}}"#)
}

fn deleted(seq: i64) -> String {
    format!(r#"{{"type":"message.deleted","seq":{seq},"channel_id":7,"id":5,"message_seq":1,"deleted_by":1}}"#)
}

/// A log, and what was found wrong with it.
struct Scene {
    ledger: Ledger,
    checks: Checks,
}

impl Scene {
    fn new() -> Self {
        let mut ledger = Ledger::new(7, 64, (1, 64), true);
        ledger.introduce(2, 1);
        Self { ledger, checks: Checks::default() }
    }

    /// A socket that connects now.
    fn connect(&self, number: usize) -> View {
        let mut view = View::new(number);
        view.connect(&self.ledger);
        view
    }

    fn connect_live(&self, number: usize) -> View {
        let mut view = self.connect(number);
        view.go_live();
        view
    }

    fn tell(&mut self, view: &mut View, entries: &[&str]) {
        for entry in entries {
            if view.take_known(entry.as_bytes(), &self.ledger).is_none() {
                let incoming: Incoming<'_> = serde_json::from_str(entry).expect("an entry");
                view.take(&incoming, entry.as_bytes(), &mut self.ledger, &self.checks);
            }
        }
    }

    fn violated(&self) -> Vec<String> {
        self.checks.report().into_iter().filter(|check| check.violations > 0).map(|check| check.name).collect()
    }
}

/// A live socket has had a message, an edit, a reaction and another edit.
fn four_entries() -> (Scene, View) {
    let mut scene = Scene::new();
    let mut live = scene.connect_live(0);
    scene.tell(&mut live, &[&created(0), &updated(2, 1), REACTION, &updated(4, 2)]);
    assert_eq!((scene.violated(), live.last()), (vec![], 4));
    (scene, live)
}

#[test]
fn a_replay_may_tell_a_later_text_a_tombstone_or_nothing() {
    let (mut scene, _) = four_entries();
    let mut late = scene.connect(1);
    scene.tell(&mut late, &[&created(2), &updated(2, 2), REACTION, &updated(4, 2)]);
    scene.ledger.bury(5, 1);
    let mut later = scene.connect(2);
    scene.tell(&mut later, &[TOMBSTONE, &skipped(2, 2), REACTION, &skipped(4, 4), &deleted(5)]);
    let mut last = scene.connect(3);
    scene.tell(&mut last, &[TOMBSTONE, &skipped(2, 2), REACTION, &skipped(4, 4), &deleted(5)]);
    assert_eq!(scene.violated(), Vec::<String>::new());
    assert_eq!([late.last(), later.last(), last.last()], [4, 5, 5]);
}

#[test]
fn what_a_replay_told_first_is_held_against_what_was_told_live() {
    let mut scene = Scene::new();
    let mut late = scene.connect(0);
    scene.tell(&mut late, &[&created(2), &updated(2, 2), REACTION, &updated(4, 2)]);
    let mut live = [scene.connect_live(1), scene.connect_live(2)];
    let [one, other] = &mut live;
    scene.tell(one, &[&created(0), &updated(2, 1), REACTION, &updated(4, 2)]);
    assert_eq!(scene.violated(), Vec::<String>::new());
    scene.tell(other, &[&created(2)]);
    assert_eq!(scene.violated(), ["every socket gets the same bytes for a seq"]);
}

#[test]
fn every_number_is_accounted_for_also_by_one_frame() {
    let mut scene = Scene::new();
    let mut one = scene.connect(0);
    scene.tell(&mut one, &[TOMBSTONE, &skipped(2, 4), &deleted(5)]);
    let mut other = scene.connect(1);
    scene.tell(&mut other, &[TOMBSTONE, &skipped(2, 2), &skipped(3, 4), &deleted(5)]);
    for view in [&one, &other] {
        view.close(5, &scene.checks, &scene.ledger);
    }
    assert_eq!(scene.violated(), Vec::<String>::new());
    let mut third = scene.connect(2);
    scene.tell(&mut third, &[TOMBSTONE, &skipped(2, 3), &deleted(5)]);
    third.close(5, &scene.checks, &scene.ledger);
    assert_eq!(scene.violated(), ["no event is lost"]);
}

#[test]
fn what_is_told_live_is_the_same_for_everybody() {
    let same = ["every socket gets the same bytes for a seq"];
    for (place, changed) in [
        (0, created(1)),
        (0, TOMBSTONE.to_owned()),
        (1, updated(2, 2)),
        (1, skipped(2, 2)),
        (2, REACTION.replace("👍", "👎")),
        (2, REACTION.replace(r#""user_id":1"#, r#""user_id":2"#)),
        (2, skipped(3, 3)),
    ] {
        let (mut scene, _) = four_entries();
        let mut entries = [created(0), updated(2, 1), REACTION.to_owned(), updated(4, 2)];
        entries[place] = changed;
        let mut other = scene.connect_live(1);
        scene.tell(&mut other, &entries.each_ref().map(String::as_str));
        assert_eq!(scene.violated(), same, "{}", entries[place]);
    }
}

#[test]
fn a_replay_tells_nothing_else() {
    let (same, sent) = ("every socket gets the same bytes for a seq", "each message says what was sent");
    for (place, changed, rules) in [
        (0, created(2).replace(r#""id":5"#, r#""id":6"#), vec![same]),
        (0, created(2).replace("courtyard", "c0urtyard"), vec![sent]),
        (0, created(2).replace(r#""author_id":1"#, r#""author_id":3"#), vec![sent]),
        (0, TOMBSTONE.replace("2026-01-01", "2026-01-05"), vec![same]),
        (0, skipped(1, 1), vec![same]),
        (1, updated(2, 2).replace(r#""message_seq":1"#, r#""message_seq":2"#), vec![same]),
        (2, skipped(3, 3), vec![same]),
        (3, updated(4, 1), vec![same]),
    ] {
        let (mut scene, _) = four_entries();
        let mut entries = [created(0), updated(2, 1), REACTION.to_owned(), updated(4, 2)];
        entries[place] = changed;
        let mut late = scene.connect(1);
        scene.tell(&mut late, &entries.each_ref().map(String::as_str));
        assert_eq!(scene.violated(), rules, "{}", entries[place]);
    }
}

#[test]
fn who_connects_after_a_deletion_does_not_get_the_text() {
    let forgotten = ["nobody gets the text of a deleted message"];
    for is_edit in [false, true] {
        let (mut scene, mut live) = four_entries();
        // Its replay had begun.
        let mut before = scene.connect(1);
        scene.tell(&mut live, &[&deleted(5)]);
        scene.tell(&mut before, &[&created(0), &updated(2, 1), REACTION, &updated(4, 2), &deleted(5)]);
        assert_eq!(scene.violated(), Vec::<String>::new());
        let mut after = scene.connect(2);
        let (made, edited) = if is_edit { (TOMBSTONE.to_owned(), updated(2, 1)) } else { (created(0), skipped(2, 2)) };
        scene.tell(&mut after, &[&made, &edited]);
        assert_eq!(scene.violated(), forgotten, "{is_edit}");
    }
    let (mut scene, mut live) = four_entries();
    scene.tell(&mut live, &[&deleted(5), &updated(6, 3)]);
    assert_eq!(scene.violated(), forgotten, "behind its deletion");
}

#[test]
fn without_changes_nothing_may_be_told_otherwise() {
    let mut scene = Scene::new();
    scene.ledger = Ledger::new(7, 64, (1, 64), false);
    scene.ledger.introduce(2, 1);
    let (mut live, mut late) = (scene.connect_live(0), scene.connect(1));
    scene.tell(&mut live, &[&created(0)]);
    scene.tell(&mut late, &[TOMBSTONE]);
    assert_eq!(scene.violated(), ["every socket gets the same bytes for a seq"]);
}
