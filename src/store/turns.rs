//! Turns of several nodes at the channels that they write to.
//!
//! A node that has its database for itself meets a held row where something is deleted, and passes over it. Nodes that write to the same
//! channel meet each other's at every batch: who passes over is overtaken for as long as the others have something to write. So they wait,
//! in the order of the ids, in the transaction that then writes; PostgreSQL lets them go on in the order in which they came.

use std::future::Future;
use tokio_postgres::{Client, Error, Statement};

/// The statement that waits, prepared on a writer's own connection.
pub struct Turns(Statement);

impl Turns {
    /// Prepares it.
    pub async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self(client.prepare(include_str!("../../sql/channels/wait.sql")).await?))
    }

    /// Waits until nobody else holds these channels, in a transaction that has begun.
    pub async fn wait(&self, client: &Client, channels: &[i64]) -> Result<(), Error> {
        client.query(&self.0, &[&channels]).await.map(drop)
    }

    /// Has something written in a transaction of its own, once it is its turn at these channels. All is sent together; where one part fails,
    /// nothing of it is left.
    pub async fn write<T>(
        &self,
        client: &Client,
        channels: &[i64],
        write: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (begin, commit) = (client.batch_execute("begin"), client.batch_execute("commit"));
        let (begun, waited, written, committed) =
            tokio::join!(biased; begin, self.wait(client, channels), write, commit);
        // The first that failed says why; what follows it only says that something did.
        begun.and(waited).and(written).and_then(|written| committed.map(|()| written))
    }
}
