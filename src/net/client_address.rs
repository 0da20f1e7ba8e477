//! Where a client is: the peer of its connection, or, if that is a proxy that the operator trusts, who the proxy says.

use actix_web::http::header::HeaderMap;
use std::net::IpAddr;
use std::str::FromStr;

/// The most hops of `X-Forwarded-For` that are looked at, from the last one on.
const HOPS_MAX: usize = 16;

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    first: IpAddr,
    prefix: u32,
}

impl Block {
    fn has(self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u32| {
            a.checked_shr(bits - self.prefix).unwrap_or(0) == b.checked_shr(bits - self.prefix).unwrap_or(0)
        };
        match (self.first, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

impl FromStr for Block {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let first: IpAddr = address.parse().map_err(drop)?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let prefix: u32 = prefix.map_or(Ok(bits), |prefix| prefix.parse().map_err(drop))?;
        // Peers are compared as IPv4 addresses where they have one, so the same is done here.
        match first.to_canonical() {
            IpAddr::V4(v4) if first.is_ipv6() => {
                let prefix = prefix.checked_sub(128 - 32).filter(|prefix| *prefix <= 32).ok_or(())?;
                Ok(Self { first: IpAddr::V4(v4), prefix })
            }
            _ if prefix <= bits => Ok(Self { first, prefix }),
            _ => Err(()),
        }
    }
}

/// The proxies whose `X-Forwarded-For` counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Block>);

impl FromStr for TrustedProxies {
    type Err = String;

    /// Addresses and blocks with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let blocks = text.split(',').map(str::trim).filter(|block| !block.is_empty());
        blocks.map(|block| block.parse().map_err(|()| block.to_owned())).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    /// Whose request has these headers, on a connection from `peer`.
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values: Vec<&[u8]> = headers.get_all("x-forwarded-for").map(|value| value.as_bytes()).collect();
        self.client(peer, values.into_iter())
    }

    /// The client's address: of the hops, from the last one on, the first that is no trusted proxy. `forwarded` are the values of
    /// every `X-Forwarded-For` header, in their order. Each hop is read by itself: what a client has put before the address that
    /// a proxy appends does not hide that.
    pub fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a [u8]>) -> IpAddr {
        let mut client = peer.to_canonical();
        let hops = forwarded.rev().flat_map(|value| value.rsplit(|byte| *byte == b',')).take(HOPS_MAX);
        for hop in hops {
            if !self.trust(client) {
                break;
            }
            // What a trusted proxy did not understand, nobody here does.
            let Some(address) = str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else { break };
            client = address.to_canonical();
        }
        client
    }

    /// Whether this is a proxy that counts.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.has(address))
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]:4711`.
fn address(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    hop.trim_start_matches('[').trim_end_matches(']').parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let trusted: TrustedProxies = trusted.parse().expect("good");
        trusted.client(peer.parse().expect("an address"), forwarded.iter().map(|value| value.as_bytes())).to_string()
    }

    #[test]
    fn only_what_a_trusted_proxy_says_counts_and_the_last_of_it_first() {
        for (trusted, peer, forwarded, expected) in [
            ("", "192.0.2.9", &["203.0.113.7"][..], "192.0.2.9"),
            ("192.0.2.9", "192.0.2.9", &["203.0.113.7"], "203.0.113.7"),
            ("192.0.2.9", "192.0.2.8", &["203.0.113.7"], "192.0.2.8"),
            // What the client itself has sent stands before what the proxy has added.
            ("192.0.2.9", "192.0.2.9", &["10.0.0.1, 203.0.113.7"], "203.0.113.7"),
            ("192.0.2.9", "192.0.2.9", &["10.0.0.1", "203.0.113.7"], "203.0.113.7"),
            ("192.0.2.0/24, 10.0.0.0/8", "192.0.2.9", &["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("192.0.2.9", "192.0.2.9", &[], "192.0.2.9"),
            ("192.0.2.9", "192.0.2.9", &["unknown"], "192.0.2.9"),
            ("192.0.2.9", "192.0.2.9", &["203.0.113.7:4711"], "203.0.113.7"),
            ("::1", "::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", &["2001:db8::1"], "2001:db8::1"),
            ("::ffff:192.0.2.9", "192.0.2.9", &["203.0.113.7"], "203.0.113.7"),
            ("0.0.0.0/0", "192.0.2.9", &["203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ] {
            assert_eq!(client(trusted, peer, forwarded), expected, "{trusted} {peer} {forwarded:?}");
        }
    }

    #[test]
    fn what_a_client_puts_before_a_proxys_word_does_not_hide_it() {
        let trusted: TrustedProxies = "192.0.2.9".parse().expect("good");
        let peer = "192.0.2.9".parse().expect("an address");
        for forwarded in [&b"\xff, 203.0.113.7"[..], b"\xc3\x28,\xff , 203.0.113.7", b", ,203.0.113.7"] {
            assert_eq!(trusted.client(peer, [forwarded].into_iter()).to_string(), "203.0.113.7");
        }
    }

    #[test]
    fn only_so_many_hops_are_looked_at() {
        let forwarded = |proxies: usize| format!("203.0.113.7{}", ", 10.0.0.2".repeat(proxies));
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[&forwarded(HOPS_MAX - 1)]), "203.0.113.7");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[&forwarded(HOPS_MAX)]), "10.0.0.2");
    }

    #[test]
    fn what_is_no_block_of_addresses_is_named() {
        for bad in ["localhost", "10.0.0.0/33", "::/129", "10.0.0.1/-1", "10.0.0.0/", "1"] {
            assert_eq!(bad.parse::<TrustedProxies>(), Err(bad.to_owned()));
        }
        assert!(" 10.0.0.1 , ,::1/128".parse::<TrustedProxies>().is_ok_and(|proxies| proxies.0.len() == 2));
    }
}
