//! Standard error, a block at a time: a system call for each call's line would cost more than the line.
//!
//! What is `WARN` or worse is written at once, after everything before it; the rest within [`DELAY_MAX`], or when
//! [`BYTES_MAX`] wait. A standard error that nobody reads holds up whoever logs, as it would without the buffer.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

const BYTES_MAX: usize = 64 * 1024;
const DELAY_MAX: Duration = Duration::from_millis(100);

/// Lines on their way to standard error.
#[derive(Default)]
pub(super) struct Buffer {
    lines: Mutex<Vec<u8>>,
    has_lines: Condvar,
}

impl Buffer {
    /// A buffer for the rest of the program's life, with the thread that empties it.
    pub(super) fn start() -> &'static Self {
        let buffer: &'static Self = Box::leak(Box::default());
        let thread = std::thread::Builder::new().name("log".into());
        // Without the thread, lines wait for a block or a warning.
        let _ = thread.spawn(|| buffer.empty_for_ever());
        buffer
    }

    /// Writes out what waits.
    pub(super) fn flush(&self) {
        write_out(&mut self.lock());
    }

    fn empty_for_ever(&self) {
        loop {
            let waited = self.has_lines.wait_while(self.lock(), |lines| lines.is_empty());
            drop(waited);
            std::thread::sleep(DELAY_MAX);
            self.flush();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Under the lock, so that lines keep their order.
fn write_out(lines: &mut Vec<u8>) {
    // There is no other place to complain.
    let _ = io::stderr().write_all(lines);
    lines.clear();
}

impl<'a> MakeWriter<'a> for &'static Buffer {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { buffer: self, is_urgent: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        Line { buffer: self, is_urgent: *metadata.level() <= Level::WARN }
    }
}

/// A line that is being logged; it comes in one piece.
pub(super) struct Line {
    buffer: &'static Buffer,
    is_urgent: bool,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut lines = self.buffer.lock();
        let was_empty = lines.is_empty();
        lines.extend_from_slice(line);
        if self.is_urgent || lines.len() >= BYTES_MAX {
            write_out(&mut lines);
        } else if was_empty {
            self.buffer.has_lines.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
