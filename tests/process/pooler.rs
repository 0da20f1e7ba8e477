//! A real PgBouncer between the node and its database.

use super::node::Node;
use super::pair::{free_port, unprivileged};
use super::scene::Scene;
use super::settings::{madang, refusal};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;

/// Nothing takes that long.
const PATIENCE: Duration = super::node::PATIENCE;

struct PgBouncer {
    port: u16,
    running: Child,
}

/// Debian has it where only root's path leads.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut programs = folders.map(|folder| folder.join("pgbouncer"));
    programs.find(|program| program.is_file()).expect("PgBouncer is missing: `.ci/need pgbouncer` installs it")
}

impl PgBouncer {
    /// One in this mode before the scene's database, with further settings.
    async fn start(scene: &Scene, pool_mode: &str, further: &str) -> Self {
        let port = free_port();
        let settings = format!(
            "[databases]\nmadang = host=127.0.0.1 port={} user=madang\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {pool_mode}\n{further}\n",
            scene.proxy.port
        );
        let file = scene.folder.join(format!("pgbouncer-{port}.ini"));
        std::fs::write(&file, settings).expect("it can be written");
        let log = std::fs::File::create(file.with_extension("log")).expect("a log");
        let mut command = unprivileged(&program());
        let running =
            command.arg(&file).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let started = Self { port, running: running.expect("it runs") };
        let listens = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, listens).await.is_err() {
            let said = std::fs::read_to_string(file.with_extension("log")).unwrap_or_default();
            panic!("PgBouncer does not listen: {said}");
        }
        started
    }

    fn url(&self) -> String {
        format!("postgresql://madang@127.0.0.1:{}/madang?sslmode=disable", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

/// Whichever mode it is in, and whatever its operator has told it to overlook; the settings that it keeps back may be the role's own.
#[tokio::test(flavor = "current_thread")]
async fn pgbouncer_is_refused_in_each_mode_and_at_each_start_and_nothing_is_changed() {
    let scene = Scene::start_empty().await;
    let role = "alter role madang set plan_cache_mode = force_generic_plan";
    scene.client.batch_execute(role).await.expect("good SQL");
    for pool_mode in ["transaction", "session", "statement"] {
        for further in ["", "ignore_startup_parameters = options"] {
            let pooler = PgBouncer::start(&scene, pool_mode, further).await;
            // It keeps what the start before has left on its connections.
            for start in 1..=3 {
                let mut command = madang(&scene.folder);
                command.env("DATABASE_URL", pooler.url()).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
                let (code, said) = refusal(command).await;
                let case = format!("{pool_mode} {further}, start {start}: {said}");
                assert_eq!(code, Some(2), "{case}");
                assert!(said.contains("a pooler such as PgBouncer") && said.contains("options"), "{case}");
                assert!(said.contains("name the host and port of PostgreSQL itself"), "{case}");
            }
        }
    }
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(scene.count(tables).await, 0);
    // Without it all is well.
    Node::start_on(&scene.proxy.url()).await.stop().await;
    scene.stop().await;
}
