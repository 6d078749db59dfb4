//! Makes the plans of failing seeds small and says how to run them again.
//! How a list is made small is for `kring_sim::shrink`.

use std::fs;
use std::io;
use std::path::Path;

use kring_sim::faults::text::{self, Plan};
use kring_sim::run::{Outcome, run};
use kring_sim::scenario::Scenario;
use kring_sim::shrink::shrink;

/// Runs of one seed at most.
const TRIES_MAX: usize = 200;

/// Removes the faults that a failing run does not need: the check that spoke first must still speak.
/// The rest is printed and kept in `folder`; gives the run with it.
///
/// # Errors
/// When the plan cannot be kept.
pub(crate) fn smallest(
    scenario: &Scenario,
    outcome: &Outcome,
    folder: &Path,
) -> io::Result<Option<Outcome>> {
    let Some(first) = outcome.violations.first() else {
        return Ok(None);
    };
    let with = |kept: &[usize]| {
        let plan: Plan = kept.iter().map(|at| outcome.plan[*at].clone()).collect();
        let plan = Some(plan);
        let scenario = Scenario {
            plan,
            ..scenario.clone()
        };
        run(&scenario)
    };
    let shrunk = shrink(outcome.plan.len(), TRIES_MAX, |kept| {
        with(kept).violations.iter().any(|v| v.check == first.check)
    });
    let small = with(&shrunk.kept);
    let file = folder.join(format!("seed-{}.plan", scenario.seed));
    fs::create_dir_all(folder)?;
    fs::write(&file, text::print(&small.plan))?;
    println!(
        "seed {}: {} of {} faults break `{}` ({} runs{})",
        scenario.seed,
        shrunk.kept.len(),
        outcome.plan.len(),
        first.check,
        shrunk.tries,
        if shrunk.minimal {
            ", none of them can be left out"
        } else {
            ", perhaps fewer would"
        }
    );
    print!("{}", text::print(&small.plan));
    let again = small
        .again
        .replace("<the plan>", &file.display().to_string());
    println!("again: {again}");
    Ok(Some(small))
}
