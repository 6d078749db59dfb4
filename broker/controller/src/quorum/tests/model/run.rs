//! How far the quorum is searched: in each run of the tests, in the deep run, and until each mutation is caught.
//! What is searched is in `model`.

use kring_model_search::caught;

use super::Bounds;
use super::mutation::Mutation;

fn search(name: &str, bounds: Bounds) {
    kring_model_search::search("quorum", name, bounds);
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
