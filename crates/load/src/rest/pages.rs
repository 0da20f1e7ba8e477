//! Whether a page of a channel's history or log is one.

use serde_json::Value;

/// A page of a channel's messages, oldest first. Each has the next place; where messages are changed, other entries and those that are
/// deleted have places between.
pub fn is_page(list: &Value, channel: i64, most: usize, has_changes: bool) -> bool {
    list.as_array().is_some_and(|list| {
        let seqs: Vec<i64> = list.iter().filter_map(|one| one["seq"].as_i64()).collect();
        let is_here = list.iter().all(|one| one["channel_id"] == channel && one["deleted"] != true);
        let is_next = |one: &i64, next: &i64| if has_changes { next > one } else { next - one == 1 };
        is_here && seqs.len() == list.len() && list.len() <= most && seqs.is_sorted_by(is_next)
    })
}

/// The first page of a channel's log: every number from 1 on has its entry, or is skipped.
pub fn is_log(list: &Value, channel: i64, most: usize) -> bool {
    list.as_array().is_some_and(|list| {
        let mut last = 0;
        let is_dense = list.iter().all(|one| {
            let before = last;
            span(one).is_some_and(|(first, end)| {
                last = end;
                first == before + 1 && first <= end && one["channel_id"] == channel
            })
        });
        is_dense && list.len() <= most
    })
}

/// The numbers that an entry accounts for.
fn span(entry: &Value) -> Option<(i64, i64)> {
    match entry["type"] == "skipped" {
        true => entry["from"].as_i64().zip(entry["to"].as_i64()),
        false => entry["seq"].as_i64().map(|seq| (seq, seq)),
    }
}

/// The last place on a page of messages; 0 if it is empty.
pub fn last_seq(list: &Value) -> i64 {
    list.as_array().and_then(|list| list.last()?["seq"].as_i64()).unwrap_or(0)
}

/// How far a page of the log goes; 0 if it is empty.
pub fn log_end(list: &Value) -> i64 {
    list.as_array().and_then(|list| span(list.last()?)).map_or(0, |(_, end)| end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn messages_have_the_next_place_unless_messages_are_changed() {
        let page = |seqs: &[i64]| seqs.iter().map(|seq| json!({ "seq": seq, "channel_id": 7 })).collect::<Value>();
        assert!(is_page(&page(&[4, 5, 6]), 7, 3, false) && is_page(&page(&[4, 5, 6]), 7, 3, true));
        assert!(!is_page(&page(&[4, 6]), 7, 3, false) && is_page(&page(&[4, 6]), 7, 3, true));
        assert!(!is_page(&page(&[6, 4]), 7, 3, true) && !is_page(&page(&[4, 4]), 7, 3, true));
        assert!(!is_page(&page(&[4, 5]), 8, 3, true) && !is_page(&page(&[4, 5]), 7, 1, true));
        assert!(!is_page(&json!([{ "seq": 4, "channel_id": 7, "deleted": true }]), 7, 3, true));
        assert_eq!((last_seq(&page(&[4, 6])), last_seq(&page(&[]))), (6, 0));
    }

    #[test]
    fn a_log_accounts_for_every_number() {
        let entry = |seq: i64| json!({ "type": "reaction.added", "seq": seq, "channel_id": 7 });
        let skipped = |from: i64, to: i64| json!({ "type": "skipped", "from": from, "to": to, "channel_id": 7 });
        let whole = json!([entry(1), skipped(2, 2), entry(3), skipped(4, 6)]);
        assert!(is_log(&whole, 7, 100) && log_end(&whole) == 6);
        for bad in [
            json!([entry(2)]),
            json!([entry(1), entry(3)]),
            json!([entry(1), skipped(3, 3)]),
            json!([entry(1), skipped(2, 1)]),
            json!([entry(1), entry(1)]),
            json!([{ "type": "skipped", "channel_id": 7 }]),
        ] {
            assert!(!is_log(&bad, 7, 100), "{bad}");
        }
        assert!(!is_log(&whole, 8, 100) && !is_log(&whole, 7, 3));
    }
}
