//! Standard error, a block at a time: a system call for each call's line would cost more than the line.
//!
//! What is `WARN` or worse is written at once, after everything before it; the rest within [`DELAY_MAX`], or when
//! [`BLOCK_BYTES`] wait. A standard error that nobody reads holds up whoever logs once [`BYTES_MAX`] wait, as it would
//! without the buffer.

use parking_lot::{Condvar, Mutex};
use std::io::{self, Write};
use std::time::Duration;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

const BLOCK_BYTES: usize = 64 * 1024;
const BYTES_MAX: usize = 1024 * 1024;
const DELAY_MAX: Duration = Duration::from_millis(100);

/// Lines on their way to standard error.
#[derive(Default)]
pub(super) struct Buffer {
    lines: Mutex<Vec<u8>>,
    changed: Condvar,
    /// What is being written. Whoever holds this writes, so that lines keep their order, while others go on logging.
    output: Mutex<Vec<u8>>,
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
        let mut block = self.output.lock();
        std::mem::swap(&mut *block, &mut *self.lines.lock());
        // There is no other place to complain. What is lost may end within a line.
        let is_cut = io::stderr().write_all(&block).is_err();
        block.clear();
        if is_cut {
            self.lines.lock().insert(0, b'\n');
        }
    }

    fn empty_for_ever(&self) {
        loop {
            let mut lines = self.lines.lock();
            self.changed.wait_while(&mut lines, |lines| lines.is_empty());
            self.changed.wait_while_for(&mut lines, |lines| lines.len() < BLOCK_BYTES, DELAY_MAX);
            drop(lines);
            self.flush();
        }
    }
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
        let mut lines = self.buffer.lines.lock();
        let before = lines.len();
        lines.extend_from_slice(line);
        let after = lines.len();
        drop(lines);
        if self.is_urgent || after >= BYTES_MAX {
            self.buffer.flush();
        } else if before == 0 || (before < BLOCK_BYTES && after >= BLOCK_BYTES) {
            self.buffer.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
