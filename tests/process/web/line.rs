//! A line between a browser and its node that can be cut.

use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// See the module.
pub struct Line {
    /// Where the browser finds the node.
    pub url: String,
    is_up: Arc<watch::Sender<bool>>,
}

impl Line {
    /// One to this address.
    pub async fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let is_up = Arc::new(watch::Sender::new(true));
        let (state, address) = (Arc::clone(&is_up), address.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, address.clone(), state.subscribe()));
            }
        });
        Self { url, is_up }
    }

    /// Cuts it: what is open ends, and what is new is not taken.
    pub fn cut(&self) {
        self.is_up.send_replace(false);
    }

    /// Mends it.
    pub fn mend(&self) {
        self.is_up.send_replace(true);
    }
}

async fn carry(mut client: TcpStream, address: String, mut state: watch::Receiver<bool>) {
    if !*state.borrow_and_update() {
        return;
    }
    let Ok(mut node) = TcpStream::connect(address).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut node) => {}
        _ = state.wait_for(|is_up| !is_up) => {}
    }
}
