//! How costs grow: of a delivery with the sockets in its channel, of a message with the channels, of a page with the history.

use super::client::{Api, Socket};
use super::fan_out::{Bare, Ours};
use super::history;
use super::node::{Node, data_folder};
use super::results::{Chart, Goal, Results, Row, median};
use super::site::Site;
use super::thousands;
use futures_util::future::join_all;
use load::report::plot::{Axis, Plot, Scale, Series, Unit};
use std::time::Duration;

const SOCKETS: [usize; 6] = [10, 100, 1_000, 5_000, 10_000, 15_000];
const CHANNELS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const CHANNELS_A_SERVER: usize = 500;
const ROUNDS: usize = 3;
/// Messages of a round with channels, and how many are on their way at once, however many channels there are.
const MESSAGES: usize = 20_000;
const AT_ONCE: usize = 50;
const CONTENT: &str = "Sixty characters are about what people write to one another.";

pub async fn measure(results: &mut Results) {
    with_sockets(results).await;
    with_channels(results).await;
    history::growth(results).await;
}

fn row(name: String, unit: &'static str, rounds: Vec<f64>) -> Row {
    Row { part: "growth", name, unit, rounds, floor: Vec::new(), goal: Goal::None }
}

fn each_us(spent: Duration, count: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / count as f64
}

async fn with_sockets(results: &mut Results) {
    let (mut of_node, mut of_floor) = (Vec::new(), Vec::new());
    for count in SOCKETS {
        let folder = data_folder();
        let node = Node::start(&folder).await;
        let api = Api::new(&node.url);
        let account = api.account("sockets").await;
        let mut ours = Ours::open(&node, &api, &account, count).await;
        let frame_bytes = ours.frame_bytes().await;
        let (mut rounds, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            rounds.push(ours.round(1).await);
        }
        drop(ours);
        node.stop().await;
        let _ = std::fs::remove_dir_all(&folder);
        // One after the other: both at once would take twice the descriptors.
        let mut bare = Bare::open(count, frame_bytes).await;
        for _ in 0..ROUNDS {
            floor.push(bare.round(1).await);
        }
        of_node.push((count as f64, Some(median(&rounds))));
        of_floor.push((count as f64, Some(median(&floor))));
        let name = format!("a delivery, {} sockets in one channel", thousands(count));
        results.push(Row { floor, ..row(name, "µs CPU of the node", rounds) });
    }
    let plot = Plot {
        title: "A delivery, one message at a time".into(),
        x: Axis { label: "sockets in one channel".into(), unit: Unit::Count, scale: Scale::Log },
        y: Axis { label: "CPU a delivery".into(), unit: Unit::Number("µs"), scale: Scale::Linear },
        series: vec![
            Series { name: "node".into(), points: of_node },
            Series { name: "bare epoll loop".into(), points: of_floor },
        ],
        bands: Vec::new(),
        is_numbered: true,
    };
    results.charts.push(Chart { part: "growth", file: "growth-sockets", plot });
}

async fn with_channels(results: &mut Results) {
    let site = Site::start("channels").await;
    let ids = make_channels(&site).await;
    let mut sockets: Vec<Socket> = Vec::new();
    let (mut of_node, mut of_postgres) = (Vec::new(), Vec::new());
    for count in CHANNELS {
        for ids in ids[sockets.len()..count].chunks(100) {
            let open = ids.iter().map(|id| Socket::open(&site.node.address, *id, &site.account));
            sockets.extend(join_all(open).await);
        }
        let (node, postgres) = messages(&site, &mut sockets).await;
        of_node.push((count as f64, Some(median(&node))));
        of_postgres.push((count as f64, Some(median(&postgres))));
        let channels = if count == 1 { "channel" } else { "channels" };
        let name = format!("a message, {} {channels} with one socket each", thousands(count));
        results.push(row(name.clone(), "µs CPU of the node", node));
        results.push(row(name, "µs CPU of PostgreSQL", postgres));
    }
    drop(sockets);
    site.stop().await;
    let plot = Plot {
        title: "A message, 50 on their way at once".into(),
        x: Axis { label: "channels with one socket each".into(), unit: Unit::Count, scale: Scale::Log },
        y: Axis { label: "CPU a message".into(), unit: Unit::Number("µs"), scale: Scale::Linear },
        series: vec![
            Series { name: "node".into(), points: of_node },
            Series { name: "PostgreSQL".into(), points: of_postgres },
        ],
        bands: Vec::new(),
        is_numbered: true,
    };
    results.charts.push(Chart { part: "growth", file: "growth-channels", plot });
}

/// By SQL: over HTTP that many would take longer than all that is measured.
async fn make_channels(site: &Site) -> Vec<i64> {
    let most = CHANNELS.into_iter().max().unwrap_or(1);
    let make = format!(
        "with made as (
             insert into servers (name, owner_id)
             select 'growth', owner_id from servers, generate_series(1, {}) where id = {} returning id, owner_id
         ), joined as (
             insert into user_servers (user_id, server_id) select owner_id, id from made returning server_id
         )
         insert into channels (name, server_id) select 'growth', server_id from joined, generate_series(1, {})
         returning id",
        most.div_ceil(CHANNELS_A_SERVER),
        site.account.server,
        CHANNELS_A_SERVER.min(most),
    );
    let rows = site.client.query(&make, &[]).await.expect("the rows fit");
    site.client.batch_execute("analyze").await.expect("it is tidied");
    rows.iter().map(|row| row.get(0)).collect()
}

/// What a message costs the node and PostgreSQL, with the same number on their way however many sockets there are.
async fn messages(site: &Site, sockets: &mut [Socket]) -> (Vec<f64>, Vec<f64>) {
    let (mut node, mut postgres) = (Vec::new(), Vec::new());
    let mut turn = 0;
    // Every channel is known and live before the first round.
    talk(sockets, &mut turn, sockets.len().max(MESSAGES / 10)).await;
    for _ in 0..ROUNDS {
        let before = (site.node.cpu(), site.backends_cpu().await);
        talk(sockets, &mut turn, MESSAGES).await;
        node.push(each_us(site.node.cpu() - before.0, MESSAGES));
        postgres.push(each_us(site.backends_cpu().await - before.1, MESSAGES));
    }
    (node, postgres)
}

/// Sockets take turns, so many at once that as many messages are on their way as at any other number of sockets.
async fn talk(sockets: &mut [Socket], turn: &mut usize, messages: usize) {
    let speakers = AT_ONCE.min(sockets.len());
    let each = AT_ONCE / speakers;
    for _ in 0..messages / (speakers * each) {
        let places: Vec<usize> = (0..speakers).map(|place| (*turn + place) % sockets.len()).collect();
        for place in &places {
            sockets[*place].send_many(CONTENT, each as u64).await;
        }
        for place in &places {
            sockets[*place].wait_for(each as u64).await;
        }
        *turn = (*turn + speakers) % sockets.len();
    }
}
