//! What comes with a call beside its body: the query, `X-Forwarded-For`, `Origin`.

use actix_http::RequestHead;
use madang::actors::channel::Start;
use madang::actors::relay::Hears;
use madang::domain::epoch::Epoch;
use madang::domain::message::{Page, Window};
use madang::domain::validation::Issue;
use madang::domain::{ChannelId, Seq};
use madang::http::Query;
use madang::http::api::events::EventsQuery;
use madang::net::client_address::TrustedProxies;
use madang::net::origin::AllowedOrigins;
use madang::sockets::handshake::{Route, route};
use std::net::{IpAddr, Ipv4Addr};

/// A line each: a query; trusted proxies, a peer, what was forwarded (with `|` between headers); allowed origins, an origin, a host.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    query(line());
    forwarded(line(), line(), line());
    origin(line(), line(), line());
}

/// A parameter as it counts: the last one of its name.
fn last(query: &str, name: &str) -> Option<Result<i64, String>> {
    let (_, text) = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).last()?;
    Some(text.parse().map_err(|_| text.into_owned()))
}

fn query(query: &str) {
    let said = |name| last(query, name).map(|said| said.expect("what is taken is a number"));
    match Query::parse(query) {
        Ok(Page { window, limit }) => {
            assert!((1..=100).contains(&limit) && limit == said("limit").unwrap_or(50), "{query}");
            let expected = (said("before"), said("after"), said("around"), said("offset").unwrap_or(0));
            let taken = match window {
                Window::Newest { offset } => (None, None, None, offset),
                Window::Before(id) => (Some(id.0), None, None, 0),
                Window::After(id) => (None, Some(id.0), None, 0),
                Window::Around(id) => (None, None, Some(id.0), 0),
            };
            assert_eq!(taken, expected, "{query}");
            let named = taken.0.or(taken.1).or(taken.2);
            assert!((0..=10_000).contains(&taken.3) && named.is_none_or(|id| id >= 0), "{query}");
        }
        Err(issues) => named(query, &issues, &["limit", "offset", "before", "after", "around"]),
    }
    match Query::parse(query) {
        Ok(EventsQuery { after, limit }) => {
            assert!((1..=1_000).contains(&limit) && limit == said("limit").unwrap_or(100), "{query}");
            assert!(after >= 0 && after == said("after").unwrap_or(0), "{query}");
        }
        Err(issues) => named(query, &issues, &["limit", "after"]),
    }
    socket(query);
}

/// Refused is only what is there, and each by its name.
fn named(query: &str, issues: &[Issue], names: &[&str]) {
    assert!(!issues.is_empty());
    for issue in issues {
        let name = issue.loc[1].name().expect("a name");
        assert!(
            issue.loc[0].name() == Some("query") && names.contains(&name) && last(query, name).is_some(),
            "{query}: {issue:?}"
        );
    }
}

/// A channel's socket takes the `after` that its events take.
fn socket(query: &str) {
    let Ok(uri) = format!("/ws/7?{query}").parse() else { return };
    let mut head = RequestHead::default();
    head.uri = uri;
    let after = last(head.uri.query().unwrap_or_default(), "after");
    let epoch = Epoch::new("one");
    let query_text = head.uri.query().unwrap_or_default();
    let named = url::form_urlencoded::parse(query_text.as_bytes()).filter(|(key, _)| key == "epoch");
    let is_of_this_log = named.last().is_none_or(|(_, named)| named == "one");
    let expected = match after {
        None => Some(Start::Live),
        // Of another log it is beyond the end of this one.
        Some(Ok(after)) if after >= 0 => Some(Start::After(if is_of_this_log { Seq(after) } else { Seq::BEYOND })),
        Some(_) => None,
    };
    match route(&head, &epoch, false) {
        Ok(Route::Channel(ChannelId(7), start, Hears::Messages)) => assert!(Some(start) == expected, "{query}"),
        Ok(other) => panic!("{query}: {other:?}"),
        Err(_) => assert!(expected.is_none(), "{query}"),
    }
    let Ok(uri) = format!("/ws/{query}").parse() else { return };
    head.uri = uri;
    if let Ok(Route::Channel(ChannelId(id), ..)) = route(&head, &epoch, false) {
        let text = head.uri.path().trim_start_matches("/ws/").trim_end_matches('/');
        assert_eq!(text.parse(), Ok(id));
    }
}

fn forwarded(trusted: &str, peer: &str, forwarded: &str) {
    let proxies: TrustedProxies = match trusted.parse() {
        Ok(proxies) => proxies,
        Err(bad) => return assert!(trusted.contains(&bad) && !bad.contains(',') && !bad.is_empty(), "{trusted}"),
    };
    let peer: IpAddr = peer.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let client = |forwarded: &str| proxies.client(peer, forwarded.split('|').map(str::as_bytes));
    // Whoever is trusted is asked who it is that it speaks for.
    let other = if peer == Ipv4Addr::new(192, 0, 2, 1) { "192.0.2.2" } else { "192.0.2.1" };
    let trusts = |address: IpAddr| proxies.client(address, [other.as_bytes()].into_iter()) != address.to_canonical();
    let found = client(forwarded);
    let hops: Vec<&str> = forwarded.split(['|', ',']).map(str::trim).collect();
    let is_said = hops.iter().any(|hop| read(hop) == Some(found));
    assert!(found == peer.to_canonical() || is_said, "{found} was made up: {forwarded}");
    assert_eq!(found, found.to_canonical());
    if !trusts(peer) {
        assert_eq!(found, peer.to_canonical(), "only a trusted proxy is listened to");
    } else if found.to_string() != other && !trusts(found) {
        for before in ["198.51.100.66, ", "198.51.100.66|", "\u{FFFD},", ","] {
            assert_eq!(client(&format!("{before}{forwarded}")), found, "what a client sends does not hide it");
        }
    }
}

fn read(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

fn origin(allowed: &str, origin: &str, host: &str) {
    let origins: AllowedOrigins = match allowed.parse() {
        Ok(origins) => origins,
        Err(bad) => return assert!(allowed.contains(&bad) && !bad.contains(',') && !bad.is_empty(), "{allowed}"),
    };
    assert_eq!(origins.list().join(",").parse(), Ok(origins.clone()), "they stay what they are");
    for listed in origins.list() {
        assert!(origins.allow(listed, None).is_ok() && listed.contains("://"), "{listed}");
        assert!(!listed.contains(char::is_whitespace) && !listed.contains(['@', '?', '#', '\\']), "{listed}");
    }
    let (is_named, is_web) = (origins.names(origin), origin.to_ascii_lowercase().starts_with("http"));
    assert!(is_named || !origins.list().iter().any(|listed| listed == origin), "{origin}");
    assert_eq!(origins.allow(origin, None).is_ok(), is_named, "{origin}");
    let lower = origin.to_ascii_lowercase();
    let place = |scheme| lower == format!("{scheme}://{}", host.to_ascii_lowercase());
    let is_origin = origin.parse::<AllowedOrigins>().is_ok_and(|origins| origins.list().len() == 1);
    let is_own = is_origin && (place("http") || place("https"));
    let is_allowed = origins.allow(origin, Some(host)).is_ok();
    assert!(is_allowed || !(is_named || is_own), "{origin} at {host}");
    assert!(!is_allowed || is_named || (is_origin && is_web && !host.is_empty()), "{origin} at {host}");
}
