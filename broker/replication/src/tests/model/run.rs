//! How far the partition is searched: in each run of the tests, in the deep run, and until each mutation is caught.
//! What is searched is in `model`.

use kring_model_search::caught;

use super::Bounds;
use super::mutation::Mutation;

const BASE: Bounds = Bounds {
    records: 0,
    crashes: 0,
    rots: 0,
    fences: 0,
    moves: 0,
    lags: 0,
    breaks: 0,
    silences: 0,
    retries: 0,
    mutation: None,
};

fn search(name: &str, bounds: Bounds) {
    kring_model_search::search("isr", name, bounds);
}

#[test]
fn every_state_with_a_moved_leadership_keeps_the_invariants() {
    search(
        "move",
        Bounds {
            records: 1,
            moves: 1,
            ..BASE
        },
    );
}

#[test]
fn each_mutation_breaks_its_invariant() {
    let crash = Bounds {
        records: 1,
        crashes: 1,
        fences: 1,
        ..BASE
    };
    let cases = [
        (
            Mutation::DurableTooEarly,
            Bounds { records: 1, ..BASE },
            "LeaderCandidateCompleteness",
        ),
        (
            Mutation::TruncatesToHighWatermark,
            Bounds {
                records: 1,
                moves: 1,
                ..BASE
            },
            "TruncationOfUncommitted",
        ),
        (
            Mutation::IsrExpandedTooEarly,
            crash,
            "LeaderCandidateCompleteness",
        ),
        (
            Mutation::ExpansionTakenBack,
            Bounds {
                records: 1,
                fences: 1,
                ..BASE
            },
            "LeaderCandidateCompleteness",
        ),
    ];
    for (mutation, bounds, invariant) in cases {
        let mutation = Some(mutation);
        let broken = caught(Bounds { mutation, ..bounds });
        println!("{mutation:?}: {broken:?}");
        assert!(
            broken.is_some_and(|b| b.starts_with(invariant)),
            "{mutation:?}"
        );
    }
}

/// All of them together in some minutes, optimised: `cargo xtask models`.
#[test]
#[ignore = "minutes, and optimised: the lane `full` runs it"]
fn deep() {
    let one = Bounds { records: 1, ..BASE };
    let cases = [
        (
            "fence-and-lag",
            Bounds {
                fences: 1,
                lags: 1,
                ..one
            },
        ),
        (
            "two-records",
            Bounds {
                records: 2,
                moves: 1,
                ..one
            },
        ),
        (
            "two-records-and-crash",
            Bounds {
                records: 2,
                crashes: 1,
                ..one
            },
        ),
        (
            "move-and-lag",
            Bounds {
                moves: 1,
                lags: 1,
                ..one
            },
        ),
        (
            "fence-and-silence",
            Bounds {
                fences: 1,
                silences: 1,
                retries: 1,
                ..one
            },
        ),
        (
            "fence-and-broken-link",
            Bounds {
                fences: 1,
                breaks: 1,
                ..one
            },
        ),
        ("rot", Bounds { rots: 1, ..one }),
    ];
    for (name, bounds) in cases {
        search(name, bounds);
    }
}
