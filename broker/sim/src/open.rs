//! Violations that are known and not mended yet, from `open.txt`.
//! It mends nothing, and no promise about acknowledged records may be in it.

use crate::checks::Violation;

const OPEN: &str = include_str!("../open.txt");

/// Promises that are never open, whatever the file says.
const NEVER: [&str; 14] = [
    "lost write",
    "lost commit",
    "committed read",
    "aborted read",
    "fenced producer",
    "exactly once",
    "divergent offset",
    "duplicate",
    "producer order",
    "real-time order",
    "convergence",
    "in-sync replica",
    "log matching",
    "kept data",
];

/// Whether a violation is of a kind that is known and not mended yet.
#[must_use]
pub fn is_open(violation: &Violation) -> bool {
    !NEVER.contains(&violation.check)
        && entries()
            .any(|(check, words)| violation.check == check && violation.fact.contains(words))
}

fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = OPEN.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (check, words) = line.split_once('|')?;
        Some((check.trim(), words.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_promise_about_acknowledged_records_is_open() {
        for (check, words) in entries() {
            assert!(!NEVER.contains(&check), "{check}");
            assert!(
                words.len() > 3,
                "`{words}` would excuse too much of {check}"
            );
        }
        let lost = Violation {
            check: "lost write",
            fact: "the end is said to be".to_owned(),
        };
        assert!(!is_open(&lost));
    }
}
