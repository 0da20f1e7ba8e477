//! The frame decoder (RFC 6455, section 5): bytes in, events out. It does no I/O and knows no time; what goes out is
//! encoded by [`encode`](super::encode).
//!
//! A header is checked before its payload is kept, so a frame costs memory only as it arrives, and never more than
//! [`Limits::message_bytes`]. Fragments are joined within the same bound, text is checked as it comes. An idle decoder
//! holds no memory beyond itself.

/// What a message may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a message, all its fragments together.
    pub message_bytes: usize,
    /// The most fragments of a message: empty ones cost bytes of nobody, but time.
    pub fragments: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes: 64 * 1024, fragments: 1_024 }
    }
}

/// Something whole that the peer has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, to be answered with the same payload.
    Ping(Vec<u8>),
    /// A pong, asked for or not.
    Pong(Vec<u8>),
    /// The peer ends the connection.
    Close(Option<CloseFrame>),
}

/// What a close frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// Why (RFC 6455, section 7.4).
    pub code: u16,
    /// The same for a person; may be empty.
    pub reason: String,
}

/// What a peer did that ends its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// A broken rule of the protocol.
    Protocol(&'static str),
    /// Text that is not UTF-8.
    NotUtf8,
    /// More than [`Limits`] allow.
    TooBig,
}

impl Violation {
    /// The close code that says it.
    pub fn close_code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
        }
    }

    /// The close frame's text.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Protocol(reason) => reason,
            Self::NotUtf8 => "the text is not UTF-8",
            Self::TooBig => "the message is too big",
        }
    }
}

const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0F;
const MASK: u8 = 0x80;
const LENGTH: u8 = 0x7F;
const CONTROL_BYTES_MAX: u64 = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    fn of(byte: u8) -> Result<Self, Violation> {
        Ok(match byte & OPCODE {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return Err(Violation::Protocol("reserved opcode")),
        })
    }

    fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Takes frames apart. Small while idle: a node holds one a socket.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    header: Header,
    frame: Option<Frame>,
    /// The data message that is being joined.
    message: Option<Box<Message>>,
    failed: Option<Violation>,
}

/// A header as far as it has come: at most 2 + 8 + 4 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    bytes: [u8; 14],
    length: u8,
}

/// A frame whose header is good and whose payload is on its way.
#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    is_final: bool,
    mask: [u8; 4],
    /// How much of the payload is still to come.
    left: u64,
    /// A control frame's payload so far; a data frame's goes to the message.
    control: Vec<u8>,
}

#[derive(Debug)]
struct Message {
    is_text: bool,
    bytes: Vec<u8>,
    /// How many bytes are known to be good UTF-8.
    checked: usize,
    fragments: u32,
}

impl Decoder {
    /// A decoder for one connection.
    pub fn new(limits: Limits) -> Self {
        Self { limits, header: Header::default(), frame: None, message: None, failed: None }
    }

    /// Takes bytes from the front of `input` until it has an event; `None` when all are used up.
    ///
    /// # Errors
    /// What the peer did wrong; the same again from then on.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        if let Some(violation) = self.failed {
            return Err(violation);
        }
        self.advance(input).inspect_err(|violation| {
            self.failed = Some(*violation);
            self.message = None;
            self.frame = None;
        })
    }

    /// How many bytes it has set aside for what has not come whole.
    pub fn kept(&self) -> usize {
        let control = self.frame.as_ref().map_or(0, |frame| frame.control.capacity());
        control + self.message.as_ref().map_or(0, |message| message.bytes.capacity())
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        loop {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.read_header(input)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            match self.read_payload(frame, input)? {
                Payload::Waiting(frame) => {
                    self.frame = Some(frame);
                    return Ok(None);
                }
                Payload::Event(event) => return Ok(Some(event)),
                Payload::Fragment => {}
            }
        }
    }

    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Violation> {
        loop {
            let wanted = self.header.wanted();
            while usize::from(self.header.length) < wanted {
                let Some((byte, rest)) = input.split_first() else { return Ok(None) };
                *input = rest;
                self.header.push(*byte);
                if self.header.length == 2 {
                    self.check_start()?;
                }
            }
            if self.header.wanted() == wanted {
                let header = std::mem::take(&mut self.header);
                return self.check_header(header).map(Some);
            }
        }
    }

    /// What two bytes tell is checked at once: a peer that is wrong is not waited for.
    fn check_start(&self) -> Result<(), Violation> {
        let [first, second, ..] = self.header.bytes;
        if first & RSV != 0 {
            return Err(Violation::Protocol("reserved bit set: no extension was agreed on"));
        }
        if second & MASK == 0 {
            return Err(Violation::Protocol("a client's frames must be masked"));
        }
        let opcode = Opcode::of(first)?;
        if opcode.is_control() {
            if first & FIN == 0 {
                return Err(Violation::Protocol("a control frame must not be fragmented"));
            }
            if u64::from(second & LENGTH) > CONTROL_BYTES_MAX {
                return Err(Violation::Protocol("a control frame may have at most 125 bytes"));
            }
        }
        match (opcode, &self.message) {
            (Opcode::Continuation, None) => Err(Violation::Protocol("a continuation of nothing")),
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                Err(Violation::Protocol("a new message before the last one's end"))
            }
            _ => Ok(()),
        }
    }

    fn check_header(&mut self, header: Header) -> Result<Frame, Violation> {
        let (left, mask) = header.length_and_mask()?;
        let [first, ..] = header.bytes;
        let opcode = Opcode::of(first)?;
        if !opcode.is_control() {
            let is_text = opcode == Opcode::Text;
            let message = self.message.get_or_insert_with(|| Box::new(Message::new(is_text)));
            message.fragments += 1;
            let joined = left.saturating_add(message.bytes.len() as u64);
            if joined > self.limits.message_bytes as u64 || message.fragments > self.limits.fragments {
                return Err(Violation::TooBig);
            }
        }
        Ok(Frame { opcode, is_final: first & FIN != 0, mask, left, control: Vec::new() })
    }

    fn read_payload(&mut self, mut frame: Frame, input: &mut &[u8]) -> Result<Payload, Violation> {
        let here = usize::try_from(frame.left).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at(here);
        *input = rest;
        frame.left -= here as u64;
        if frame.opcode.is_control() {
            unmask(piece, &mut frame.mask, &mut frame.control);
        } else if let Some(message) = &mut self.message {
            unmask(piece, &mut frame.mask, &mut message.bytes);
            message.check_text(frame.is_final && frame.left == 0)?;
        }
        if frame.left > 0 {
            return Ok(Payload::Waiting(frame));
        }
        Ok(match frame.opcode {
            Opcode::Ping => Payload::Event(Event::Ping(frame.control)),
            Opcode::Pong => Payload::Event(Event::Pong(frame.control)),
            Opcode::Close => Payload::Event(Event::Close(close(&frame.control)?)),
            _ if !frame.is_final => Payload::Fragment,
            _ => match self.message.take() {
                Some(message) => Payload::Event(message.finish()?),
                None => Payload::Fragment,
            },
        })
    }
}

enum Payload {
    Waiting(Frame),
    Fragment,
    Event(Event),
}

impl Header {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.length)) {
            *place = byte;
            self.length += 1;
        }
    }

    /// How many bytes the header has, as far as is known.
    fn wanted(&self) -> usize {
        let [_, second, ..] = self.bytes;
        match (self.length, second & LENGTH) {
            (0 | 1, _) => 2,
            (_, 126) => 8,
            (_, 127) => 14,
            _ => 6,
        }
    }

    fn length_and_mask(&self) -> Result<(u64, [u8; 4]), Violation> {
        let [_, second, a, b, c, d, e, f, g, h, i, j, k, l] = self.bytes;
        let (length, least, mask) = match second & LENGTH {
            126 => (u64::from(u16::from_be_bytes([a, b])), 126, [c, d, e, f]),
            127 => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 1 << 16, [i, j, k, l]),
            short => (u64::from(short), 0, [a, b, c, d]),
        };
        if length < least {
            return Err(Violation::Protocol("a length must be written as short as it can be"));
        }
        if length > i64::MAX as u64 {
            return Err(Violation::Protocol("a length has at most 63 bits"));
        }
        Ok((length, mask))
    }
}

impl Message {
    fn new(is_text: bool) -> Self {
        Self { is_text, bytes: Vec::new(), checked: 0, fragments: 0 }
    }

    /// Checks what has come since the last time. A character may still be incomplete, but not at the end.
    fn check_text(&mut self, is_end: bool) -> Result<(), Violation> {
        if !self.is_text {
            return Ok(());
        }
        match std::str::from_utf8(self.bytes.get(self.checked..).unwrap_or_default()) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_none() && !is_end => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }

    fn finish(self) -> Result<Event, Violation> {
        if self.is_text {
            String::from_utf8(self.bytes).map(Event::Text).map_err(|_| Violation::NotUtf8)
        } else {
            Ok(Event::Binary(self.bytes))
        }
    }
}

/// Appends the unmasked `piece`, eight bytes at a time, and turns the mask to where the next piece begins.
fn unmask(piece: &[u8], mask: &mut [u8; 4], into: &mut Vec<u8>) {
    let [a, b, c, d] = *mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    into.reserve(piece.len());
    let (chunks, tail) = piece.as_chunks::<8>();
    for chunk in chunks {
        into.extend_from_slice(&(u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes());
    }
    into.extend(tail.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    mask.rotate_left(piece.len() % 4);
}

/// What a close frame's payload says (RFC 6455, sections 5.5.1 and 7.4).
fn close(payload: &[u8]) -> Result<Option<CloseFrame>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::Protocol("half a close code")) };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol("a close code that may not be sent"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
    Ok(Some(CloseFrame { code, reason: reason.to_owned() }))
}
