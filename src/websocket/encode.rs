//! Frames from server to client (RFC 6455, section 5.2): never masked, so the same bytes serve every socket.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use std::io;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;
const HEADER_MAX: usize = 10;
/// The most bytes of a control frame's payload (RFC 6455, section 5.5).
const CONTROL_MAX: usize = 125;

/// A whole text message.
pub fn text(payload: &[u8]) -> Bytes {
    whole(TEXT, payload)
}

/// What a node says, as a text message.
pub fn json(what: &impl Serialize) -> Bytes {
    let mut text = TextFrame::new();
    match serde_json::to_writer(&mut text, what) {
        Ok(()) => text.finish(),
        Err(error) => {
            // Nothing that is encoded here can fail; a client can make nothing of half a frame.
            tracing::error!(%error, "a frame could not be encoded");
            close(1011, "a fault of ours")
        }
    }
}

/// A whole binary message.
pub fn binary(payload: &[u8]) -> Bytes {
    whole(BINARY, payload)
}

/// What a frame of this module carries.
pub fn payload(frame: &Bytes) -> Option<Bytes> {
    let header = match frame.get(1)? {
        0..=125 => 2,
        126 => 4,
        _ => HEADER_MAX,
    };
    (header <= frame.len()).then(|| frame.slice(header..))
}

/// A ping; a longer payload than a control frame holds is cut.
pub fn ping(payload: &[u8]) -> Bytes {
    whole(PING, control(payload))
}

/// The answer to a ping.
pub fn pong(payload: &[u8]) -> Bytes {
    whole(PONG, control(payload))
}

/// A close frame; the reason is cut to what fits, between characters.
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.put_u16(code);
    payload.extend_from_slice(reason.as_bytes());
    whole(CLOSE, &payload)
}

/// A close frame whose reason is for programs.
pub fn close_json(code: u16, reason: &impl Serialize) -> Bytes {
    // What cannot be encoded is left out: the code says what to do.
    close(code, &serde_json::to_string(reason).unwrap_or_default())
}

/// A close frame without a code.
pub fn close_empty() -> Bytes {
    whole(CLOSE, b"")
}

fn control(payload: &[u8]) -> &[u8] {
    payload.get(..CONTROL_MAX).unwrap_or(payload)
}

fn whole(opcode: u8, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEADER_MAX + payload.len());
    put_header(&mut frame, opcode, payload.len());
    frame.extend_from_slice(payload);
    frame.freeze()
}

fn put_header(frame: &mut impl BufMut, opcode: u8, length: usize) {
    frame.put_u8(FIN | opcode);
    match length {
        0..=125 => frame.put_u8(length as u8),
        126..=0xFFFF => {
            frame.put_u8(126);
            frame.put_u16(length as u16);
        }
        _ => {
            frame.put_u8(127);
            frame.put_u64(length as u64);
        }
    }
}

/// A text frame that is written piece by piece, straight behind the room for its header.
pub struct TextFrame {
    buffer: BytesMut,
}

impl TextFrame {
    /// An empty frame.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let mut buffer = BytesMut::with_capacity(512);
        buffer.put_bytes(0, HEADER_MAX);
        Self { buffer }
    }

    /// The frame with its header.
    pub fn finish(self) -> Bytes {
        let mut frame = self.buffer;
        let mut header = Vec::with_capacity(HEADER_MAX);
        put_header(&mut header, TEXT, frame.len() - HEADER_MAX);
        let start = HEADER_MAX - header.len();
        frame[start..HEADER_MAX].copy_from_slice(&header);
        frame.freeze().slice(start..)
    }
}

impl io::Write for TextFrame {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_frame_written_piece_by_piece_is_the_same_as_a_whole_one() {
        for size in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; size];
            let mut pieces = TextFrame::new();
            payload.chunks(1_000).for_each(|piece| pieces.write_all(piece).expect("memory takes it"));
            let frame = pieces.finish();
            assert_eq!(frame, text(&payload), "{size}");
            assert_eq!(super::payload(&frame).as_deref(), Some(&*payload), "{size}");
        }
    }

    #[test]
    fn headers_are_as_rfc_6455_section_5_7_shows_them() {
        assert_eq!(text(b"Hello")[..], [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(binary(&[0; 256])[..4], [0x82, 0x7E, 0x01, 0x00]);
        assert_eq!(binary(&[0; 65_536])[..10], [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(ping(b"Hello")[..2], [0x89, 0x05]);
        assert_eq!(pong(&[0; 200]).len(), 2 + 125);
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let frame = close(4_000, &"가".repeat(50));
        assert_eq!((frame[0], usize::from(frame[1])), (0x88, 2 + 41 * 3));
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
