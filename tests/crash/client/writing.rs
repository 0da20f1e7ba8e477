//! What a client says: messages and changes, on its socket or over HTTP, for the first time or again.

use super::super::dice::Dice;
use super::super::door::Socket;
use super::super::history::{Sent, Wish};
use super::super::lines::Ticket;
use super::super::moment;
use super::Client;
use futures_util::SinkExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Error as WebSocketError;
use tokio_tungstenite::tungstenite::Message;

const BURST_MAX: u64 = 4;
/// One send in so many goes over HTTP.
const HTTP_SEND_ONE_IN: u64 = 10;
/// So many of a hundred writes are changes, if there is something to change, and of a gateway's one in so many goes over HTTP.
const CHANGES_OF_A_HUNDRED: u64 = 50;
const HTTP_CHANGE_ONE_IN: u64 = 4;
/// Beside one burst in so many its account logs in anew, and goes on with that login from its next connection.
const LOGIN_ONE_IN: u64 = 60;

impl Client {
    fn log_in(&mut self) {
        let (api, name) = (self.ticket.api.clone(), self.witness.name.clone());
        self.logins.spawn(async move { api.log_in(&name).await });
    }

    pub(super) async fn write(&mut self, socket: &mut Socket, dice: &mut Dice) -> Result<(), WebSocketError> {
        if self.logins.is_empty() && dice.one_in(LOGIN_ONE_IN) {
            self.log_in();
        }
        for _ in 0..dice.between(1..=BURST_MAX) {
            if dice.roll() % 100 < CHANGES_OF_A_HUNDRED
                && let Some((nonce, wish, times)) = self.changer.think(&self.witness.name, dice)
            {
                for _ in 0..times {
                    self.ask(socket, nonce.clone(), wish.clone(), dice).await?;
                }
                continue;
            }
            let Some((sent, times)) = self.outbox.write(&self.witness.name, dice) else { break };
            self.witness.sent.push(sent.clone());
            self.progress.tally.resent += u64::from(times > 1);
            if dice.one_in(HTTP_SEND_ONE_IN) {
                for _ in 0..times {
                    self.post(sent.clone());
                }
                continue;
            }
            for _ in 0..times {
                self.feed(socket, &sent).await?;
            }
        }
        socket.flush().await
    }

    async fn feed(&mut self, socket: &mut Socket, sent: &Sent) -> Result<(), WebSocketError> {
        let connection = self.witness.connections.last_mut().expect("it is connected");
        connection.sent.push(sent.nonce.clone());
        let text = self.door.text_of(self.ticket.channel, &sent.nonce, &sent.content);
        socket.feed(Message::text(text)).await
    }

    /// Asks for a change, on the socket where that can be done.
    async fn ask(
        &mut self,
        socket: &mut Socket,
        nonce: String,
        wish: Wish,
        dice: &mut Dice,
    ) -> Result<(), WebSocketError> {
        match self.door.text_of_change(self.ticket.channel, &nonce, &wish) {
            Some(text) if !dice.one_in(HTTP_CHANGE_ONE_IN) => {
                self.changer.is_on_socket(&nonce);
                socket.feed(Message::text(text)).await
            }
            _ => {
                self.changer.call(&self.ticket, nonce, wish);
                Ok(())
            }
        }
    }

    pub(super) async fn send_again(
        &mut self,
        socket: &mut Socket,
        now: Instant,
        dice: &mut Dice,
    ) -> Result<(), WebSocketError> {
        let changes = self.changer.take_due(now);
        let is_nothing_due = changes.is_empty();
        for (nonce, wish) in changes {
            self.progress.tally.resent += 1;
            self.ask(socket, nonce, wish, dice).await?;
        }
        let due = self.outbox.take_due(now);
        for sent in &due {
            self.progress.tally.resent += 1;
            self.feed(socket, sent).await?;
        }
        if due.is_empty() && is_nothing_due { Ok(()) } else { socket.flush().await }
    }

    pub(super) fn post(&mut self, sent: Sent) {
        self.witness.posted.push(sent.nonce.clone());
        let Ticket { api, token, channel } = self.ticket.clone();
        self.posts.spawn(async move {
            let began = moment::next();
            let posted = api.send(&token, channel, &sent).await;
            (sent.nonce, began, posted)
        });
    }
}
