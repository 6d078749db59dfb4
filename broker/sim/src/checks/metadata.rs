//! Property 15: changes of metadata take effect one after the other, each between question and answer.
//! What a broker answers from its own image may be old, but is something that was true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_io::Instant;

use super::finding::Finding;
use super::linearizable::{Operation, Verdict, linearizable};
use crate::history::{Happened, History, Mark, Outcome};

/// When the cluster has converged every broker knows everything within this time.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(1);

/// A change may require any value.
const ANY: &str = "*";

#[derive(Default)]
struct Register {
    /// Values by their number; 0 is what it holds before the first change: nothing.
    values: BTreeMap<String, u32>,
    operations: Vec<Operation>,
    /// Values of old images: when they were given, by number.
    old: Vec<(Instant, u32)>,
}

impl Register {
    fn number(&mut self, value: &str) -> u32 {
        if value.is_empty() {
            return 0;
        }
        let next = u32::try_from(self.values.len()).unwrap_or(u32::MAX - 1) + 1;
        *self.values.entry(value.to_owned()).or_insert(next)
    }
}

/// A fact per register whose changes and reads have no order in which they make sense.
pub(super) fn check(history: &History) -> Finding {
    let mut registers = BTreeMap::<&str, Register>::new();
    let mut converged = None;
    for (at, happened) in history.events() {
        match happened {
            Happened::Marked { mark } => converged = (*mark == Mark::Converged).then_some(at),
            Happened::Changed {
                register,
                since,
                requires,
                value,
                outcome,
            } if *outcome != Outcome::Refused => {
                let register = registers.entry(register).or_default();
                let requires = (requires != ANY).then(|| register.number(requires));
                let gives = register.number(value);
                register.operations.push(Operation {
                    begin: *since,
                    end: (*outcome == Outcome::Done).then_some(at),
                    requires,
                    gives: Some(gives),
                });
            }
            Happened::Read {
                register,
                since,
                value,
                current,
                ..
            } => {
                let register = registers.entry(register).or_default();
                let value = register.number(value);
                let caught_up = converged.is_some_and(|at| at + CATCH_UP_WITHIN <= *since);
                if *current || caught_up {
                    register.operations.push(Operation {
                        begin: *since,
                        end: Some(at),
                        requires: Some(value),
                        gives: None,
                    });
                } else {
                    register.old.push((at, value));
                }
            }
            _ => {}
        }
    }
    let mut finding = Finding::default();
    for (name, register) in registers {
        judge(name, &register, &mut finding);
    }
    finding
}

fn judge(name: &str, register: &Register, finding: &mut Finding) {
    let changed = register.operations.iter().any(|o| o.gives.is_some());
    if changed {
        finding.exercised += register.operations.len() as u64;
    }
    match linearizable(&register.operations) {
        Verdict::Yes => {}
        Verdict::No => finding.wrong(|| {
            format!(
                "{name}: its {} changes and reads have no order in which each finds what the one before left",
                register.operations.len()
            )
        }),
        Verdict::Undecided => {
            finding.wrong(|| format!("{name}: too many changes without an answer to decide"));
        }
    }
    let mut written: BTreeSet<(u32, Instant)> = register
        .operations
        .iter()
        .filter_map(|operation| Some((operation.gives?, operation.begin)))
        .collect();
    written.insert((0, Instant(0)));
    for (at, value) in &register.old {
        finding.exercised += u64::from(changed);
        let begun = written.range((*value, Instant(0))..).next();
        if begun.is_none_or(|(found, begin)| found != value || begin > at) {
            finding.wrong(|| {
                format!(
                    "{name}: a value was read at {} ms that nobody had given it",
                    at.0 / 1_000_000
                )
            });
        }
    }
}
