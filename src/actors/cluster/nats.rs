//! The bus: NATS, core, at most once.
//!
//! Two subjects for all nodes with the same `SECRET_KEY`: one for entries of logs, one for what is small and in a hurry. What does not come is
//! found in the ledgers ([`follow`](super::follow)), within [`FOLLOW_WITH_BUS_EVERY`](crate::times::FOLLOW_WITH_BUS_EVERY). Bounds: what waits
//! to be sent ([`WAITING_BYTES_MAX`](crate::actors::bus::WAITING_BYTES_MAX)), and [`HEARD_MAX`] messages that have come and are not yet read,
//! each of [`PART_BYTES_MAX`](crate::actors::bus::PART_BYTES_MAX) or one large entry; beyond both they are left out, with a line in the log.

use super::known::Known;
use super::{JoinError, RegistryHandle};
use crate::actors::bus::{Key, Kind, Sealed, open, seal};
use crate::config::NatsSettings;
use crate::telemetry::Often;
use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_rustls::rustls;

/// Messages that have come and are not yet read.
const HEARD_MAX: usize = 256;
/// Commands to the connection that are not yet sent.
const COMMANDS_MAX: usize = 256;
/// As long as one server may take to be connected to.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// As long as a start waits for the bus. Without it the node goes on, and connects when it can.
const START_MAX: Duration = Duration::from_secs(3);
/// A server that has not answered three of these is given up for another one.
const PING_EVERY: Duration = Duration::from_secs(2);
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// As long as a message waits for its turn on the connection.
const PUBLISH_MAX: Duration = Duration::from_secs(1);

/// Messages that nobody of ours has sent.
static FOREIGN: Often = Often::never();
/// Attempts to connect.
static UNREACHED: Often = Often::never();
/// Messages that came faster than they were read.
static MISSED: Often = Often::never();
/// Entries that were not sent.
static LEFT_OUT: Often = Often::never();

/// The connection, and what it is for.
pub struct Nats {
    client: Client,
    key: Key,
    known: Arc<Known>,
    entries: String,
    news: String,
}

impl Nats {
    /// Connects, or leaves it to be connected later where no server answers.
    ///
    /// # Errors
    /// What does not pass: a user or a password that is refused, a certificate that is not good.
    pub async fn connect(settings: NatsSettings, key: Key, known: Arc<Known>) -> Result<Self, JoinError> {
        let servers = settings.servers().map_err(JoinError::Bus)?;
        let options = || options(&settings, Arc::clone(&known));
        let client = match timeout(START_MAX, options().connect(&servers)).await {
            Ok(Ok(client)) => {
                known.bus.set_connected(true);
                client
            }
            Ok(Err(error)) if is_final(&error) => {
                let what = if is_of_tls(&error) { "TLS: " } else { "" };
                return Err(JoinError::Bus(format!("a server does not take this node: {what}{error}")));
            }
            _ => {
                tracing::warn!(
                    "no NATS server answers: what other nodes write is heard by PostgreSQL alone, a little later"
                );
                let later = options().retry_on_initial_connect().connect(&servers).await;
                later.map_err(|error| JoinError::Bus(error.to_string()))?
            }
        };
        let name = format!("madang.{}", key.name());
        Ok(Self { client, key, known, entries: format!("{name}.entries"), news: format!("{name}.news") })
    }

    /// Carries what this node tells to the others, and what they tell to it.
    pub async fn carry(self, registry: RegistryHandle) {
        tokio::join!(self.send(), self.hear_news(), self.hear_entries(&registry));
    }

    async fn send(&self) {
        let bus = &self.known.bus;
        loop {
            tokio::select! {
                biased;
                () = bus.change() => self.publish_news(Kind::Changed).await,
                applied = bus.applied() => self.publish_news(Kind::Applied(applied)).await,
                parts = bus.entries() => {
                    for part in parts {
                        let message = self.seal(Kind::Entries, part.history, &part.body);
                        self.publish(&self.entries, message).await;
                    }
                    let count = bus.take_left_out();
                    if count > 0 && LEFT_OUT.happened().is_some() {
                        tracing::warn!(count, "more was written than the bus could take: other nodes read it");
                    }
                }
            }
        }
    }

    async fn publish_news(&self, kind: Kind) {
        if let Some(history) = self.known.bus.history() {
            self.publish(&self.news, self.seal(kind, history, &[])).await;
        }
    }

    fn seal(&self, kind: Kind, history: u64, body: &[u8]) -> Bytes {
        seal(&self.key, kind, self.known.id.load(Ordering::Relaxed), history, body)
    }

    /// What is not taken in time is found by reading.
    async fn publish(&self, subject: &str, message: Bytes) {
        let _ = timeout(PUBLISH_MAX, self.client.publish(subject.to_owned(), message)).await;
    }

    async fn hear_news(&self) {
        let mut news = self.subscribe(&self.news).await;
        while let Some(message) = news.next().await {
            match self.open(message) {
                Some(Sealed { kind: Kind::Changed, .. }) => self.known.changed.notify_one(),
                Some(Sealed { kind: Kind::Applied(upto), node, history, .. }) => {
                    self.known.has_applied(node, history, upto);
                }
                _ => {}
            }
        }
    }

    async fn hear_entries(&self, registry: &RegistryHandle) {
        let mut entries = self.subscribe(&self.entries).await;
        while let Some(message) = entries.next().await {
            if let Some(Sealed { kind: Kind::Entries, history, body, .. }) = self.open(message) {
                registry.hear(history, body).await;
            }
        }
    }

    /// Only what one of the nodes has said that share the database.
    fn open(&self, message: Message) -> Option<Sealed> {
        let Some(sealed) = open(&self.key, message.payload) else {
            if let Some(count) = FOREIGN.happened() {
                tracing::warn!(
                    count,
                    "a message on the bus is of no node with this SECRET_KEY and version; it is left out"
                );
            }
            return None;
        };
        self.known.knows(sealed.node).then_some(sealed)
    }

    async fn subscribe(&self, subject: &str) -> Subscriber {
        loop {
            match self.client.subscribe(subject.to_owned()).await {
                Ok(subscriber) => return subscriber,
                Err(error) => tracing::warn!(%error, "the bus cannot be listened to yet"),
            }
            sleep(BACKOFF_MAX).await;
        }
    }
}

fn options(settings: &NatsSettings, known: Arc<Known>) -> ConnectOptions {
    let options = ConnectOptions::new()
        .name("madang")
        .no_echo()
        .connection_timeout(CONNECT_MAX)
        .ping_interval(PING_EVERY)
        .subscription_capacity(HEARD_MAX)
        .client_capacity(COMMANDS_MAX)
        .reconnect_delay_callback(|tries| {
            let doublings = u32::try_from(tries.min(8)).unwrap_or(8);
            BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX)
        })
        .event_callback(move |event| {
            hear_of(&event, &known);
            async {}
        });
    match &settings.ca {
        Some(file) => options.add_root_certificates(file.clone()),
        None => options,
    }
}

fn hear_of(event: &Event, known: &Known) {
    match event {
        Event::Connected => {
            known.bus.set_connected(true);
            tracing::info!("connected to NATS");
        }
        Event::Disconnected | Event::Closed => {
            known.bus.set_connected(false);
            tracing::warn!(
                "no connection to NATS: what other nodes write is heard by PostgreSQL alone, a little later"
            );
        }
        Event::SlowConsumer(_) => {
            if let Some(count) = MISSED.happened() {
                tracing::warn!(
                    count,
                    "messages came faster than they were read: what is missing is read from PostgreSQL"
                );
            }
        }
        Event::ServerError(error) => tracing::warn!(%error, "NATS refuses something"),
        Event::ClientError(error) => {
            if let Some(count) = UNREACHED.happened() {
                tracing::warn!(%error, count, "NATS could not be connected to; it is tried again");
            }
        }
        Event::LameDuckMode | Event::Draining => {}
    }
}

/// What waiting makes no better.
fn is_final(error: &ConnectError) -> bool {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication | ConnectErrorKind::Tls => true,
        ConnectErrorKind::Io => is_of_tls(error),
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::MaxReconnects => false,
    }
}

/// Whether a handshake has failed: the certificate is not good, or the server speaks no TLS.
fn is_of_tls(error: &ConnectError) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}
