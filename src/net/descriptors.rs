//! File descriptors: each socket takes one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes as many as the system allows; answers how many that are, `None` if there is no limit.
pub fn raise_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    getrlimit(Resource::Nofile).current
}
