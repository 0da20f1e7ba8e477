//! What can go wrong between us and the private PostgreSQL, each in one line that says what the person must do.

use std::io;
use std::path::PathBuf;

/// Why the embedded PostgreSQL does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The operating system refused something on a file or folder of ours.
    #[error("cannot {action} {path}: {source} (DATA_DIR chooses another folder)")]
    Folder {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file stands where the data folder should be.
    #[error("{0} is a file, not a folder: set DATA_DIR to a folder")]
    NotAFolder(PathBuf),

    /// Another process of ours has this data folder.
    #[error("{path} is in use by another madang, process {pid}: stop it, or set DATA_DIR to another folder")]
    InUse {
        /// The data folder.
        path: PathBuf,
        /// The other process, as far as it is known.
        pid: String,
    },

    /// The cluster belongs to a user that we are not.
    #[error("{path} belongs to {owner}: run madang as that user or as root, or set DATA_DIR to another folder")]
    NotOurs {
        /// The cluster.
        path: PathBuf,
        /// Its owner, by name or number.
        owner: String,
    },

    /// There are files where the cluster should be, and they are no cluster.
    #[error("{0} holds files but no PostgreSQL database: move it away, or set DATA_DIR to another folder")]
    NotACluster(PathBuf),

    /// The folder for the socket in the shared temporary folder is somebody else's.
    #[error("{0} is not a private folder of ours: remove it, or set DATA_DIR to a folder with a shorter path")]
    SocketFolder(PathBuf),

    /// No folder holds both programs.
    #[error(
        "no PostgreSQL programs (initdb, postgres) found: install them with `apt-get install postgresql`, \
         `dnf install postgresql-server` or `brew install postgresql`, or set PG_BIN_DIR to their folder, \
         or DATABASE_URL to use a server that runs already"
    )]
    NoPrograms,

    /// `PG_BIN_DIR` names a folder without the programs.
    #[error("PG_BIN_DIR: {0} does not hold both initdb and postgres; `pg_config --bindir` prints the right folder")]
    WrongBinDir(PathBuf),

    /// The programs found are older than we support.
    #[error(
        "PostgreSQL {found} in {path} is too old: version {minimum} or newer is needed (PG_BIN_DIR chooses another)"
    )]
    TooOld {
        /// Where they are.
        path: PathBuf,
        /// Their major version.
        found: u32,
        /// The oldest that would do.
        minimum: u32,
    },

    /// A program does not say which version it is.
    #[error("{program} --version does not work: {output}")]
    BrokenProgram {
        /// The program.
        program: PathBuf,
        /// What it said, or what the system said.
        output: String,
    },

    /// The cluster was made by another major version.
    #[error(
        "the database in {path} was made by PostgreSQL {cluster} and {programs} holds version {found}: install \
         PostgreSQL {cluster} (or set PG_BIN_DIR to it), or convert the folder with pg_upgrade"
    )]
    OtherVersion {
        /// The cluster.
        path: PathBuf,
        /// Its major version.
        cluster: u32,
        /// Where the programs are.
        programs: PathBuf,
        /// Their major version.
        found: u32,
    },

    /// We are root, and there is no other user to run PostgreSQL as.
    #[error(
        "PostgreSQL does not run as root and /etc/passwd has neither postgres nor nobody: run madang as an ordinary user"
    )]
    NoAccount,

    /// The user that PostgreSQL runs as cannot get to a folder or program.
    #[error(
        "PostgreSQL does not run as root but as user {user}, who may not pass through {path}: \
         `chmod o+x` it, or set DATA_DIR to a folder outside of it such as /var/lib/madang"
    )]
    Unreachable {
        /// The user.
        user: String,
        /// The first folder or program on the way that stops them.
        path: String,
    },

    /// A program could not be started.
    #[error("cannot start {program}{as_user}: {source}")]
    Spawn {
        /// The program.
        program: PathBuf,
        /// ` as user NAME`, or nothing.
        as_user: String,
        /// What the system said.
        source: io::Error,
    },

    /// `initdb` failed.
    #[error("initdb could not make a database in {path}: {output}")]
    Initdb {
        /// Where.
        path: PathBuf,
        /// What it said.
        output: String,
    },

    /// No locale that `initdb` knows can tell letters outside of ASCII.
    #[error("initdb knows none of the locales {0}: install one (Debian: `apt-get install locales-all`)")]
    NoLocale(String),

    /// An earlier PostgreSQL of this folder does not stop.
    #[error(
        "an earlier PostgreSQL (process {pid}) still runs in {path} and does not stop: stop it by `kill -QUIT {pid}`"
    )]
    Orphan {
        /// The cluster.
        path: PathBuf,
        /// Its process.
        pid: u32,
    },

    /// PostgreSQL ended instead of coming up.
    #[error("PostgreSQL ended while starting ({status}): {said}; more is in {log}")]
    Exited {
        /// How it ended.
        status: String,
        /// Whether a signal ended it.
        killed: bool,
        /// What it logged.
        said: String,
        /// Where it logs.
        log: PathBuf,
    },

    /// PostgreSQL runs, but no connection was possible in time.
    #[error("PostgreSQL did not answer within {seconds} s ({reason}): {said}; more is in {log}")]
    NotReady {
        /// How long we waited.
        seconds: u64,
        /// What the last attempt to connect met.
        reason: String,
        /// What it logged.
        said: String,
        /// Where it logs.
        log: PathBuf,
    },

    /// The application's database could not be made.
    #[error("cannot create the database madang: {0}")]
    CreateDatabase(#[source] tokio_postgres::Error),

    /// PostgreSQL did not stop when told to.
    #[error("PostgreSQL (process {pid}) did not stop within {seconds} s")]
    NotStopped {
        /// Its process.
        pid: u32,
        /// How long we waited.
        seconds: u64,
    },

    /// The launcher's own thread is gone.
    #[error("the launcher of PostgreSQL ended unexpectedly")]
    LauncherGone,
}
