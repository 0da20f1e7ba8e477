//! Where the node is, and from which addresses it is reached.

use super::Trouble;
use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// Connections from one address to the node: fewer than the ports that the kernel gives out by itself (28,232 on Linux).
const FROM_ONE_ADDRESS: usize = 20_000;
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// The node's address.
pub struct Target {
    /// As it was given.
    pub url: String,
    /// What goes into `Host`.
    pub host: String,
    /// What stands before every path, where a proxy serves the node under one.
    pub path: String,
    address: SocketAddr,
    from: Vec<IpAddr>,
    next: Cell<usize>,
}

impl Target {
    /// Looks the node's address up.
    ///
    /// # Errors
    /// When the URL cannot be used, or its host is not known.
    pub fn new(url: &str, from: &[IpAddr], sockets: usize, shard: (u32, u32)) -> Result<Self, Trouble> {
        // Not quoted: it may be a password, or a token.
        if url.contains(['@', '?', '#']) {
            return Err(Trouble::Input("--url: give the node's address alone, without user, password or query".into()));
        }
        let wrong = |why: String| Trouble::Input(format!("--url {url}: {why}"));
        let parsed =
            url::Url::parse(url).map_err(|error| wrong(format!("{error}; write it as http://127.0.0.1:8000")))?;
        match parsed.scheme() {
            "http" => {}
            "https" => return Err(wrong("TLS is not spoken; give the node's own http:// address".into())),
            other => return Err(wrong(format!("`{other}` is not http"))),
        }
        let name = parsed.host_str().ok_or_else(|| wrong("it has no host".into()))?;
        let port = parsed.port_or_known_default().unwrap_or(80);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, port).to_socket_addrs().map_err(|error| wrong(error.to_string()))?.next();
        let address = found.ok_or_else(|| wrong("the host has no address".into()))?;
        if let Some(other) = from.iter().find(|from| from.is_ipv4() != address.is_ipv4()) {
            return Err(Trouble::Input(format!(
                "--from {other}: the node's address {} is of the other kind",
                address.ip()
            )));
        }
        let from = match from {
            [] => spread(address.ip(), sockets, shard),
            given => given.to_vec(),
        };
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            host: format!("{name}:{port}"),
            path: parsed.path().trim_end_matches('/').to_owned(),
            address,
            from,
            next: Cell::new(0),
        })
    }

    /// Connects, from the next source address.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if !self.from.is_empty() {
            let turn = self.next.get();
            self.next.set(turn.wrapping_add(1));
            if let Some(from) = self.from.get(turn % self.from.len()) {
                socket.set_reuseaddr(true)?;
                socket.bind(SocketAddr::new(*from, 0))?;
            }
        }
        socket.set_nodelay(true)?;
        tokio::time::timeout(CONNECT_MAX, socket.connect(self.address)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

/// Every address of 127.0.0.0/8 is this machine: each has ports of its own. Each shard has addresses of its own.
fn spread(node: IpAddr, sockets: usize, (shard, shards): (u32, u32)) -> Vec<IpAddr> {
    if !node.is_loopback() || !node.is_ipv4() || sockets.saturating_mul(shards as usize) <= FROM_ONE_ADDRESS {
        return Vec::new();
    }
    let count = u32::try_from(sockets.div_ceil(FROM_ONE_ADDRESS)).unwrap_or(u32::MAX);
    let first = Ipv4Addr::LOCALHOST.to_bits() + (shard - 1) * count;
    (first..first + count).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Target::new(url, &[], 1, (1, 1)).err().map_or(String::new(), |trouble| trouble.to_string())
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_with_the_reason() {
        for (url, why) in [
            ("nonsense", "write it as http://"),
            ("https://127.0.0.1", "TLS"),
            ("ftp://127.0.0.1", "`ftp` is not http"),
        ] {
            assert!(refused(url).contains(why), "{url}: {}", refused(url));
        }
        for (url, path) in
            [("http://127.0.0.1:1", ""), ("http://127.0.0.1:1/", ""), ("http://127.0.0.1:1/a/chat/", "/a/chat")]
        {
            let target = Target::new(url, &[], 1, (1, 1)).map(|target| (target.host, target.path));
            assert_eq!(target.ok(), Some(("127.0.0.1:1".to_owned(), path.to_owned())), "{url}");
        }
        for url in ["http://mina:s3cret@127.0.0.1:8000", "http://127.0.0.1:8000?token=s3cret", "mina:s3cret@127.0.0.1"]
        {
            assert!(refused(url).contains("without user") && !refused(url).contains("s3cret"), "{}", refused(url));
        }
        let other = Target::new("http://127.0.0.1:1", &["::1".parse().expect("an address")], 1, (1, 1));
        assert!(other.is_err_and(|trouble| trouble.to_string().contains("--from ::1")));
    }

    #[test]
    fn many_sockets_to_this_machine_come_from_several_addresses() {
        let node = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert!(spread(node, 20_000, (1, 1)).is_empty());
        assert_eq!(spread(node, 100_000, (1, 1)).len(), 5);
        assert!(spread("10.0.0.1".parse().expect("an address"), 100_000, (1, 1)).is_empty());
        let mut all: Vec<IpAddr> = (1..=4).flat_map(|shard| spread(node, 15_000, (shard, 4))).collect();
        all.dedup();
        assert_eq!(all.len(), 4, "no two shards share one");
    }
}
