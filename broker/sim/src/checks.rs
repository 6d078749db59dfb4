//! The promises to clients, each a function from a history to what is wrong with it.
//! They read nothing but the history; the numbers are those of the property list of the project.

mod aborted_read;
mod commits;
mod committed_offset;
mod committed_read;
mod convergence;
mod cyclic_flow;
mod divergent_offset;
mod duplicate;
mod exactly_once;
mod fenced_producer;
mod finding;
mod group_ownership;
mod lag_truth;
mod linearizable;
mod liveness;
mod log_start;
mod lost_commit;
mod lost_write;
mod metadata;
mod offsets;
mod open_transaction;
mod poll_skip;
mod producer_order;
mod real_time_order;
mod rising;
mod sent;
mod stale_end;
#[cfg(test)]
mod tests;
mod timestamp_lookup;
mod transactions;
mod zombie;

use crate::history::History;
use finding::Finding;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// What is wrong, with the ids.
    pub fact: String,
}

/// What the checks say about a history.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// How often each promise was put to the test, in the order of the property list. A promise with
    /// 0 was not checked at all.
    pub exercised: Vec<(&'static str, u64)>,
}

/// One check.
type Check = fn(&History) -> Finding;

/// Every check with its name, in the order of the property list.
const CHECKS: &[(&str, Check)] = &[
    ("divergent offset", divergent_offset::check),
    ("lost write", lost_write::check),
    ("lost commit", lost_commit::check),
    ("duplicate", duplicate::check),
    ("producer order", producer_order::check),
    ("real-time order", real_time_order::check),
    ("stale end", stale_end::check),
    ("poll skip", poll_skip::check),
    ("committed read", committed_read::check),
    ("aborted read", aborted_read::check),
    ("cyclic flow", cyclic_flow::check),
    ("zombie", zombie::check),
    ("fenced producer", fenced_producer::check),
    ("exactly once", exactly_once::check),
    ("committed offset", committed_offset::check),
    ("group ownership", group_ownership::check),
    ("log start", log_start::check),
    ("timestamp look-up", timestamp_lookup::check),
    ("metadata", metadata::check),
    ("convergence", convergence::check),
    ("lag truth", lag_truth::check),
    ("liveness", liveness::check),
    ("open transaction", open_transaction::check),
];

/// The checks that need a history with transactions.
pub const OF_TRANSACTIONS: &[&str] = &[
    "lost commit",
    "committed read",
    "aborted read",
    "fenced producer",
    "exactly once",
    "open transaction",
];

/// Runs every check.
#[must_use]
pub fn judge(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    for (check, run) in CHECKS {
        let finding = run(history);
        verdict.exercised.push((check, finding.exercised));
        let facts = finding.facts.into_iter();
        verdict
            .violations
            .extend(facts.map(|fact| Violation { check, fact }));
    }
    verdict
}
