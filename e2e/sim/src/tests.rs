//! A few scenarios, some with a crash of the operator, and one of them twice.
//! The many crash points are for `kring-e2e-sim`.

use crate::final_state::differences;
use crate::run::{Crash, Outcome, run};
use crate::scenario::by_name;

fn outcome(name: &str, crash: Option<Crash>) -> Outcome {
    let scenario = by_name(name).expect("the scenario exists");
    let outcome = run(scenario, 1, crash);
    assert!(
        outcome.violations.is_empty(),
        "{name} {crash:?}: {:#?}",
        outcome.violations
    );
    assert!(outcome.acknowledged > 0, "no record was acknowledged");
    outcome
}

#[test]
fn a_roll_stops_each_broker_once_and_a_second_run_is_the_same() {
    let first = outcome("roll", None);
    assert_eq!(first.stops, 3);
    assert_eq!(first.rollouts, 1);
    assert_eq!(first.hash, outcome("roll", None).hash);
}

#[test]
fn an_operator_killed_after_every_write_leaves_what_one_that_lives_leaves() {
    let calm = outcome("roll", None);
    let killed = outcome("roll", Some(Crash::Every(1)));
    assert!(killed.counts.operator_kills > 20);
    let differences = differences(&calm.final_state, &killed.final_state);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_broker_is_emptied_before_it_goes() {
    let down = outcome("scale-down", None);
    assert!(!down.final_state.contains("statefulsets/demo-3"));
}
