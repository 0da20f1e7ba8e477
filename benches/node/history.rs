//! Pages of history, in a channel that grows from ten thousand to five million messages.

use super::results::{Chart, Goal, Results, Row, median};
use super::site::Site;
use super::thousands;
use futures_util::StreamExt;
use load::report::plot::{Axis, Plot, Scale, Series, Unit};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

const SIZES: [i64; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
const PAGE: i64 = 50;
const ROUNDS: usize = 5;
/// Pages of a round: the kernel counts CPU in steps of 10 ms.
const PAGES: i64 = 4_000;
/// Different pages among them.
const DIFFERENT: i64 = 60;
const AT_ONCE: usize = 4;
const GOAL_US: f64 = 200.0;
const DEPTHS: [&str; 3] = ["newest", "middle", "oldest"];

/// What pages cost at one size of the channel, for each depth.
struct Step {
    size: i64,
    depths: [Rounds; 3],
}

#[derive(Default)]
struct Rounds {
    postgres_us: Vec<f64>,
    node_us: Vec<f64>,
    took_us: Vec<f64>,
}

/// The channel is filled once, whichever parts want it.
static STEPS: OnceCell<Vec<Step>> = OnceCell::const_new();

pub async fn measure(results: &mut Results) {
    let steps = STEPS.get_or_init(steps).await;
    let last = steps.last().expect("there are steps");
    for (depth, rounds) in DEPTHS.iter().zip(&last.depths) {
        for (what, unit, rounds, goal) in [
            ("PostgreSQL", "µs CPU a page", &rounds.postgres_us, Goal::AtMost(GOAL_US)),
            ("the node", "µs CPU a page", &rounds.node_us, Goal::None),
            ("time of a call, four at once", "µs", &rounds.took_us, Goal::None),
        ] {
            let name = format!("{depth} of 5,000,000 messages, {what}");
            results.push(Row { part: "history", name, unit, rounds: rounds.clone(), floor: Vec::new(), goal });
        }
    }
}

/// How a page's cost grows with the channel.
pub async fn growth(results: &mut Results) {
    let steps = STEPS.get_or_init(steps).await;
    let mut series = Vec::new();
    for (place, depth) in DEPTHS.iter().enumerate() {
        let cost = |step: &Step| step.depths.get(place).map_or(f64::NAN, |rounds| median(&rounds.postgres_us));
        series.push(Series {
            name: format!("{depth} page"),
            points: steps.iter().map(|step| (step.size as f64, Some(cost(step)))).collect(),
        });
    }
    for step in steps {
        let [_, middle, _] = &step.depths;
        results.push(Row {
            part: "growth",
            name: format!("a page in the middle of {} messages", thousands(step.size as usize)),
            unit: "µs CPU of PostgreSQL",
            rounds: middle.postgres_us.clone(),
            floor: Vec::new(),
            goal: Goal::None,
        });
    }
    let x = Axis { label: "messages in the channel".into(), unit: Unit::Count, scale: Scale::Log };
    let y = Axis { label: "CPU of PostgreSQL a page of 50".into(), unit: Unit::Number("µs"), scale: Scale::Linear };
    let plot = Plot { title: "A page of history".into(), x, y, series, bands: Vec::new(), is_numbered: true };
    results.charts.push(Chart { part: "growth", file: "growth-history", plot });
}

async fn steps() -> Vec<Step> {
    let site = Site::start("history").await;
    let channel = site.api.channel(&site.account).await;
    let mut steps = Vec::new();
    let mut filled = 0;
    for size in SIZES {
        fill(&site, channel, filled, size).await;
        filled = size;
        let (first, last) = ends(&site, channel).await;
        let mut depths = [Rounds::default(), Rounds::default(), Rounds::default()];
        // What a page needs is read from the disk once.
        for place in 0..DEPTHS.len() {
            pages(&site, channel, place, (first, last), DIFFERENT * 4).await;
        }
        for _ in 0..ROUNDS {
            for (place, rounds) in depths.iter_mut().enumerate() {
                round(&site, channel, place, (first, last), rounds).await;
            }
        }
        steps.push(Step { size, depths });
    }
    site.stop().await;
    steps
}

/// Puts messages in as PostgreSQL likes it best. Each has its channel and author: that is not looked up for each again.
async fn fill(site: &Site, channel: i64, from: i64, to: i64) {
    let insert = format!(
        "begin;
         set local session_replication_role = replica;
         insert into messages (channel_id, author_id, seq, content, created_at, updated_at)
         select {channel}, (select owner_id from servers s join channels c on c.server_id = s.id where c.id = {channel}),
             seq, rpad('message ' || seq, 60, '.'), now(), now()
         from generate_series({from} + 1, {to}) seq;
         update channels set last_seq = {to} where id = {channel};
         commit"
    );
    let began = Instant::now();
    site.client.batch_execute(&insert).await.expect("the rows fit");
    for tidy in ["vacuum analyze messages", "checkpoint"] {
        site.client.batch_execute(tidy).await.expect("it is tidied");
    }
    eprintln!("    {to} messages ({} s)", began.elapsed().as_secs());
}

async fn ends(site: &Site, channel: i64) -> (i64, i64) {
    let query = "select min(id), max(id) from messages where channel_id = $1";
    let row = site.client.query_one(query, &[&channel]).await.expect("there are rows");
    (row.get(0), row.get(1))
}

async fn round(site: &Site, channel: i64, place: usize, ends: (i64, i64), rounds: &mut Rounds) {
    let (postgres, node) = (site.backends_cpu().await, site.node.cpu());
    let waited = pages(site, channel, place, ends, PAGES).await;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / PAGES as f64;
    rounds.postgres_us.push(each(site.backends_cpu().await - postgres));
    rounds.node_us.push(each(site.node.cpu() - node));
    rounds.took_us.push(each(waited));
}

/// Reads pages at a depth; answers how long all calls took together.
async fn pages(site: &Site, channel: i64, place: usize, (first, last): (i64, i64), count: i64) -> Duration {
    let calls = futures_util::stream::iter((0..count).map(|number| {
        let turn = number % DIFFERENT * PAGE;
        let before = match place {
            0 => String::new(),
            1 => format!("&before={}", first + (last - first) / 2 - turn),
            _ => format!("&before={}", first + PAGE + turn),
        };
        let path = format!("/channels/{channel}/messages?limit={PAGE}{before}");
        async move {
            let began = Instant::now();
            let body = site.get(&path).await;
            assert_eq!(body.matches(r#""seq":"#).count(), PAGE as usize);
            began.elapsed()
        }
    }));
    calls.buffer_unordered(AT_ONCE).fold(Duration::ZERO, |all, took| async move { all + took }).await
}
