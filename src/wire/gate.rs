//! How much of what has come on a connection HTTP is given: one call at a time.
//!
//! actix-http decodes all the heads that it is given before it looks whether there are too many, and a decoded head takes a hundred times
//! its bytes. So it is given a head, then that call's body, and the next head once the call has been answered.

use std::cell::{Cell, RefCell};
use std::task::Waker;

/// As much of what may hold further heads is given at once: where the end of a body is not known.
const LOOSE_BYTES: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A head is to come; so far it ends with this.
    Head(Ending),
    /// It has been given; its call has not begun.
    Whole,
    /// A call is under way: so much of its body is to come, if that was announced.
    Call(Option<u64>),
    /// A call was answered; so much of its body is to come.
    Rest(Option<u64>),
}

/// How much of the empty line that ends a head has come. A line may end without its carriage return (RFC 9112, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
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
    /// Of who waits for more to be given.
    waker: RefCell<Option<Waker>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { state: Cell::new(State::Head(Ending::Start)), waker: RefCell::default() }
    }
}

impl Gate {
    /// How many of these bytes, which come next, are given now; they count as given.
    pub(super) fn pass(&self, bytes: &[u8]) -> usize {
        let (state, given) = match self.state.get() {
            State::Head(ending) => match end_of_head(bytes, ending) {
                Ok(end) => (State::Whole, end),
                Err(ending) => (State::Head(ending), bytes.len()),
            },
            State::Whole => (State::Whole, 0),
            State::Call(Some(left)) => {
                let given = within(bytes, left);
                (State::Call(Some(left - given as u64)), given)
            }
            State::Rest(Some(left)) => {
                let given = within(bytes, left);
                let left = left - given as u64;
                (if left == 0 { State::Head(Ending::Start) } else { State::Rest(Some(left)) }, given)
            }
            loose @ (State::Call(None) | State::Rest(None)) => (loose, bytes.len().min(LOOSE_BYTES)),
        };
        self.state.set(state);
        given
    }

    /// A call begins whose body has so many bytes, if that was announced.
    pub(super) fn begin(&self, body: Option<u64>) {
        self.state.set(State::Call(body));
        self.wake();
    }

    /// It has been answered.
    pub(super) fn end(&self) {
        if let State::Call(left) = self.state.get() {
            self.state.set(if left == Some(0) { State::Head(Ending::Start) } else { State::Rest(left) });
            self.wake();
        }
    }

    /// Wakes this one when more is given.
    pub(super) fn wait(&self, waker: &Waker) {
        *self.waker.borrow_mut() = Some(waker.clone());
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

fn within(bytes: &[u8], left: u64) -> usize {
    bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX))
}

/// The byte after the head's end, or how it ends so far.
fn end_of_head(bytes: &[u8], mut ending: Ending) -> Result<usize, Ending> {
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
    fn where_the_end_is_not_known_little_is_given_at_once() {
        let gate = Gate::default();
        assert_eq!(gate.pass(GET), GET.len());
        gate.begin(None);
        assert_eq!(gate.pass(&[b'x'; 10_000]), LOOSE_BYTES);
        gate.end();
        assert_eq!(gate.pass(&[b'x'; 10_000]), LOOSE_BYTES);
        gate.begin(Some(0));
        assert_eq!(gate.pass(GET), 0);
    }
}
