//! Settings, from any values at all.

use madang::config::{Config, Database, NAMES};
use std::collections::HashMap;

/// Stands where a value has `$` and holds a secret.
const CANARY: &str = "canary-8f1c";
const SECRETS: [&str; 3] = ["SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URL"];

/// A line each: `NAME=value`, in which `\n` is a line break.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let settings: HashMap<&str, String> = text.lines().filter_map(|line| line.split_once('=')).map(planted).collect();
    if text.contains(CANARY) || settings.get("DATABASE_URL").is_some_and(|url| reads_a_device(url)) {
        return;
    }
    let lookup = |name: &str| {
        assert!(NAMES.contains(&name), "{name} is not known");
        settings.get(name).cloned()
    };
    match Config::from_lookup(lookup) {
        Err(error) => {
            let text = error.to_string();
            assert!(NAMES.contains(&error.name) && text.starts_with(error.name), "{text}");
            assert!(!text.contains(CANARY), "{text}");
            assert!(!text.contains(char::is_control), "{text:?}");
        }
        Ok(config) => {
            let url = settings.get("DATABASE_URL").map_or("", |url| url.trim());
            assert!(!hides(url) || !format!("{config:?}").contains(CANARY), "{config:?}");
            assert_eq!(matches!(config.database, Database::Url(_)), !url.is_empty());
            requires(&config, url);
        }
    }
}

fn planted<'a>((name, value): (&'a str, &str)) -> (&'a str, String) {
    let value = value.replace("\\n", "\n");
    if !SECRETS.contains(&name) {
        return (name, value);
    }
    // The name of a certificate's file is no secret: it is repeated.
    let (secret, file) = value.split_at(value.find("sslrootcert").unwrap_or(value.len()));
    (name, format!("{}{file}", secret.replace('$', CANARY)))
}

/// Its file is read, and some files have no end.
fn reads_a_device(url: &str) -> bool {
    let decoded: String = url::form_urlencoded::parse(url.as_bytes()).flat_map(|(name, value)| [name, value]).collect();
    url.contains("sslrootcert") && ["dev", "proc", "sys"].iter().any(|folder| decoded.contains(folder))
}

/// Whether what is planted stands in the password alone.
fn hides(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return true };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let Some((login, host)) = authority.rsplit_once('@') else { return !rest.contains(CANARY) };
    let user = login.split(':').next().unwrap_or_default();
    !user.contains(CANARY) && !host.contains(CANARY) && !rest[authority.len()..].contains(CANARY)
}

/// A URL that asks for TLS gets it, whatever stands before.
fn requires(config: &Config, url: &str) {
    let after_login = url.split_once('@').map_or(url, |(_, rest)| rest);
    if url.is_empty() || after_login.contains('?') {
        return;
    }
    let key = config.secret_key.as_ref().map(|_| "0123456789abcdef0123456789abcdef".to_owned());
    let asked = Config::from_lookup(|name| match name {
        "DATABASE_URL" => Some(format!("{url}?sslmode=require")),
        "SECRET_KEY" => key.clone(),
        _ => None,
    });
    if let Ok(Config { database: Database::Url(target), .. }) = asked {
        assert_eq!(format!("{:?}", target.config().get_ssl_mode()), "Require", "{url}");
    }
}
