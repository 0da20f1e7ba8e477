//! Settings. Each is checked before anything starts; a bad one stops the start
//! with a line that names it. `docs/SETTINGS.md` and `.env.example` list them all, which a test holds true.

mod environment;
mod keys;
mod nats;

pub use environment::{Environment, Unknown};
pub use nats::NatsSettings;

use crate::auth::token::TokenAlgorithm;
use crate::net::client_address::TrustedProxies;
use crate::net::origin::AllowedOrigins;
use crate::net::tls::Files;
use crate::store::{Target, TargetError};
use crate::times::Times;
use actix_http::header::HeaderName;
use keys::{checked_key, secret_key};
use secrecy::SecretString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Every setting's name, in the order of `docs/SETTINGS.md`.
pub const NAMES: [&str; 26] = [
    "DATABASE_URL",
    "CLUSTER",
    "NATS_URL",
    "NATS_CA",
    "DRAIN_SECONDS",
    "SECRET_KEY",
    "SECRET_KEY_PREVIOUS",
    "ALGORITHM",
    "ACCESS_TOKEN_EXPIRE_MINUTES",
    "REFRESH_TOKEN_EXPIRE_DAYS",
    "HOST",
    "PORT",
    "TLS_CERT",
    "TLS_KEY",
    "WEB",
    "WORKERS",
    "WRITERS",
    "DATA_DIR",
    "PG_BIN_DIR",
    "BCRYPT_COST",
    "PASSWORD_POLICY",
    "RATE_LIMIT",
    "TRUSTED_PROXIES",
    "CORS_ORIGINS",
    "CORS_HEADERS",
    "CONFORMANCE_ECHO",
];

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which PostgreSQL.
    pub database: Database,
    /// Whether other nodes use the same database.
    pub cluster: bool,
    /// By which the nodes of a cluster hear of each other sooner.
    pub nats: Option<NatsSettings>,
    /// A stop ends sockets one after another over so long; zero ends them all at once.
    pub drain: Duration,
    /// Signs tokens; `None` is made at random and kept (embedded default only).
    pub secret_key: Option<SecretString>,
    /// Tokens that it has signed are still good.
    pub secret_key_previous: Option<SecretString>,
    /// How tokens are signed.
    pub algorithm: TokenAlgorithm,
    /// How long a token lives.
    pub token_life: Duration,
    /// How long a refresh token that is not used lives.
    pub refresh_life: Duration,
    /// Where the node listens.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    /// The certificate that clients are shown; `None` serves without TLS.
    pub tls: Option<Files>,
    /// Whether the web client is served.
    pub web: bool,
    /// Worker threads.
    pub workers: usize,
    /// Database writers.
    pub writers: usize,
    /// The embedded database, the generated secret.
    pub data_dir: PathBuf,
    /// Where PostgreSQL's programs are; `None` looks in the usual places.
    pub pg_bin_dir: Option<PathBuf>,
    /// 4 to 31.
    pub bcrypt_cost: u32,
    /// Off only for tests and load runs.
    pub rate_limit: bool,
    /// Whether passwords that are easily guessed are refused.
    pub strict_passwords: bool,
    /// Origins of web pages that may use the node.
    pub cors_origins: AllowedOrigins,
    /// Further request headers that those pages may send.
    pub cors_headers: Vec<HeaderName>,
    /// Whose `X-Forwarded-For` says where a client is, and whose `X-Forwarded-Proto` whether it comes by TLS.
    pub trusted_proxies: TrustedProxies,
    /// Whether `/ws/echo` exists; for conformance runs.
    pub conformance_echo: bool,
    /// What happens by the clock; no setting: only tests change it.
    pub times: Times,
}

/// Which PostgreSQL holds the data.
#[derive(Clone, Debug)]
pub enum Database {
    /// A private one, started and stopped with the node.
    Embedded,
    /// One that runs already.
    Url(Box<Target>),
}

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ConfigError {
    /// The variable.
    pub name: &'static str,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

type Result<T> = std::result::Result<T, ConfigError>;

fn bad<T>(name: &'static str, problem: impl Display) -> Result<T> {
    // A value that is repeated may hold a line break, or what a terminal obeys.
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Err(ConfigError { name, problem: problem.to_string().chars().map(escaped).collect() })
}

impl Config {
    /// The settings that `lookup` gives; an empty value counts as unset.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let get =
            |name: &'static str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let database = match get("DATABASE_URL") {
            None => Database::Embedded,
            Some(url) => Database::Url(Box::new(database_url(&url)?)),
        };
        let is_embedded = matches!(database, Database::Embedded);
        let cluster = switch("CLUSTER", get("CLUSTER"), false)?;
        if cluster && is_embedded {
            return bad(
                "CLUSTER",
                "needs a database that every node can reach: set DATABASE_URL, the same for all, and the same SECRET_KEY",
            );
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            cluster,
            nats: nats::settings(get("NATS_URL"), get("NATS_CA"), cluster)?,
            drain: Duration::from_secs(number("DRAIN_SECONDS", get("DRAIN_SECONDS"), 0, 0..=600)?),
            secret_key: secret_key(get("SECRET_KEY"), is_embedded)?,
            secret_key_previous: get("SECRET_KEY_PREVIOUS")
                .map(|key| checked_key("SECRET_KEY_PREVIOUS", key))
                .transpose()?,
            algorithm: algorithm(get("ALGORITHM"))?,
            token_life: Duration::from_secs(
                60 * number("ACCESS_TOKEN_EXPIRE_MINUTES", get("ACCESS_TOKEN_EXPIRE_MINUTES"), 30, 1..=525_600)?,
            ),
            refresh_life: Duration::from_secs(
                86_400 * number("REFRESH_TOKEN_EXPIRE_DAYS", get("REFRESH_TOKEN_EXPIRE_DAYS"), 30, 1..=365)?,
            ),
            host: host(get("HOST")),
            port: number("PORT", get("PORT"), 8000, 0..=u16::MAX)?,
            tls: tls(get("TLS_CERT"), get("TLS_KEY"))?,
            web: switch("WEB", get("WEB"), true)?,
            workers: number("WORKERS", get("WORKERS"), cores.min(512), 1..=512)?,
            writers: number("WRITERS", get("WRITERS"), 1, 1..=16)?,
            data_dir: get("DATA_DIR").unwrap_or_else(|| "./data".into()).into(),
            pg_bin_dir: get("PG_BIN_DIR").map(PathBuf::from),
            bcrypt_cost: number("BCRYPT_COST", get("BCRYPT_COST"), 12, 4..=31)?,
            rate_limit: switch("RATE_LIMIT", get("RATE_LIMIT"), true)?,
            strict_passwords: policy(get("PASSWORD_POLICY"))?,
            cors_origins: origins(get("CORS_ORIGINS"))?,
            cors_headers: headers(get("CORS_HEADERS"))?,
            trusted_proxies: proxies(get("TRUSTED_PROXIES"))?,
            conformance_echo: switch("CONFORMANCE_ECHO", get("CONFORMANCE_ECHO"), false)?,
            times: Times::default(),
            database,
        })
    }
}

fn number<T>(name: &'static str, value: Option<String>, default: T, range: RangeInclusive<T>) -> Result<T>
where
    T: FromStr + PartialOrd + Display,
{
    let Some(value) = value else { return Ok(default) };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => bad(name, format!("must be a whole number from {} to {}, not `{value}`", range.start(), range.end())),
    }
}

/// An IPv6 address may have the brackets that it has in a URL.
fn host(value: Option<String>) -> String {
    let value = value.unwrap_or_else(|| "127.0.0.1".into());
    value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).map(str::to_owned).unwrap_or(value)
}

fn switch(name: &'static str, value: Option<String>, default: bool) -> Result<bool> {
    match value.as_deref() {
        None => Ok(default),
        Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(other) => bad(name, format!("must be `on` or `off`, not `{other}`")),
    }
}

fn tls(certificate: Option<String>, key: Option<String>) -> Result<Option<Files>> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Files { certificate: certificate.into(), key: key.into() })),
        (Some(_), None) => bad("TLS_KEY", "must be set when TLS_CERT is: the file with the certificate's private key"),
        (None, Some(_)) => bad("TLS_CERT", "must be set when TLS_KEY is: the file with the certificate's chain"),
    }
}

fn policy(value: Option<String>) -> Result<bool> {
    match value.as_deref() {
        None | Some("length") => Ok(false),
        Some("strict") => Ok(true),
        Some(other) => bad("PASSWORD_POLICY", format!("must be `length` or `strict`, not `{other}`")),
    }
}

fn origins(value: Option<String>) -> Result<AllowedOrigins> {
    value.unwrap_or_default().parse().or_else(|origin| {
        let example = "https://chat.example.com";
        bad("CORS_ORIGINS", format!("must be origins like {example}, with commas between; `{origin}` is none"))
    })
}

fn headers(value: Option<String>) -> Result<Vec<HeaderName>> {
    let value = value.unwrap_or_default();
    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
    let read = |name: &str| {
        name.parse().or_else(|_| {
            bad("CORS_HEADERS", format!("must be names of headers, with commas between; `{name}` is none"))
        })
    };
    names.map(read).collect()
}

fn proxies(value: Option<String>) -> Result<TrustedProxies> {
    value.unwrap_or_default().parse().or_else(|block| {
        bad(
            "TRUSTED_PROXIES",
            format!("must be addresses or blocks like 10.0.0.0/8, with commas between; `{block}` is none"),
        )
    })
}

fn algorithm(value: Option<String>) -> Result<TokenAlgorithm> {
    match value.as_deref() {
        None | Some("HS256") => Ok(TokenAlgorithm::Hs256),
        Some("HS384") => Ok(TokenAlgorithm::Hs384),
        Some("HS512") => Ok(TokenAlgorithm::Hs512),
        Some(other) => bad("ALGORITHM", format!("must be HS256, HS384 or HS512, not `{other}`")),
    }
}

fn database_url(url: &str) -> Result<Target> {
    url.parse().or_else(|error: TargetError| bad("DATABASE_URL", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Config> {
        Config::from_lookup(|name| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let config = read(&[("SECRET_KEY", " ")]).expect("good");
        assert!(matches!(config.database, Database::Embedded) && config.secret_key.is_none());
        assert_eq!((config.host.as_str(), config.port, config.bcrypt_cost), ("127.0.0.1", 8000, 12));
        assert_eq!((config.token_life.as_secs(), config.rate_limit), (1_800, true));
    }

    #[test]
    fn each_bad_value_names_its_variable() {
        let good = "postgresql://u:canary-password@h:5432/d";
        for (name, value) in [
            ("DATABASE_URL", "mysql://u:canary-password@h/d"),
            ("DATABASE_URL", "postgresql+asyncpg://u:canary-password@h/d"),
            ("DATABASE_URL", "postgresql://u:canary-password@h:notaport/d"),
            ("DATABASE_URL", "postgresql://u:canary-password@h/d?sslmode=allow"),
            ("DATABASE_URL", "postgresql://u:canary-?password@h/d?sslmode=allow"),
            ("DATABASE_URL", "postgresql://u:p@canary-password@h/d"),
            ("DATABASE_URL", "postgresql://u:canary-password@h/d?sslmode=verify-full"),
            ("DATABASE_URL", "postgresql://u:canary-password@h/d?sslmode=verify-ca&sslrootcert=/nowhere.pem"),
            ("DATABASE_URL", "postgresql://u:canary-password@h/d?connect_timeout=10&sslcrl=1"),
            ("SECRET_KEY", "canary-password-too-short"),
            ("SECRET_KEY", "your-secret-key-canary-password-0123456789"),
            ("SECRET_KEY", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"),
            ("SECRET_KEY", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
            ("SECRET_KEY_PREVIOUS", "canary-password-too-short"),
            ("REFRESH_TOKEN_EXPIRE_DAYS", "0"),
            ("ALGORITHM", "none"),
            ("ALGORITHM", "RS256"),
            ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
            ("PORT", "65536"),
            ("PORT", "http"),
            ("PORT", "80\n00"),
            ("ALGORITHM", "\u{1b}[2J"),
            ("CLUSTER", "yes"),
            ("CLUSTER", "on"),
            ("NATS_URL", "nats://u:canary@h"),
            ("NATS_CA", "ca.pem"),
            ("DRAIN_SECONDS", "601"),
            ("WEB", "yes"),
            ("WORKERS", "0"),
            ("WRITERS", "17"),
            ("BCRYPT_COST", "3"),
            ("RATE_LIMIT", "yes"),
            ("TRUSTED_PROXIES", "10.0.0.0/33"),
            ("TRUSTED_PROXIES", "proxy.example.com"),
            ("CORS_ORIGINS", "*"),
            ("CORS_ORIGINS", "https://chat.example.com/"),
            ("CORS_HEADERS", "traceparent, x y"),
            ("PASSWORD_POLICY", "weak"),
            ("CONFORMANCE_ECHO", "1"),
        ] {
            let error = read(&[(name, value)]).expect_err(value);
            assert_eq!(error.name, name, "{value}");
            assert!(!error.to_string().contains("canary"), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
        for (name, missing) in [("TLS_CERT", "TLS_KEY"), ("TLS_KEY", "TLS_CERT")] {
            assert_eq!(read(&[(name, "one.pem")]).expect_err("one alone").name, missing);
        }
        let error = read(&[("DATABASE_URL", good)]).expect_err("a database of one's own needs a key");
        assert_eq!(error.name, "SECRET_KEY");
    }

    #[test]
    fn the_documents_and_the_example_list_every_setting_in_this_order() {
        let in_rows = |text: &'static str| -> Vec<&'static str> {
            let cells = text.lines().filter(|line| line.starts_with("| `")).filter_map(|row| row.split('|').nth(1));
            cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
        };
        let is_name = |text: &&str| text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        let lines = include_str!("../.env.example").lines();
        let assigned = lines.filter_map(|line| Some(line.strip_prefix("# ")?.split_once('=')?.0)).filter(is_name);
        let known: Vec<&str> = NAMES.into_iter().chain([environment::LOG]).collect();
        assert_eq!(in_rows(include_str!("../docs/SETTINGS.md")), known);
        assert_eq!(in_rows(include_str!("../docs/SETTINGS.ko.md")), known);
        assert_eq!(assigned.collect::<Vec<_>>(), known);
    }

    #[test]
    fn settings_do_not_show_their_secrets() {
        let key = "canary-key-canary-key-canary-key-canary";
        let config = read(&[("DATABASE_URL", "postgresql://u:canary@h/d"), ("SECRET_KEY", key)]).expect("good");
        assert!(!format!("{config:?}").contains("canary"));
    }
}
