//! The search for dead ends: states from which something good can never happen any more.
//!
//! Stateright's `eventually` knows neither loops nor fairness. Here a promise about the end means: wherever the system has got to, there
//! is a way to the goal. In a finite space that is the same as reaching it for certain, if a step that is possible again and again is taken
//! at last: a bus that loses much and not everything, a node that pauses and not for ever (or is dead).

use stateright::Model;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// All states, as numbers in the order in which they were found, and how one leads to another.
struct Graph<A> {
    /// How each was reached first.
    parents: Vec<Option<(u32, A)>>,
    edges: Vec<(u32, u32)>,
    goals: Vec<bool>,
}

/// What a search for dead ends has seen.
#[derive(Debug)]
pub struct Ends<A> {
    pub states: usize,
    /// The shortest way to a state from which the goal is out of reach.
    pub dead_end: Option<Vec<A>>,
}

/// Searches the whole space of `model`.
pub fn search_ends<M>(model: &M, is_goal: fn(&M, &M::State) -> bool) -> Ends<M::Action>
where
    M: Model,
    M::State: Hash,
    M::Action: Clone + Debug,
{
    let graph = explore(model, is_goal);
    let reaches = reach_backwards(&graph);
    let dead_end = reaches.iter().position(|reaches| !reaches).map(|state| path(&graph, state as u32));
    Ends { states: graph.goals.len(), dead_end }
}

fn explore<M>(model: &M, is_goal: fn(&M, &M::State) -> bool) -> Graph<M::Action>
where
    M: Model,
    M::State: Hash,
    M::Action: Clone,
{
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut numbers: HashMap<u64, u32> = HashMap::new();
    let mut graph = Graph { parents: Vec::new(), edges: Vec::new(), goals: Vec::new() };
    let mut level: Vec<(u32, M::State)> = Vec::new();
    for state in model.init_states() {
        let number = graph.goals.len() as u32;
        numbers.insert(hasher.hash_one(&state), number);
        graph.goals.push(is_goal(model, &state));
        graph.parents.push(None);
        level.push((number, state));
    }
    let mut actions = Vec::new();
    while !level.is_empty() {
        let mut next_level = Vec::new();
        for (from, state) in level {
            model.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = model.next_state(&state, action.clone()) else { continue };
                let number = *numbers.entry(hasher.hash_one(&next)).or_insert_with(|| {
                    let number = graph.goals.len() as u32;
                    graph.goals.push(is_goal(model, &next));
                    graph.parents.push(Some((from, action)));
                    next_level.push((number, next));
                    number
                });
                graph.edges.push((number, from));
            }
        }
        level = next_level;
    }
    graph
}

/// Which states have a way to a goal.
fn reach_backwards<A>(graph: &Graph<A>) -> Vec<bool> {
    let mut edges = graph.edges.clone();
    edges.sort_unstable();
    let mut reaches = graph.goals.clone();
    let mut pending: Vec<u32> = (0..).zip(&reaches).filter(|(_, is_goal)| **is_goal).map(|(state, _)| state).collect();
    while let Some(state) = pending.pop() {
        let first = edges.partition_point(|(to, _)| *to < state);
        for (_, from) in edges[first..].iter().take_while(|(to, _)| *to == state) {
            if !reaches[*from as usize] {
                reaches[*from as usize] = true;
                pending.push(*from);
            }
        }
    }
    reaches
}

fn path<A: Clone>(graph: &Graph<A>, mut state: u32) -> Vec<A> {
    let mut actions = Vec::new();
    while let Some((parent, action)) = &graph.parents[state as usize] {
        actions.push(action.clone());
        state = *parent;
    }
    actions.reverse();
    actions
}
