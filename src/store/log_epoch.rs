//! Which logs a database has; see [`Epoch`].

use super::Db;
use crate::domain::epoch::Epoch;
use crate::error::{Error, Result};

/// The epoch of this database; another one than before where it is another database.
pub async fn find(db: &Db) -> Result<Epoch> {
    db.execute(include_str!("../../sql/log_epoch/begin.sql"), &[]).await?;
    // By a statement of its own: another node may have begun it at the same time.
    let row = db.look_up(include_str!("../../sql/log_epoch/read.sql"), &[]).await?;
    row.first().map(|row| Epoch::new(row.get("epoch"))).ok_or(Error::Internal)
}
