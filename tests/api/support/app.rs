//! The real application, on port 0, in a thread and an actix system of its own, on a database of its own.

use super::database::{connect, fresh_database};
use super::secrets;
use madang::app::{Application, StartError};
use madang::auth::token::TokenAlgorithm;
use madang::config::{Config, Database};
use madang::times::{Times, Uptime};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};

/// What the nodes of tests sign with.
pub const SECRET_KEY: &str = "the key that the nodes of these tests sign with";

/// A node that runs until it is stopped or dropped.
pub struct TestApp {
    pub address: SocketAddr,
    pub database: tokio_postgres::Config,
    pub(super) http: reqwest::Client,
    running: Option<Running>,
    /// What the node's limits count by, in microseconds.
    uptime_us: &'static AtomicU64,
}

/// The cluster has 64 connections: so many nodes share them, however many cores run tests.
static NODES: Semaphore = Semaphore::const_new(6);

struct Running {
    _permit: SemaphorePermit<'static>,
    stop: mpsc::UnboundedSender<()>,
    thread: JoinHandle<Result<(), StartError>>,
}

pub async fn spawn_app() -> TestApp {
    spawn_app_with(|_| {}).await
}

/// A node that gives up on its database and its clients as early as one of an operator does.
pub async fn spawn_hasty_app() -> TestApp {
    spawn_app_with(|config| config.times = Times { uptime: config.times.uptime, ..Times::default() }).await
}

/// A node with other settings than a test's usual ones.
pub async fn spawn_app_with(change: impl FnOnce(&mut Config)) -> TestApp {
    secrets::watch_own_log();
    let permit = NODES.acquire().await.expect("never closed");
    let database = fresh_database().await;
    start(permit, database, change).await
}

/// Several nodes on one database, which hear of each other by that alone.
pub async fn spawn_nodes<const N: usize>() -> [TestApp; N] {
    spawn_nodes_with(|_| {}).await
}

/// The same with other settings.
pub async fn spawn_nodes_with<const N: usize>(change: impl Fn(&mut Config)) -> [TestApp; N] {
    let change = |config: &mut Config| {
        config.cluster = true;
        // What they do not tell each other is not found in time.
        config.times.watch_every = 2 * super::SOON;
        change(config);
    };
    spawn_nodes_on(fresh_database().await, change).await
}

/// Several nodes on one database that limit what they are asked, behind a proxy. The time of the database is that of
/// [`TestApp::pass_in_database`], and stands still otherwise.
pub async fn spawn_limited_nodes<const N: usize>() -> [TestApp; N] {
    spawn_limited_nodes_with(|_| {}).await
}

/// The same with other settings.
pub async fn spawn_limited_nodes_with<const N: usize>(change: impl Fn(&mut Config)) -> [TestApp; N] {
    let database = fresh_database().await;
    let name = database.get_dbname().expect("a name");
    let clock = format!(
        "create schema told;
        create table told.clock as select now() as now;
        create function told.now() returns timestamptz language sql stable as 'select now from told.clock';
        alter database {name} set search_path = public, told, pg_catalog"
    );
    connect(&database).await.batch_execute(&clock).await.expect("it is made");
    let change = |config: &mut Config| {
        limited(config);
        change(config);
    };
    spawn_nodes_on(database, change).await
}

async fn spawn_nodes_on<const N: usize>(
    database: tokio_postgres::Config,
    change: impl Fn(&mut Config),
) -> [TestApp; N] {
    secrets::watch_own_log();
    let mut permits = NODES.acquire_many(N.try_into().expect("a few")).await.expect("never closed");
    let mut nodes = Vec::new();
    while nodes.len() < N {
        let permit = permits.split(1).expect("one each");
        nodes.push(start(permit, database.clone(), &change).await);
    }
    nodes.try_into().unwrap_or_else(|_| unreachable!("so many were started"))
}

fn limited(config: &mut Config) {
    (config.cluster, config.rate_limit) = (true, true);
    config.trusted_proxies = "127.0.0.1".parse().expect("an address");
}

/// Why a node does not start on the database of this one.
pub async fn refusal_beside(app: &TestApp, change: impl FnOnce(&mut Config)) -> String {
    let mut config = config(app.database.clone(), Box::leak(Box::default()));
    change(&mut config);
    let start = move || actix_web::rt::System::new().block_on(async { Application::build(config).await.err() });
    let refused = tokio::task::spawn_blocking(start).await.expect("it ends");
    refused.expect("it is refused").to_string()
}

async fn start(
    permit: SemaphorePermit<'static>,
    database: tokio_postgres::Config,
    change: impl FnOnce(&mut Config),
) -> TestApp {
    let uptime_us: &'static AtomicU64 = Box::leak(Box::default());
    let mut config = config(database.clone(), uptime_us);
    change(&mut config);
    let (started, address) = oneshot::channel();
    let (stop, mut stops) = mpsc::unbounded_channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let application = Application::build(config).await?;
            let _ = started.send(application.address());
            application.run_until(async || _ = stops.recv().await).await
        })
    });
    let Ok(address) = address.await else { panic!("the node did not start: {:?}", thread.join()) };
    let mut app = TestApp::elsewhere(address, database);
    app.running = Some(Running { _permit: permit, stop, thread });
    app.uptime_us = uptime_us;
    app
}

/// A test's usual settings.
fn config(database: tokio_postgres::Config, uptime_us: &'static AtomicU64) -> Config {
    Config {
        database: Database::Url(Box::new(database.into())),
        cluster: false,
        nats: None,
        drain: Duration::ZERO,
        secret_key: Some(SECRET_KEY.into()),
        secret_key_previous: None,
        algorithm: TokenAlgorithm::Hs256,
        token_life: Duration::from_secs(1_800),
        refresh_life: Duration::from_secs(86_400),
        host: "127.0.0.1".into(),
        port: 0,
        tls: None,
        web: true,
        workers: 2,
        writers: 1,
        data_dir: "/nonexistent".into(),
        pg_bin_dir: None,
        bcrypt_cost: 4,
        rate_limit: false,
        trusted_proxies: madang::net::client_address::TrustedProxies::default(),
        strict_passwords: false,
        cors_origins: madang::net::origin::AllowedOrigins::default(),
        cors_headers: Vec::new(),
        conformance_echo: false,
        times: patient(uptime_us),
    }
}

/// What a slow machine takes its time for is not given up.
fn patient(uptime_us: &'static AtomicU64) -> Times {
    let (answer_max, send_patience) = (super::SOON, super::SOON);
    let soon_s = u32::try_from(super::SOON.as_secs()).expect("not that long");
    Times {
        answer_max,
        standstill_max: super::SOON,
        connection_wait_max: super::SOON,
        send_patience,
        gap_read_max: super::SOON,
        // Longer than any test waits for what is told of.
        purge_every: 2 * super::SOON,
        ping_after_s: soon_s,
        silence_max_s: 2 * soon_s,
        identify_max_s: soon_s,
        linger_s: soon_s,
        uptime: Uptime::told_by(uptime_us),
        ..Times::default()
    }
}

impl TestApp {
    /// A node that somebody else runs.
    pub fn elsewhere(address: SocketAddr, database: tokio_postgres::Config) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(super::SOON);
        let uptime_us = Box::leak(Box::default());
        Self { address, database, http: http.build().expect("an HTTP client"), running: None, uptime_us }
    }

    /// Lets time pass for the node's limits by rate, which stands still otherwise: how slow the machine is fills no bucket.
    pub fn pass(&self, time: Duration) {
        let passed_us = u64::try_from(time.as_micros()).expect("not that long");
        self.uptime_us.fetch_add(passed_us, Ordering::Relaxed);
    }

    /// Lets time pass for the database of [`spawn_limited_nodes`].
    pub async fn pass_in_database(&self, time: Duration) {
        let pass = format!("update told.clock set now = now + make_interval(secs => {})", time.as_secs_f64());
        self.sql(&pass).await;
    }

    /// Another node on the database of [`spawn_limited_nodes`].
    pub async fn spawn_beside(&self) -> TestApp {
        let permit = NODES.acquire().await.expect("never closed");
        start(permit, self.database.clone(), limited).await
    }

    /// Sends the stop signal, for a node that takes its time to stop; the next one stops it at once.
    pub fn begin_stop(&self) {
        self.running.as_ref().expect("it runs").stop.send(()).expect("it runs");
    }

    /// Sends the stop signal and waits, without blocking, until the node has stopped.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            tokio::task::spawn_blocking(|| running.end()).await.expect("the node stops");
        }
    }

    /// Stops the node and starts another one, which knows nothing, on the same database; its address is another one.
    pub async fn restart(&mut self) {
        self.stop().await;
        let permit = NODES.acquire().await.expect("never closed");
        *self = start(permit, self.database.clone(), |_| {}).await;
    }

    /// Runs statements on the node's database.
    pub async fn sql(&self, statements: &str) {
        connect(&self.database).await.batch_execute(statements).await.expect("good SQL");
    }

    /// Waits until the number that a query answers is not 0.
    pub async fn until(&self, query: &str) {
        let database = connect(&self.database).await;
        let found = async {
            while database.query_one(query, &[]).await.expect("good SQL").get::<_, i64>(0) == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(super::SOON, found).await.unwrap_or_else(|_| panic!("never: {query}"));
    }

    /// Lets nobody into the node's database, or everybody again; whoever is there is sent away.
    pub async fn close_database(&self, is_closed: bool) {
        let name = self.database.get_dbname().expect("a name").to_owned();
        let mut elsewhere = self.database.clone();
        elsewhere.dbname("madang");
        let client = connect(&elsewhere).await;
        let change = format!("alter database {name} with allow_connections {}", !is_closed);
        client.batch_execute(&change).await.expect("changed");
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
        client.execute(end, &[&name]).await.expect("ended");
    }

    /// Holds all messages, so that nothing is written; a batch waits 200 ms for them.
    pub async fn lock_messages(&self) -> tokio_postgres::Client {
        let lock = connect(&self.database).await;
        lock.batch_execute("begin; lock table messages in access exclusive mode").await.expect("they are free");
        lock
    }

    /// Holds a channel's row, so that nothing is written to its log.
    pub async fn lock_channel(&self, channel_id: i64) -> tokio_postgres::Client {
        let lock = connect(&self.database).await;
        let begin = format!("begin; select from channels where id = {channel_id} for update");
        lock.batch_execute(&begin).await.expect("it is free");
        lock
    }

    /// Which logs the database says that it has.
    pub async fn epoch(&self) -> String {
        connect(&self.database).await.query_one("select epoch from log_epoch", &[]).await.expect("it is there").get(0)
    }

    /// The one number that a query answers.
    pub async fn count(&self, query: &str) -> i64 {
        connect(&self.database).await.query_one(query, &[]).await.expect("good SQL").get(0)
    }
}

impl Running {
    fn end(self) {
        let _ = self.stop.send(());
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => panic!("the node did not stop well: {error}"),
            Err(_) => panic!("the node's thread panicked"),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            if std::thread::panicking() {
                let _ = running.stop.send(());
            } else {
                running.end();
                secrets::none_was_logged();
            }
        }
    }
}
