//! The example bots, while the node is killed under them and they are killed themselves: a question has one answer, and the log that
//! a bot has heard is the channel's.
//!
//! The limits are on, so that answers wait on the node, unsaved, at the moment of a kill.

use super::bot::{Bot, Program, node_program, python_program};
use super::client::{Account, Api};
use super::node::{Node, PATIENCE, Signal, furnished_folder};
use super::pair::free_port;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

const NAME: &str = "dice";
const PASSWORD: &str = "a bot's own password";
/// What is asked in turn; the last of them is no question.
const CONTENTS: [&str; 5] = ["!ping", "!roll 2d6", "!help", "!roll many", "only talk"];
const CHANNELS: usize = 3;
/// More in each channel than a bot may answer at once.
const ROUND: usize = 57;

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

async fn answers_each_question_once(program: &Program) {
    let mut scene = Scene::start().await;
    let (url, server, folder) = (scene.url(), scene.people[0].server.to_string(), scene.folder.clone());
    let bot = |name, password| {
        let settings =
            [("MADANG_URL", &*url), ("BOT_NAME", name), ("BOT_PASSWORD", password), ("BOT_SERVERS", &*server)];
        Bot::start(program, &folder, &settings)
    };
    let mut refused = bot("mina", "not her password");
    assert_eq!(refused.ended().await, Some(1), "{}", refused.said());
    assert!(refused.said().contains("invalid_credentials"), "{}", refused.said());

    let mut first = bot(NAME, PASSWORD);
    until("it hears the channels", async || first.said().contains("hears 3 channels")).await;
    scene.ask(ROUND).await;
    scene.kill_and_start_again().await;
    let before = entries(&scene.logs().await);
    let asking = scene.ask(ROUND);
    until("some is asked", async || entries(&scene.logs().await) > before + ROUND / 3).await;
    scene.kill_and_start_again().await;
    asking.await;
    // Its login ends: the socket closes with 4401, and the refresh token is good for nothing.
    let token = scene.api.log_in(NAME, PASSWORD).await;
    let ended = reqwest::Client::new().delete(format!("{url}/auth/sessions")).bearer_auth(&token).send().await;
    ended.and_then(reqwest::Response::error_for_status).expect("it is ended");
    scene.until_all_is_answered().await;
    let heard = scene.logs().await;
    until("it has heard all", async || first.heard().len() >= entries(&heard)).await;
    let pieces = scene.by_channel(&first);
    assert!(pieces == heard, "the logs, whole, in order, once: it has heard {pieces:?} of {heard:?}");
    assert!(first.said().contains("4401"), "{}", first.said());
    assert_eq!(first.stop().await, Some(0), "{}", first.said());

    // What is asked while it is away it answers when it is back, and that it is killed in the middle of it changes nothing.
    scene.ask(ROUND).await;
    let asked = entries(&scene.logs().await);
    let mut second = bot(NAME, PASSWORD);
    until("it has heard the questions", async || entries(&heard) + second.heard().len() >= asked).await;
    // Its place is written now and then; it has to be one before what waits.
    tokio::time::sleep(Duration::from_millis(700)).await;
    second.kill().await;
    let mut third = bot(NAME, PASSWORD);
    scene.until_all_is_answered().await;
    until("it has heard the last", async || {
        let logs = scene.logs().await;
        scene.by_channel(&third).iter().zip(&logs).all(|(piece, log)| piece.last() == log.last())
    })
    .await;
    assert_eq!(third.stop().await, Some(0), "{}", third.said());

    let logs = scene.logs().await;
    let heard: Vec<usize> = heard.iter().map(Vec::len).collect();
    let heard = goes_on(&scene.by_channel(&second), &logs, &heard);
    goes_on(&scene.by_channel(&third), &logs, &heard);
    has_each_once(&logs.concat(), scene.asked);
    scene.node.take().expect("it runs").stop().await;
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
}

/// A node on a port that it keeps, channels in it, and people who ask.
struct Scene {
    folder: PathBuf,
    port: String,
    node: Option<Node>,
    api: Api,
    people: Vec<Account>,
    channels: Vec<i64>,
    asked: usize,
}

impl Scene {
    async fn start() -> Self {
        let (folder, port) = (furnished_folder(), free_port().to_string());
        let node = Self::node(&folder, &port).await;
        let api = Api::new(&node.url);
        let mut people = Vec::new();
        for name in ["mina", "june", "hana"] {
            people.push(api.account(name).await);
        }
        let mut channels = Vec::new();
        for _ in 0..CHANNELS {
            channels.push(api.channel(&people[0]).await);
        }
        for person in &people[1..] {
            api.join(people[0].server, person).await;
        }
        Self { folder, port, node: Some(node), api, people, channels, asked: 0 }
    }

    async fn node(folder: &std::path::Path, port: &str) -> Node {
        Node::start_with(folder, &[("PORT", port), ("RATE_LIMIT", "on")]).await
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn kill_and_start_again(&mut self) {
        let mut node = self.node.take().expect("it runs");
        node.signal(Signal::KILL);
        node.ended().await;
        self.node = Some(Self::node(&self.folder, &self.port).await);
    }

    /// Asks so many questions more, each person one after another, each question until it is known to be there.
    fn ask(&mut self, count: usize) -> impl Future<Output = ()> + use<> {
        let first = self.asked;
        self.asked += count;
        let people = self.people.iter().enumerate().map(|(index, person)| {
            let mine = (first..first + count).filter(|number| number % self.people.len() == index);
            // Each person asks in each channel: with the same limits as the bot, but a third of it each.
            let questions = mine.map(|number| (number, self.channels[number / CHANNELS % CHANNELS])).collect();
            tokio::spawn(ask(self.url(), person.token.clone(), questions))
        });
        let asking = futures_util::future::try_join_all(people.collect::<Vec<_>>());
        async move {
            asking.await.expect("they ask");
        }
    }

    /// Each channel's log, over HTTP.
    async fn logs(&self) -> Vec<Vec<Value>> {
        let mut logs = Vec::new();
        for channel in &self.channels {
            let path = format!("/channels/{channel}/events?after=0&limit=1000");
            let page = self.api.get(&path, &self.people[0].token).await;
            let log = page["events"].as_array().unwrap_or_else(|| panic!("{page}")).clone();
            assert_eq!(page["last_seq"], log.len(), "all of it is in one page");
            logs.push(log);
        }
        logs
    }

    /// What a bot has heard of each channel.
    fn by_channel(&self, bot: &Bot) -> Vec<Vec<Value>> {
        let heard = bot.heard();
        let of = |channel: &i64| heard.iter().filter(|entry| entry["channel_id"] == *channel).cloned().collect();
        self.channels.iter().map(of).collect()
    }

    async fn until_all_is_answered(&self) {
        let questions = (0..self.asked).filter(|number| content(*number).starts_with('!')).count();
        until("all is answered", async || {
            self.logs().await.concat().iter().filter(|entry| is_answer(entry)).count() >= questions
        })
        .await;
    }
}

fn content(number: usize) -> &'static str {
    CONTENTS[number % CONTENTS.len()]
}

async fn ask(url: String, token: String, questions: Vec<(usize, i64)>) {
    let http = reqwest::Client::new();
    for (number, channel) in questions {
        let question = json!({ "content": content(number), "nonce": format!("ask-{number}") });
        loop {
            let call = http.post(format!("{url}/channels/{channel}/messages")).bearer_auth(&token).json(&question);
            if call.timeout(Duration::from_secs(5)).send().await.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Looks until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// A bot that was started again has heard a piece of each log without a hole, from not later than where the one before had ended.
/// Answers how much has been heard by then.
fn goes_on(pieces: &[Vec<Value>], logs: &[Vec<Value>], heard: &[usize]) -> Vec<usize> {
    let one = |((piece, log), heard): ((&Vec<Value>, &Vec<Value>), &usize)| {
        let first = piece.first().map_or(*heard + 1, |entry| entry["seq"].as_u64().expect("a seq") as usize);
        assert!(first <= heard + 1, "it begins with {first}, and {heard} were heard");
        assert_eq!(piece[..], log[first - 1..first - 1 + piece.len()]);
        first - 1 + piece.len()
    };
    pieces.iter().zip(logs).zip(heard).map(one).collect()
}

fn entries(logs: &[Vec<Value>]) -> usize {
    logs.iter().map(Vec::len).sum()
}

fn is_answer(entry: &Value) -> bool {
    entry["author_username"] == NAME
}

/// Each question once, and for each one answer, after it.
fn has_each_once(log: &[Value], questions: usize) {
    let mut answers: Vec<&Value> = log.iter().filter(|entry| is_answer(entry)).collect();
    for number in 0..questions {
        let nonce = format!("ask-{number}");
        let asked: Vec<&Value> = log.iter().filter(|entry| entry["nonce"] == *nonce).collect();
        let [question] = asked[..] else { panic!("{nonce} is there {} times", asked.len()) };
        let (own, others): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|entry| entry["reply_to"] == question["id"]);
        answers = others;
        assert_eq!(own.len(), usize::from(content(number).starts_with('!')), "{question} has {own:?}");
        for answer in own {
            assert_eq!(answer["channel_id"], question["channel_id"]);
            assert!(answer["seq"].as_i64() > question["seq"].as_i64(), "{answer} came before {question}");
            assert!(fits(content(number), answer["content"].as_str().expect("text")), "{question} has {answer}");
        }
    }
    assert!(answers.is_empty(), "nobody has asked for {answers:?}");
}

fn fits(question: &str, answer: &str) -> bool {
    let Some(roll) = answer.strip_prefix("2d6: ") else {
        return if question == "!ping" { answer == "pong" } else { answer.contains("!roll 2d6") };
    };
    let Some((rolls, sum)) = roll.split_once(" = ") else { return false };
    let rolls: Vec<u32> = rolls.split(" + ").filter_map(|roll| roll.parse().ok()).collect();
    let is_two = rolls.len() == 2 && rolls.iter().all(|roll| (1..=6).contains(roll));
    question == "!roll 2d6" && is_two && sum == rolls.iter().sum::<u32>().to_string()
}
