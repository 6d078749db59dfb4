//! The promises to clients, each a function from a history to violations.
//! They read nothing but the history; the numbers are those of the property list of the project.

mod divergent_offset;
mod duplicate;
mod lost_write;
mod producer_order;
mod real_time_order;
#[cfg(test)]
mod tests;

use crate::history::History;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which check found it.
    pub check: &'static str,
    /// What is wrong, with the ids.
    pub fact: String,
}

/// One check.
type Check = fn(&History) -> Vec<String>;

/// Every check with its name, in the order of the property list.
const CHECKS: [(&str, Check); 5] = [
    ("divergent offset", divergent_offset::check),
    ("lost write", lost_write::check),
    ("duplicate", duplicate::check),
    ("producer order", producer_order::check),
    ("real-time order", real_time_order::check),
];

/// Runs every check.
#[must_use]
pub fn run(history: &History) -> Vec<Violation> {
    CHECKS
        .iter()
        .flat_map(|(check, run)| {
            run(history)
                .into_iter()
                .map(|fact| Violation { check, fact })
        })
        .collect()
}
