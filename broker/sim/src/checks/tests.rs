//! Each check finds the violation that is planted for it, and what is legal has none.
//! It runs no broker: the histories are written as in a file, a line for each event.

mod cluster;
mod groups;
mod reading;
mod records;
mod transactions;

use std::collections::BTreeMap;

use super::{Verdict, judge};
use crate::history::History;

/// The history of these lines, each a microsecond after the one before unless it says when.
fn history(lines: &str) -> History {
    let mut text = "kring-history 1\n".to_owned();
    let mut at = 0_u64;
    for line in lines.lines().map(str::trim).filter(|l| !l.is_empty()) {
        at += 1_000;
        match line.strip_prefix('@').and_then(|l| l.split_once(' ')) {
            Some((said, _)) => {
                at = said.parse().expect("a time is a number");
                text.push_str(line);
            }
            None => text.push_str(&format!("@{at} {line}")),
        }
        text.push('\n');
    }
    History::read_from(text.as_bytes()).expect("the lines are events")
}

fn verdict(lines: &str) -> Verdict {
    judge(&history(lines))
}

/// The names of the checks that find something wrong.
fn found(lines: &str) -> Vec<&'static str> {
    let mut found: Vec<_> = verdict(lines)
        .violations
        .into_iter()
        .map(|violation| violation.check)
        .collect();
    found.dedup();
    found
}

/// How often a promise was put to the test.
fn exercised(lines: &str, check: &str) -> u64 {
    let verdict = verdict(lines);
    let exercised: BTreeMap<_, _> = verdict.exercised.into_iter().collect();
    exercised[check]
}

#[test]
fn an_empty_history_breaks_and_exercises_nothing() {
    let verdict = verdict("");
    assert_eq!(verdict.violations, []);
    assert!(verdict.exercised.iter().all(|(_, times)| *times == 0));
}

#[test]
fn facts_are_kept_up_to_a_bound() {
    let mut lines = String::new();
    for offset in 0..1_000 {
        lines += &format!("damaged 0/0 {offset} 1\n");
    }
    assert_eq!(verdict(&lines).violations.len(), 100);
}
