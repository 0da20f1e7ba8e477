//! The private PostgreSQL: made once, durable, alone in its folder, back after a crash, gone with its owner.
//!
//! Every wait is for something to happen; the deadlines only end a test that has failed.

use madang::postgres::{Embedded, EmbeddedError, start};
use std::error::Error;
use std::fs::{self, Permissions};
use std::future::Future;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

type Outcome = Result<(), Box<dyn Error>>;

const DEADLINE: Duration = super::node::PATIENCE;
const HOLD: &str = "MADANG_TEST_HOLD";

/// A folder that the user of PostgreSQL may pass through when we are root.
fn folder() -> std::io::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
    Ok(folder)
}

async fn client(postgres: &Embedded) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = postgres.config().connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn ask(postgres: &Embedded, sql: &str) -> Result<String, tokio_postgres::Error> {
    client(postgres).await?.query_one(sql, &[]).await?.try_get(0)
}

/// Looks until `look` finds something.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> Result<T, Box<dyn Error>> {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(found) = look().await {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(format!("waited in vain: {what}").into())
}

fn kill(pid: u32) -> Outcome {
    let status = Command::new("/bin/sh").args(["-c", &format!("kill -KILL {pid}")]).status()?;
    assert!(status.success(), "process {pid} is not there to be killed");
    Ok(())
}

async fn until_stopped(data_dir: &Path) -> Outcome {
    let pid_file = data_dir.join("postgres/postmaster.pid");
    until("PostgreSQL stops", || async { (!pid_file.exists()).then_some(()) }).await
}

/// The message of a start that must fail.
async fn refusal(data_dir: &Path, bin_dir: Option<&Path>) -> Result<EmbeddedError, Box<dyn Error>> {
    match start(data_dir, bin_dir).await {
        Err(error) => {
            let text = error.to_string();
            assert!(!text.contains('\n'), "more than one line: {text}");
            Ok(error)
        }
        Ok(_) => Err("it started".into()),
    }
}

/// Not a test of its own: the process that others kill. It holds the database in the folder that [`HOLD`] names.
#[tokio::test]
async fn holder() -> Outcome {
    if let Some(data_dir) = std::env::var_os(HOLD) {
        let postgres = start(data_dir.as_ref(), None).await?;
        println!("holding {}", postgres.postmaster_pid());
        std::future::pending::<()>().await;
    }
    Ok(())
}

/// Another process that has started the database in `data_dir`.
fn hold(data_dir: &Path) -> Result<Child, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    held(command.args(["--exact", "embedded::holder", "--nocapture"]).env(HOLD, data_dir))
}

/// The process, when it has started it.
fn held(command: &mut Command) -> Result<Child, Box<dyn Error>> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    for line in BufReader::new(output).lines() {
        if line?.contains("holding ") {
            return Ok(child);
        }
    }
    Err("the holder ended".into())
}

#[tokio::test]
async fn a_cluster_is_made_once_and_keeps_what_was_committed() -> Outcome {
    let folder = folder()?;
    let data_dir = folder.path().join("made/by/us");
    let postgres = start(&data_dir, None).await?;
    client(&postgres).await?.batch_execute("create table kept (n int); insert into kept values (7)").await?;
    postgres.stop().await?;
    assert!(!data_dir.join("postgres/postmaster.pid").exists(), "stop() returns when the server has ended");

    fs::create_dir(data_dir.join("postgres.new-1"))?;
    let postgres = start(&data_dir, None).await?;
    assert_eq!(ask(&postgres, "select n::text from kept").await?, "7");
    assert!(!data_dir.join("postgres.new-1").exists(), "what a killed start left is removed");
    postgres.stop().await?;
    Ok(())
}

#[tokio::test]
async fn it_is_durable_private_and_knows_every_alphabet() -> Outcome {
    let folder = folder()?;
    let postgres = start(folder.path(), None).await?;
    for (setting, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(ask(&postgres, &format!("select current_setting('{setting}')")).await?, value, "{setting}");
    }
    assert_eq!(ask(&postgres, "select lower('ÄÉЖ')").await?, "äéж");
    assert_eq!(ask(&postgres, "select substring('-한글-' from '[[:alpha:]]+')").await?, "한글");

    let sockets = folder.path().join("postgres-run");
    let cluster = fs::metadata(folder.path().join("postgres"))?;
    for (path, metadata) in [("cluster", &cluster), ("sockets", &fs::metadata(&sockets)?)] {
        assert_eq!(metadata.mode() & 0o777, 0o700, "mode of the {path}");
        assert_ne!(metadata.uid(), 0, "PostgreSQL refuses root");
    }
    assert_eq!(postgres.url_for_humans(), format!("psql -h {} -U madang madang", sockets.display()));
    postgres.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_killed_server_comes_back_with_its_data() -> Outcome {
    let folder = folder()?;
    let postgres = start(folder.path(), None).await?;
    client(&postgres).await?.batch_execute("create table kept (n int); insert into kept values (7)").await?;
    for _ in 0..2 {
        let killed = postgres.postmaster_pid();
        kill(killed)?;
        let found = until("PostgreSQL comes back", || async {
            let other = postgres.postmaster_pid() != killed;
            if other { ask(&postgres, "select n::text from kept").await.ok() } else { None }
        });
        assert_eq!(found.await?, "7");
    }
    postgres.stop().await?;
    until_stopped(folder.path()).await
}

#[tokio::test]
async fn it_ends_with_its_owner_however_that_ends() -> Outcome {
    let folder = folder()?;
    let mut owner = hold(folder.path())?;

    let refused = refusal(folder.path(), None).await?;
    assert!(matches!(&refused, EmbeddedError::InUse { pid, .. } if *pid == owner.id().to_string()), "{refused}");

    owner.kill()?;
    owner.wait()?;
    until_stopped(folder.path()).await?;

    // The next start need not wait for that.
    let mut owner = hold(folder.path())?;
    owner.kill()?;
    owner.wait()?;
    let postgres = start(folder.path(), None).await?;
    drop(postgres);
    until_stopped(folder.path()).await
}

#[tokio::test]
async fn a_stale_process_id_that_is_anothers_now_is_no_obstacle() -> Outcome {
    let folder = folder()?;
    start(folder.path(), None).await?.stop().await?;
    let cluster = folder.path().join("postgres");
    let mut bystander = Command::new("sleep");
    if fs::metadata(folder.path())?.uid() == 0 {
        bystander.uid(fs::metadata(&cluster)?.uid());
    }
    let mut bystander = bystander.arg("600").spawn()?;
    fs::write(cluster.join("postmaster.pid"), format!("{}\n{}\n0\n5432\n", bystander.id(), cluster.display()))?;
    let postgres = start(folder.path(), None).await;
    assert!(bystander.try_wait()?.is_none(), "the bystander was stopped");
    bystander.kill()?;
    bystander.wait()?;
    postgres?.stop().await?;
    Ok(())
}

/// As a power cut leaves it. PostgreSQL itself never starts again then.
#[tokio::test]
async fn a_broken_file_of_the_process_id_is_no_obstacle() -> Outcome {
    let folder = folder()?;
    let postgres = start(folder.path(), None).await?;
    client(&postgres).await?.batch_execute("create table kept as select 'kept' as word").await?;
    postgres.stop().await?;
    let pid_file = folder.path().join("postgres/postmaster.pid");
    for broken in [&b""[..], &[0; 128], b"\n\n", b"x\n"] {
        fs::write(&pid_file, broken)?;
        let postgres = start(folder.path(), None).await?;
        assert_eq!(ask(&postgres, "select word from kept").await?, "kept");
        postgres.stop().await?;
    }
    // A server that runs is found without it.
    let mut owner = hold(folder.path())?;
    let holds = fs::read(&pid_file)?;
    fs::write(&pid_file, b"")?;
    owner.kill()?;
    owner.wait()?;
    let postgres = start(folder.path(), None).await?;
    assert_eq!(ask(&postgres, "select word from kept").await?, "kept");
    assert_ne!(fs::read(&pid_file)?, holds);
    postgres.stop().await?;
    Ok(())
}

/// Whatever the umask: PostgreSQL's user has to pass through all that was made.
#[tokio::test]
async fn folders_that_are_made_can_be_passed_by_postgresql() -> Outcome {
    let folder = folder()?;
    let data_dir = folder.path().join("a/b/data");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"umask 077; exec "$0" --exact embedded::holder --nocapture"#]).arg(std::env::current_exe()?);
    let mut owner = held(command.env(HOLD, &data_dir))?;
    owner.kill()?;
    owner.wait()?;
    until_stopped(&data_dir).await
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_does() -> Outcome {
    let folder = folder()?;
    let data_dir = folder.path().join("long".repeat(30)).join("with, comma");
    let postgres = start(&data_dir, None).await?;
    assert_eq!(ask(&postgres, "select 'here'").await?, "here");
    postgres.stop().await?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_work_is_refused_with_its_reason() -> Outcome {
    let folder = folder()?;
    let file = folder.path().join("file");
    fs::write(&file, "")?;
    assert!(matches!(refusal(&file, None).await?, EmbeddedError::NotAFolder(_)));
    assert!(matches!(refusal(&file.join("below"), None).await?, EmbeddedError::Folder { .. }));

    let (data_dir, programs) = (folder.path().join("data"), folder.path().join("programs"));
    fs::create_dir(&programs)?;
    assert!(matches!(refusal(&data_dir, Some(&programs)).await?, EmbeddedError::WrongBinDir(_)));

    let foreign = folder.path().join("foreign");
    fs::create_dir_all(foreign.join("postgres/base"))?;
    assert!(matches!(refusal(&foreign, None).await?, EmbeddedError::NotACluster(_)));
    fs::write(foreign.join("postgres/PG_VERSION"), "8\n")?;
    assert!(matches!(refusal(&foreign, None).await?, EmbeddedError::OtherVersion { cluster: 8, .. }));

    for (version, is_expected) in [("12.4", is_too_old as fn(&EmbeddedError) -> bool), ("?", is_broken)] {
        for program in ["initdb", "postgres"] {
            let script = programs.join(program);
            fs::write(&script, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"))?;
            fs::set_permissions(&script, Permissions::from_mode(0o755))?;
        }
        let refused = refusal(&data_dir, Some(&programs)).await?;
        assert!(is_expected(&refused), "{refused}");
    }
    Ok(())
}

fn is_too_old(error: &EmbeddedError) -> bool {
    matches!(error, EmbeddedError::TooOld { found: 12, .. })
}

fn is_broken(error: &EmbeddedError) -> bool {
    matches!(error, EmbeddedError::BrokenProgram { .. })
}

/// Only root has PostgreSQL run by somebody else, who may be stopped on the way.
#[tokio::test]
async fn root_is_told_which_folder_is_closed_to_postgresql() -> Outcome {
    let folder = folder()?;
    if fs::metadata(folder.path())?.uid() != 0 {
        return Ok(());
    }
    let closed = folder.path().join("closed");
    fs::create_dir(&closed)?;
    fs::set_permissions(&closed, Permissions::from_mode(0o700))?;
    let refused = refusal(&closed.join("data"), None).await?;
    let named = closed.canonicalize()?.display().to_string();
    assert!(matches!(&refused, EmbeddedError::Unreachable { path, .. } if *path == named), "{refused}");
    Ok(())
}
