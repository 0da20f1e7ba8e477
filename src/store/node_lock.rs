//! Which start took the database last. A schema that is older than this has no place for it: then none that would look has served it.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// Notes that this start has the database.
pub async fn take(client: &Client, number: i64) -> Result<(), Error> {
    let taken = client.execute(include_str!("../../sql/node_lock/take.sql"), &[&number]).await;
    or_no_place(taken).map(|_| ())
}

/// Whose the database was last.
pub async fn holder(client: &Client) -> Result<Option<i64>, Error> {
    let row = client.query_opt(include_str!("../../sql/node_lock/holder.sql"), &[]).await;
    Ok(or_no_place(row)?.flatten().map(|row| row.get("holder")))
}

fn or_no_place<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        found => found.map(Some),
    }
}
