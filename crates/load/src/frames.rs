//! A client's side of RFC 6455, as much as a node that follows the rules needs: bytes in, frames out, no I/O.

use std::borrow::Cow;

/// A frame longer than this is no event of a node.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// What a node can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event, an error, …
    Text,
    /// To be answered with a pong.
    Ping,
    /// An answer to a ping.
    Pong,
    /// The end; its code is in the payload.
    Close,
}

/// Bytes that are not what a node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled;

/// Puts frames together from what has been read. It keeps bytes only while a frame is incomplete.
#[derive(Debug, Default)]
pub struct Reader {
    partial: Vec<u8>,
}

impl Reader {
    /// Takes what has been read, and hands on each whole frame.
    ///
    /// # Errors
    /// [`Garbled`] when it is no frame that a node may send.
    pub fn feed(&mut self, input: &[u8], mut take: impl FnMut(Kind, &[u8])) -> Result<(), Garbled> {
        let mut bytes = match self.partial.is_empty() {
            true => Cow::Borrowed(input),
            false => {
                self.partial.extend_from_slice(input);
                Cow::Owned(std::mem::take(&mut self.partial))
            }
        };
        let mut at = 0;
        while let Some((kind, header, length)) = head(bytes.get(at..).unwrap_or_default())? {
            let Some(payload) = bytes.get(at + header..at + header + length) else { break };
            take(kind, payload);
            at += header + length;
        }
        match &mut bytes {
            Cow::Borrowed(bytes) => self.partial.extend_from_slice(bytes.get(at..).unwrap_or_default()),
            Cow::Owned(bytes) if at < bytes.len() => {
                bytes.drain(..at);
                self.partial = std::mem::take(bytes);
            }
            Cow::Owned(_) => {}
        }
        Ok(())
    }
}

/// A frame's kind, the length of its header and of its payload, once the header is there.
fn head(bytes: &[u8]) -> Result<Option<(Kind, usize, usize)>, Garbled> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let kind = match first {
        0x81 => Kind::Text,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8A => Kind::Pong,
        _ => return Err(Garbled),
    };
    let (header, length) = match (second, rest) {
        (short @ 0..=125, _) => (2, usize::from(*short)),
        (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (10, usize::try_from(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])).unwrap_or(usize::MAX))
        }
        (126 | 127, _) => return Ok(None),
        _ => return Err(Garbled),
    };
    if length > FRAME_BYTES_MAX { Err(Garbled) } else { Ok(Some((kind, header, length))) }
}

/// Appends a client's frame. It is masked with zeros, which the protocol allows: no proxy stands between.
pub fn write(kind: Kind, payload: &[u8], into: &mut Vec<u8>) {
    into.push(match kind {
        Kind::Text => 0x81,
        Kind::Close => 0x88,
        Kind::Ping => 0x89,
        Kind::Pong => 0x8A,
    });
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => into.push(0x80 | short),
        (_, Ok(middle)) => {
            into.push(0x80 | 126);
            into.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            into.push(0x80 | 127);
            into.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_are_cut() {
        let long = vec![b'x'; 70_000];
        let mut bytes = vec![0x81, 2, b'h', b'i', 0x89, 0];
        bytes.extend([0x81, 126, 0, 200]);
        bytes.extend(&long[..200]);
        bytes.extend([0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
        bytes.extend(&long);
        for size in [1, 2, 3, 7, 1_000, bytes.len()] {
            let (mut reader, mut seen) = (Reader::default(), Vec::new());
            for piece in bytes.chunks(size) {
                reader.feed(piece, |kind, payload| seen.push((kind, payload.len()))).expect("frames");
            }
            assert_eq!(seen, [(Kind::Text, 2), (Kind::Ping, 0), (Kind::Text, 200), (Kind::Text, 70_000)], "{size}");
            assert!(reader.partial.is_empty());
        }
    }

    #[test]
    fn what_no_node_sends_is_refused() {
        for bad in [&[0x82, 0][..], &[0x01, 0], &[0x81, 0x81], &[0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0]] {
            assert_eq!(Reader::default().feed(bad, |_, _| {}), Err(Garbled), "{bad:?}");
        }
    }
}
