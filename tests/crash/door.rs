//! The ways in: a channel's socket, for messages or for every number, and a gateway that subscribes to the channel.

use super::history::{Hears, Wish};
use super::lines::Ticket;
use super::wire;
use futures_util::SinkExt;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A node that is starting listens before it answers.
const HANDSHAKE_MAX: Duration = Duration::from_secs(20);

pub type Socket = WebSocketStream<TcpStream>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Channel,
    /// With `?events=all`.
    Log,
    Gateway,
}

/// Why nobody came in.
pub enum Shut {
    /// Nobody is there, or not now.
    NotNow,
    /// Refused for good, with this status.
    Refused(u16),
}

impl Door {
    /// Opens it, to hear what follows `after`, or what comes from now on.
    pub async fn open(self, ticket: &Ticket, after: Option<i64>) -> Result<Socket, Shut> {
        let Ticket { api, token, channel } = ticket;
        let address = api.address();
        let stream = TcpStream::connect(address).await.map_err(|_| Shut::NotNow)?;
        let _ = stream.set_nodelay(true);
        let query = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let url = match self {
            Self::Channel => format!("ws://{address}/ws/{channel}?token={token}{query}"),
            Self::Log => format!("ws://{address}/ws/{channel}?token={token}{query}&events=all"),
            Self::Gateway => format!("ws://{address}/gateway?token={token}"),
        };
        let request = url.into_client_request().expect("a good URL");
        let mut socket = match timeout(HANDSHAKE_MAX, client_async(request, stream)).await {
            Ok(Ok((socket, _))) => socket,
            Ok(Err(Error::Http(answer))) if answer.status() != 503 => {
                return Err(Shut::Refused(answer.status().as_u16()));
            }
            Ok(Err(_)) | Err(_) => return Err(Shut::NotNow),
        };
        if self == Self::Gateway {
            let subscribe = Message::text(wire::subscribe(*channel, after));
            socket.send(subscribe).await.map_err(|_| Shut::NotNow)?;
        }
        Ok(socket)
    }

    /// The text of a send.
    pub fn text_of(self, channel: i64, nonce: &str, content: &str) -> String {
        match self {
            Self::Channel | Self::Log => wire::send(nonce, content),
            Self::Gateway => wire::send_to(channel, nonce, content),
        }
    }

    /// The text with which a change is asked for; `None` where that is done over HTTP only.
    pub fn text_of_change(self, channel: i64, nonce: &str, wish: &Wish) -> Option<String> {
        if self == Self::Gateway { wire::change(channel, nonce, wish) } else { None }
    }

    /// What is told of a log here.
    pub fn hears(self) -> Hears {
        if self == Self::Channel { Hears::Messages } else { Hears::All }
    }
}
