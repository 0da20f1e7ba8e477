//! The checker checked: a good history passes, and each fault that is planted in it is found, by name and place.

use super::check::check;
use super::good::{GENERAL, MINA, RANDOM, answer, general, good, log, random, refusal, row, told, unnamed};
use super::history::{Event, Fate, Heard, LogEntry, Observations, Sent};
use super::violation::{Account, Entry, Place, Violation};

fn at(client: &str, connection: usize, frame: usize) -> Place {
    Place { client: client.into(), connection, frame }
}

fn entry(seq: i64) -> Entry {
    Entry { id: 100 + seq * 2, seq }
}

/// What was heard in `connection` of the client at `client`.
fn heard(history: &mut Observations, client: usize, connection: usize) -> &mut Vec<Heard> {
    &mut history.witnesses[client].connections[connection].heard
}

/// Changes the log of the first channel in both accounts.
fn in_both(history: &mut Observations, change: impl Fn(&mut Vec<Event>)) {
    in_stored(history, 0, &change);
    in_served(history, change);
}

/// Changes the log of a channel as it is stored; all of it are messages.
fn in_stored(history: &mut Observations, channel: usize, change: impl Fn(&mut Vec<Event>)) {
    let messages = &mut history.logs[channel].stored.messages;
    let mut events = messages.drain(..).map(|row| row.event).collect();
    change(&mut events);
    messages.extend(events.into_iter().map(row));
}

/// Changes the log of the first channel as it is served.
fn in_served(history: &mut Observations, change: impl Fn(&mut Vec<Event>)) {
    let served = &mut history.logs[0].served;
    let made = |entry| if let LogEntry::Created(event) = entry { Some(event) } else { None };
    let mut events = served.drain(..).filter_map(made).collect();
    change(&mut events);
    served.extend(events.into_iter().map(LogEntry::Created));
}

/// Plants a fault in a good history; the checker must name it.
fn finds(fault: &str, expected: Violation, plant: impl FnOnce(&mut Observations)) {
    let mut history = good();
    plant(&mut history);
    assert_ne!(history, good(), "{fault}: nothing was planted");
    let found = check(&history);
    assert!(found.contains(&expected), "{fault}: expected {expected:?} but found {found:#?}");
}

#[test]
fn a_good_history_passes() {
    assert_eq!(check(&good()), []);
}

#[test]
fn faults_of_the_log_are_found() {
    use Account::{Served, Stored};
    let (client, channel) = (String::from("mina"), GENERAL);
    let lost = Violation::AcknowledgedLost { client: client.clone(), nonce: "4".into(), entry: entry(7) };
    finds("the last acknowledged row is dropped", lost, |history| {
        history.logs[0] = log(GENERAL, (1..=6).map(general).collect());
    });
    let hole = Violation::LogHole { account: Stored, channel, after: 3, seq: 5 };
    finds("a row in the middle is dropped", hole, |history| {
        in_both(history, |log| drop(log.remove(3)));
    });
    let hole = Violation::LogHole { account: Served, channel, after: 3, seq: 5 };
    finds("a row is not served", hole, |history| in_served(history, |log| drop(log.remove(3))));
    let repeat = Violation::LogRepeat { account: Served, channel, seq: 4 };
    finds("a row is served twice", repeat, |history| in_served(history, |log| log.insert(4, general(4))));
    let swapped = Violation::LogOutOfOrder { account: Served, channel, seq: 4 };
    finds("two rows are swapped", swapped, |history| in_served(history, |log| log.swap(3, 4)));
    let hole = Violation::LogHole { account: Stored, channel, after: 6, seq: 8 };
    finds("a seq is skipped", hole, |history| in_both(history, |log| log[6].seq = 8));
    let twice = Violation::NonceTwice { account: Stored, channel, author: MINA, nonce: "3".into() };
    finds("two rows have one nonce", twice, |history| {
        in_both(history, |log| log.push(Event { id: 200, seq: 9, ..general(5) }));
    });
    let twice = Violation::IdTwice { account: Stored, channel, id: general(2).id };
    finds("two rows have one id", twice, |history| in_both(history, |log| log[4].id = general(2).id));
    let backward = Violation::IdOutOfOrder { account: Stored, channel, entry: Entry { id: 3, seq: 5 } };
    finds("an id does not grow with seq", backward, |history| in_both(history, |log| log[4].id = 3));
    let foreign = Violation::LogForeign { account: Served, channel, entry: Entry { id: 117, seq: 8 } };
    finds("a row of another channel is served", foreign, |history| in_served(history, |log| log[7] = random(8)));
    for (fault, said) in [("last_seq is too high", 9), ("last_seq is too low", 7)] {
        let wrong = |account| Violation::LastSeqWrong { account, channel, said, end: 8 };
        finds(fault, wrong(Served), |history| history.logs[0].served_last_seqs[1] = said);
        finds(fault, wrong(Stored), |history| history.logs[0].stored.last_seq = said);
    }
    let differ = Violation::AccountsDiffer { channel, seq: 5 };
    finds("a content is served changed", differ.clone(), |history| in_served(history, |log| log[4].content.push('!')));
    finds("a time is served changed", differ, |history| {
        in_served(history, |log| log[4].created_at = "never".into());
    });
    let changed = Violation::ContentChanged { channel, entry: entry(5) };
    finds("a content is stored changed", changed, |history| in_both(history, |log| log[4].content.push('!')));
    let made_up = Violation::NeverSent { channel, entry: entry(5) };
    finds("a row has an unknown nonce", made_up.clone(), |history| {
        in_both(history, |log| log[4].nonce = Some("99".into()));
    });
    finds("a row has lost its nonce", made_up, |history| in_both(history, |log| log[4].nonce = None));
}

#[test]
fn faults_of_an_acknowledgement_are_found() {
    let (client, nonce) = (String::from("mina"), String::from("2"));
    let other = Entry { id: 999, seq: 3 };
    let elsewhere =
        Violation::AcknowledgedElsewhere { client: client.clone(), nonce: nonce.clone(), said: other, log: entry(3) };
    finds("an acknowledgement has another id", elsewhere, |history| {
        for frame in [1, 2] {
            heard(history, 0, 1)[frame] = answer(Event { id: 999, ..general(3) });
        }
    });
    let twice = Violation::AcknowledgedTwice {
        client: client.clone(),
        nonce,
        first: entry(3),
        second: Entry { id: 106, seq: 5 },
    };
    finds("a resend is acknowledged as another entry", twice, |history| {
        heard(history, 0, 1)[2] = answer(Event { seq: 5, ..general(3) });
    });
    let altered = Violation::SeenOtherwise { at: at("mina", 1, 2), entry: entry(3) };
    finds("a duplicate is not the original", altered, |history| {
        heard(history, 0, 1)[2] = answer(Event { content: "else".into(), ..general(3) });
    });
    let unsent = Violation::AcknowledgedUnsent { at: at("mina", 2, 4), nonce: Some("1".into()) };
    finds("an acknowledgement of another's message", unsent, |history| {
        heard(history, 0, 2)[4] = answer(general(2));
    });
    let unsent = Violation::AcknowledgedUnsent { at: at("mina", 2, 3), nonce: Some("4".into()) };
    finds("an acknowledgement of what was never sent", unsent, |history| drop(history.witnesses[0].sent.pop()));
    let silence = Violation::Unacknowledged { client, nonce: "5".into() };
    finds("a send is never answered", silence, |history| {
        history.witnesses[0].sent.push(Sent { nonce: "5".into(), content: "anybody?".into() });
    });
}

#[test]
fn faults_of_a_send_without_a_nonce_are_found() {
    let named = |content: &str| ("ara".to_owned(), content.to_owned());
    let (client, content) = named("never");
    finds("what was refused comes all the same", Violation::RefusedSaved { client, content }, |history| {
        in_stored(history, 1, |log| log.push(unnamed("never", 4)));
    });
    let (client, content) = named("perhaps");
    finds("what was sent once is there twice", Violation::SavedTwice { client, content }, |history| {
        in_stored(history, 1, |log| log.extend([unnamed("perhaps", 4), unnamed("perhaps", 5)]));
    });
    let (client, content) = named("perhaps");
    finds("what came back is not there", Violation::SavedLost { client, content }, |history| {
        history.skeptics[0].fates[1].1 = Fate::Saved;
    });
    let entry = Entry { id: 109, seq: 4 };
    finds("what nobody sent", Violation::NeverSent { channel: RANDOM, entry }, |history| {
        in_stored(history, 1, |log| log.push(unnamed("whose", 4)));
    });
}

#[test]
fn faults_of_a_view_are_found() {
    let gone = Violation::SeenNotInLog { at: at("joon", 3, 2), entry: entry(8) };
    finds("an event is shown that is never committed", gone.clone(), |history| {
        history.logs[0] = log(GENERAL, (1..=7).map(general).collect());
    });
    finds("an event is shown before its commit, and its seq goes to another", gone, |history| {
        in_both(history, |log| log[7] = Event { id: 300, ..general(8) });
    });
    let altered = Violation::SeenOtherwise { at: at("late", 0, 1), entry: entry(7) };
    finds("a replayed event has another content", altered, |history| {
        heard(history, 2, 0)[1] = told(Event { content: "else".into(), ..general(7) });
    });
    let foreign = Violation::SeenForeign { at: at("sora", 0, 6), entry: entry(4), channel: GENERAL };
    finds("an event of another channel is shown", foreign, |history| {
        heard(history, 3, 0).push(told(general(4)));
    });
    let hole = Violation::ViewHole { at: at("joon", 0, 2), after: 1, seq: 3 };
    finds("a hole within a connection", hole, |history| drop(heard(history, 1, 0).remove(2)));
    let hole = Violation::ViewHole { at: at("mina", 2, 2), after: 5, seq: 7 };
    finds("a hole between replay and live", hole, |history| {
        heard(history, 0, 2)[2] = Heard::ReplayDone(5);
        heard(history, 0, 2).remove(1);
    });
    let repeat = Violation::ViewRepeat { at: at("joon", 0, 3), seq: 2 };
    finds("a repeat within a connection", repeat, |history| {
        heard(history, 1, 0).insert(3, told(general(2)));
    });
    let reordered = Violation::ViewOutOfOrder { at: at("joon", 0, 3), seq: 2 };
    finds("two events of a connection are swapped", reordered, |history| heard(history, 1, 0).swap(2, 3));
    let hole = Violation::SeamHole { at: at("mina", 2, 0), after: 4, seq: 6 };
    finds("a hole at the seam of a resume", hole, |history| drop(heard(history, 0, 2).remove(0)));
    let repeat = Violation::SeamRepeat { at: at("joon", 1, 1), after: 4, seq: 4 };
    finds("a repeat at the seam of a resume", repeat, |history| {
        heard(history, 1, 1).insert(1, told(general(4)));
    });
    let misplaced = Violation::SeamMisplaced { client: "joon".into(), connection: 3, after: 5, view: 6 };
    finds("a client resumes where it has not been", misplaced, |history| {
        history.witnesses[1].connections[3].after = 5;
    });
    let early = Violation::ViewEndsEarly { client: "late".into(), view: 7, end: 8 };
    finds("the last event never comes", early, |history| drop(heard(history, 2, 0).remove(2)));
}

#[test]
fn faults_of_the_protocol_are_found() {
    let resync = Violation::Resync { at: at("joon", 2, 0), seq: 5 };
    finds("a resync", resync, |history| heard(history, 1, 2).push(Heard::Resync(5)));
    for (fault, said) in [("replay.done is ahead", 7), ("replay.done is behind", 5)] {
        let wrong = Violation::ReplayDoneWrong { at: at("joon", 3, 0), said, view: 6 };
        finds(fault, wrong, |history| heard(history, 1, 3)[0] = Heard::ReplayDone(said));
    }
    let twice = Violation::ReplayDoneTwice { at: at("joon", 3, 1) };
    finds("replay.done twice", twice, |history| heard(history, 1, 3).insert(1, Heard::ReplayDone(6)));
    let missing = Violation::ReplayDoneMissing { client: "joon".into(), connection: 3 };
    finds("no replay.done", missing, |history| drop(heard(history, 1, 3).remove(0)));
    let refused = Violation::Refused { at: at("joon", 3, 3), code: "nonce_conflict".into() };
    finds("a send is refused for its nonce", refused, |history| heard(history, 1, 3).push(refusal("nonce_conflict")));
    let closed = Violation::Closed { at: at("joon", 3, 3), code: 4403 };
    finds("a socket is closed without cause", closed, |history| heard(history, 1, 3).push(Heard::Closed(4403)));
    let rejected = Violation::Rejected { client: "sora".into(), status: 401 };
    finds("a handshake is refused", rejected, |history| history.witnesses[3].rejections.push(401));
    let unreadable = Violation::Unreadable { at: at("sora", 0, 6), text: "{".into() };
    finds("a text that is not JSON", unreadable, |history| heard(history, 3, 0).push(Heard::Unreadable("{".into())));
}

#[test]
fn faults_of_a_gateway_are_found() {
    let (client, other) = (String::from("sora"), Entry { id: 999, seq: 2 });
    let first = Entry { id: random(2).id, seq: 2 };
    let twice = Violation::AcknowledgedTwice { client: client.clone(), nonce: "2".into(), first, second: other };
    let ack =
        |nonce: &str, channel, id| Heard::Ack { nonce: nonce.into(), channel, id, seq: Some(2), is_duplicate: false };
    finds("an ack names another entry", twice, |history| heard(history, 3, 0)[4] = ack("2", RANDOM, 999));
    let foreign = Violation::SeenForeign { at: at("sora", 0, 4), entry: first, channel: GENERAL };
    finds("an ack is of another channel", foreign, |history| heard(history, 3, 0)[4] = ack("2", GENERAL, first.id));
    let unsent = Violation::AcknowledgedUnsent { at: at("sora", 0, 4), nonce: Some("9".into()) };
    finds("an ack of what was not sent", unsent, |history| heard(history, 3, 0)[4] = ack("9", RANDOM, first.id));
    let ended = Violation::Unsubscribed { at: at("sora", 0, 6), reason: "not_a_member".into() };
    finds("a subscription ends without cause", ended, |history| {
        heard(history, 3, 0).push(Heard::Unsubscribed("not_a_member".into()));
    });
    let order = Violation::SentOutOfOrder { client, connection: 0, nonce: "1".into() };
    finds("two sends of a connection are saved in another order", order, |history| {
        history.witnesses[3].connections[0].sent.reverse();
    });
}

#[test]
fn faults_of_rights_and_erasures_are_found() {
    let erased = Violation::SeenErasedName { at: at("sora", 0, 5), entry: Entry { id: random(3).id, seq: 3 } };
    finds("a name is told after its erasure", erased, |history| history.witnesses[3].connections[0].began = 7);
    let altered = Violation::SeenOtherwise { at: at("sora", 0, 5), entry: Entry { id: random(3).id, seq: 3 } };
    finds("another name is told", altered, |history| {
        heard(history, 3, 0)[5] = told(Event { author_username: "bori".into(), ..random(3) });
    });
    let client = String::from("dal");
    finds("who left hears on", Violation::HeardAfterLeave { client: client.clone(), end: 3, seq: 4 }, |history| {
        history.visitors[0].after_leave.push((3, Some(4)));
    });
    let what = String::from("403 instead of 200");
    finds("a member is refused", Violation::WrongAnswer { client, what: what.clone() }, |history| {
        history.visitors[0].wrong_answers.push(what);
    });
}
