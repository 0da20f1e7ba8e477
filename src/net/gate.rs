//! How much of what has come on a connection HTTP is given: one call at a time.
//!
//! actix-http decodes all the heads that it is given before it looks whether there are too many, and a decoded head takes a hundred times
//! its bytes. So it is given a head, then that call's body, and the next head once the call has been answered.

use super::chunks::Chunks;
use std::cell::{Cell, RefCell};
use std::task::Waker;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A head is to come; so far it ends with this.
    Head(Ending),
    /// It has been given; its call has not begun.
    Whole,
    /// A call is under way; this is to come of its body.
    Call(Body),
    /// A call was answered; this is to come of its body.
    Rest(Body),
}

/// What is to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Bytes(u64),
    Chunks(Chunks),
}

impl Body {
    const NONE: Self = Self::Bytes(0);

    /// How many of these bytes are of the body, and what is to come after them.
    fn pass(self, bytes: &[u8]) -> (usize, Self) {
        match self {
            Self::Bytes(left) => {
                let given = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                (given, Self::Bytes(left - given as u64))
            }
            Self::Chunks(mut chunks) => match chunks.pass(bytes) {
                Some(given) => (given, Self::NONE),
                None => (bytes.len(), Self::Chunks(chunks)),
            },
        }
    }
}

/// How much of the empty line that ends a head has come. A line may end without its carriage return (RFC 9112, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Nothing,
    /// Nothing but empty lines, which are none.
    Start,
    Line,
    LineAndReturn,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Gate {
    state: Cell<State>,
    head_bytes: Cell<u64>,
    /// Of who waits for more to be given, or for a deadline to begin.
    waker: RefCell<Option<Waker>>,
    /// Whether something waits to be given.
    has_more: Cell<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            state: Cell::new(State::Head(Ending::Start)),
            head_bytes: Cell::new(0),
            waker: RefCell::default(),
            has_more: Cell::new(false),
        }
    }
}

impl Gate {
    /// How many of these bytes, which come next, are given now; they count as given.
    pub(super) fn pass(&self, bytes: &[u8]) -> usize {
        let (state, given) = match self.state.get() {
            State::Head(ending) => {
                let (state, given) = match end_of_head(bytes, ending) {
                    Ok(end) => (State::Whole, end),
                    Err(ending) => (State::Head(ending), bytes.len()),
                };
                self.head_bytes.set(self.head_bytes.get() + given as u64);
                (state, given)
            }
            State::Whole => (State::Whole, 0),
            State::Call(body) => {
                let (given, body) = body.pass(bytes);
                (State::Call(body), given)
            }
            State::Rest(body) => {
                let (given, body) = body.pass(bytes);
                (if body == Body::NONE { State::Head(Ending::Start) } else { State::Rest(body) }, given)
            }
        };
        self.state.set(state);
        given
    }

    /// A call begins whose body has so many bytes, or comes in chunks.
    pub(super) fn begin(&self, body: Option<u64>) {
        self.head_bytes.set(0);
        self.state.set(State::Call(body.map_or_else(|| Body::Chunks(Chunks::default()), Body::Bytes)));
        self.wake_for_more();
    }

    /// It has been answered.
    pub(super) fn end(&self) {
        if let State::Call(body) = self.state.get() {
            self.state.set(if body == Body::NONE { State::Head(Ending::Start) } else { State::Rest(body) });
            self.wake_for_more();
        }
    }

    /// Whether a next head may come, of which nothing has: all of the last call has been given.
    pub(super) fn is_between(&self) -> bool {
        self.state.get() == State::Head(Ending::Start)
    }

    /// Whether a call is under way of which nothing more is to come.
    pub(super) fn has_given_all(&self) -> bool {
        self.state.get() == State::Call(Body::NONE)
    }

    /// Whether the last head that was given has become a call.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.state.get(), State::Whole)
    }

    /// How much has been given of a head, whole or not, whose call has not begun.
    pub(super) fn head_bytes(&self) -> u64 {
        self.head_bytes.get()
    }

    /// Wakes this one when more is given, of what waits.
    pub(super) fn wait(&self, waker: &Waker, has_more: bool) {
        self.has_more.set(has_more);
        *self.waker.borrow_mut() = Some(waker.clone());
    }

    fn wake_for_more(&self) {
        if self.has_more.replace(false) {
            self.wake();
        }
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The byte after the head's end, or how it ends so far.
pub(super) fn end_of_head(bytes: &[u8], mut ending: Ending) -> Result<usize, Ending> {
    for (at, byte) in bytes.iter().enumerate() {
        ending = match (ending, byte) {
            (Ending::Start, b'\r' | b'\n') => Ending::Start,
            (Ending::Line | Ending::LineAndReturn, b'\n') => return Ok(at + 1),
            (_, b'\n') => Ending::Line,
            (Ending::Line, b'\r') => Ending::LineAndReturn,
            _ => Ending::Nothing,
        };
    }
    Err(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: m\r\n\r\n";

    #[test]
    fn a_head_is_given_then_nothing_until_its_call_is_answered() {
        for head in [GET, b"GET / HTTP/1.1\nhost: m\n\n", b"\r\n\nGET / HTTP/1.1\r\nhost: m\n\r\n"] {
            let (gate, twice) = (Gate::default(), [head, head].concat());
            assert_eq!(gate.pass(&twice), head.len());
            assert_eq!(gate.pass(head), 0);
            gate.begin(Some(0));
            assert_eq!(gate.pass(head), 0);
            gate.end();
            assert_eq!(gate.pass(head), head.len());
        }
    }

    #[test]
    fn in_whatever_pieces_it_comes() {
        let gate = Gate::default();
        assert!(GET.iter().all(|byte| gate.pass(&[*byte]) == 1));
        assert_eq!(gate.pass(b"G"), 0);
    }

    #[test]
    fn a_body_is_given_to_its_end_also_when_nobody_has_read_it() {
        let gate = Gate::default();
        assert_eq!(gate.pass(GET), GET.len());
        gate.begin(Some(10));
        assert_eq!(gate.pass(b"12345"), 5);
        gate.end();
        assert_eq!(gate.pass(b"67890GET"), 5);
        assert_eq!(gate.pass(GET), GET.len());
    }

    #[test]
    fn a_body_in_chunks_is_given_to_its_end() {
        const CHUNKS: &[u8] = b"5;x=y\r\nhello\r\nA\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
        for is_answered in [false, true] {
            for size in [1, 3, 7, 1_000] {
                let gate = Gate::default();
                assert_eq!(gate.pass(GET), GET.len());
                gate.begin(None);
                if is_answered {
                    gate.end();
                }
                let stream = [CHUNKS, GET, GET].concat();
                let mut given = 0;
                for piece in stream.chunks(size) {
                    let passed = gate.pass(piece);
                    given += passed;
                    if passed < piece.len() {
                        break;
                    }
                }
                if !is_answered {
                    assert_eq!(given, CHUNKS.len(), "{size}");
                    gate.end();
                }
                // Whether or not it was read, no second head is given behind the first.
                let all = given + gate.pass(GET);
                assert!(all <= CHUNKS.len() + GET.len() && gate.pass(GET) == 0, "{size}: {all}");
            }
        }
    }
}
