//! How far the quorum is searched: in each run of the tests, in the deep run, and until each mutation is caught.
//! What is searched is in `model`.

use std::time::Instant;

use stateright::{Checker, Model};

use super::Bounds;
use super::mutation::Mutation;

/// Searches every state within the bounds and checks that the search met what it was made for.
fn search(name: &str, bounds: Bounds) {
    let started = Instant::now();
    let checker = bounds.checker().threads(2).spawn_dfs().join();
    println!(
        "model=quorum search={name} states={} transitions={} depth={} seconds={}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        started.elapsed().as_secs(),
    );
    if let Some(path) = checker.discovery("the invariants hold") {
        let broken = path.last_state().broken.clone();
        panic!("{broken:?} after {:#?}", path.into_actions());
    }
    checker.assert_properties();
}

const BASE: Bounds = Bounds {
    voters: 3,
    time_outs: 0,
    crashes: 0,
    losses: 0,
    swaps: 0,
    proposals: 0,
    beats: 0,
    snapshots: 0,
    transfers: 0,
    mutation: None,
};

#[test]
fn every_state_of_three_voters_with_a_handed_over_leadership_keeps_the_invariants() {
    search(
        "hand-over",
        Bounds {
            transfers: 1,
            ..BASE
        },
    );
}

#[test]
fn every_state_of_two_voters_with_a_crash_and_a_loss_keeps_the_invariants() {
    search(
        "two-voters",
        Bounds {
            voters: 2,
            time_outs: 2,
            crashes: 1,
            losses: 1,
            proposals: 1,
            ..BASE
        },
    );
}

/// Until which invariant, if any, is broken; breadth first, so that the way there is short.
fn caught(bounds: Bounds) -> Option<String> {
    let checker = bounds.checker().threads(2).target_state_count(400_000);
    let checker = checker.spawn_bfs().join();
    let path = checker.discovery("the invariants hold")?;
    path.last_state().broken.clone()
}

#[test]
fn each_mutation_breaks_its_invariant() {
    let bounds = Bounds {
        crashes: 1,
        proposals: 1,
        ..BASE
    };
    let elections = Bounds {
        time_outs: 2,
        ..BASE
    };
    let cases: [(Mutation, Bounds, &[&str]); 5] = [
        (
            Mutation::AcknowledgementCountsTwice,
            bounds,
            &["CommittedOnQuorum"],
        ),
        (Mutation::DurableTooEarly, bounds, &["DurableBeforeSaid"]),
        (Mutation::EntryForgotten, bounds, &["CommittedOnQuorum"]),
        (Mutation::VoteForgotten, bounds, &["MonotonicVote"]),
        // The engine's own assertion may come first.
        (
            Mutation::RefusalCountsAsVote,
            elections,
            &["ElectionSafety", "QUORUM-1", "LeaderCompleteness"],
        ),
    ];
    for (mutation, bounds, invariants) in cases {
        let mutation = Some(mutation);
        let broken = caught(Bounds { mutation, ..bounds });
        println!("{mutation:?}: {broken:?}");
        let named = |broken: &String| invariants.iter().any(|name| broken.starts_with(name));
        assert!(broken.is_some_and(|broken| named(&broken)), "{mutation:?}");
    }
}

/// All of them together in some minutes, optimised: `cargo xtask models`.
#[test]
#[ignore = "minutes, and optimised: the lane `full` runs it"]
fn deep() {
    let one = Bounds {
        proposals: 1,
        ..BASE
    };
    let cases = [
        (
            "snapshot",
            Bounds {
                time_outs: 1,
                crashes: 1,
                snapshots: 1,
                ..one
            },
        ),
        (
            "two-crashes",
            Bounds {
                time_outs: 1,
                crashes: 2,
                ..one
            },
        ),
        (
            "loss",
            Bounds {
                time_outs: 1,
                crashes: 1,
                losses: 1,
                ..one
            },
        ),
        (
            "hand-over-and-crash",
            Bounds {
                crashes: 1,
                transfers: 1,
                ..one
            },
        ),
        (
            "hand-over-and-snapshot",
            Bounds {
                snapshots: 1,
                transfers: 1,
                ..one
            },
        ),
        (
            "hand-over-out-of-order",
            Bounds {
                swaps: 1,
                transfers: 1,
                ..one
            },
        ),
        (
            "two-time-outs",
            Bounds {
                time_outs: 2,
                ..one
            },
        ),
    ];
    for (name, bounds) in cases {
        search(name, bounds);
    }
}
