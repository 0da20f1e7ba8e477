//! The node as a process of its own: what an operator starts, kills and stops.

#![allow(clippy::expect_used, clippy::panic, clippy::unreachable, clippy::unwrap_used)]

mod bot;
mod bots;
mod bounds;
#[allow(dead_code)]
mod client;
mod cluster;
mod company;
mod courtyard;
mod crowd;
mod doorkeeper;
mod embedded;
mod erased;
mod failover;
mod garbage;
mod harness;
mod late;
mod left_over;
mod load;
mod load_changes;
mod load_ends;
mod load_says;
mod load_tls;
mod lost_answer;
mod lost_change;
mod lost_look;
#[allow(dead_code)]
mod node;
mod ops_cluster;
mod outage;
mod pair;
mod planted;
mod planted_changes;
mod pooler;
mod proxy;
mod readers;
mod readme;
mod requirements;
mod rolling;
mod scene;
#[path = "../api/support/schema.rs"]
mod schema;
#[allow(dead_code)]
#[path = "../api/support/secrets.rs"]
mod secrets;
mod settings;
mod site;
mod slow;
mod standby;
mod stop;
mod tls;
mod unread;
mod web;
mod window;
