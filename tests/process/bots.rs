//! The example bots, while the node is killed under them and they are killed themselves: a question has one answer, and the log that
//! a bot has heard is the channel's.

use super::bot::{Bot, Program, node_program, python_program};
use super::client::{Account, Api};
use super::node::{Node, PATIENCE, Signal, data_folder};
use super::pair::free_port;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const NAME: &str = "dice";
const PASSWORD: &str = "a bot's own password";
/// What is asked in turn; the last of them is no question.
const CONTENTS: [&str; 5] = ["!ping", "!roll 2d6", "!help", "!roll many", "only talk"];

#[tokio::test(flavor = "current_thread")]
async fn the_python_bot_answers_each_question_once_whatever_is_killed() {
    if let Some(program) = python_program().await {
        answers_each_question_once(&program).await;
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_node_js_bot_answers_each_question_once_whatever_is_killed() {
    if let Some(program) = node_program().await {
        answers_each_question_once(&program).await;
    }
}

/// A node on a port that it keeps, a channel in it, and somebody who asks.
struct Scene {
    folder: PathBuf,
    port: String,
    node: Option<Node>,
    api: Api,
    mina: Account,
    channel: i64,
    asked: Arc<AtomicUsize>,
}

impl Scene {
    async fn start() -> Self {
        let (folder, port) = (data_folder(), free_port().to_string());
        let node = Node::start_with(&folder, &[("PORT", &port)]).await;
        let api = Api::new(&node.url);
        let mina = api.account("mina").await;
        let channel = api.channel(&mina).await;
        Self { folder, port, node: Some(node), api, mina, channel, asked: Arc::default() }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn kill_and_start_again(&mut self) {
        let mut node = self.node.take().expect("it runs");
        node.signal(Signal::KILL);
        node.ended().await;
        self.node = Some(Node::start_with(&self.folder, &[("PORT", &self.port)]).await);
    }

    /// Asks so many questions more, each again until it is known to be there.
    fn ask(&self, count: usize) -> tokio::task::JoinHandle<()> {
        let url = format!("{}/channels/{}/messages", self.url(), self.channel);
        let (asked, token, first) = (self.asked.clone(), self.mina.token.clone(), self.asked.load(Ordering::Relaxed));
        tokio::spawn(async move {
            let http = reqwest::Client::new();
            for number in first..first + count {
                let question =
                    json!({ "content": CONTENTS[number % CONTENTS.len()], "nonce": format!("ask-{number}") });
                loop {
                    let call = http.post(&url).bearer_auth(&token).json(&question).timeout(Duration::from_secs(5));
                    if call.send().await.is_ok_and(|answer| answer.status().is_success()) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                asked.store(number + 1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
    }

    async fn until_asked(&self, count: usize) {
        until("questions are asked", async || self.asked.load(Ordering::Relaxed) >= count).await;
    }

    /// The channel's log, over HTTP.
    async fn log(&self) -> Vec<Value> {
        let path = format!("/channels/{}/events?after=0&limit=1000", self.channel);
        let page = self.api.get(&path, &self.mina.token).await;
        let log = page["events"].as_array().expect("a list").clone();
        assert_eq!(page["last_seq"], log.len(), "all of it is in one page");
        log
    }

    async fn until_all_is_answered(&self) {
        let questions = (0..self.asked.load(Ordering::Relaxed)).filter(|number| number % CONTENTS.len() != 4).count();
        until("all is answered", async || {
            self.log().await.iter().filter(|entry| is_answer(entry)).count() >= questions
        })
        .await;
    }
}

/// Looks until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

async fn answers_each_question_once(program: &Program) {
    let mut scene = Scene::start().await;
    let (url, server, folder) = (scene.url(), scene.mina.server.to_string(), scene.folder.clone());
    let bot = |name, password| {
        let settings =
            [("MADANG_URL", &*url), ("BOT_NAME", name), ("BOT_PASSWORD", password), ("BOT_SERVERS", &*server)];
        Bot::start(program, &folder, &settings)
    };
    // A name that is somebody else's.
    let mut refused = bot("mina", "not hers");
    assert_eq!(refused.ended().await, Some(1), "{}", refused.said());
    assert!(refused.said().contains("invalid_credentials"), "{}", refused.said());

    let mut first = bot(NAME, PASSWORD);
    until("it hears the channel", async || first.said().contains("hears 1 channels")).await;
    let asking = scene.ask(60);
    for asked in [8, 20, 32] {
        scene.until_asked(asked).await;
        scene.kill_and_start_again().await;
    }
    scene.until_asked(44).await;
    // Its login ends: the socket closes with 4401, and the refresh token is good for nothing.
    let token = scene.api.log_in(NAME, PASSWORD).await;
    let ended = reqwest::Client::new().delete(format!("{url}/auth/sessions")).bearer_auth(&token).send().await;
    ended.and_then(reqwest::Response::error_for_status).expect("it is ended");
    asking.await.expect("it asks");
    scene.until_all_is_answered().await;
    let log = scene.log().await;
    until("it has heard all", async || first.heard().len() >= log.len()).await;
    assert_eq!(first.heard(), log, "the log, whole, in order, once");
    assert!(first.said().contains("4401"), "{}", first.said());
    assert_eq!(first.stop().await, Some(0), "{}", first.said());

    // What is asked while it is away it answers when it is back, and that it is killed in the middle of it changes nothing.
    scene.ask(10).await.expect("it asks");
    let mut second = bot(NAME, PASSWORD);
    let asking = scene.ask(30);
    scene.until_asked(85).await;
    second.kill().await;
    scene.until_asked(95).await;
    let mut third = bot(NAME, PASSWORD);
    asking.await.expect("it asks");
    scene.until_all_is_answered().await;
    until("it has heard the last", async || third.heard().last() == scene.log().await.last()).await;
    assert_eq!(third.stop().await, Some(0), "{}", third.said());
    let whole = scene.log().await;
    goes_on(&second, &whole, log.len());
    goes_on(&third, &whole, log.len() + second.heard().len());
    has_each_once(&whole, 100);
    scene.node.take().expect("it runs").stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// A bot that was started again has heard a piece of the log without a hole, from not later than where the one before had ended.
fn goes_on(bot: &Bot, log: &[Value], heard: usize) {
    let piece = bot.heard();
    let Some(first) = piece.first() else { return };
    let before = usize::try_from(first["seq"].as_u64().expect("a seq")).expect("a number") - 1;
    assert!(before <= heard, "it begins after {before}, and {heard} were heard");
    assert_eq!(piece, log[before..before + piece.len()]);
}

fn is_answer(entry: &Value) -> bool {
    entry["author_username"] == NAME
}

/// Each question once, and for each one answer, after it.
fn has_each_once(log: &[Value], questions: usize) {
    let mut answers: Vec<&Value> = log.iter().filter(|entry| is_answer(entry)).collect();
    for number in 0..questions {
        let nonce = format!("ask-{number}");
        let asked: Vec<&Value> = log.iter().filter(|entry| entry["nonce"] == *nonce && !is_answer(entry)).collect();
        let [question] = asked[..] else { panic!("{nonce} is there {} times", asked.len()) };
        let (own, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|entry| entry["reply_to"] == question["id"]);
        answers = others;
        let content = question["content"].as_str().expect("text");
        assert_eq!(own.len(), usize::from(content.starts_with('!')), "{question} has {own:?}");
        for answer in own {
            assert!(answer["seq"].as_i64() > question["seq"].as_i64(), "{answer} came before {question}");
            assert!(fits(content, answer["content"].as_str().expect("text")), "{content}: {answer}");
        }
    }
    assert!(answers.is_empty(), "nobody has asked for {answers:?}");
}

fn fits(question: &str, answer: &str) -> bool {
    match question {
        "!ping" => answer == "pong",
        "!roll 2d6" => {
            let Some((rolls, sum)) = answer.strip_prefix("2d6: ").and_then(|rest| rest.split_once(" = ")) else {
                return false;
            };
            let rolls: Vec<u32> = rolls.split(" + ").filter_map(|roll| roll.parse().ok()).collect();
            rolls.len() == 2
                && rolls.iter().all(|roll| (1..=6).contains(roll))
                && sum == rolls.iter().sum::<u32>().to_string()
        }
        _ => answer.contains("!roll 2d6"),
    }
}
