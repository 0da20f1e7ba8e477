//! A node: put together, run, stopped. The settings and the stop signal are inputs, so tests run it on port 0.

mod start;
mod start_error;
mod stop;

pub use start_error::StartError;

use crate::actors::bus;
use crate::actors::channel::Logs;
use crate::actors::channel::NewestPages;
use crate::actors::cluster::{Cluster, Membership};
use crate::actors::registry::{Registry, RegistryHandle};
use crate::actors::relay::{Relay, Relays};
use crate::actors::writer::Writer;
use crate::auth::limit_key::LimitKeys;
use crate::auth::password::Passwords;
use crate::auth::refresh_token::Succession;
use crate::auth::secret;
use crate::auth::token::Tokens;
use crate::config::{Config, Database};
use crate::domain::close::End;
use crate::http::{self, Documents, Node, Pages, SharedLimits, WebClient};
use crate::limits::Limits;
use crate::memory;
use crate::net::tls::Tls;
use crate::net::unread::Unread;
use crate::net::{self, Newcomers, Wire};
use crate::postgres::{self, Embedded};
use crate::sockets::{Door, asyncapi, upgrade};
use crate::store::lock::{NodeLock, Sharing};
use crate::store::nodes::Registration;
use crate::store::{self, Db, Purge, Target, deleted_channels, log_epoch, message_revisions, users};
use crate::telemetry::take_left_out;
use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::web::Data;
use hmac::digest::InvalidLength;
use secrecy::SecretString;
use start::{patiently, prepare};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;
use stop::{CALLS_MAX, SOCKETS_MAX, WRITES_MAX};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const LINGER: Duration = Duration::from_secs(2);
const BACKLOG: i32 = 4_096;

/// The page and its files depend on no setting.
static CLIENT: LazyLock<Arc<WebClient>> = LazyLock::new(Arc::default);

/// A node that is ready to run: it listens already.
pub struct Application {
    server: Server,
    handle: ServerHandle,
    address: SocketAddr,
    node: Data<Node>,
    writer: Writer,
    relays: Relays,
    purging: JoinHandle<()>,
    lock: NodeLock,
    membership: Option<Membership>,
    embedded: Option<Embedded>,
    tls: Option<Tls>,
    drain: Duration,
}

impl Application {
    /// Starts everything but the serving.
    ///
    /// # Errors
    /// One line that says what to change.
    pub async fn build(config: Config) -> Result<Self, StartError> {
        if let Err(error) = os::descriptors::raise_limit() {
            tracing::warn!(%error, "the limit of open files could not be raised");
        }
        memory::keep_trimmed();
        let tls = config.tls.clone().map(Tls::load).transpose()?;
        let listener = listen(&config.host, config.port)?;
        let address = listener.local_addr().map_err(|error| StartError::Listen(config.host.clone(), error))?;
        let (database, embedded): (Target, _) = match &config.database {
            Database::Url(database) => ((**database).clone(), None),
            Database::Embedded => {
                let embedded = postgres::start(&config.data_dir, config.pg_bin_dir.as_deref()).await?;
                (embedded.config().into(), Some(embedded))
            }
        };
        // After the database has made the folder: it has to be passable for the user that PostgreSQL runs as.
        let secret = match &config.secret_key {
            Some(secret) => secret.clone(),
            None => secret::load_or_make(&config.data_dir)
                .map_err(|error| StartError::DataDir(config.data_dir.display().to_string(), error))?,
        };
        let sharing = if config.cluster { Sharing::Shared } else { Sharing::Alone };
        let (database, mut lock, mut read_again) = NodeLock::take(&database, sharing).await?;
        let number = lock.holder();
        tokio::select! {
            error = lock.lost() => return Err(error.into()),
            prepared = prepare(&database, number) => prepared?,
        }
        let other = |error: &dyn std::fmt::Display| StartError::Other(error.to_string());
        let db = Db::new(&database, config.times.connection_wait_max).map_err(|error| other(&error))?;
        patiently(|| users::note_looks(&db)).await.map_err(|error| other(&error))?;
        let epoch = patiently(|| log_epoch::find(&db)).await.map_err(|error| other(&error))?;
        let writer = Writer::start(config.writers, &database, config.times);
        let (relays, newest) = (Relays::default(), NewestPages::default());
        let (secret_before, life) = (config.secret_key_previous.as_ref(), config.token_life);
        let tokens = Tokens::new(&secret, secret_before, config.algorithm, life);
        let keys = [Some(&secret), secret_before].into_iter().flatten();
        let successions = keys.map(Succession::new).collect::<Result<_, _>>().map_err(|error| other(&error))?;
        let cluster = if config.cluster { Cluster::of_several(config.nats.is_some()) } else { Cluster::default() };
        let logs = Logs { epoch: epoch.clone(), lease: cluster.lease(), bus: cluster.bus() };
        let shared_limits = shared_limits(&config, &db, &secret).map_err(|error| other(&error))?;
        let node = Data::new(Node {
            registry: Registry::start(db.clone(), writer.clone(), relays.clone(), newest.clone(), config.times, logs),
            cluster,
            epoch,
            newest,
            db,
            tokens: Arc::new(tokens.by(config.times.clock)),
            successions,
            refresh_life: config.refresh_life,
            limits: Limits::new(config.rate_limit, config.times.uptime),
            shared_limits,
            has_tls: tls.is_some(),
            proxies: config.trusted_proxies.clone(),
            passwords: Passwords::new(config.bcrypt_cost, config.strict_passwords).map_err(|error| other(&error))?,
            unread: Unread::default(),
            doubts: http::Doubts::default(),
            health: http::Health::default(),
            exports: http::Exports::default(),
            purge: Purge::default(),
            stopping: AtomicBool::new(false),
        });
        let (registry, sockets) = (node.registry.clone(), relays.clone());
        actix_rt::spawn(async move {
            while let Some(done) = read_again.recv().await {
                registry.read_again(&sockets).await;
                let _ = done.send(());
            }
        });
        let registration = Registration {
            origin: lock.number(),
            writers: writer.ids().to_vec(),
            key_proof: secret::proof(&secret).map_err(|error| other(&error))?,
            host: lock.name(),
        };
        let sockets = (node.registry.clone(), relays.clone());
        let key = bus::Key::new(&secret).map_err(|error| other(&error))?;
        let bus = config.nats.clone().map(|settings| (settings, key));
        let membership = node.cluster.join(&database, registration, sockets, config.times, bus).await?;
        let documents = Data::from(documents(config.web).map_err(|error| other(&error))?);
        let client = config.web.then(|| Data::from(Arc::clone(&CLIENT)));
        let server = serve(&config, listener, node.clone(), (documents, client), relays.clone(), tls.clone())
            .map_err(|error| StartError::Listen(address.to_string(), error))?;
        actix_rt::spawn(message_revisions::prune_for_ever(node.db.clone()));
        if config.cluster {
            actix_rt::spawn(store::limits::prune_for_ever(node.db.clone()));
        }
        let (db, purge) = (node.db.clone(), node.purge.clone());
        let purging = actix_rt::spawn(deleted_channels::purge_for_ever(db, purge, config.times.purge_every));
        let limits = Arc::clone(&node.limits);
        actix_rt::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                match limits.take_unlogged() {
                    0 => {}
                    count => {
                        tracing::info!(count, "calls of nobody who is known, beyond those with a line of their own")
                    }
                }
                match take_left_out() {
                    0 => {}
                    count => tracing::info!(count, "streams that were no HTTP, beyond those with a line of their own"),
                }
            }
        });
        if !config.rate_limit {
            tracing::warn!("RATE_LIMIT=off: nothing is limited by rate; use this for tests and load runs only");
        }
        Ok(Self {
            handle: server.handle(),
            server,
            address,
            node,
            writer,
            relays,
            purging,
            lock,
            membership,
            embedded,
            tls,
            drain: config.drain,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// TLS to clients, where there is some.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The embedded database, where there is one.
    pub fn embedded(&self) -> Option<&Embedded> {
        self.embedded.as_ref()
    }

    /// The shutdown of this node's relays and so on is tested through this handle.
    pub fn registry(&self) -> &RegistryHandle {
        &self.node.registry
    }

    /// Serves until `stop` is ready, then stops: sockets are ended one after another over the time that was set for it; then no new
    /// connections, what has been taken is written, the other sockets are closed with `1012`, calls are finished, the embedded
    /// database is stopped. That is under 10 s. `stop` is asked for once more meanwhile, and then no socket is waited for.
    ///
    /// # Errors
    /// When the server itself fails, or the embedded database does not stop.
    pub async fn run_until(mut self, mut stop: impl AsyncFnMut()) -> Result<(), StartError> {
        // A task of its own: it carries out what its handle says while this one waits.
        let mut server = actix_rt::spawn(self.server);
        let (mut failed, is_asked) = tokio::select! {
            failed = stop::failure(&mut server, &mut self.lock) => (failed, false),
            () = stop() => (None, true),
        };
        self.node.stopping.store(true, Ordering::Relaxed);
        if is_asked && !self.drain.is_zero() {
            let seconds = self.drain.as_secs();
            tracing::info!(
                seconds,
                "sockets are ended one after another, then the node stops; at a second signal at once"
            );
            failed = tokio::select! {
                failed = stop::failure(&mut server, &mut self.lock) => failed,
                () = stop::drain(&self.relays, self.drain) => None,
                () = stop() => None,
            };
        }
        tracing::info!("stopping");
        self.handle.pause().await;
        self.writer.close();
        // The next start goes on.
        self.purging.abort();
        let in_order = async {
            if tokio::time::timeout(WRITES_MAX, self.writer.drain()).await.is_err() {
                tracing::warn!(
                    "not everything that was sent could be written before the stop; it was not acknowledged"
                );
            }
            self.node.registry.end_all(&self.relays, End::RESTART).await;
            stop::all_closed(&self.relays).await;
        };
        if tokio::time::timeout(SOCKETS_MAX, in_order).await.is_err() {
            tracing::warn!("some sockets did not take their close frame");
        }
        let _ = tokio::time::timeout(CALLS_MAX, self.handle.stop(true)).await;
        if let Some(membership) = self.membership {
            membership.leave().await;
        }
        self.node.db.close();
        self.lock.release().await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        tracing::info!("stopped");
        failed.map_or(Ok(()), Err)
    }
}

fn shared_limits(config: &Config, db: &Db, secret: &SecretString) -> Result<SharedLimits, InvalidLength> {
    Ok(match (config.rate_limit, config.cluster) {
        (false, _) => SharedLimits::off(),
        (true, false) => SharedLimits::in_memory(config.times.uptime),
        (true, true) => SharedLimits::in_database(db.clone(), LimitKeys::new(secret)?),
    })
}

fn serve(
    config: &Config,
    listener: TcpListener,
    node: Data<Node>,
    (documents, client): (Data<Documents>, Option<Data<WebClient>>),
    relays: Relays,
    tls: Option<Tls>,
) -> io::Result<Server> {
    let builder = Server::build().workers(config.workers).disable_signals().shutdown_timeout(CALLS_MAX.as_secs());
    let stopping = builder.graceful_shutdown_signal();
    let (echo, origins) = (config.conformance_echo, config.cors_origins.clone());
    let pages = Pages { origins: origins.clone(), headers: config.cors_headers.clone() };
    let newcomers = Newcomers::default();
    let (started, times) = (Arc::new(AtomicUsize::new(0)), config.times);
    let server = builder.listen("madang", listener, move || {
        // Called on each worker's own thread.
        let relay = Relay::start_here(started.fetch_add(1, Ordering::Relaxed), times);
        relays.add(relay.handle().clone());
        let (registry, tokens, db) = (node.registry.clone(), node.tokens.clone(), node.db.clone());
        let limits = Arc::clone(&node.limits);
        let (proxies, allowed) = (node.proxies.clone(), origins.clone());
        let epoch = node.epoch.clone();
        let door = Rc::new(Door { tokens, registry, db, relay, limits, proxies, origins: allowed, epoch, echo });
        let (node, documents, client) = (node.clone(), documents.clone(), client.clone());
        let stopping = stopping.clone();
        let (tls, newcomers) = (tls.clone(), newcomers.clone());
        let accept = fn_service(move |tcp: TcpStream| {
            let (tls, newcomers) = (tls.clone(), newcomers.clone());
            async move {
                let peer = tcp.peer_addr().ok();
                Ok((
                    net::accept(tcp, tls.as_ref(), &newcomers).await.map_err(DispatchError::Io)?,
                    Protocol::Http1,
                    peer,
                ))
            }
        });
        let http = HttpService::build()
            // `wire` does both, for every head and every pause between calls.
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            // What a refused call still sends is read for so long: closed upon, it would reset the connection, and its answer with it.
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|wire: &Wire, data| {
                data.insert(wire.exchange());
            })
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .upgrade(fn_service(move |(request, framed)| {
                let door = Rc::clone(&door);
                async move {
                    upgrade(door, request, framed).await;
                    Ok::<_, actix_http::Error>(())
                }
            }))
            .finish(map_config(http::app(node, documents, client, pages.clone()), |()| AppConfig::default()));
        accept.and_then(http)
    })?;
    Ok(server.run())
}

/// What a node serves of documents; made once, since it depends on nothing else than whether there is a chat to lead to.
fn documents(has_chat: bool) -> serde_json::Result<Arc<Documents>> {
    static DOCUMENTS: [OnceLock<Arc<Documents>>; 2] = [const { OnceLock::new() }; 2];
    let [without, with] = &DOCUMENTS;
    let place = if has_chat { with } else { without };
    if let Some(made) = place.get() {
        return Ok(Arc::clone(made));
    }
    let made = Arc::new(Documents::new(&http::document()?, asyncapi::document()?, has_chat));
    Ok(Arc::clone(place.get_or_init(|| made)))
}

fn listen(host: &str, port: u16) -> Result<TcpListener, StartError> {
    let nowhere = |error| StartError::Host(host.to_owned(), error);
    let address = std::net::ToSocketAddrs::to_socket_addrs(&(host, port))
        .map_err(nowhere)?
        .next()
        .ok_or_else(|| nowhere(io::Error::other("the name has no address")))?;
    let bind = || {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        // What it accepts has these too.
        socket.set_send_buffer_size(net::SEND_BUFFER_BYTES)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    bind().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AddrNotAvailable => nowhere(error),
        _ => StartError::Listen(format!("{host}:{port}"), error),
    })
}
