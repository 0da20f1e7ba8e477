//! The data folder: whose it is, that one process at a time has it, and where in it PostgreSQL keeps what.
//!
//! ```text
//! DATA_DIR/lock             held while a process of ours has the folder
//! DATA_DIR/postgres/        the cluster, made by `cluster`
//! DATA_DIR/postgres.log     what PostgreSQL says, see `log`
//! DATA_DIR/postgres-run/    its socket; in the shared temporary folder where this path is too long for one
//! ```

use super::account::Account;
use super::error::EmbeddedError;
use std::env;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest path of a socket: 108 bytes with a final NUL on Linux, 104 on macOS and the BSDs.
const SOCKET_PATH_MAX: usize = 103;
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// A data folder that is ours alone until this is dropped.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    pub account: Account,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if needed and takes its lock.
    pub fn claim(path: &Path) -> Result<Self, EmbeddedError> {
        if path.exists() && !path.is_dir() {
            return Err(EmbeddedError::NotAFolder(path.to_owned()));
        }
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let made: Vec<PathBuf> = path.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        fs::create_dir_all(path).map_err(failed("create the data folder", path))?;
        let path = path.canonicalize().map_err(failed("open the data folder", path))?;
        let account = Account::choose(&path, &path.join("postgres"))?;
        // Another user's programs only pass through them, whatever our umask says.
        let mode = if account.is_other_user() { 0o711 } else { 0o700 };
        for folder in made {
            fs::set_permissions(&folder, Permissions::from_mode(mode)).map_err(failed("set the mode of", &folder))?;
        }
        let lock = lock(&path)?;
        account.own(&path.join("lock"))?;
        Ok(Self { path, account, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn cluster(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("postgres.log")
    }

    /// The folder of the socket, private to the account and without a socket of an earlier run.
    ///
    /// Only to be called while no PostgreSQL runs in this folder.
    pub fn socket_folder(&self) -> Result<PathBuf, EmbeddedError> {
        let folder = self.choose_socket_folder();
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed("create the socket folder", &folder)(error));
            }
            _ => self.adopt(&folder)?,
        }
        for name in [SOCKET_NAME.to_owned(), format!("{SOCKET_NAME}.lock")] {
            let file = folder.join(name);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &file)(error)),
                _ => {}
            }
        }
        Ok(folder)
    }

    /// Beside the cluster where that works, else in a folder of our own that is named after the data folder.
    fn choose_socket_folder(&self) -> PathBuf {
        let beside = self.path.join("postgres-run");
        if fits(&beside) {
            return beside;
        }
        let name = format!("madang-{:016x}", fnv1a(self.path.as_os_str().as_encoded_bytes()));
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| {
            let owner = fs::metadata(folder).map(|metadata| metadata.uid());
            owner.is_ok_and(|uid| uid == self.account.uid) && fits(&folder.join(&name))
        });
        // Not TMPDIR: it may be as long, or closed to the account.
        runtime.unwrap_or_else(|| PathBuf::from("/tmp")).join(name)
    }

    /// Makes sure that `folder` is a real folder of the account that nobody else can enter.
    fn adopt(&self, folder: &Path) -> Result<(), EmbeddedError> {
        let metadata = fs::symlink_metadata(folder).map_err(failed("look at", folder))?;
        let private = metadata.is_dir() && metadata.mode() & 0o077 == 0;
        // Root's own is one that was made but not handed over yet.
        let from_root = self.account.is_other_user() && metadata.uid() == 0;
        if !private || !(metadata.uid() == self.account.uid || from_root) {
            return Err(EmbeddedError::SocketFolder(folder.to_owned()));
        }
        self.account.own(folder)
    }
}

/// An error of the system, with what we were doing.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_owned();
    move |source| EmbeddedError::Folder { action, path, source }
}

/// As often as a lock that somebody holds is tried.
const LOCK_TRIES: u32 = 25;
/// Between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

fn lock(path: &Path) -> Result<File, EmbeddedError> {
    let name = path.join("lock");
    let mut options = File::options();
    // Whoever can open it can hold it.
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&name).map_err(failed("write to", &name))?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed("set the mode of", &name))?;
    match try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            let pid = if pid.trim().is_empty() { "unknown".to_owned() } else { pid.trim().to_owned() };
            return Err(EmbeddedError::InUse { path: path.to_owned(), pid });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock", &name)(source)),
    }
    let write = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    write.map_err(failed("write to", &name))?;
    Ok(file)
}

/// A program that was being started when the lock's owner ended has a copy of it until it is itself: for a moment nobody holds what is
/// held.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            tried => return tried,
        }
    }
    file.try_lock()
}

/// Short enough, and of characters that neither PostgreSQL's list of folders nor a connection string reads as their own.
fn fits(folder: &Path) -> bool {
    let length = folder.as_os_str().len() + 1 + SOCKET_NAME.len();
    length <= SOCKET_PATH_MAX && folder.to_str().is_some_and(|text| !text.contains([',', '"', '\'', '\\', '\n']))
}

/// The same for the same folder in every build, unlike the standard library's hashers.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
