//! Where HTTP stands on a connection, by any bytes in any pieces.

use crate::pieces;
use madang::net::Exchange;
use std::time::Instant;

/// Whether more is owed, and whether that is a head that has begun.
type Standing = (bool, bool);

/// How it stands after a first part, after a call is made of it, and after the rest.
fn course(first: &[&[u8]], body: Option<u64>, rest: &[&[u8]]) -> [Standing; 3] {
    let exchange = Exchange::new(Instant::now());
    let standing = || (exchange.deadline().is_some(), exchange.has_begun());
    first.iter().for_each(|piece| exchange.received(piece));
    let before = standing();
    exchange.begin();
    assert_eq!(standing(), (false, false), "nothing is owed while a call is made");
    exchange.end(body);
    let after = standing();
    rest.iter().for_each(|piece| exchange.received(piece));
    [before, after, standing()]
}

/// Where the first head ends, by the letter: after the first empty line that is not before it. A line may end without its carriage
/// return (RFC 9112, section 2.2).
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let after = |end: &[u8]| bytes.windows(end.len()).position(|window| window == end).map(|at| at + end.len());
    [after(b"\n\r\n"), after(b"\n\n")].into_iter().flatten().min()
}

/// Empty lines before a head are none.
fn without_empty_lines(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()..]
}

/// The first byte chooses the pieces, the second where the call is made, the third the length of its body.
pub fn holds(bytes: &[u8]) {
    let [dice, at, body, stream @ ..] = bytes else { return };
    let (first, rest) = stream.split_at(usize::from(*at) * stream.len() / 255);
    let begun = without_empty_lines(first);
    let end = end_of_head(begun);
    // A body as long as it is, a length that may be wrong, or one that was not said.
    let whole = end.map_or(0, |end| (begun.len() - end) as u64);
    let body = match body % 4 {
        0 => None,
        1 => Some(u64::from(body / 4)),
        _ => Some(whole),
    };
    let firsts = pieces::ways(first, *dice);
    let rests = pieces::ways(rest, dice.wrapping_add(1));
    let [course, others @ ..] = [0, 1, 2, 3].map(|way| course(&firsts[way], body, &rests[way]));
    assert!(others.iter().all(|other| *other == course), "pieces make no difference: {course:?}, {others:?}");

    let [before, after, _] = course;
    assert_eq!(before, (end.is_none(), end.is_none() && !begun.is_empty()), "a head is owed until its end");
    let is_all = end.is_some() && body == Some(whole);
    assert_eq!(after, (!is_all, false), "nothing is owed after all of a call");
}
