//! Why a node cannot start.

use crate::actors::cluster::JoinError;
use crate::net::tls::TlsError;
use crate::postgres::EmbeddedError;
use crate::store::backends::EarlierError;
use crate::store::lock::LockError;
use crate::store::migrate::MigrateError;
use std::io;

/// Why a node cannot start. One line, for the person who starts it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}; change HOST or PORT, or stop what listens there")]
    Listen(String, io::Error),
    /// The data folder cannot be used.
    #[error("DATA_DIR {0}: {1}")]
    DataDir(String, io::Error),
    /// The embedded database does not start.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The schema cannot be brought up to date.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// An earlier node has left something behind.
    #[error(transparent)]
    Earlier(#[from] EarlierError),
    /// The database is not this node's.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The other nodes on the database are not of its kind.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no such place to listen.
    #[error("HOST: {0} is no address of this machine: {1}")]
    Host(String, io::Error),
    /// Something that cannot be configured away.
    #[error("{0}")]
    Other(String),
}

impl StartError {
    /// Whether a setting has to be changed: starting again as it is changes nothing.
    pub fn is_setting(&self) -> bool {
        matches!(
            self,
            Self::Host(..)
                | Self::Tls(_)
                | Self::Embedded(EmbeddedError::WrongBinDir(_))
                | Self::Lock(LockError::Unfit(_))
                | Self::Join(JoinError::OtherKey(_) | JoinError::OtherProtocol(..) | JoinError::Clock(..))
        )
    }
}
