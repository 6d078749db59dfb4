//! How far the rollout is searched: in each run of the tests, in the deep run, and until each mutation is caught.
//! That progress is always possible is found here too: from each state, backwards from those where the rollout has ended.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use kring_model_search::caught;
use stateright::Model;

use super::{Bounds, Mutation, State};

const BASE: Bounds = Bounds {
    targets: &[1],
    bad: None,
    crashes: 0,
    expiries: 0,
    pauses: 0,
    mutation: None,
};

fn search(name: &str, bounds: Bounds) {
    kring_model_search::search("rollout", name, bounds);
}

/// Every reachable state with its steps, so that it can be asked from where the end can be reached.
struct Graph {
    /// By state the states from which one step leads there.
    before: Vec<Vec<u32>>,
    ends: Vec<u32>,
}

impl Graph {
    fn of(bounds: &Bounds) -> Graph {
        let mut numbers = HashMap::new();
        let mut graph = Graph {
            before: Vec::new(),
            ends: Vec::new(),
        };
        let mut waiting: Vec<(u32, State)> = Vec::new();
        let mut actions = Vec::new();
        for state in bounds.init_states() {
            graph.reach(&mut numbers, &mut waiting, bounds, state);
        }
        while let Some((from, state)) = waiting.pop() {
            bounds.actions(&state, &mut actions);
            for action in actions.drain(..) {
                if let Some(next) = bounds.next_state(&state, action) {
                    let to = graph.reach(&mut numbers, &mut waiting, bounds, next);
                    graph.before[to as usize].push(from);
                }
            }
        }
        graph
    }

    fn reach(
        &mut self,
        numbers: &mut HashMap<u64, u32>,
        waiting: &mut Vec<(u32, State)>,
        bounds: &Bounds,
        state: State,
    ) -> u32 {
        let known = u32::try_from(numbers.len()).expect("fewer states");
        let mut digest = DefaultHasher::new();
        state.hash(&mut digest);
        let number = *numbers.entry(digest.finish()).or_insert(known);
        if number == known {
            self.before.push(Vec::new());
            if state.is_done(bounds) {
                self.ends.push(number);
            }
            waiting.push((number, state));
        }
        number
    }

    /// How many states there are from which no continuation reaches the end.
    fn stuck(&self) -> usize {
        let mut reaches = vec![false; self.before.len()];
        let mut waiting = self.ends.clone();
        while let Some(number) = waiting.pop() {
            if !std::mem::replace(&mut reaches[number as usize], true) {
                waiting.extend(&self.before[number as usize]);
            }
        }
        reaches.iter().filter(|reaches| !**reaches).count()
    }
}

fn assert_progress(name: &str, bounds: Bounds) {
    let graph = Graph::of(&bounds);
    let states = graph.before.len();
    println!(
        "model=rollout progress={name} states={states} ends={}",
        graph.ends.len()
    );
    assert!(!graph.ends.is_empty(), "no rollout ends");
    assert_eq!(graph.stuck(), 0, "states without a way to the end");
}

#[test]
fn every_state_of_a_rollout_keeps_the_invariants_and_can_end() {
    let cases = [
        ("calm", BASE),
        (
            "stuck-pod",
            Bounds {
                targets: &[1, 2],
                bad: Some(1),
                ..BASE
            },
        ),
        (
            "expiry",
            Bounds {
                expiries: 1,
                ..BASE
            },
        ),
    ];
    for (name, bounds) in cases {
        search(name, bounds);
        assert_progress(name, bounds);
    }
}

#[test]
fn each_mutation_breaks_its_invariant() {
    let cases = [
        (Mutation::DrainedAtOnce, "ROLL-2: a broker that leads"),
        (Mutation::GrantForgotten, "ROLL-1: a second broker"),
    ];
    for (mutation, invariant) in cases {
        let mutation = Some(mutation);
        let broken = caught(Bounds { mutation, ..BASE });
        println!("{mutation:?}: {broken:?}");
        assert!(
            broken.is_some_and(|b| b.starts_with(invariant)),
            "{mutation:?}"
        );
    }
    let broken = caught(Bounds {
        crashes: 1,
        mutation: Some(Mutation::OthersLookWell),
        ..BASE
    });
    println!("{:?}: {broken:?}", Mutation::OthersLookWell);
    assert!(broken.is_some_and(|b| b.starts_with("ROLL-2: a broker was stopped while another")));
    let broken = caught(Bounds {
        pauses: 1,
        mutation: Some(Mutation::OneEpoch),
        ..BASE
    });
    println!("{:?}: {broken:?}", Mutation::OneEpoch);
    assert!(broken.is_some_and(|b| b.starts_with("OneDrained")));
}

#[test]
fn a_rollout_that_cannot_go_on_is_found() {
    let mutation = Some(Mutation::NeverResumes);
    assert!(Graph::of(&Bounds { mutation, ..BASE }).stuck() > 0);
}

/// All of them together in some minutes, optimised: `cargo xtask models`.
#[test]
#[ignore = "minutes, and optimised: the lane `full` runs it"]
fn deep() {
    let crash = Bounds { crashes: 1, ..BASE };
    let cases = [
        ("crash", crash),
        (
            "two-targets",
            Bounds {
                targets: &[1, 2],
                ..crash
            },
        ),
        (
            "target-taken-back",
            Bounds {
                targets: &[1, 0],
                ..crash
            },
        ),
        (
            "stuck-pod",
            Bounds {
                targets: &[1, 2],
                bad: Some(1),
                ..crash
            },
        ),
        ("two-operators", Bounds { pauses: 1, ..BASE }),
    ];
    for (name, bounds) in cases {
        search(name, bounds);
        assert_progress(name, bounds);
    }
    // Too many to keep all of their steps.
    search("two-operators-and-crash", Bounds { pauses: 1, ..crash });
}
