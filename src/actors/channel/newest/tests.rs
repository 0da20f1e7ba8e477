use super::*;
use crate::domain::Seq;
use crate::domain::emoji::Emoji;
use time::OffsetDateTime;

const CHANNEL: ChannelId = ChannelId(1);

fn message(id: i64, content: &str) -> Message<'static> {
    let at = OffsetDateTime::UNIX_EPOCH;
    Message {
        id: MessageId(id),
        content: content.to_owned().into(),
        channel_id: CHANNEL,
        author_id: UserId(1),
        author_username: "mina".into(),
        seq: Seq(id),
        nonce: None,
        reply_to: None,
        created_at: at,
        updated_at: at,
        edited_at: None,
        pinned: false,
        reactions: Vec::new(),
    }
}

fn frame(id: i64, content: &str) -> Bytes {
    encode::json(&crate::domain::log::LogEntry::created(message(id, content), None))
}

fn page(pages: &NewestPages, ids: std::ops::RangeInclusive<i64>, content: &str) -> Page {
    Page::new(ids.map(|id| (message(id, content), Vec::new())).collect(), &pages.0).expect("it can be encoded")
}

/// A channel whose page is kept.
fn kept(pages: &NewestPages, id: ChannelId, page: Page) -> NewestPage {
    let newest = pages.begin(id);
    newest.slot.keep(Some(page), 0);
    newest
}

fn ids(newest: &NewestPage, limit: usize) -> Option<Vec<i64>> {
    let Look::Found(json) = newest.slot.look(limit, UserId(1)) else { return None };
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&json).expect("JSON");
    Some(rows.iter().filter_map(|row| row["id"].as_i64()).collect())
}

#[test]
fn a_page_grows_at_its_end_and_has_the_newest_hundred() {
    let pages = NewestPages::default();
    let newest = kept(&pages, CHANNEL, page(&pages, 1..=99, "hello"));
    // The last one was read already, though it is announced only now.
    for id in 99..=102 {
        newest.append(MessageId(id), &frame(id, "later"));
    }
    assert_eq!(ids(&newest, 100), Some((3..=102).collect()));
    assert_eq!(ids(&newest, 2), Some(vec![101, 102]));
    newest.forget();
    assert_eq!((ids(&newest, 2), pages.0.bytes.load(Ordering::Relaxed)), (None, 0));
}

#[test]
fn what_was_read_before_something_came_is_not_kept() {
    let pages = NewestPages::default();
    let newest = pages.begin(CHANNEL);
    assert!(matches!(newest.slot.look(50, UserId(1)), Look::Missed), "the first who asks");
    let Look::MayKeep(version) = newest.slot.look(50, UserId(1)) else { panic!("the second may keep it") };
    assert!(matches!(newest.slot.look(50, UserId(1)), Look::Missed), "one reads it at a time");
    newest.append(MessageId(2), &frame(2, "meanwhile"));
    newest.slot.keep(Some(page(&pages, 1..=1, "old")), version);
    drop(Reading(&newest.slot));
    assert_eq!(ids(&newest, 50), None);
    let Look::MayKeep(version) = newest.slot.look(50, UserId(1)) else { panic!("nothing has come since") };
    // It has too much to be kept: nobody tries again before something comes.
    newest.slot.keep(None, version);
    drop(Reading(&newest.slot));
    assert!((0..3).all(|_| matches!(newest.slot.look(50, UserId(1)), Look::Missed)));
}

#[test]
fn what_nobody_uses_is_forgotten_and_so_is_what_a_channel_leaves() {
    let pages = NewestPages::default();
    let newest = kept(&pages, CHANNEL, page(&pages, 1..=3, "hello"));
    assert!(ids(&newest, 50).is_some());
    newest.forget_unused();
    assert!(newest.slot.0.lock().page.is_some(), "it was used");
    newest.forget_unused();
    assert!(newest.slot.0.lock().page.is_none());
    newest.slot.keep(Some(page(&pages, 1..=3, "hello")), 0);
    // Its next life begins before this one has quite ended.
    let next = pages.begin(CHANNEL);
    drop(newest);
    assert_eq!((pages.0.slots.lock().len(), pages.0.bytes.load(Ordering::Relaxed)), (1, 0));
    drop(next);
    assert!(pages.0.slots.lock().is_empty());
}

#[test]
fn all_pages_together_have_a_bound() {
    let pages = NewestPages::default();
    let content = "🏡".repeat(4_000);
    let mut channels = Vec::new();
    for number in 1..=60 {
        let newest = kept(&pages, ChannelId(number), page(&pages, 1..=100, &content));
        channels.push(newest);
    }
    let kept = channels.iter().filter(|newest| newest.slot.0.lock().page.is_some()).count();
    let bytes = pages.0.bytes.load(Ordering::Relaxed);
    assert!(bytes <= BYTES_MAX && bytes > BYTES_MAX / 10 * 9 && kept < 60, "{kept} pages of {bytes} bytes");
    for id in 101..=110 {
        channels.iter().for_each(|newest| newest.append(MessageId(id), &frame(id, &content)));
        assert!(pages.0.bytes.load(Ordering::Relaxed) <= BYTES_MAX);
    }
}

#[test]
fn everyone_is_told_of_their_own_reactions() {
    let pages = NewestPages::default();
    let emoji = |text: &str| Emoji::try_from(text).expect("an emoji");
    let thumbs = Reactors { emoji: emoji("👍"), users: [UserId(1), UserId(3)].into() };
    let hash = Reactors { emoji: emoji("#️⃣"), users: [UserId(2)].into() };
    let page = Page::new(vec![(message(1, "Lunch?"), vec![thumbs, hash])], &pages.0).expect("it can be encoded");
    for user in 1..=3 {
        let rows: serde_json::Value = serde_json::from_slice(&page.json(50, UserId(user))).expect("JSON");
        let expected = serde_json::json!([
            { "emoji": "👍", "count": 2, "me": user != 2 },
            { "emoji": "#️⃣", "count": 1, "me": user == 2 },
        ]);
        assert_eq!(rows[0]["reactions"], expected);
    }
}
