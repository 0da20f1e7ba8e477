//! The cluster's files: made once and whole by `initdb`, read for their version, freed of an earlier server.

use super::data_dir::{DataDir, failed};
use super::error::EmbeddedError;
use super::guarded::Guarded;
use super::log::reason;
use super::programs::Programs;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Names of clusters in the making begin with this.
const UNFINISHED: &str = "postgres.new-";

/// Tried in order: `(locale, its character classes)`. Sorting is by code point in all of them. Plain `C` is not among
/// them: it knows no letters outside of ASCII, so names would differ by case and Korean could not be searched.
const LOCALES: [(&str, &str); 3] = [("C.UTF-8", "C.UTF-8"), ("C", "en_US.UTF-8"), ("C", "UTF-8")];

const POLL: Duration = Duration::from_millis(10);
/// As long as an earlier server may take for each way of being told to stop.
const ORPHAN_PATIENCE: [(&str, Duration); 2] = [("INT", Duration::from_secs(10)), ("QUIT", Duration::from_secs(10))];

/// The major version that made the cluster, where there is one.
pub(super) fn version(data_dir: &DataDir) -> Result<Option<u32>, EmbeddedError> {
    let cluster = data_dir.cluster();
    match fs::read_to_string(cluster.join("PG_VERSION")) {
        Ok(text) => match text.trim().split('.').next().and_then(|major| major.parse().ok()) {
            Some(major) => Ok(Some(major)),
            None => Err(EmbeddedError::NotACluster(cluster)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let is_empty = fs::read_dir(&cluster).map_or(true, |mut entries| entries.next().is_none());
            if is_empty { Ok(None) } else { Err(EmbeddedError::NotACluster(cluster)) }
        }
        Err(error) => Err(failed("read", &cluster)(error)),
    }
}

/// Makes the cluster. It gets its name only when it is whole and on disk, so a killed start leaves nothing that looks
/// like one.
pub(super) async fn create(data_dir: &DataDir, programs: &Programs) -> Result<(), EmbeddedError> {
    let cluster = data_dir.cluster();
    let unfinished = data_dir.path().join(format!("{UNFINISHED}{}", std::process::id()));
    let result = initdb(data_dir, programs, &unfinished).await;
    let result = result.and_then(|()| {
        fs::rename(&unfinished, &cluster).map_err(failed("name the new database", &cluster))?;
        let folder = File::open(data_dir.path()).and_then(|folder| folder.sync_all());
        folder.map_err(failed("write to", data_dir.path()))
    });
    if result.is_err() {
        remove_unfinished(data_dir);
    }
    result
}

async fn initdb(data_dir: &DataDir, programs: &Programs, folder: &Path) -> Result<(), EmbeddedError> {
    let account = &data_dir.account;
    let program = programs.initdb();
    for (locale, classes) in LOCALES {
        if !folder.exists() {
            DirBuilder::new().mode(0o700).create(folder).map_err(failed("create", folder))?;
            account.own(folder)?;
        }
        let mut command = account.command(&program);
        command.args(["--username=madang", "--auth=trust", "--encoding=UTF8", "--data-checksums"]);
        command.arg(format!("--locale={locale}")).arg(format!("--lc-ctype={classes}")).arg("-D").arg(folder);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = Guarded::spawn(account, &program, &mut command)?;
        let output = child.output().await.map_err(|source| account.spawn_error(&program, source))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if !said.contains("invalid locale") {
            return Err(EmbeddedError::Initdb { path: data_dir.cluster(), output: reason(&said) });
        }
        tracing::info!(locale, classes, "initdb does not know this locale");
    }
    Err(EmbeddedError::NoLocale(LOCALES.map(|(_, classes)| classes).join(", ")))
}

/// Removes what starts that were killed while they made a cluster have left.
pub(super) fn remove_unfinished(data_dir: &DataDir) {
    let Ok(entries) = fs::read_dir(data_dir.path()) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "cannot remove what a killed start left");
        }
    }
}

/// Stops a server of this cluster that outlived the process that started it.
pub(super) async fn stop_orphan(data_dir: &DataDir) -> Result<(), EmbeddedError> {
    let cluster = data_dir.cluster();
    let pid_file = cluster.join("postmaster.pid");
    let Ok(bytes) = fs::read(&pid_file) else { return Ok(()) };
    let text = String::from_utf8_lossy(&bytes);
    let named = text.lines().next().and_then(|line| line.trim().parse::<u32>().ok());
    let pid = match named {
        Some(pid) if serves(pid, &cluster).await => pid,
        Some(_) => return disclaim(&pid_file, &text),
        None => match any_server(&cluster).await {
            Some(pid) => pid,
            None => return remove_broken(&pid_file),
        },
    };
    for (signal, patience) in ORPHAN_PATIENCE {
        tracing::warn!(pid, signal, "stopping an earlier PostgreSQL that still runs in this folder");
        let mut kill = data_dir.account.command("/bin/sh");
        kill.args(["-c", r#"kill -s "$1" "$2""#, "sh", signal, &pid.to_string()]).stderr(Stdio::null());
        kill.status().await.map_err(|source| data_dir.account.spawn_error(Path::new("/bin/sh"), source))?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !serves(pid, &cluster).await {
                // Where its file names nobody, there may be more of them.
                return if named.is_some() { Ok(()) } else { Box::pin(stop_orphan(data_dir)).await };
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Err(EmbeddedError::Orphan { path: cluster, pid })
}

/// A power cut may leave the file empty, or full of zeros: PostgreSQL then never starts by itself. Nothing of the cluster runs, and
/// nobody else can start it while its folder is locked.
fn remove_broken(pid_file: &Path) -> Result<(), EmbeddedError> {
    if !Path::new("/proc/self").exists() {
        return Ok(());
    }
    tracing::warn!(path = %pid_file.display(), "the file names no process (a power cut?), and none runs: it is removed");
    fs::remove_file(pid_file).map_err(failed("remove", pid_file))
}

/// Any process of a server of this cluster. (A shell may stand in its folder, too.)
async fn any_server(cluster: &Path) -> Option<u32> {
    let is_postgres =
        |pid: u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres");
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && is_postgres(pid)
            && serves(pid, cluster).await
        {
            return Some(pid);
        }
    }
    None
}

/// Whether process `pid` is a server of this cluster: it works in that folder. Where root may not look at another user's
/// process (containers), its arguments tell; without `/proc`, its name must do.
async fn serves(pid: u32, cluster: &Path) -> bool {
    if !Path::new("/proc/self").exists() {
        let ps = tokio::process::Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output().await;
        return ps.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("postgres"));
    }
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(folder) => cluster.canonicalize().is_ok_and(|cluster| cluster == folder),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|argument| argument == cluster.as_os_str().as_encoded_bytes())
        }
        Err(_) => false,
    }
}

/// Names us as the process in a stale `postmaster.pid`. Its number may be another process's by now (in a container it
/// often is), and then PostgreSQL would refuse to start; its parent's number it takes for stale. The rest of the file
/// stays: by it PostgreSQL finds out whether backends of the dead server are still at work.
fn disclaim(pid_file: &Path, text: &str) -> Result<(), EmbeddedError> {
    let Some((_, rest)) = text.split_once('\n') else { return Ok(()) };
    let ours = format!("{}\n{rest}", std::process::id());
    fs::write(pid_file, ours).map_err(failed("write to", pid_file))
}
