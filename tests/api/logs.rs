//! What the program writes about its calls: a line each, and no secret in any.

use crate::support::app::{SECRET_KEY, TestApp};
use crate::support::raw::HANDSHAKE;
use crate::support::{By, PASSWORD, User, Value, id, json};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

/// The program itself, on a database of the test's.
async fn start(rust_log: &str) -> (Child, TestApp) {
    let database = crate::support::database::fresh_database().await;
    let [tokio_postgres::config::Host::Unix(folder)] = database.get_hosts() else { panic!("one socket") };
    let folder = folder.display().to_string().replace('/', "%2F");
    let name = database.get_dbname().expect("a name");
    let mut program = Command::new(env!("CARGO_BIN_EXE_madang"))
        .env_clear()
        .current_dir("/")
        .env("DATABASE_URL", format!("postgresql://madang:canary-of-the-database@{folder}/{name}"))
        .env("SECRET_KEY", SECRET_KEY)
        .envs([("PORT", "0"), ("BCRYPT_COST", "4"), ("RUST_LOG", rust_log)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
    let mut line = String::new();
    while !line.starts_with("API") {
        line = lines.next_line().await.expect("readable").expect("the address");
    }
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let address = line.split_once("http://").expect("a URL").1.trim().parse().expect("an address");
    (program, TestApp::elsewhere(address, database))
}

async fn read(mut log: ChildStderr) -> String {
    let mut text = String::new();
    log.read_to_string(&mut text).await.expect("readable");
    text
}

async fn stop(program: &mut Child) {
    let pid = program.id().and_then(|pid| Pid::from_raw(pid.try_into().ok()?)).expect("it runs");
    kill_process(pid, Signal::TERM).expect("it runs");
    assert!(program.wait().await.expect("it ends").success());
}

async fn use_it(app: &TestApp) -> (User, i64) {
    let mina = app.register("mina").await;
    app.login("mina", "canary-of-a-wrong-password").await.refuses(401, "invalid_credentials");
    let bad = json!({ "username": "x", "email": "canary-of-an-address", "password": "canary" });
    app.post("/auth/register", By::Nobody, bad).await.refuses(422, "validation_error");
    app.put("/users/me", &mina, json!({ "password": "canary-of-a-new-password" })).await.is(200);
    let server = app.server(&mina, "Courtyard").await;
    let channel = app.channel(&mina, server, "general").await;
    app.get(&format!("/channels/{channel}/messages?limit=1&token={}", mina.token), &mina).await.is(200);
    app.get(&format!("/users/me?token={}", mina.token), By::Nobody).await.refuses(401, "not_authenticated");
    app.get(&format!("/ws/{channel}?token={}", mina.token), By::Nobody).await.refuses(426, "upgrade_required");
    let mut socket = app.socket(channel, &mina).await;
    id(&socket.say_and_hear("canary-of-a-message").await);
    socket.send_text("canary-of-a-bad-frame").await;
    socket.next_error("invalid_json").await;
    let pair = format!("{HANDSHAKE}Sec-WebSocket-Protocol: bearer, {}\r\n", mina.token);
    app.refusal("GET /ws/999999 HTTP/1.1", &pair).await.refuses(404, "channel_not_found");
    let query = format!("GET /ws/999998?token={} HTTP/1.1", mina.token);
    app.refusal(&query, HANDSHAKE).await.refuses(404, "channel_not_found");
    socket.close().await;
    (mina, channel)
}

#[tokio::test]
async fn every_call_has_its_line_and_no_line_has_a_secret() {
    let (mut program, app) = start("trace").await;
    let reading = tokio::spawn(read(program.stderr.take().expect("its log")));
    let (mina, channel) = use_it(&app).await;
    let request_id = app.get("/nothing", By::Nobody).await.header("x-request-id").to_owned();
    app.raw_get("/", "").await;
    let (icon, old) = ("/favicon.ico", "/web/0000000000000000/app/main.js");
    app.raw_get(icon, "").await;
    app.raw_get(old, "").await;
    let file = crate::web::script(&app).await;
    assert_eq!(app.raw_get(&file, "").await.0.status, 200);
    stop(&mut program).await;

    let log = reading.await.expect("read");
    let (_, signature) = mina.token.rsplit_once('.').expect("three parts");
    for secret in [signature, "canary", PASSWORD, "correct+horse", "$2b$", SECRET_KEY] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "`{secret}` is in the log");
    }
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect();
    let has = |path: &str, status: u16| lines.iter().any(|line| line["path"] == path && line["status"] == status);
    for (path, status) in [
        ("/auth/login", 401),
        ("/nothing", 404),
        ("/", 200),
        (icon, 200),
        (old, 404),
        (&format!("/ws/{channel}"), 101),
        ("/ws/999999", 404),
        (&format!("/channels/{channel}/messages"), 200),
    ] {
        assert!(has(path, status), "no line of {path} with {status}");
    }
    assert!(!has(&file, 200), "what a page loads has no lines");
    assert!(lines.iter().any(|line| line["request_id"] == request_id.as_str() && line["path"] == "/nothing"));
}

/// Whoever sends bytes that are no request is no error of the node's.
#[tokio::test]
async fn what_strangers_send_is_no_error_in_the_log() {
    for (rust_log, is_written) in [("warn,madang=info", false), ("warn,madang=debug", true)] {
        let (mut program, app) = start(rust_log).await;
        let reading = tokio::spawn(read(program.stderr.take().expect("its log")));
        for garbage in ["GARBAGE\r\n\r\n", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nBad Header\r\n\r\n"]
        {
            let mut raw = app.raw().await;
            raw.send(garbage.as_bytes()).await;
            raw.answer("garbage").await.refuses(400, "malformed_request");
        }
        stop(&mut program).await;
        let log = reading.await.expect("read");
        assert_eq!(log.contains("request parse error"), is_written, "{rust_log}: {log}");
        assert!(is_written || !log.contains("\"level\":\"ERROR\""), "{log}");
    }
}
