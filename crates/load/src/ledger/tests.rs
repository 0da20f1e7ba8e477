use super::*;

/// The log of channel 7, in which user 1 speaks for sender 2 of run 1.
fn ledger(recent_max: usize) -> Ledger {
    let mut ledger = Ledger::new(7, recent_max, (1, 64), false);
    ledger.introduce(2, 1);
    ledger
}

/// Feeds a socket as a client does.
fn hear(view: &mut View, ledger: &mut Ledger, checks: &Checks, events: &[(i64, u64)]) {
    for (seq, number) in events {
        let bytes = event(*seq, *number);
        if view.take_known(&bytes, ledger).is_none() {
            let incoming: Incoming<'_> = serde_json::from_slice(&bytes).expect("an event");
            view.take(&incoming, &bytes, ledger, checks);
        }
    }
}

fn event(seq: i64, number: u64) -> Vec<u8> {
    let said = Said { run: 1, sender: 2, number, due_us: 3 };
    let (content, nonce) = (said.content(64), said.nonce());
    format!(
        r#"{{"type":"message.created","id":{seq},"seq":{seq},"content":"{content}","author_id":1,"channel_id":7,"nonce":"{nonce}"}}"#
    )
    .into_bytes()
}

fn verdict(events: &[(i64, u64)], head: i64) -> Vec<(String, u64)> {
    let (checks, mut ledger) = (Checks::default(), ledger(8));
    let mut good = View::new(0);
    let all: Vec<(i64, u64)> = (1..=head).zip(0..).collect();
    hear(&mut good, &mut ledger, &checks, &all);
    let mut view = View::new(1);
    hear(&mut view, &mut ledger, &checks, events);
    good.close(ledger.head(), &checks, &ledger);
    view.close(ledger.head(), &checks, &ledger);
    let report = checks.report().into_iter().filter(|check| check.violations > 0);
    report.map(|check| (check.name, check.violations)).collect()
}

#[test]
fn what_is_whole_and_in_order_is_good_near_the_head_and_far_behind() {
    assert_eq!(verdict(&[(1, 0), (2, 1), (3, 2)], 3), []);
    let long: Vec<(i64, u64)> = (1..=100).zip(0..).collect();
    assert_eq!(verdict(&long, 100), []);
}

#[test]
fn each_fault_is_named_for_what_it_is() {
    let named = |name: &str, count| vec![(name.to_owned(), count)];
    assert_eq!(verdict(&[(1, 0), (3, 2)], 3), named("no event is lost", 1), "in the middle");
    assert_eq!(verdict(&[(1, 0)], 3), named("no event is lost", 2), "at the end");
    assert_eq!(verdict(&[(1, 0), (2, 1), (2, 1), (3, 2)], 3), named("no event comes twice", 1));
    assert_eq!(verdict(&[(2, 1), (1, 0), (3, 2)], 3), named("events come in the order of their seq", 1));
    assert_eq!(verdict(&[(1, 0), (2, 9), (3, 2)], 3), named("every socket gets the same bytes for a seq", 1));
    assert_eq!(verdict(&[(1, 0), (2, 1), (3, 2), (4, 1)], 3)[1], ("each message is in the log once".into(), 1));
}

#[test]
fn who_hears_an_event_first_makes_the_log_however_late_the_others_are() {
    let (checks, mut ledger) = (Checks::default(), ledger(2));
    let mut views = [View::new(0), View::new(1)];
    let [ahead, behind] = &mut views;
    hear(ahead, &mut ledger, &checks, &[(2, 1), (3, 2), (4, 3)]);
    assert_eq!((ledger.head(), ledger.digest(1)), (4, None));
    hear(behind, &mut ledger, &checks, &[(1, 0), (2, 1), (3, 2), (4, 3)]);
    assert!(ledger.digest(1).is_some());
    behind.close(4, &checks, &ledger);
    assert_eq!(checks.violations(), 0);
    ahead.close(4, &checks, &ledger);
    assert_eq!(checks.violations(), 1);
}

#[test]
fn what_everybody_gets_must_also_be_what_was_sent() {
    let good = String::from_utf8(event(1, 0)).expect("text");
    for (changed, violations) in [
        (good.clone(), 0),
        (good.replace("courtyard", "c0urtyard"), 1),
        (good.replace("\"1-2-0\"", "\"1-2-1\""), 1),
        (good.replace("\"author_id\":1", "\"author_id\":3"), 1),
        (good.replace("load 1 2 0", "load 1 5 0").replace("\"1-2-0\"", "\"1-5-0\""), 1),
        (good.replace("\"channel_id\":7", "\"channel_id\":8"), 1),
    ] {
        let (checks, mut ledger) = (Checks::default(), ledger(8));
        let incoming: Incoming<'_> = serde_json::from_str(&changed).expect("an event");
        View::new(0).take(&incoming, changed.as_bytes(), &mut ledger, &checks);
        assert_eq!(checks.violations(), violations, "{changed}");
    }
}

#[test]
fn what_differs_in_any_field_is_another_event() {
    let first = |seq: i64| {
        let text = String::from_utf8(event(seq, 0)).expect("text");
        text.replace('}', r#","author_username":"mina","created_at":"2026-01-01T00:00:00Z"}"#)
    };
    // Near the head every byte counts, far behind every field that is known.
    for (far, changed) in [
        (0, first(1).replace("mina", "nari")),
        (0, first(1).replace("2026", "2027")),
        (0, first(1).replace('}', r#","new":1}"#)),
        (3, first(1).replace("mina", "nari")),
        (3, first(1).replace("2026", "2027")),
    ] {
        let (checks, mut ledger) = (Checks::default(), ledger(2));
        let mut ahead = View::new(0);
        let mut take = |view: &mut View, text: &str| {
            let incoming: Incoming<'_> = serde_json::from_str(text).expect("an event");
            view.take(&incoming, text.as_bytes(), &mut ledger, &checks);
        };
        take(&mut ahead, &first(1));
        (2..=1 + far).for_each(|seq| {
            take(&mut ahead, std::str::from_utf8(&event(seq, seq.unsigned_abs())).expect("text"));
        });
        assert_eq!(checks.violations(), 0);
        take(&mut View::new(1), &changed);
        assert_eq!(checks.violations(), 1, "{changed}");
    }
}
