//! The logs as they are stored, read past the node.

use super::history::{ChangeRow, Event, MessageRow, ReactionRow, RevisionRow, Tables};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::{Client, Config, Error, NoTls, Row};

const MESSAGES: &str = "select m.id, m.seq, m.channel_id, m.author_id, u.username, m.content, m.nonce, m.created_at, \
     m.updated_at, m.edited_at, m.deleted_at is not null as is_deleted, m.pinned_at is not null as is_pinned, \
     m.reactions::text as counts \
     from messages m left join users u on u.id = m.author_id where m.channel_id = $1 order by m.seq, m.id";
const CHANGES: &str = "select seq, kind, message_id, message_ids, user_id, emoji, created_at from channel_changes \
     where channel_id = $1 order by seq";
const REACTIONS: &str = "select message_id, emoji, user_id from reactions where channel_id = $1 \
     order by message_id, emoji, user_id";
const REVISIONS: &str = "select message_id, seq, content from message_revisions where channel_id = $1 order by seq";
const END: &str = "select last_seq, coalesce((select max(m.seq) from messages m where m.channel_id = c.id \
     and m.deleted_at is null), 0) as last_shown from channels c where id = $1";

/// Where a channel's log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub last_seq: i64,
    /// The last message that is there: who hears nothing else knows of no later number.
    pub last_shown: i64,
}

/// What there is of each channel.
pub async fn stored(database: &Config, channels: &[i64]) -> Result<Vec<Tables>, Error> {
    let (client, connection) = database.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut logs = Vec::new();
    for channel in channels {
        logs.push(tables(&client, *channel).await?);
    }
    connection.abort();
    Ok(logs)
}

async fn tables(client: &Client, channel: i64) -> Result<Tables, Error> {
    Ok(Tables {
        messages: client.query(MESSAGES, &[&channel]).await?.iter().map(message).collect(),
        changes: client.query(CHANGES, &[&channel]).await?.iter().map(change).collect(),
        reactions: client.query(REACTIONS, &[&channel]).await?.iter().map(reaction).collect(),
        revisions: client.query(REVISIONS, &[&channel]).await?.iter().map(revision).collect(),
        last_seq: client.query_one(END, &[&channel]).await?.get("last_seq"),
    })
}

/// Where each channel's log ends.
pub async fn ends(database: &Config, channels: &[i64]) -> Result<Vec<End>, Error> {
    let (client, connection) = database.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut ends = Vec::new();
    for channel in channels {
        let row = client.query_one(END, &[channel]).await?;
        ends.push(End { last_seq: row.get("last_seq"), last_shown: row.get("last_shown") });
    }
    connection.abort();
    Ok(ends)
}

/// Which of these users have a role.
pub async fn seers(database: &Config, role: i64, users: &[i64]) -> Result<Vec<i64>, Error> {
    let (client, connection) = database.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let sql = "select user_id from member_roles where role_id = $1 and user_id = any ($2)";
    let rows = client.query(sql, &[&role, &users]).await;
    connection.abort();
    Ok(rows?.iter().map(|row| row.get(0)).collect())
}

fn moment(row: &Row, name: &str) -> Option<String> {
    row.get::<_, Option<OffsetDateTime>>(name).map(|time| time.format(&Rfc3339).expect("a time of our era"))
}

fn message(row: &Row) -> MessageRow {
    let event = Event {
        id: row.get("id"),
        seq: row.get("seq"),
        channel: row.get("channel_id"),
        author: row.get("author_id"),
        author_username: row.get("username"),
        content: row.get("content"),
        nonce: row.get("nonce"),
        created_at: moment(row, "created_at").expect("a time"),
        updated_at: moment(row, "updated_at").expect("a time"),
        edited_at: moment(row, "edited_at"),
    };
    let counts: Option<String> = row.get("counts");
    let counts = counts.map(|text| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"));
    let counts = counts.iter().flat_map(|list| list.as_array().expect("a list"));
    let count = |of: &serde_json::Value| Some((of["emoji"].as_str()?.to_owned(), of["count"].as_i64()?));
    let counts = counts.map(|of| count(of).expect("an emoji and its count")).collect();
    MessageRow { event, is_deleted: row.get("is_deleted"), is_pinned: row.get("is_pinned"), counts }
}

fn change(row: &Row) -> ChangeRow {
    ChangeRow {
        seq: row.get("seq"),
        kind: row.get("kind"),
        message: row.get("message_id"),
        messages: row.get("message_ids"),
        user: row.get("user_id"),
        emoji: row.get("emoji"),
        created_at: moment(row, "created_at").expect("a time"),
    }
}

fn reaction(row: &Row) -> ReactionRow {
    ReactionRow { message: row.get("message_id"), emoji: row.get("emoji"), user: row.get("user_id") }
}

fn revision(row: &Row) -> RevisionRow {
    RevisionRow { message: row.get("message_id"), seq: row.get("seq"), content: row.get("content") }
}
