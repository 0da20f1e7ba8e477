//! The frame decoder, on any bytes in any pieces.

use crate::pieces;
use madang::websocket::decode::{Decoder, Event, Limits, Violation};

pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

/// A client's frame has at least a header of two bytes and a mask of four.
const FRAME_BYTES_MIN: usize = 6;
const CONTROL_BYTES_MAX: usize = 125;

/// A client's frame with the shortest length.
pub fn frame(is_final: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = vec![u8::from(is_final) << 7 | opcode];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        middle @ 126..=0xFFFF => {
            bytes.push(0x80 | 126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The frame that says it again.
fn written(event: &Event) -> Vec<u8> {
    match event {
        Event::Text(text) => frame(true, TEXT, text.as_bytes()),
        Event::Binary(bytes) => frame(true, BINARY, bytes),
        Event::Ping(payload) => frame(true, PING, payload),
        Event::Pong(payload) => frame(true, PONG, payload),
        Event::Close(None) => frame(true, CLOSE, b""),
        Event::Close(Some(close)) => frame(true, CLOSE, &[&close.code.to_be_bytes(), close.reason.as_bytes()].concat()),
    }
}

/// Feeds pieces one after another; answers the events until the input or the patience ends. What is kept is bounded all the way.
pub fn decode<'a>(limits: Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<Violation>) {
    let (mut decoder, mut events, mut received) = (Decoder::new(limits), Vec::new(), 0);
    for mut piece in pieces {
        received += piece.len();
        loop {
            let decoded = decoder.decode(&mut piece);
            // A vector may have twice what it holds, and eight bytes at first.
            assert!(decoder.kept() <= 2 * received.min(limits.message_bytes + CONTROL_BYTES_MAX) + 16);
            match decoded {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(violation) => {
                    assert_eq!(decoder.decode(&mut &frame(true, TEXT, b"hi")[..]), Err(violation), "it stays so");
                    return (events, Some(violation));
                }
            }
        }
        assert!(piece.is_empty());
    }
    (events, None)
}

/// The first byte chooses the limits, the second the pieces, the others are the stream.
pub fn holds(bytes: &[u8]) {
    let [choice, dice, stream @ ..] = bytes else { return };
    let small = Limits { message_bytes: 130, fragments: 3 };
    let limits = if choice % 2 == 0 { Limits::default() } else { small };
    let [(events, violation), others @ ..] = pieces::ways(stream, *dice).map(|pieces| decode(limits, pieces));
    assert!(others.iter().all(|other| (&other.0, other.1) == (&events, violation)), "pieces make no difference");

    assert!(events.len() * FRAME_BYTES_MIN <= stream.len(), "no event comes of nothing");
    for event in &events {
        let (length, most) = match event {
            Event::Text(text) => (text.len(), limits.message_bytes),
            Event::Binary(bytes) => (bytes.len(), limits.message_bytes),
            Event::Ping(payload) | Event::Pong(payload) => (payload.len(), CONTROL_BYTES_MAX),
            Event::Close(close) => (close.as_ref().map_or(0, |close| close.reason.len() + 2), CONTROL_BYTES_MAX),
        };
        assert!(length <= most, "{length} bytes");
    }
    let again: Vec<u8> = events.iter().flat_map(written).collect();
    assert_eq!(decode(limits, [&again[..]]), (events, None), "what was understood is understood again");
    if let Some(violation) = violation {
        assert!(matches!(violation.close_code(), 1002 | 1007 | 1009) && !violation.reason().is_empty());
    }
}
