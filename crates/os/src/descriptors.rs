//! File descriptors: each socket takes one.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::io;

/// Takes as many as the system allows; answers how many that are, `None` if there is no limit.
///
/// # Errors
/// When the system does not let the limit be raised; [`limit`] is as it was.
pub fn raise_limit() -> io::Result<Option<u64>> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(self::limit())
}

/// How many this process may have; `None` if there is no limit.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}
