//! Where the nodes of a cluster hear of each other sooner.

use super::{ConfigError, Result, bad};
use async_nats::ServerAddr;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::str::FromStr;

const URL: &str = "NATS_URL";
const CA: &str = "NATS_CA";

/// NATS servers, of which any will do.
#[derive(Clone, Debug)]
pub struct NatsSettings {
    /// `nats://` or `tls://` URLs with commas between; each may have a user and a password, or a token.
    url: SecretString,
    /// A file of certificates (PEM) by which servers are known, beside those of the system.
    pub ca: Option<PathBuf>,
}

impl NatsSettings {
    /// The servers.
    ///
    /// # Errors
    /// Which of them is none, by its place: its text may have a password.
    pub fn servers(&self) -> std::result::Result<Vec<ServerAddr>, String> {
        let parse = |(url, place): (&str, usize)| {
            let problem =
                format!("number {place} must be a URL like nats://host:4222 or tls://user:password@host:4222");
            let has_scheme = ["nats://", "tls://"].iter().any(|scheme| url.starts_with(scheme));
            let server: Option<ServerAddr> = url.parse().ok().filter(|_| has_scheme);
            server.filter(|server| !server.host().is_empty()).ok_or(problem)
        };
        self.url.expose_secret().split(',').map(str::trim).zip(1..).map(parse).collect()
    }
}

impl FromStr for NatsSettings {
    type Err = ConfigError;

    /// Those of a `NATS_URL`.
    fn from_str(url: &str) -> Result<Self> {
        let settings = Self { url: url.into(), ca: None };
        settings.servers().map(|_| settings).or_else(|problem| bad(URL, problem))
    }
}

pub(super) fn settings(url: Option<String>, ca: Option<String>, cluster: bool) -> Result<Option<NatsSettings>> {
    match (url, ca) {
        (None, None) => Ok(None),
        (None, Some(_)) => bad(CA, "says how the servers of NATS_URL are known: set that, or unset this"),
        (Some(_), _) if !cluster => bad(URL, "is for nodes that share a database: set CLUSTER=on, or unset this"),
        (Some(url), ca) => Ok(Some(NatsSettings { ca: ca.map(PathBuf::from), ..url.parse()? })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_named_by_their_urls_and_no_problem_repeats_one() {
        let read = |url: &str| settings(Some(url.to_owned()), None, true);
        for good in ["nats://127.0.0.1:4222", "tls://user:pass@bus.example", "nats://a:1, nats://b:2 ,tls://[::1]:3"] {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in
            ["127.0.0.1:4222", "http://canary", "nats://", "nats://a,,nats://b", "nats://a:canary", "ws://canary"]
        {
            let problem = read(bad).expect_err(bad).to_string();
            assert!(problem.starts_with("NATS_URL: number ") && !problem.contains("canary"), "{problem}");
        }
        let secret = read("nats://user:canary@a").expect("good");
        assert!(!format!("{secret:?}").contains("canary"));
    }
}
