//! A short run is well, is the same twice, and does what its plan says.
//! Long runs and many seeds are the binary's.

use std::time::Duration;

use super::run;
use crate::faults::kind::Kind;
use crate::faults::text;
use crate::scenario::Scenario;

fn short(seed: u64) -> Scenario {
    Scenario::storm(seed, 3)
}

#[test]
fn two_runs_of_a_seed_are_the_same_and_two_seeds_are_not() {
    let (one, again, other) = (run(&short(1)), run(&short(1)), run(&short(2)));
    assert_eq!(one.violations, []);
    assert_eq!(one.trace, again.trace);
    assert_ne!(one.trace, other.trace);
    assert!(one.acknowledged > 100);
}

#[test]
fn a_printed_plan_replays_the_run_it_was_printed_by() {
    let drawn = run(&short(3));
    let plan = text::read(&text::print(&drawn.plan)).expect("a printed plan is read");
    let replayed = run(&Scenario {
        plan: Some(plan),
        ..short(3)
    });
    assert_eq!(replayed.trace, drawn.trace);
}

#[test]
fn a_plan_is_carried_out_within_the_budget() {
    let start = 2_000_000;
    let lines = format!(
        "{start} kill 0:200\n{} replace-disk 1:100\n{} replace-disk 2:100\n",
        start + 10,
        start + 20
    );
    let outcome = run(&Scenario {
        plan: Some(text::read(&lines).expect("these are faults")),
        faulty: Duration::from_secs(4),
        ..short(4)
    });
    assert_eq!(outcome.violations, []);
    assert_eq!(outcome.faults.of(Kind::Kill), 1);
    assert_eq!(outcome.faults.of(Kind::ReplacedDisk), 1);
    assert_eq!(
        outcome.skipped, 1,
        "the second disk is one too many at once"
    );
}
