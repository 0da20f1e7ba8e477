//! What befalls the node, its PostgreSQL, and the way between them.

use super::node::Node;
use super::plan::{Blow, Victim};
use super::process_node::{Signal, signal};
use super::scene::Scene;
use super::slow_link::{LinkState, Proxy};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A send waits at most 1 s.
const A_WHILE: Duration = Duration::from_millis(1_300);
const HOLD_DOWN_PAUSE: Duration = Duration::from_millis(2);

/// Strikes, of several nodes the one whose turn it is; says whether there was somebody to hit.
pub async fn strike(scene: &mut Scene, Blow { victim, after_ms }: Blow) -> Result<bool, String> {
    let Scene { nodes, elsewhere, bus, .. } = scene;
    if let Some(status) = nodes.iter_mut().find_map(Node::ended_by_itself) {
        return Err(format!("a node ended by itself, {status}"));
    }
    let turn = usize::try_from(after_ms).unwrap_or_default() % nodes.len();
    let node = &mut nodes[turn];
    let way = elsewhere.as_ref().map(|(_, proxy)| proxy);
    let is_hit = match victim {
        Victim::Node => true,
        Victim::Postmaster | Victim::PostmasterAndNode => node.kill_postmaster(),
        Victim::PostgresForAWhile => {
            let end = Instant::now() + A_WHILE;
            let mut is_hit = false;
            while Instant::now() < end {
                is_hit |= node.kill_postmaster();
                sleep(HOLD_DOWN_PAUSE).await;
            }
            is_hit
        }
        Victim::WriterBackend => node.signal_writer_backend(Signal::KILL).await.is_some(),
        Victim::NodePaused(ms) => {
            node.pause(Duration::from_millis(ms)).await;
            true
        }
        Victim::WriterBackendPaused(ms) => match node.signal_writer_backend(Signal::STOP).await {
            Some(pid) => {
                sleep(Duration::from_millis(ms)).await;
                signal(&pid, Signal::CONT);
                true
            }
            None => false,
        },
        Victim::Slow(up_to_ms, ms) => turn_for(way, LinkState::Slow(up_to_ms), ms).await,
        Victim::Stalled(ms) => turn_for(way, LinkState::Stalled, ms).await,
        Victim::Bus(ms) => match bus {
            Some(bus) => {
                bus.kill();
                sleep(Duration::from_millis(ms)).await;
                bus.start_again();
                true
            }
            None => false,
        },
        Victim::BusPaused(ms) => match bus {
            Some(bus) => {
                signal(&bus.pid(), Signal::STOP);
                sleep(Duration::from_millis(ms)).await;
                signal(&bus.pid(), Signal::CONT);
                true
            }
            None => false,
        },
        Victim::Broken => way.map(Proxy::break_all).is_some(),
        Victim::Late(ms) => way.map(|way| way.make_late(Duration::from_millis(ms))).is_some(),
    };
    if matches!(victim, Victim::Node | Victim::PostmasterAndNode) {
        node.kill().await;
        node.start_again();
    }
    Ok(is_hit)
}

async fn turn_for(way: Option<&Proxy>, state: LinkState, ms: u64) -> bool {
    let Some(way) = way else { return false };
    way.turn(state);
    sleep(Duration::from_millis(ms)).await;
    way.turn(LinkState::Fair);
    true
}
