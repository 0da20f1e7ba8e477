//! The frame decoder, on what a client means to say and on each rule that it may break.

use crate::codec::{BINARY, CLOSE, PING, PONG, TEXT, decode, frame};
use madang::websocket::decode::{CloseFrame, Decoder, Event, Limits, Violation};
use proptest::collection::vec;
use proptest::prelude::*;

fn whole(bytes: &[u8]) -> (Vec<Event>, Option<Violation>) {
    decode(Limits::default(), [bytes])
}

fn byte_by_byte(bytes: &[u8]) -> (Vec<Event>, Option<Violation>) {
    decode(Limits::default(), bytes.chunks(1))
}

/// Something a client says, cut into fragments, with control frames between them.
fn message() -> impl Strategy<Value = (Vec<u8>, Vec<Event>)> {
    let control = prop_oneof![Just(PING), Just(PONG)];
    let body = prop_oneof![
        ".{0,200}".prop_map(|text| (TEXT, text.into_bytes())),
        vec(any::<u8>(), 0..70_000).prop_map(|b| (BINARY, b))
    ];
    let cuts = vec((any::<prop::sample::Index>(), control, vec(any::<u8>(), 0..=125)), 0..5);
    (body, cuts).prop_filter("within the limit", |((_, body), _)| body.len() <= 65_536).prop_map(
        |((opcode, body), cuts)| {
            let mut places: Vec<usize> = cuts.iter().map(|(at, ..)| at.index(body.len() + 1)).collect();
            places.sort_unstable();
            let (mut bytes, mut events, mut from) = (Vec::new(), Vec::new(), 0);
            for (number, (at, (_, control, payload))) in places.iter().zip(&cuts).enumerate() {
                bytes.extend(frame(false, if number == 0 { opcode } else { 0 }, &body[from..*at]));
                bytes.extend(frame(true, *control, payload));
                events.push(if *control == PING { Event::Ping(payload.clone()) } else { Event::Pong(payload.clone()) });
                from = *at;
            }
            bytes.extend(frame(true, if cuts.is_empty() { opcode } else { 0 }, &body[from..]));
            events.push(match opcode {
                TEXT => Event::Text(String::from_utf8(body).expect("it was text")),
                _ => Event::Binary(body),
            });
            (bytes, events)
        },
    )
}

proptest! {
    #[test]
    fn any_split_of_the_bytes_gives_the_same_events(
        messages in vec(message(), 1..4),
        splits in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        let expected: Vec<Event> = messages.into_iter().flat_map(|(_, events)| events).collect();
        let mut places: Vec<usize> = splits.iter().map(|at| at.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        let (events, violation) = decode(Limits::default(), pieces);
        prop_assert_eq!(violation, None);
        prop_assert!(events == expected);
    }
}

#[test]
fn each_broken_rule_ends_in_its_code_however_it_is_split() {
    let mut unmasked = frame(true, TEXT, b"hi");
    unmasked[1] &= 0x7F;
    let mut reserved = frame(true, TEXT, b"hi");
    reserved[0] |= 0x40;
    let joined = |frames: &[Vec<u8>]| frames.concat();
    let mut cases = vec![
        ("unmasked", unmasked, 1002),
        ("a reserved bit", reserved, 1002),
        ("a continuation of nothing", frame(true, 0, b"hi"), 1002),
        ("a message within a message", joined(&[frame(false, TEXT, b"a"), frame(true, TEXT, b"b")]), 1002),
        ("a fragmented ping", frame(false, PING, b""), 1002),
        ("a long ping", frame(true, PING, &[0; 126]), 1002),
        ("half a close code", frame(true, CLOSE, &[3]), 1002),
        ("a close reason that is not UTF-8", frame(true, CLOSE, &[3, 232, 0xFF]), 1007),
        ("text that is not UTF-8", frame(true, TEXT, &[b'a', 0xC0, 0x80]), 1007),
        ("text that ends within a character", frame(true, TEXT, &[0xEA, 0xB0]), 1007),
        ("a surrogate", frame(true, TEXT, &[0xED, 0xA0, 0x80]), 1007),
        ("a bad byte in an unfinished message", frame(false, TEXT, &[0xFF]), 1007),
        ("a character cut by the end", joined(&[frame(false, TEXT, &[0xEA]), frame(true, 0, &[0xB0])]), 1007),
        ("one byte too many", frame(true, TEXT, &[b'a'; 65_537]), 1009),
        ("too much in fragments", joined(&[frame(false, BINARY, &[0; 65_536]), frame(false, 0, &[0])]), 1009),
        ("a length that could be shorter", vec![0x81, 0x80 | 126, 0, 125, 0, 0, 0, 0], 1002),
        (
            "a long length that could be shorter",
            [&[0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF][..], &[0; 4]].concat(),
            1002,
        ),
        ("a length of 64 bits", [&[0x81, 0xFF][..], &[0xFF; 8], &[0; 4]].concat(), 1002),
        (
            "a header that announces 2^40 bytes",
            [&[0x81, 0xFF][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat(),
            1009,
        ),
    ];
    cases.extend((3..=7).chain(11..=15).map(|opcode| ("a reserved opcode", frame(true, opcode, b""), 1002)));
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
        cases.push(("a close code that may not be sent", frame(true, CLOSE, &code.to_be_bytes()), 1002));
    }
    for (name, bytes, code) in cases {
        for (_, violation) in [whole(&bytes), byte_by_byte(&bytes)] {
            assert_eq!(violation.map(Violation::close_code), Some(code), "{name}");
            assert!(!violation.map_or("", Violation::reason).is_empty(), "{name} says why");
        }
    }
}

#[test]
fn what_is_wrong_is_said_at_the_first_byte_that_shows_it() {
    // Nothing of these payloads has come yet.
    assert_eq!(whole(&[0x81, 0x05]).1.map(Violation::close_code), Some(1002), "no mask bit");
    assert_eq!(whole(&[0x83, 0x85]).1.map(Violation::close_code), Some(1002), "a reserved opcode");
    let header = &frame(true, TEXT, &[b'a'; 70_000])[..14];
    assert_eq!(whole(header).1, Some(Violation::TooBig));
    // The frame announces more, but its first bytes are no text already.
    let part = &frame(true, TEXT, &[0xFF; 100])[..8];
    assert_eq!(whole(part).1, Some(Violation::NotUtf8));
}

#[test]
fn the_largest_that_is_allowed_is_taken() {
    let text = "가".repeat(21_845) + "a";
    assert_eq!(text.len(), 65_536);
    assert_eq!(whole(&frame(true, TEXT, text.as_bytes())), (vec![Event::Text(text)], None));
    let close = frame(true, CLOSE, &[&1000_u16.to_be_bytes()[..], &[b'x'; 123]].concat());
    let said = CloseFrame { code: 1000, reason: "x".repeat(123) };
    assert_eq!(whole(&close), (vec![Event::Close(Some(said))], None));
    assert_eq!(whole(&frame(true, CLOSE, b"")), (vec![Event::Close(None)], None));
}

#[test]
fn a_hundred_thousand_empty_fragments_come_to_an_end() {
    let first = frame(false, TEXT, b"");
    let more = frame(false, 0, b"");
    let pieces = std::iter::once(&first[..]).chain(std::iter::repeat_n(&more[..], 100_000));
    assert_eq!(decode(Limits::default(), pieces), (vec![], Some(Violation::TooBig)));
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 112, "{}", size_of::<Decoder>());
}
