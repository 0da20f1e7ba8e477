//! Where the node is, and from which addresses it is reached.

use super::LoadError;
use super::stream::Stream;
use super::tls::Tls;
use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpSocket;

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
    tls: Option<Tls>,
    from: Vec<IpAddr>,
    next: Cell<usize>,
}

impl Target {
    /// Looks the node's address up. `ca` names who may sign its certificate, in place of whom the system trusts.
    ///
    /// # Errors
    /// When the URL cannot be used, or its host is not known.
    pub fn new(
        url: &str,
        ca: Option<&Path>,
        from: &[IpAddr],
        sockets: usize,
        shard: (u32, u32),
    ) -> Result<Self, LoadError> {
        // Not quoted: it may be a password, or a token.
        if url.contains(['@', '?', '#']) {
            return Err(LoadError::Input(
                "--url: give the node's address alone, without user, password or query".into(),
            ));
        }
        let wrong = |why: String| LoadError::Input(format!("--url {url}: {why}"));
        let parsed =
            url::Url::parse(url).map_err(|error| wrong(format!("{error}; write it as http://127.0.0.1:8000")))?;
        let is_secret = match parsed.scheme() {
            "http" => false,
            "https" => true,
            "ws" => return Err(wrong("write it as http://; sockets go to the same address".into())),
            "wss" => return Err(wrong("write it as https://; sockets go to the same address".into())),
            other => return Err(wrong(format!("`{other}` is not http"))),
        };
        if ca.is_some() && !is_secret {
            return Err(wrong("--ca is for TLS; write it as https://".into()));
        }
        let name = parsed.host_str().ok_or_else(|| wrong("it has no host".into()))?;
        let port = parsed.port_or_known_default().unwrap_or(80);
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> =
            (bare, port).to_socket_addrs().map_err(|error| wrong(error.to_string()))?.collect();
        let address = answering(&found).ok_or_else(|| wrong("the host has no address".into()))?;
        if let Some(other) = from.iter().find(|from| from.is_ipv4() != address.is_ipv4()) {
            return Err(LoadError::Input(format!(
                "--from {other}: the node's address {} is of the other kind",
                address.ip()
            )));
        }
        let tls = if is_secret { Some(Tls::new(bare, ca)?) } else { None };
        let from = match from {
            [] => spread(address.ip(), sockets, shard),
            given => given.to_vec(),
        };
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            host: format!("{name}:{port}"),
            path: parsed.path().trim_end_matches('/').to_owned(),
            address,
            tls,
            from,
            next: Cell::new(0),
        })
    }

    /// Whether connections are made over TLS.
    pub fn is_secret(&self) -> bool {
        self.tls.is_some()
    }

    /// Looks whether anybody is there, before anything else is asked.
    ///
    /// # Errors
    /// Why nobody is, and what to do.
    pub async fn probe(&self) -> Result<(), LoadError> {
        let url = &self.url;
        match self.connect().await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(LoadError::Input(format!("--url {url}: {error}")))
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Err(LoadError::Node(format!(
                "connection refused: no node listens at {url}; start one there, or use --self, which starts one for the run"
            ))),
            Err(error) => Err(LoadError::Node(format!("no connection to {url}: {error}"))),
        }
    }

    /// Connects, from the next source address; with TLS where the URL says so.
    ///
    /// # Errors
    /// `InvalidData` where it is no use to try again: see [`Tls::connect`].
    pub async fn connect(&self) -> io::Result<Stream> {
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
        let connected = async {
            let tcp = socket.connect(self.address).await?;
            match &self.tls {
                None => Ok(Stream::Plain(tcp)),
                Some(tls) => Ok(Stream::Tls(Box::new(tls.connect(tcp).await?))),
            }
        };
        tokio::time::timeout(CONNECT_MAX, connected).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

/// Of several addresses the first at which somebody listens: `localhost` may be `::1` first, and a node at `127.0.0.1`.
fn answering(found: &[SocketAddr]) -> Option<SocketAddr> {
    let listens = |address: &&SocketAddr| std::net::TcpStream::connect_timeout(address, CONNECT_MAX).is_ok();
    let first = if found.len() > 1 { found.iter().find(listens) } else { None };
    first.or(found.first()).copied()
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
        Target::new(url, None, &[], 1, (1, 1)).err().map_or(String::new(), |trouble| trouble.to_string())
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_with_the_reason() {
        for (url, why) in [
            ("nonsense", "write it as http://"),
            ("wss://127.0.0.1", "write it as https://"),
            ("ftp://127.0.0.1", "`ftp` is not http"),
        ] {
            assert!(refused(url).contains(why), "{url}: {}", refused(url));
        }
        for (url, path) in
            [("http://127.0.0.1:1", ""), ("http://127.0.0.1:1/", ""), ("http://127.0.0.1:1/a/chat/", "/a/chat")]
        {
            let target = Target::new(url, None, &[], 1, (1, 1)).map(|target| (target.host, target.path));
            assert_eq!(target.ok(), Some(("127.0.0.1:1".to_owned(), path.to_owned())), "{url}");
        }
        for url in ["http://mina:s3cret@127.0.0.1:8000", "http://127.0.0.1:8000?token=s3cret", "mina:s3cret@127.0.0.1"]
        {
            assert!(refused(url).contains("without user") && !refused(url).contains("s3cret"), "{}", refused(url));
        }
        let other = Target::new("http://127.0.0.1:1", None, &["::1".parse().expect("an address")], 1, (1, 1));
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
