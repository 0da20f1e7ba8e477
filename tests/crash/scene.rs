//! The scene of all rounds: a node on one data folder, or several, its accounts, and for some rounds at a time the same channels
//! and clients, so that a log outlives many crashes and the check stays quick.

use super::api::{Account, Api};
use super::client::Client;
use super::database::{self, End};
use super::dice::Dice;
use super::history::{Erased, Log, Observations, Owner, Skeptic, Tables, Visitor, Witness};
use super::lines::Ticket;
use super::nats::NatsServer;
use super::node::{Node, Ways, data_in};
use super::owner::Survey;
use super::plan::Storage;
use super::process_node::data_folder;
use super::slow_link::Proxy;
use super::visitor::Path;
use madang::postgres::{self, Embedded};
use std::path::PathBuf;
use std::sync::Arc;

const CHANNELS: usize = 3;
const WRITERS: usize = 8;
const READERS: usize = 4;
/// One in so many readers forgets what it knows between two rounds.
const FORGETS_ONE_IN: u64 = 3;

pub struct Scene {
    pub folder: PathBuf,
    pub nodes: Vec<Node>,
    pub api: Api,
    pub channels: Vec<i64>,
    pub clients: Vec<Client>,
    /// One for each channel, with an account of its own.
    pub skeptics: Vec<(Skeptic, Ticket)>,
    /// The same, who come and go.
    pub visitors: Vec<(Visitor, Arc<Path>)>,
    /// One for each channel: the server's owner.
    pub owners: Vec<(Owner, Survey, Ticket)>,
    /// Who has looked in in this round.
    pub latecomers: Vec<Witness>,
    /// Who was erased since the logs began.
    pub erased: Vec<Erased>,
    /// A PostgreSQL that is not the node's, and the way to it.
    pub elsewhere: Option<(Embedded, Proxy)>,
    /// By which several nodes hear of each other, where it can be had.
    pub bus: Option<NatsServer>,
    /// Reads the logs and owns the server; no client.
    pub observer: Account,
    accounts: Vec<Account>,
    doubters: Vec<Account>,
    visiting: Vec<Account>,
    erasures: usize,
    server: i64,
    role: i64,
}

/// Which of the channels a client is in.
pub fn place(client: usize) -> usize {
    client % CHANNELS
}

impl Scene {
    pub async fn open(storage: Storage, seed: u64, count: usize) -> Self {
        let folder = data_folder();
        let elsewhere = match storage {
            Storage::Own => None,
            Storage::Elsewhere => {
                let data = data_in(&folder);
                let database = postgres::start(&data, None).await.expect("PostgreSQL starts");
                Some((database, Proxy::start(data.join("postgres-run/.s.PGSQL.5432"), seed).await))
            }
        };
        let bus = if count > 1 { NatsServer::start(&[]).await } else { None };
        let bus_url = bus.as_ref().map(NatsServer::url);
        let url = elsewhere.as_ref().map(|(_, proxy)| proxy.url());
        let ways = || Ways { database: url.clone(), bus: bus_url.clone() };
        let mut nodes: Vec<Node> = (0..count).map(|number| Node::start(&folder, ways(), (number, count))).collect();
        // With several, what was asked of one that is gone may still be carried out while others answer.
        let restarts = if count > 1 { Arc::default() } else { Arc::clone(&nodes[0].restarts) };
        let api = Api::new(nodes.iter().map(Node::address).collect(), restarts);
        let first = &mut nodes[0];
        tokio::select! {
            () = api.until_ready() => {}
            status = first.ended() => panic!("the node does not start, {status}: {}", first.last_words()),
        }
        let observer = api.account("observer").await;
        let (server, role) = api.server(&observer).await;
        let mut accounts = Vec::new();
        for number in 1..=WRITERS + READERS {
            let kind = if number <= WRITERS { "writer" } else { "reader" };
            let account = api.account(&format!("{kind}{number}")).await;
            api.join(&account, (server, role), &observer).await;
            accounts.push(account);
        }
        let (mut doubters, mut visiting) = (Vec::new(), Vec::new());
        for number in 1..=CHANNELS {
            let account = api.account(&format!("skeptic{number}")).await;
            api.join(&account, (server, role), &observer).await;
            doubters.push(account);
            visiting.push(api.account(&format!("visitor{number}")).await);
        }
        Self {
            folder,
            nodes,
            api,
            channels: Vec::new(),
            clients: Vec::new(),
            skeptics: Vec::new(),
            visitors: Vec::new(),
            owners: Vec::new(),
            latecomers: Vec::new(),
            erased: Vec::new(),
            elsewhere,
            bus,
            observer,
            accounts,
            doubters,
            visiting,
            erasures: 0,
            server,
            role,
        }
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
        self.owners.clear();
        for ticket in self.tickets() {
            let (name, author, requests) = (self.observer.name.clone(), self.observer.id, Vec::new());
            let owner = Owner { name, author, channel: ticket.channel, requests };
            self.owners.push((owner, Survey::default(), ticket));
        }
        self.visitors.clear();
        self.erased.clear();
        for (account, channel) in self.visiting.iter().zip(&self.channels) {
            let ticket = Ticket { api: self.api.clone(), token: account.token.clone(), channel: *channel };
            let path = Path { ticket, server: self.server, role: self.role, observer: self.observer.clone() };
            let (name, author) = (account.name.clone(), account.id);
            let (after_leave, wrong_answers) = (Vec::new(), Vec::new());
            let seen = Visitor { name, author, channel: *channel, after_leave, wrong_answers };
            self.visitors.push((seen, Arc::new(path)));
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

    /// Somebody new in one of the channels, to be erased.
    pub async fn short_lived(&mut self) -> (Erased, Ticket) {
        self.erasures += 1;
        let account = self.api.account(&format!("short_lived{}", self.erasures)).await;
        self.api.join(&account, (self.server, self.role), &self.observer).await;
        let channel = self.channels[place(self.erasures)];
        let ticket = Ticket { api: self.api.clone(), token: account.token, channel };
        let (name, author) = (account.name, account.id);
        (Erased { name, author, channel, sent: Vec::new(), is_gone: false, answered: None }, ticket)
    }

    /// The owner's ways to the channels.
    pub fn tickets(&self) -> Vec<Ticket> {
        let ticket = |channel| Ticket { api: self.api.clone(), token: self.observer.token.clone(), channel };
        self.channels.iter().copied().map(ticket).collect()
    }

    /// The logs as PostgreSQL has them.
    pub async fn stored(&self) -> Result<Vec<Tables>, tokio_postgres::Error> {
        database::stored(&self.nodes[0].database(), &self.channels).await
    }

    /// Where the channels' logs end, by PostgreSQL.
    pub async fn ends(&self) -> Result<Vec<End>, tokio_postgres::Error> {
        database::ends(&self.nodes[0].database(), &self.channels).await
    }

    /// Whether each visitor is let in as PostgreSQL says that it should be; `None` where that is not to be known now.
    pub async fn memberships_agree(&self) -> Option<bool> {
        let authors: Vec<i64> = self.visitors.iter().map(|(seen, _)| seen.author).collect();
        let seers = database::seers(&self.nodes[0].database(), self.role, &authors).await.ok()?;
        for (seen, path) in &self.visitors {
            let status = self.api.knock(&path.ticket.token, seen.channel).await?;
            if status.is_success() != seers.contains(&seen.author) {
                return Some(false);
            }
        }
        Some(true)
    }

    /// All that is known, from inside and outside; to be called when all is quiet.
    pub async fn observe(&self) -> Result<Observations, tokio_postgres::Error> {
        let stored = self.stored().await?;
        let mut logs = Vec::new();
        for (channel, stored) in self.channels.iter().zip(stored) {
            let served = self.api.log(&self.observer, *channel).await;
            logs.push(Log { channel: *channel, served: served.entries, served_last_seqs: served.last_seqs, stored });
        }
        let skeptics = self.skeptics.iter().map(|(skeptic, _)| skeptic.clone()).collect();
        let witnesses = self.clients.iter().map(|client| client.testimony()).collect();
        let visitors = self.visitors.iter().map(|(visitor, _)| visitor.clone()).collect();
        let owners = self.owners.iter().map(|(owner, ..)| owner.clone()).collect();
        let (latecomers, erased) = (self.latecomers.clone(), self.erased.clone());
        Ok(Observations { logs, witnesses, latecomers, skeptics, erased, visitors, owners })
    }

    /// Everything worked: nothing is left behind.
    pub async fn close(self) {
        drop(self.clients);
        for node in self.nodes {
            node.stop().await;
        }
        if let Some((database, _)) = self.elsewhere {
            database.stop().await.expect("it stops");
        }
        std::fs::remove_dir_all(&self.folder).expect("nothing holds it");
    }
}
