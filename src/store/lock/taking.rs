//! The start's part of the lock: its connection, and the wait for whoever has it.

use super::{CONNECT_MAX, KEY, LockError, Sharing};
use crate::domain::backend::Backend;
use crate::patience::timeout;
use crate::store::backends;
use crate::store::db::session_config;
use crate::store::fault::chain;
use crate::store::open::{OpenError, Opened};
use crate::store::requirements;
use crate::store::target::Target;
use std::future::Future;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio_postgres::{Client, Config};

pub(super) const SILENT_MAX: Duration = Duration::from_secs(10);
/// One of which nothing can be told is refused for, unless it is just ending.
const UNSEEN_MAX: Duration = Duration::from_secs(2);
/// As long as a holder that says nothing may take to end.
const ENDING_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// PostgreSQL that is only just starting is waited for as long.
const CONNECT_ATTEMPTS: u32 = 50;
const CONNECT_PAUSE: Duration = Duration::from_millis(200);
const SILENT: &str = "it takes connections, and answers nothing in time";
const NO_ANSWER: &str = "no commit is answered in time; is a standby away that commits wait for?";
/// As long as one statement of a start may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The settings of the lock's own connection. Its name says whose it is.
pub(super) fn config(target: &Target) -> Config {
    let host = rustix::system::uname();
    let host: String = host.nodename().to_string_lossy().chars().filter(char::is_ascii_graphic).take(30).collect();
    // No other node has this name, though containers may have one host name and one process id.
    let number = rand::random_range(0..1 << 24);
    let name = format!("madang node {host}/{} {number:06x}", std::process::id());
    let mut config = session_config(target.config(), &name, 0, 0);
    requirements::mark(&mut config, number);
    config
}

pub(super) async fn first_connection(target: &Target, config: &Config) -> Result<Opened, LockError> {
    for attempt in 1.. {
        let error = match timeout(CONNECT_MAX, target.open_for_lock(config)).await {
            Some(Ok(opened)) => return Ok(opened),
            Some(Err(error)) => Some(error),
            None => None,
        };
        if attempt >= CONNECT_ATTEMPTS || error.as_ref().is_some_and(OpenError::is_final) {
            if let Some(unfit) = requirements::explain(target, config).await {
                return Err(unfit.into());
            }
            let said = error.map(|error| error.to_string());
            return Err(LockError::Connect(said.unwrap_or_else(|| NO_ANSWER.into())));
        }
        tokio::time::sleep(CONNECT_PAUSE).await;
    }
    Err(LockError::Connect(NO_ANSWER.into()))
}

/// Who holds the lock.
pub(super) struct Holder {
    /// As far as it can be told what it is and whether it says something.
    seen: Option<(Backend, OffsetDateTime)>,
    pub(super) name: String,
    pub(super) told: String,
}

pub(super) async fn is_ours(client: &Client, sharing: Sharing) -> Result<bool, tokio_postgres::Error> {
    let take = match sharing {
        Sharing::Alone => include_str!("../../../sql/backends/lock.sql"),
        Sharing::Shared => include_str!("../../../sql/backends/lock_shared.sql"),
    };
    Ok(client.query_one(take, &[&KEY]).await?.get(0))
}

pub(super) async fn holder(client: &Client) -> Result<Option<Holder>, tokio_postgres::Error> {
    let row = client.query_opt(include_str!("../../../sql/backends/lock_holder.sql"), &[&KEY]).await?;
    Ok(row.map(|row| {
        let name: Option<String> = row.get("application_name");
        let (pid, began_at): (_, Option<OffsetDateTime>) = (row.get("pid"), row.get("backend_start"));
        let seen = began_at.zip(row.get("state_change")).map(|(began_at, at)| (Backend::new(pid, began_at), at));
        let told = backends::told(&row);
        let told = match (seen, began_at) {
            (None, None) => format!("{told}, which this role may not look at: start with that one"),
            (None, Some(_)) => {
                format!("{told}, and whether it lives cannot be told, since its track_activities is off")
            }
            _ => told,
        };
        Holder { seen, name: name.unwrap_or_default(), told }
    }))
}

/// What PostgreSQL answers, if it does so in time.
pub(super) async fn answered<T>(
    statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, LockError> {
    match timeout(ANSWER_MAX, statement).await {
        Some(answer) => answer.map_err(|error| LockError::Connect(chain(&error))),
        None => Err(LockError::Connect(SILENT.into())),
    }
}

/// Looks whether the database is as it has to be.
pub(super) async fn check(client: &Client) -> Result<(), LockError> {
    let checked = timeout(ANSWER_MAX, requirements::check(client)).await;
    Ok(checked.ok_or_else(|| LockError::Connect(SILENT.into()))??)
}

/// Waits until the lock is this connection's.
pub(super) async fn wait_for(client: &Client, sharing: Sharing) -> Result<(), LockError> {
    let began = Instant::now();
    let mut first: Option<(Backend, OffsetDateTime, Instant)> = None;
    while !answered(is_ours(client, sharing)).await? {
        match answered(holder(client)).await? {
            Some(Holder { seen: Some((backend, spoke_at)), told, .. }) => match first {
                Some((before, at, since)) if before == backend => {
                    if at != spoke_at || began.elapsed() > ENDING_MAX {
                        return Err(sharing.taken(told));
                    }
                    if since.elapsed() > SILENT_MAX {
                        tracing::warn!(holder = told, "the node that holds the database says nothing; it is ended");
                        answered(backends::end(client, &[backend])).await?;
                    }
                }
                _ if began.elapsed() > ENDING_MAX => return Err(sharing.taken(told)),
                _ => first = Some((backend, spoke_at, Instant::now())),
            },
            Some(Holder { seen: None, told, .. }) if began.elapsed() > UNSEEN_MAX => {
                return Err(sharing.taken(told));
            }
            Some(_) => {}
            None if began.elapsed() > ENDING_MAX => return Err(sharing.taken("it is not to be seen".into())),
            None => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
