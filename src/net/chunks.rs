//! Where a body in chunks ends (RFC 9112, section 7.1). What is no good framing is the parser's to refuse; here it only has to be
//! followed.

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunks {
    /// The size of a chunk, so far; whether its digits are over.
    Size { size: u64, is_over: bool },
    /// So much of a chunk.
    Data(u64),
    /// The end of the line behind it.
    DataEnd,
    /// A line of the trailer, of which so much has come; an empty one is the end.
    Trailer { length: u64 },
}

impl Default for Chunks {
    fn default() -> Self {
        Self::Size { size: 0, is_over: false }
    }
}

impl Chunks {
    /// How many of these bytes are before the end; `None` if it has not come.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Self::Data(left) = *self {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += taken;
                *self = match left - taken as u64 {
                    0 => Self::DataEnd,
                    left => Self::Data(left),
                };
                continue;
            }
            at += 1;
            *self = match (*self, *byte) {
                (Self::Size { size: 0, .. }, b'\n') => Self::Trailer { length: 0 },
                (Self::Size { size, .. }, b'\n') => Self::Data(size),
                (Self::Size { size, is_over: false }, digit) if digit.is_ascii_hexdigit() => {
                    let digit = char::from(digit).to_digit(16).unwrap_or(0);
                    Self::Size { size: size.saturating_mul(16).saturating_add(u64::from(digit)), is_over: false }
                }
                (Self::Size { size, .. }, _) => Self::Size { size, is_over: true },
                (Self::DataEnd, b'\n') => Self::default(),
                (Self::Trailer { length: 0 }, b'\n') => return Some(at),
                (Self::Trailer { .. }, b'\n') => Self::Trailer { length: 0 },
                (Self::Trailer { length }, byte) if byte != b'\r' => Self::Trailer { length: length + 1 },
                (same, _) => same,
            };
        }
        None
    }
}
