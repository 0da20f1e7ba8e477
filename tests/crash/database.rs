//! The logs as they are stored, read past the node.

use super::history::Event;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::{Config, NoTls, Row};

const EVENTS: &str = "select m.id, m.seq, m.channel_id, m.author_id, u.username, m.content, m.nonce, m.created_at, \
     m.updated_at from messages m left join users u on u.id = m.author_id where m.channel_id = $1 order by m.seq, m.id";

/// The rows of each channel, and its `last_seq`.
pub async fn stored(database: &Config, channels: &[i64]) -> Result<Vec<(Vec<Event>, i64)>, tokio_postgres::Error> {
    let (client, connection) = database.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut logs = Vec::new();
    for channel in channels {
        let rows = client.query(EVENTS, &[channel]).await?;
        let end = client.query_one("select last_seq from channels where id = $1", &[channel]).await?;
        logs.push((rows.iter().map(event).collect(), end.get(0)));
    }
    connection.abort();
    Ok(logs)
}

/// Where each channel's log ends.
pub async fn ends(database: &Config, channels: &[i64]) -> Result<Vec<i64>, tokio_postgres::Error> {
    let (client, connection) = database.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut ends = Vec::new();
    for channel in channels {
        ends.push(client.query_one("select last_seq from channels where id = $1", &[channel]).await?.get(0));
    }
    connection.abort();
    Ok(ends)
}

/// Which of these users belong to a server.
pub async fn members(database: &Config, server: i64, users: &[i64]) -> Result<Vec<i64>, tokio_postgres::Error> {
    let (client, connection) = database.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let sql = "select user_id from user_servers where server_id = $1 and user_id = any ($2)";
    let rows = client.query(sql, &[&server, &users]).await;
    connection.abort();
    Ok(rows?.iter().map(|row| row.get(0)).collect())
}

fn event(row: &Row) -> Event {
    let time = |name: &str| row.get::<_, OffsetDateTime>(name).format(&Rfc3339).expect("a time of our era");
    Event {
        id: row.get("id"),
        seq: row.get("seq"),
        channel: row.get("channel_id"),
        author: row.get("author_id"),
        author_username: row.get("username"),
        content: row.get("content"),
        nonce: row.get("nonce"),
        created_at: time("created_at"),
        updated_at: time("updated_at"),
    }
}
