use super::super::tests::access;
use super::*;
use crate::domain::emoji::Emoji;
use crate::domain::log::LogEntry;
use crate::domain::message::Message;
use crate::domain::{Seq, UserId};
use crate::store::messages::Reactors;
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
    encode::json(&LogEntry::created(message(id, content), None))
}

fn page(pages: &NewestPages, ids: std::ops::RangeInclusive<i64>, content: &str) -> Arc<Page> {
    let messages = ids.map(|id| (message(id, content), Vec::new())).collect();
    Arc::new(Page::new(messages, &pages.0.share).expect("it can be encoded"))
}

/// A channel that knows its log.
fn open(pages: &NewestPages, id: ChannelId) -> Newest {
    let mut newest = pages.begin(id);
    newest.open();
    newest
}

fn may_keep(newest: &Newest) -> u64 {
    assert!(matches!(newest.kept.look(), Look::Missed), "the first who asks");
    let Look::MayKeep(generation) = newest.kept.look() else { panic!("the second may keep it") };
    generation
}

/// A channel whose page is kept, if it can be.
fn kept(pages: &NewestPages, id: ChannelId, page: &Arc<Page>) -> Newest {
    let newest = open(pages, id);
    let generation = may_keep(&newest);
    newest.kept.keep(page, generation);
    newest
}

fn ids(newest: &Newest, limit: usize) -> Option<Vec<i64>> {
    let Look::Found(page) = newest.kept.look() else { return None };
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&page.json(limit, UserId(1))).expect("JSON");
    Some(rows.iter().filter_map(|row| row["id"].as_i64()).collect())
}

fn is_kept(newest: &Newest) -> bool {
    newest.kept.0.lock().page.is_some()
}

#[test]
fn a_page_grows_at_its_end_and_has_the_newest_hundred() {
    let pages = NewestPages::default();
    let newest = kept(&pages, CHANNEL, &page(&pages, 1..=99, "hello"));
    // The last one was read already, though it is announced only now.
    for id in 99..=102 {
        newest.append(MessageId(id), &frame(id, "later"));
    }
    assert_eq!(ids(&newest, 100), Some((3..=102).collect()));
    assert_eq!(ids(&newest, 2), Some(vec![101, 102]));
    newest.forget_these(&[MessageId(2)]);
    assert!(is_kept(&newest));
    newest.forget_these(&[MessageId(2), MessageId(3)]);
    assert_eq!((ids(&newest, 2), pages.0.share.all()), (None, 0));
}

#[test]
fn a_page_that_is_being_answered_does_not_change() {
    let pages = NewestPages::default();
    let newest = kept(&pages, CHANNEL, &page(&pages, 1..=2, "hello"));
    let Look::Found(answered) = newest.kept.look() else { panic!("it is kept") };
    newest.append(MessageId(3), &frame(3, "later"));
    newest.forget();
    assert!(!answered.has_one_of(&[MessageId(3)]) && answered.has_one_of(&[MessageId(2)]));
    drop(answered);
    assert_eq!(pages.0.share.all(), 0);
}

#[test]
fn what_came_while_it_was_read_is_in_it_or_it_is_not_kept() {
    let pages = NewestPages::default();
    let newest = open(&pages, CHANNEL);
    let generation = may_keep(&newest);
    assert!(matches!(newest.kept.look(), Look::Missed), "one reads it at a time");
    for id in 3..=5 {
        newest.append(MessageId(id), &frame(id, "meanwhile"));
    }
    newest.kept.keep(&page(&pages, 1..=3, "read"), generation);
    assert_eq!(ids(&newest, 50), Some(vec![1, 2, 3, 4, 5]));
    // Something else has come.
    newest.forget();
    let generation = may_keep(&newest);
    newest.forget();
    newest.kept.keep(&page(&pages, 1..=5, "old"), generation);
    assert!(!is_kept(&newest));
    // More has come than a page has.
    let generation = may_keep(&newest);
    for id in 6..=6 + PAGE_MAX {
        newest.append(MessageId(id), &frame(id, "meanwhile"));
    }
    newest.kept.keep(&page(&pages, 1..=5, "old"), generation);
    assert!(!is_kept(&newest));
}

#[test]
fn what_could_not_be_kept_is_not_tried_again_at_once() {
    let pages = NewestPages::default();
    let newest = open(&pages, CHANNEL);
    let generation = may_keep(&newest);
    // Whoever read it has hung up.
    drop(Reading { kept: &newest.kept, generation, then: Attempt::NotKept });
    assert!((0..3).all(|_| matches!(newest.kept.look(), Look::Missed)));
    newest.forget_unused();
    let generation = may_keep(&newest);
    // No more were to be read at once.
    drop(Reading { kept: &newest.kept, generation, then: Attempt::Missed });
    assert!(matches!(newest.kept.look(), Look::MayKeep(_)));
}

#[actix_web::test]
async fn so_many_pages_are_read_at_once() {
    let nowhere = "postgresql://nobody@127.0.0.1:1/none".parse().expect("a URL");
    let db = Db::new(&nowhere, crate::times::Times::default().connection_wait_max).expect("its settings agree");
    let (pages, access) = (NewestPages::default(), access());
    let newest = open(&pages, access.id());
    let others: Vec<_> = (0..READS_AT_ONCE).map(|_| pages.0.reads.try_acquire().expect("free")).collect();
    // The caller reads a page of its own, and whoever comes later may still read one to be kept.
    for _ in 0..4 {
        assert!(matches!(pages.read(&db, &access, 50).await, Ok(None)));
    }
    drop(others);
    assert!(pages.read(&db, &access, 50).await.is_err(), "the database is asked");
    assert!(matches!(pages.read(&db, &access, 50).await, Ok(None)), "and is not asked again at once");
    drop(newest);
}

#[test]
fn what_nobody_uses_is_forgotten_and_so_is_what_a_channel_leaves() {
    let pages = NewestPages::default();
    let newest = kept(&pages, CHANNEL, &page(&pages, 1..=3, "hello"));
    newest.forget_unused();
    assert!(is_kept(&newest), "it was used");
    newest.forget_unused();
    assert!(!is_kept(&newest));
    // Its next life begins before this one has quite ended.
    let next = pages.begin(CHANNEL);
    drop(newest);
    assert_eq!((pages.0.channels.lock().len(), pages.0.share.all()), (1, 0));
    pages.end(CHANNEL);
    drop(next);
    assert!(pages.0.channels.lock().is_empty());
}

#[test]
fn another_history_of_the_database_takes_all_pages() {
    let pages = NewestPages::default();
    let newest = kept(&pages, CHANNEL, &page(&pages, 1..=3, "hello"));
    pages.forget();
    assert_eq!(ids(&newest, 50), None);
}

#[test]
fn a_page_has_a_bound_of_its_own() {
    let pages = NewestPages::default();
    let (short, long) = ("🏡".repeat(1_000), "🏡".repeat(4_000));
    assert!(is_kept(&kept(&pages, CHANNEL, &page(&pages, 1..=100, &short))));
    let newest = kept(&pages, ChannelId(2), &page(&pages, 1..=20, &long));
    assert!(is_kept(&newest));
    for id in 21..=100 {
        newest.append(MessageId(id), &frame(id, &long));
    }
    assert!(!is_kept(&newest));
    assert!((0..3).all(|_| matches!(newest.kept.look(), Look::Missed)), "nor is it read again to be kept");
}

#[test]
fn all_pages_together_have_a_bound() {
    let pages = NewestPages::default();
    let page = page(&pages, 1..=30, &"🏡".repeat(4_000));
    let channels: Vec<Newest> =
        (1..=160).map(|number| kept(&pages, ChannelId(number), &Arc::new(Page::clone(&page)))).collect();
    let count = channels.iter().filter(|newest| is_kept(newest)).count();
    let bytes = pages.0.share.all();
    assert!(bytes <= BYTES_MAX && bytes > BYTES_MAX / 10 * 9 && count < 160, "{count} pages of {bytes} bytes");
}

#[test]
fn everyone_is_told_of_their_own_reactions() {
    let pages = NewestPages::default();
    let emoji = |text: &str| Emoji::try_from(text).expect("an emoji");
    let thumbs = Reactors { emoji: emoji("👍"), users: [UserId(1), UserId(3)].into() };
    let hash = Reactors { emoji: emoji("#️⃣"), users: [UserId(2)].into() };
    let messages = vec![(message(1, "Lunch?"), vec![thumbs, hash])];
    let page = Page::new(messages, &pages.0.share).expect("it can be encoded");
    for user in 1..=3 {
        let rows: serde_json::Value = serde_json::from_slice(&page.json(50, UserId(user))).expect("JSON");
        let expected = serde_json::json!([
            { "emoji": "👍", "count": 2, "me": user != 2 },
            { "emoji": "#️⃣", "count": 1, "me": user == 2 },
        ]);
        assert_eq!(rows[0]["reactions"], expected);
    }
}

/// Whatever comes of a message in its entry is in its page as well.
#[test]
fn an_entry_has_the_message_as_pages_have_it() {
    let message =
        Message { nonce: Some("n\"1".into()), reply_to: Some(MessageId(3)), ..message(7, "\u{1f3e1}\"\\\u{1}") };
    let entry = serde_json::to_vec(&LogEntry::created(message.clone(), None)).expect("JSON");
    let json = serde_json::to_vec(&message).expect("JSON");
    assert_eq!(page::message_of(&entry), json.get(1..));
}
