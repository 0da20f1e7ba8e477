//! What a database error means: one place for SQLSTATE classes and for the names of the schema's constraints.

use crate::domain::access::Denied;
use crate::error::{Conflict, Error, Noun, Unauthorized};
use tokio_postgres::error::{DbError, SqlState};

/// The kinds of failure that callers treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection or the database is gone; whether the statement took effect is not known.
    Lost,
    /// The statement did not take effect, and may succeed if sent again (serialization, deadlock).
    Retry,
    /// The statement did not take effect because a row was locked for too long.
    Locked,
    /// The statement did not take effect, and on this connection none will: it leads to a standby, or has lost its prepared statements.
    Unfit,
    /// The statement did not take effect because of its values (SQLSTATE classes 22 and 23).
    Data,
    /// The statement did not take effect because the database is short of something, disk for example.
    Resources,
    /// Anything else: a fault of ours.
    Other,
}

/// Classifies `error`.
pub fn fault(error: &tokio_postgres::Error) -> Fault {
    let Some(state) = error.code() else {
        // No SQLSTATE: the connection broke, or the driver could not encode or decode.
        return if error.as_db_error().is_some() { Fault::Other } else { Fault::Lost };
    };
    if *state == SqlState::T_R_SERIALIZATION_FAILURE || *state == SqlState::T_R_DEADLOCK_DETECTED {
        return Fault::Retry;
    }
    if error.as_db_error().and_then(|db| db.constraint()) == Some("messages_nonce_key") {
        // Another node has just used it. Sent again, the statement sees that.
        return Fault::Retry;
    }
    match state.code() {
        "55P03" => Fault::Locked,
        // Another statement of the transaction has failed first, so all of it is undone.
        "25P02" => Fault::Retry,
        "57014" => Fault::Resources,
        "25006" | "26000" => Fault::Unfit,
        code => match code.get(..2) {
            Some("08" | "57") => Fault::Lost,
            Some("22" | "23") => Fault::Data,
            Some("53" | "54" | "58") => Fault::Resources,
            _ => Fault::Other,
        },
    }
}

/// The error that a client gets, once retries are over.
pub fn client_error(error: &tokio_postgres::Error) -> Error {
    if let Some(known) = error.as_db_error().and_then(|db| db.constraint()).and_then(constraint) {
        return known;
    }
    match fault(error) {
        Fault::Lost | Fault::Unfit | Fault::Resources | Fault::Locked | Fault::Retry => {
            tracing::warn!(error = %chain(error), "the database did not serve a statement");
            Error::Unavailable
        }
        Fault::Data | Fault::Other => {
            tracing::error!(error = %chain(error), "a statement failed");
            Error::Internal
        }
    }
}

/// The rule behind a constraint's name.
fn constraint(name: &str) -> Option<Error> {
    Some(match name {
        "users_username_key" | "users_looks_key" => Conflict::UsernameTaken.into(),
        "users_email_key" => Conflict::EmailTaken.into(),
        "users_server_limit" => Conflict::TooManyServers.into(),
        "servers_role_limit" => Conflict::TooManyRoles.into(),
        "servers_channel_limit" => Conflict::TooManyChannels.into(),
        "user_servers_not_banned" => Denied::Banned.into(),
        "user_servers_pkey" => Conflict::AlreadyMember.into(),
        "servers_owner_membership_fkey" => Conflict::OwnerCannotLeave.into(),
        "servers_owner_id_fkey" | "user_servers_user_id_fkey" => Unauthorized::Invalid.into(),
        "member_roles_role_fkey" => Error::NotFound(Noun::Role),
        "bans_user_id_fkey" | "member_roles_member_fkey" => Error::NotFound(Noun::User),
        "user_servers_server_id_fkey" | "channels_server_id_fkey" | "bans_server_id_fkey" | "roles_server_id_fkey" => {
            Error::NotFound(Noun::Server)
        }
        _ => return None,
    })
}

/// The error with its causes, for the log. Never holds a parameter's value: PostgreSQL's `detail` is left out.
pub fn chain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} {}", db.code().code(), db.message()),
        None => causes(error),
    }
}

/// Any error with its causes; PostgreSQL's among them with its code and text.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = match error.downcast_ref::<DbError>() {
            Some(db) => format!("{} {}", db.code().code(), db.message()),
            None => error.to_string(),
        };
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
