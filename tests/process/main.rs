//! The node as a process of its own: what an operator starts, kills and stops.

#[allow(dead_code)]
mod client;
mod crowd;
mod lost_answer;
mod lost_change;
#[allow(dead_code)]
mod node;
mod outage;
mod proxy;
mod readme;
mod stop;
