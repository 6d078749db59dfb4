//! The figures of all runs: a line for each seed, a table of kinds, the closing line, the verdict.
//! It runs nothing.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use kring_sim::faults::draw::DISHES;
use kring_sim::faults::kind::{ALL, Counts, Kind};
use kring_sim::faults::text;
use kring_sim::open::is_open;
use kring_sim::run::Outcome;
use kring_sim::scenario::Class;

/// Violations of one seed that are printed at most.
const SHOWN_MAX: usize = 10;

/// Sums over all runs.
#[derive(Default)]
pub(crate) struct Totals {
    seeds: u64,
    simulated: Duration,
    /// The same for each class.
    by_class: BTreeMap<Class, Duration>,
    operations: usize,
    acknowledged: usize,
    faults: Counts,
    /// How often each promise was put to the test.
    exercised: BTreeMap<&'static str, u64>,
    skipped: u64,
    violations: usize,
    /// Of kinds that are known and not mended yet.
    open: usize,
    failed: u64,
    twice: u64,
    different: u64,
}

impl Totals {
    /// Adds a run; `again` is the hash of its second time, if there was one.
    pub(crate) fn add(&mut self, outcome: &Outcome, again: Option<u64>, print_plan: bool) {
        report(outcome);
        if print_plan {
            print!("{}", text::print(&outcome.plan));
        }
        self.seeds += 1;
        self.simulated += outcome.simulated;
        *self.by_class.entry(outcome.class).or_default() += outcome.simulated;
        self.operations += outcome.operations;
        self.acknowledged += outcome.acknowledged;
        self.faults.merge(&outcome.faults);
        for (check, times) in &outcome.exercised {
            *self.exercised.entry(check).or_default() += times;
        }
        self.skipped += outcome.skipped;
        let open = outcome.violations.iter().filter(|v| is_open(v)).count();
        self.open += open;
        self.violations += outcome.violations.len() - open;
        self.failed += u64::from(open < outcome.violations.len());
        if let Some(again) = again {
            self.twice += 1;
            if again != outcome.trace {
                println!(
                    "seed {}: {:016x}, then {again:016x}: not deterministic",
                    outcome.seed, outcome.trace
                );
                self.different += 1;
            }
        }
    }

    /// Kinds that never took effect although they should: a run without them proves less than it says.
    fn missing(&self) -> Vec<&'static str> {
        ALL.iter()
            .filter(|kind| self.faults.of(**kind) == 0 && !is_off(**kind))
            .map(|kind| kind.name())
            .collect()
    }

    /// Promises that were never put to the test: they count as not checked.
    fn unchecked(&self) -> Vec<&'static str> {
        let idle = self.exercised.iter().filter(|(_, times)| **times == 0);
        idle.map(|(check, _)| *check).collect()
    }

    /// Prints the table and the closing line.
    pub(crate) fn close(&self, any_faults: bool) -> ExitCode {
        for kind in ALL {
            let note = if is_off(*kind) { "  (off)" } else { "" };
            println!(
                "{:>10}  {:<18} {}{note}",
                self.faults.of(*kind),
                kind.name(),
                kind.what()
            );
        }
        for (check, times) in &self.exercised {
            println!("{times:>10}  checks of {check}");
        }
        let unchecked = self.unchecked();
        if !unchecked.is_empty() {
            println!("never checked: {}; run more seeds", unchecked.join(", "));
        }
        let missing = self.missing();
        if !missing.is_empty() {
            println!("never took effect: {}; run more seeds", missing.join(", "));
        }
        let hit = ALL.iter().filter(|kind| self.faults.of(**kind) > 0);
        let faults: Vec<String> = hit
            .clone()
            .map(|kind| format!("{}:{}", kind.name(), self.faults.of(*kind)))
            .collect();
        let classes: Vec<String> = self
            .by_class
            .iter()
            .map(|(class, time)| format!("{class:?}:{:.1}", hours(*time)).to_lowercase())
            .collect();
        println!(
            "suite=sim seeds={} hours={:.2} by_class={} kinds={} faults={} over_budget={} ops={} acknowledged={} checks={}/{} twice={} \
             different={} open={} failed_seeds={} violations={}",
            self.seeds,
            hours(self.simulated),
            classes.join(","),
            hit.count(),
            faults.join(","),
            self.skipped,
            self.operations,
            self.acknowledged,
            self.exercised.len() - unchecked.len(),
            self.exercised.len(),
            self.twice,
            self.different,
            self.open,
            self.failed,
            self.violations,
        );
        let complete = missing.is_empty() && unchecked.is_empty();
        if self.violations == 0 && self.different == 0 && (complete || any_faults) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn hours(time: Duration) -> f64 {
    time.as_secs_f64() / 3600.0
}

/// Whether nothing that runs usually draws can bring this kind about.
fn is_off(kind: Kind) -> bool {
    let dish = match kind {
        Kind::RotJournal => "rot-journal",
        Kind::RotCheckpoint => "rot-checkpoint",
        Kind::RotSegment => "rot-segment",
        Kind::RotMeta => "rot-meta",
        Kind::RotTail => "rot-tail",
        Kind::LostWrite => "lost-write",
        Kind::MisdirectedWrite => "misdirected-write",
        Kind::ReplacedDisk => "replace-disk",
        _ => return false,
    };
    DISHES.iter().any(|d| d.name == dish && !d.on)
}

fn report(outcome: &Outcome) {
    println!(
        "seed {:>4}  trace {:016x}  {:>5} s  {:>6} acknowledged  {} violations",
        outcome.seed,
        outcome.trace,
        outcome.simulated.as_secs(),
        outcome.acknowledged,
        outcome.violations.len()
    );
    for violation in outcome.violations.iter().take(SHOWN_MAX) {
        let open = if is_open(violation) { "open: " } else { "" };
        println!("    {open}{}: {}", violation.check, violation.fact);
    }
    if !outcome.violations.is_empty() {
        println!("    again: {}", outcome.again);
    }
}
