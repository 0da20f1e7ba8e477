//! What Madang asks of a database, looked at before it is used.

use super::fault::chain;
use super::target::Target;
use crate::patience::timeout;
use std::time::Duration;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, Row, SimpleQueryMessage};

/// The oldest version of PostgreSQL that is served, as it numbers itself.
const VERSION_MIN: i32 = 130_000;
const LOOK_MAX: Duration = Duration::from_secs(2);
const NOT_PASSED_ON: &str = "`options` did not arrive";
/// The option that holds a connection's mark.
const MARK: &str = " -c madang.node=";

/// Why a database cannot be used: what was found, and the statement that mends it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

/// Gives a connection to come a mark that no other one has: what a pooler is known by.
pub(super) fn mark(config: &mut Config, number: u32) {
    let options = format!("{}{MARK}{number:x}", config.get_options().unwrap_or_default());
    config.options(options);
}

/// Whether this connection has the mark that it was opened with, and so a process of PostgreSQL of its own. It is asked without a
/// prepared statement: between transactions a pooler may give one to somebody else, or have somebody else's of the same name.
pub(super) async fn is_direct(client: &Client, config: &Config) -> Result<bool, Error> {
    let Some((_, asked)) = config.get_options().and_then(|options| options.rsplit_once(MARK)) else { return Ok(true) };
    let answer = client.simple_query(include_str!("../../sql/backends/mark.sql")).await?;
    Ok(answer.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(asked))))
}

/// Looks whether the database is as it has to be.
///
/// # Errors
/// What is not.
pub(super) async fn check(client: &Client) -> Result<(), Unfit> {
    let problem = look(client).await;
    let problem = problem.map_err(|error| Unfit(format!("the database could not be looked at: {}", chain(&error))))?;
    problem.map_or(Ok(()), |problem| Err(Unfit(problem)))
}

/// Why no connection that can change anything was to be had, where that can be found out.
pub(super) async fn explain(target: &Target, config: &Config) -> Option<Unfit> {
    let look = async {
        let error = match look_over(target, config).await {
            Ok(problem) => return problem,
            Err(error) => error,
        };
        if error.code() == Some(&SqlState::UNDEFINED_OBJECT) {
            // PostgreSQL 11 does not know all that is set on a connection of ours; without it, it says which version it is.
            return look_over(target, target.config()).await.ok().flatten();
        }
        Some(chain(&error)).filter(|said| said.contains("startup parameter")).map(|said| pooler(&said))
    };
    timeout(LOOK_MAX, look).await.flatten().map(Unfit)
}

async fn look_over(target: &Target, config: &Config) -> Result<Option<String>, Error> {
    let mut config = config.clone();
    config.target_session_attrs(TargetSessionAttrs::Any);
    let (client, connection) = config.connect(target.tls()).await?;
    let connection = tokio::spawn(connection);
    let problem = async {
        if is_direct(&client, &config).await? { look(&client).await } else { Ok(Some(pooler(NOT_PASSED_ON))) }
    };
    let problem = problem.await;
    connection.abort();
    problem
}

async fn look(client: &Client) -> Result<Option<String>, Error> {
    let row = client.query_one(include_str!("../../sql/backends/version.sql"), &[]).await?;
    if let Some(problem) = foreign(&row) {
        return Ok(Some(problem));
    }
    let row = client.query_one(include_str!("../../sql/backends/requirements.sql"), &[]).await?;
    Ok(problem(&row))
}

fn text(row: &Row, name: &str) -> String {
    row.get::<_, Option<String>>(name).unwrap_or_default()
}

/// The statement that makes a database as it has to be.
fn made_right(row: &Row) -> String {
    let (role, database) = (text(row, "role"), text(row, "database"));
    format!("create database {database} owner {role} encoding 'UTF8' locale 'C.UTF-8' template template0")
}

fn pooler(found: &str) -> String {
    format!(
        "DATABASE_URL leads to a pooler such as PgBouncer, which does not pass on what a connection asks for ({found}); Madang needs \
         connections of its own: name the host and port of PostgreSQL itself"
    )
}

/// A version or an encoding that nothing else can be asked of.
fn foreign(row: &Row) -> Option<String> {
    if row.get::<_, i32>("version") < VERSION_MIN {
        return Some(format!("PostgreSQL is version {}; Madang needs 13 or newer", text(row, "version_name")));
    }
    let (encoding, made_right) = (text(row, "encoding"), made_right(row));
    (encoding != "UTF8").then(|| format!("the database's encoding is {encoding}; it has to be UTF8: `{made_right}`"))
}

fn problem(row: &Row) -> Option<String> {
    let text = |name: &str| text(row, name);
    let (role, database, schema) = (text("role"), text("database"), text("schema"));
    if row.get("is_standby") {
        return Some("every host of DATABASE_URL is a standby, which changes nothing; name the primary as well".into());
    }
    if row.get("is_read_only") {
        return Some(format!(
            "the database is read-only; `alter database {database} set default_transaction_read_only = off`, and the same for the role \
             {role} if it was set there"
        ));
    }
    if !row.get::<_, bool>("tracks_activities") {
        return Some(format!(
            "track_activities is off, so no node can tell whether another one lives; `alter role {role} in database {database} set \
             track_activities = on`, as a superuser"
        ));
    }
    if !row.get::<_, bool>("knows_letters") {
        let (locale, made_right) = (text("locale"), made_right(row));
        return Some(format!(
            "the database's locale {locale} knows no letters beyond ASCII, so names in other scripts would differ by case; make it with \
             another one: `{made_right}`"
        ));
    }
    if schema.is_empty() {
        return Some(format!("the role {role} has no schema to work in; `create schema authorization {role}`"));
    }
    if !row.get::<_, bool>("may_create") {
        return Some(format!(
            "the role {role} may not create tables in the schema {schema}; `grant usage, create on schema {schema} to {role}`"
        ));
    }
    row.get::<_, Option<String>>("foreign_table").map(|table| {
        format!(
            "the table {table} is not the role {role}'s; `alter table {schema}.{table} owner to {role}`, and the same for every other of \
             Madang's tables"
        )
    })
}
