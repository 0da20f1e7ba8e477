//! Tickets that open a socket, once.

use super::Db;
use crate::error::{Result, Unauthorized};

/// Uses a ticket up.
///
/// # Errors
/// `invalid_ticket` when it has been used before.
pub async fn redeem(db: &Db, id: &[u8]) -> Result<()> {
    match db.execute(include_str!("../../sql/ws_tickets/redeem.sql"), &[&id]).await? {
        0 => Err(Unauthorized::Ticket.into()),
        _ => Ok(()),
    }
}
