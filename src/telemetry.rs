//! Logs: text on a terminal, one JSON object a line otherwise, always on standard error. `RUST_LOG` chooses what is
//! logged (default `warn,madang=info`). No query string, header, body or parameter is ever logged: tokens and passwords live there.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Our own lines, and what goes wrong below us.
const DEFAULT_FILTER: &str = "warn,madang=info";

/// Libraries whose debug lines hold what must not be logged: statements with their parameters, requests with their heads.
const NEVER_VERBOSE: [&str; 5] =
    ["tokio_postgres=warn", "actix_http=warn", "actix_web=warn", "actix_server=warn", "actix_router=warn"];

/// Starts logging. Calling it again changes nothing.
pub fn init() {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    for quiet in NEVER_VERBOSE {
        if let Ok(directive) = quiet.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = if std::io::stderr().is_terminal() {
        logs.with_target(false).finish().try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().try_init()
    };
}

/// A new request id: 128 random bits in hexadecimal.
pub fn request_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}
