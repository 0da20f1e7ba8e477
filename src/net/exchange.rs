//! Where HTTP stands on a connection, as far as its bytes and its calls tell it together.

use super::Newcomer;
use super::gate::{Ending, Gate, end_of_head};
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// As long as a request's head may take, and what comes with a call that does not read it.
pub const HEAD_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No request is on its way, since then: as long as a connection is kept alive.
    Idle { since: Instant },
    /// A head is on its way; so much of the empty line that ends it has come.
    Head { until: Instant, ending: Ending },
    /// A call is being made. Its head had so many bytes, if that is known.
    Call { head: Option<u64> },
    /// The call has been answered, and bytes of a body or of the next head are there, or may be.
    Rest { until: Instant },
}

/// See the module. Shared by a connection and its calls.
#[derive(Debug)]
pub struct Exchange {
    phase: Cell<Phase>,
    /// Bytes since the connection was last idle.
    received: Cell<u64>,
    calls: Cell<u64>,
    pub(super) gate: Gate,
    newcomer: RefCell<Option<Newcomer>>,
}

impl Exchange {
    /// Of a connection whose first head is to come.
    pub fn new(now: Instant) -> Self {
        Self {
            phase: Cell::new(Phase::Head { until: now + HEAD_MAX, ending: Ending::Start }),
            received: Cell::new(0),
            calls: Cell::new(0),
            gate: Gate::default(),
            newcomer: RefCell::new(None),
        }
    }

    /// The same, of a client who has a place among those who are nobody yet.
    pub(super) fn of(now: Instant, newcomer: Newcomer) -> Self {
        let exchange = Self::new(now);
        exchange.newcomer.replace(Some(newcomer));
        exchange
    }

    /// The client is somebody.
    pub fn known(&self) {
        self.newcomer.take();
    }

    /// Bytes have come.
    pub fn received(&self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if matches!(self.phase.get(), Phase::Idle { .. }) {
            self.received.set(0);
            self.phase.set(Phase::Head { until: Instant::now() + HEAD_MAX, ending: Ending::Start });
        }
        let before = self.received.get();
        // Empty lines before a head are none (RFC 9112, section 2.2).
        let is_empty_line = |byte: &&u8| before == 0 && matches!(byte, b'\r' | b'\n');
        let bytes = &bytes[bytes.iter().take_while(is_empty_line).count()..];
        self.received.set(before + bytes.len() as u64);
        if let Phase::Head { until, ending } = self.phase.get() {
            self.phase.set(match end_of_head(bytes, ending) {
                Ok(end) => Phase::Call { head: Some(before + end as u64) },
                Err(ending) => Phase::Head { until, ending },
            });
        }
    }

    /// What was given last was the end of a body that nobody has read: nothing is owed any more.
    pub(super) fn settled(&self) {
        if matches!(self.phase.get(), Phase::Rest { .. }) && self.gate.is_between() {
            self.phase.set(Phase::Idle { since: Instant::now() });
        }
    }

    /// How many calls have begun.
    pub(super) fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// A call begins: its head is whole.
    pub fn begin(&self) {
        self.calls.set(self.calls.get() + 1);
        if !matches!(self.phase.get(), Phase::Call { .. }) {
            self.phase.set(Phase::Call { head: None });
        }
    }

    /// The call that has begun has a body of so many bytes, if that was announced: it may come.
    pub fn admit(&self, body: Option<u64>) {
        self.gate.begin(body);
    }

    /// A call has been answered. `body` is how long its body is, if that was announced.
    pub fn end(&self, body: Option<u64>) {
        let is_all = |head: u64| body.is_some_and(|body| Some(self.received.get()) == head.checked_add(body));
        // Where chunks end, only who counts them knows.
        let is_over = body.is_none() && self.gate.has_given_all();
        self.gate.end();
        self.phase.set(match self.phase.get() {
            Phase::Call { head: Some(head) } if is_all(head) || is_over => Phase::Idle { since: Instant::now() },
            _ => Phase::Rest { until: Instant::now() + HEAD_MAX },
        });
        if let Phase::Rest { .. } = self.phase.get() {
            // There is a deadline now.
            self.gate.wake();
        }
    }

    /// The answer goes out: whoever reads it is not late with the next request.
    pub(super) fn answering(&self) {
        let now = Instant::now();
        let until = now + HEAD_MAX;
        match self.phase.get() {
            Phase::Idle { .. } => self.phase.set(Phase::Idle { since: now }),
            Phase::Rest { .. } => self.phase.set(Phase::Rest { until }),
            // Its answer is still to come: it was sent behind one that goes out now.
            Phase::Head { ending, .. } => self.phase.set(Phase::Head { until, ending }),
            Phase::Call { .. } => {}
        }
    }

    /// Until when more has to come; none where nothing is owed.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Idle { .. } | Phase::Call { .. } => None,
            Phase::Head { until, .. } | Phase::Rest { until } => Some(until),
        }
    }

    /// Since when no request is on its way.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Idle { since } => Some(since),
            _ => None,
        }
    }

    /// Whether a call is being made, or has been: what is answered else is what HTTP itself says to a head that it does not understand.
    pub(super) fn is_answered_by_a_call(&self) -> bool {
        !matches!(self.phase.get(), Phase::Head { .. }) && self.gate.has_begun()
    }

    /// Whether it is a head that is late, of which something has come.
    pub fn has_begun(&self) -> bool {
        matches!(self.phase.get(), Phase::Head { .. }) && self.received.get() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: m\r\n\r\n";
    const POST: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody";

    /// Whether a deadline runs after a first call was answered, of whose bytes these parts came.
    fn owes(parts: &[&[u8]], body: Option<u64>) -> bool {
        let exchange = Exchange::new(Instant::now());
        assert!(exchange.deadline().is_some(), "the first head is owed");
        parts.iter().for_each(|part| exchange.received(part));
        assert_eq!(exchange.deadline(), None, "the head is whole");
        exchange.begin();
        exchange.end(body);
        exchange.deadline().is_some()
    }

    #[test]
    fn what_is_left_after_a_call_is_owed_in_time() {
        assert!(!owes(&[GET], Some(0)));
        assert!(!owes(&[POST], Some(4)));
        assert!(!owes(&[&POST[..9], &POST[9..36], &POST[36..]], Some(4)), "in parts");
        assert!(!owes(&[&GET[..GET.len() - 2], b"\r", b"\n"], Some(0)), "the empty line in parts");
        assert!(!owes(&[b"\r\n\r\n", GET], Some(0)), "empty lines before it");
        assert!(!owes(&[b"GET / HTTP/1.1\nhost: m\n\n"], Some(0)), "lines without carriage returns");
        assert!(owes(&[GET, b"GET / HT"], Some(0)), "a second head");
        assert!(owes(&[GET, b"\r\n"], Some(0)), "an empty line");
        assert!(owes(&[POST], Some(100)), "a body that nobody reads");
    }

    #[test]
    fn chunks_that_have_all_come_leave_nothing_owed() {
        const HEAD: &[u8] = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
        for (chunks, is_owed) in
            [(&b"4\r\nbody\r\n0\r\n\r\n"[..], false), (b"4\r\nbody\r\n0\r\n", true), (b"4\r\nbo", true)]
        {
            let exchange = Exchange::new(Instant::now());
            let give = |bytes: &[u8]| exchange.received(&bytes[..exchange.gate.pass(bytes)]);
            give(HEAD);
            exchange.begin();
            exchange.admit(None);
            give(chunks);
            exchange.end(None);
            assert_eq!(exchange.deadline().is_some(), is_owed, "{}", String::from_utf8_lossy(chunks));
        }
    }

    #[test]
    fn a_head_is_owed_from_its_first_byte_and_empty_lines_are_none() {
        let exchange = Exchange::new(Instant::now());
        for part in [&b"\r\n\r\n"[..], b"\r\n\r\n", b"GET / HTTP/1.1\r\nhost: "] {
            exchange.received(part);
            assert!(exchange.deadline().is_some());
        }
        assert!(exchange.has_begun());
        exchange.received(b"m\r\n\r\n");
        exchange.begin();
        exchange.end(Some(0));
        assert_eq!(exchange.deadline(), None, "idle");
        exchange.received(b"G");
        assert!(exchange.deadline().is_some() && exchange.has_begun());
        exchange.received(&GET[1..]);
        assert_eq!(exchange.deadline(), None);
    }
}
