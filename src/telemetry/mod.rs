//! Logs: text on a terminal, one JSON object a line otherwise, always on standard error. `RUST_LOG` chooses what is
//! logged (default `warn,madang=info`). No query string, header, body or parameter is ever logged: tokens and passwords live there.

mod buffer;
mod json;
mod limited;
mod request_id;

pub use limited::{Often, take_left_out};
pub use request_id::RequestId;

use buffer::Buffer;
use json::Json;
use limited::Limited;
use request_id::Prefixed;
use std::io::IsTerminal;
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Format;
use tracing_subscriber::util::SubscriberInitExt;

/// Our own lines, and what goes wrong below us.
const DEFAULT_FILTER: &str = "warn,madang=info";

/// Libraries whose debug lines hold what must not be logged: statements with their parameters, requests with their heads.
const NEVER_VERBOSE: [&str; 5] =
    ["tokio_postgres=warn", "actix_http=warn", "actix_web=warn", "actix_server=warn", "actix_router=warn"];

/// The most bytes of a path in a line.
pub const LOGGED_PATH_MAX: usize = 256;

/// The start of a text, in whole characters.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

static BUFFER: OnceLock<&'static Buffer> = OnceLock::new();

/// Writes out what has been logged when it is dropped, even by a panic.
#[must_use]
pub struct Logging(());

impl Drop for Logging {
    fn drop(&mut self) {
        if let Some(buffer) = BUFFER.get() {
            buffer.flush();
        }
    }
}

/// What is logged: what is wanted, and of some libraries less, whatever it says.
pub fn filter(wanted: &str) -> EnvFilter {
    // A more exact directive would win against ours.
    let is_theirs = |directive: &&str| {
        let directive = directive.trim();
        !NEVER_VERBOSE.iter().filter_map(|quiet| quiet.split('=').next()).any(|name| directive.starts_with(name))
    };
    let wanted: Vec<&str> = wanted.split(',').filter(is_theirs).collect();
    let quiet = NEVER_VERBOSE.iter().filter_map(|quiet| quiet.parse().ok());
    quiet.fold(EnvFilter::new(wanted.join(",")), EnvFilter::add_directive)
}

/// Starts logging what is wanted, for as long as the program runs. Calling it again changes nothing.
pub fn start(wanted: Option<&str>) -> Logging {
    let logs = tracing_subscriber::fmt().with_env_filter(filter(wanted.unwrap_or(DEFAULT_FILTER)));
    let _ = if std::io::stderr().is_terminal() {
        let text = Limited(Prefixed(Format::default().with_target(false)));
        logs.event_format(text).with_writer(std::io::stderr).finish().try_init()
    } else {
        logs.event_format(Limited(Json)).with_writer(*BUFFER.get_or_init(Buffer::start)).finish().try_init()
    };
    Logging(())
}
