//! The scene of all rounds: one node on one data folder, its accounts, and for some rounds at a time the same channels
//! and clients, so that a log outlives many crashes and the check stays quick.

use super::api::{Account, Api};
use super::client::{Client, Ticket};
use super::database;
use super::dice::Dice;
use super::history::{Log, Observations, Skeptic};
use super::node::Node;
use super::process_node::data_folder;
use std::path::PathBuf;

const CHANNELS: usize = 3;
const WRITERS: usize = 8;
const READERS: usize = 4;
/// One in so many readers forgets what it knows between two rounds.
const FORGETS_ONE_IN: u64 = 3;

pub struct Scene {
    pub folder: PathBuf,
    pub node: Node,
    pub api: Api,
    pub channels: Vec<i64>,
    pub clients: Vec<Client>,
    /// One for each channel, with an account of its own.
    pub skeptics: Vec<(Skeptic, Ticket)>,
    /// Reads the logs; no client.
    pub observer: Account,
    accounts: Vec<Account>,
    doubters: Vec<Account>,
    server: i64,
}

/// Which of the channels a client is in.
pub fn place(client: usize) -> usize {
    client % CHANNELS
}

impl Scene {
    pub async fn open() -> Self {
        let folder = data_folder();
        let mut node = Node::start(&folder);
        let api = Api::new(&node.address());
        tokio::select! {
            () = api.until_ready() => {}
            status = node.ended() => panic!("the node does not start, {status}: {}", node.last_words()),
        }
        let observer = api.account("observer").await;
        let server = api.server(&observer).await;
        let mut accounts = Vec::new();
        for number in 1..=WRITERS + READERS {
            let kind = if number <= WRITERS { "writer" } else { "reader" };
            let account = api.account(&format!("{kind}{number}")).await;
            api.join(&account, server).await;
            accounts.push(account);
        }
        let mut doubters = Vec::new();
        for number in 1..=CHANNELS {
            let account = api.account(&format!("skeptic{number}")).await;
            api.join(&account, server).await;
            doubters.push(account);
        }
        let (channels, clients, skeptics) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder, node, api, channels, clients, skeptics, observer, accounts, doubters, server }
    }

    /// Fresh channels, and clients who know nothing yet.
    pub async fn begin_logs(&mut self) {
        self.channels.clear();
        self.clients.clear();
        for _ in 0..CHANNELS {
            self.channels.push(self.api.channel(&self.observer, self.server).await);
        }
        self.skeptics.clear();
        for (account, channel) in self.doubters.iter().zip(&self.channels) {
            let ticket = Ticket { api: self.api.clone(), token: account.token.clone(), channel: *channel };
            let (name, author) = (account.name.clone(), account.id);
            self.skeptics.push((Skeptic { name, author, channel: *channel, fates: Vec::new() }, ticket));
        }
        for (number, account) in self.accounts.iter().enumerate() {
            let channel = self.channels[place(number)];
            let ticket = Ticket { api: self.api.clone(), token: account.token.clone(), channel };
            self.clients.push(Client::new(&account.name, account.id, ticket, number < WRITERS, 0));
        }
    }

    /// Some who only read start over, from the beginning of the log or from somewhere in it: their replay is long.
    pub fn forget(&mut self, dice: &mut Dice) {
        for client in self.clients.iter_mut().filter(|client| !client.is_writer) {
            if dice.one_in(FORGETS_ONE_IN) {
                let known = u64::try_from(client.progress().view).unwrap_or_default();
                let view = if dice.one_in(2) { 0 } else { dice.between(0..=known) };
                let (name, author) = (client.witness.name.clone(), client.witness.author);
                *client = Client::new(&name, author, client.ticket().clone(), false, view.cast_signed());
            }
        }
    }

    /// All that is known, from inside and outside; to be called when all is quiet.
    pub async fn observe(&self) -> Result<Observations, tokio_postgres::Error> {
        let stored = database::stored(&self.node.database(), &self.channels).await?;
        let mut logs = Vec::new();
        for (channel, (stored, stored_last_seq)) in self.channels.iter().zip(stored) {
            let served = self.api.log(&self.observer, *channel).await;
            logs.push(Log {
                channel: *channel,
                served: served.events,
                served_last_seqs: served.last_seqs,
                stored,
                stored_last_seq,
            });
        }
        let skeptics = self.skeptics.iter().map(|(skeptic, _)| skeptic.clone()).collect();
        let witnesses = self.clients.iter().map(|client| client.witness.clone()).collect();
        Ok(Observations { logs, witnesses, skeptics })
    }

    /// Everything worked: nothing is left behind.
    pub async fn close(self) {
        drop(self.clients);
        self.node.stop().await;
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}
