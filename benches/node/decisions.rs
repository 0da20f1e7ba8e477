//! What a decision costs: what a member may do in a channel, of roles and of what the channel says otherwise.

use super::results::{Goal, Results, Row};
use madang::domain::permission::{Permission, Permissions};
use madang::domain::rights::{Overwrite, Overwrites, RoleRights, Roles, Standing};
use madang::domain::{RoleId, UserId};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 9;
const DECISIONS: u32 = 1_000_000;
/// What a large server has in a channel that matters,
const USUAL: i64 = 20;
/// and as many as there may be.
const ROLES_MAX: i64 = 250;
const OVERWRITES_MAX: i64 = 200;
const GOAL_NS: f64 = 100.0;

pub fn measure(results: &mut Results) {
    let mut push = |name: String, rounds, goal| {
        results.push(Row { part: "decisions", name, unit: "ns a decision", rounds, floor: Vec::new(), goal });
    };
    let usual = format!("a member with {USUAL} roles in a channel with {USUAL} overwrites");
    push(usual, rounds(USUAL, USUAL), Goal::AtMost(GOAL_NS));
    let most = format!("a member with {ROLES_MAX} roles in a channel with {OVERWRITES_MAX} overwrites");
    push(most, rounds(ROLES_MAX, OVERWRITES_MAX), Goal::None);
}

/// None of the roles is an administrator's: that would end the decision early.
fn rounds(roles: i64, overwrites: i64) -> Vec<f64> {
    let default = RoleRights { id: RoleId(1), position: 0, permissions: Permissions::OF_MEMBERS };
    let pins = Permissions::of(&[Permission::PinMessages]);
    let others = (2..=roles).map(|id| RoleRights { id: RoleId(id), position: 1, permissions: pins });
    let quiet = Overwrite { allow: pins, deny: Permissions::of(&[Permission::MentionEveryone]) };
    let of_roles = (1..overwrites).map(|id| (RoleId(id), quiet));
    let (all, channel) = (Roles::new(default, others), Overwrites::new(default.id, of_roles, [(UserId(7), quiet)]));
    let own: Vec<RoleId> = (2..=roles).map(RoleId).collect();
    let member = Standing { user: UserId(7), is_owner: false, is_timed_out: false, roles: &own };
    let round = |_| {
        let began = Instant::now();
        for _ in 0..DECISIONS {
            black_box(black_box(&all).in_channel(black_box(&member), black_box(&channel)));
        }
        began.elapsed().as_secs_f64() * 1e9 / f64::from(DECISIONS)
    };
    (0..ROUNDS).map(round).collect()
}
