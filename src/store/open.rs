//! How a connection is opened.
//!
//! Each host that the URL names has a try of its own: the one that served last first, the next one beside it every [`STAGGER`], so
//! that a host which accepts and says nothing keeps nobody from one that would serve. The first that can commit wins: it is not
//! read-only, and has answered a commit of nothing, so that nothing is read there which a failover may still take back. And the node
//! has to hold its [lock] there.

use super::backends::{self, barrier};
use super::fault::chain;
use super::lock;
use super::requirements;
use super::target::Target;
use crate::domain::backend::Backend;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error};

/// Before the next host is tried beside those that have not answered.
const STAGGER: Duration = Duration::from_millis(150);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No host serves.
    #[error("{}", chain(.0))]
    Postgres(#[from] Error),
    /// Somebody else may hold the database.
    #[error("this node does not hold its lock on the database")]
    NotLocked,
    /// Somebody stands in between, and gives the connection to others as well.
    #[error("the connection is a pooler's, and not PostgreSQL's own")]
    Pooled,
}

impl OpenError {
    /// Whether waiting makes it no better: a wrong password, no such database or role, no right, a setting that is not known, a
    /// pooler.
    pub(super) fn is_final(&self) -> bool {
        let code = match self {
            Self::Postgres(error) => error.code().map(SqlState::code),
            Self::NotLocked => None,
            Self::Pooled => return true,
        };
        code.is_some_and(|code| code == "08P01" || ["28", "3D", "42"].iter().any(|class| code.starts_with(class)))
    }
}

/// A connection that is ready to be used.
pub struct Opened {
    pub(crate) client: Client,
    /// Ends with the connection.
    pub(super) task: JoinHandle<()>,
    pub(crate) backend: Backend,
    /// Under which holding of the node's lock it was opened; another one moves everything to fresh connections.
    pub(crate) generation: u64,
    /// Which history the database has: its cluster and timeline.
    pub(super) history: String,
}

/// What a connection is for.
#[derive(Clone, Copy)]
enum Purpose {
    /// The node's lock.
    Lock,
    /// A writer's batches, one after another.
    Writer,
    /// Everything else.
    Work,
}

impl Target {
    /// Opens a connection where the node holds its lock; how long that may take is for whoever asks.
    pub async fn open(&self, config: &Config) -> Result<Opened, OpenError> {
        self.open_for(Purpose::Work, config).await
    }

    /// The same for a writer, on whose thread it stays: it is driven by one of the actors' tasks. Others are driven beside
    /// these, after all of them: many calls go out in one piece so. A batch is alone, and its answer would cost the core
    /// another look for events.
    pub(crate) async fn open_for_writer(&self, config: &Config) -> Result<Opened, OpenError> {
        self.open_for(Purpose::Writer, config).await
    }

    /// Opens a connection to a host that can commit, for the node's lock.
    pub(super) async fn open_for_lock(&self, config: &Config) -> Result<Opened, OpenError> {
        self.open_for(Purpose::Lock, config).await
    }

    async fn open_for(&self, purpose: Purpose, config: &Config) -> Result<Opened, OpenError> {
        let hosts = hosts(config);
        let mut waiting = self.in_turn(hosts.len()).filter_map(|at| Some((at, hosts.get(at)?)));
        let mut tries = FuturesUnordered::new();
        let mut problem: Option<OpenError> = None;
        loop {
            let has_more =
                waiting.next().map(|(at, host)| tries.push(async move { (at, self.open_at(purpose, host).await) }));
            let next = async {
                match has_more {
                    Some(()) => tokio::time::sleep(STAGGER).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ended = tries.next() => match ended {
                    Some((at, Ok(opened))) => {
                        self.serves(at);
                        return Ok(opened);
                    }
                    // One that may pass says more than one that will not: another host may serve in a moment.
                    Some((_, Err(error))) => match &problem {
                        Some(before) if !before.is_final() || error.is_final() => {}
                        _ => problem = Some(error),
                    },
                    None => return Err(problem.unwrap_or(OpenError::NotLocked)),
                },
                () = next => {}
            }
        }
    }

    async fn open_at(&self, purpose: Purpose, host: &Config) -> Result<Opened, OpenError> {
        let lock = self.lock().filter(|_| !matches!(purpose, Purpose::Lock));
        let held = match lock {
            Some(lock) => Some(lock.held().await),
            None => None,
        };
        let (client, connection) = host.connect(self.tls()).await?;
        let drive = async move {
            // The error reaches whoever waits for an answer.
            let _ = connection.await;
        };
        let task = match purpose {
            Purpose::Writer => tokio::task::spawn_local(drive),
            Purpose::Lock | Purpose::Work => tokio::spawn(drive),
        };
        if matches!(purpose, Purpose::Lock) && !requirements::is_direct(&client, host).await? {
            return Err(OpenError::Pooled);
        }
        let holder: Option<Backend> = held.map(|held| held.backend);
        let (pid, started_at): (Option<i32>, Option<OffsetDateTime>) =
            holder.map(|backend| (backend.pid(), backend.started_at())).unzip();
        let sql = include_str!("../../sql/backends/open.sql");
        let row = client.query_one(sql, &[&lock::KEY, &pid, &started_at]).await?;
        if held.is_some() && !row.get::<_, bool>("is_locked") {
            return Err(OpenError::NotLocked);
        }
        if matches!(purpose, Purpose::Lock) {
            client.query(include_str!("../../sql/backends/end_namesakes.sql"), &[&lock::KEY]).await?;
            barrier(&client).await?;
        }
        let generation = held.map_or(0, |held| held.generation);
        Ok(Opened { client, task, backend: backends::of(&row), generation, history: row.get("history") })
    }
}

/// The settings for each host alone, in the order of the URL.
fn hosts(config: &Config) -> Vec<Config> {
    let count = config.get_hosts().len().max(config.get_hostaddrs().len());
    (0..count).map(|at| of_host(config, at)).collect()
}

fn of_host(all: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(at) {
        Some(Host::Tcp(name)) => _ = one.host(name),
        Some(Host::Unix(folder)) => _ = one.host_path(folder),
        None => {}
    }
    if let Some(address) = all.get_hostaddrs().get(at) {
        one.hostaddr(*address);
    }
    if let Some(port) = all.get_ports().get(at).or(all.get_ports().first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(length) = all.get_connect_timeout() {
        one.connect_timeout(*length);
    }
    if let Some(length) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*length);
    }
    if let Some(length) = all.get_keepalives_interval() {
        one.keepalives_interval(length);
    }
    if let Some(count) = all.get_keepalives_retries() {
        one.keepalives_retries(count);
    }
    one.ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        // Whatever the URL says: a standby serves no node.
        .target_session_attrs(TargetSessionAttrs::ReadWrite);
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_own_port_and_everything_else_of_the_url() {
        let url = "postgresql://mina:secret@one:1,two:2,%2Frun%2Fthree:3/chat?options=-c%20a%3Db&keepalives=0&tcp_user_timeout=7";
        let all: Config = url.parse().expect("a URL");
        let hosts = hosts(&all);
        let names = [Host::Tcp("one".into()), Host::Tcp("two".into()), Host::Unix("/run/three".into())];
        for (at, (host, name)) in hosts.iter().zip(names).enumerate() {
            assert_eq!((host.get_hosts(), host.get_ports()), (&[name][..], &[at as u16 + 1][..]));
            assert_eq!((host.get_user(), host.get_password()), (Some("mina"), Some(&b"secret"[..])));
            assert_eq!((host.get_dbname(), host.get_options()), (Some("chat"), Some("-c a=b")));
            assert!(!host.get_keepalives() && host.get_tcp_user_timeout() == Some(&Duration::from_secs(7)));
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        }
        assert_eq!(hosts.len(), 3);
    }

    #[test]
    fn one_port_is_that_of_every_host_and_an_address_belongs_to_its_host() {
        let all: Config =
            "host=one,two hostaddr=127.0.0.1,127.0.0.2 port=7 dbname=chat user=mina".parse().expect("settings");
        for (host, address) in hosts(&all).iter().zip(["127.0.0.1", "127.0.0.2"]) {
            assert_eq!(
                (host.get_ports(), host.get_hostaddrs()),
                (&[7][..], &[address.parse().expect("an address")][..])
            );
        }
    }
}
