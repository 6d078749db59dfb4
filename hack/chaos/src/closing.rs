//! How a suite ends: its violations, then one line of figures that a person and a script can read.
//! It measures nothing.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::patience;

/// The end of a suite.
#[derive(Debug)]
pub(crate) struct Closing {
    suite: &'static str,
    figures: String,
    pub(crate) violations: Vec<String>,
    /// What did not happen that had to, so that the run shows nothing.
    missing: Vec<String>,
}

impl Closing {
    /// Without figures yet.
    pub(crate) fn new(suite: &'static str) -> Closing {
        Closing {
            suite,
            figures: String::new(),
            violations: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Adds a figure.
    pub(crate) fn figure(&mut self, name: &str, value: u64) {
        let _ = write!(self.figures, " {name}={value}");
    }

    /// Adds a list of counts as one figure.
    pub(crate) fn list(&mut self, name: &str, counts: &BTreeMap<&'static str, u64>) {
        let counts: Vec<_> = counts
            .iter()
            .map(|(of, count)| format!("{of}:{count}"))
            .collect();
        let _ = write!(self.figures, " {name}={}", counts.join(","));
    }

    /// Fails the run unless something held: a run in which nothing bit has shown nothing.
    pub(crate) fn require(&mut self, held: bool, otherwise: impl Fn() -> String) {
        if !held {
            self.missing.push(otherwise());
        }
    }

    /// For a run in which promises cannot be kept: it passes under this name if that was noticed.
    pub(crate) fn expect_violations(&mut self, suite: &'static str) {
        self.suite = suite;
        let caught = std::mem::take(&mut self.violations);
        for fact in &caught {
            println!("caught: {fact}");
        }
        self.require(!caught.is_empty(), || "nothing was noticed".to_owned());
        self.figure("caught", caught.len() as u64);
    }

    /// Prints everything; gives whether the suite passed.
    pub(crate) fn print(&self) -> bool {
        for violation in &self.violations {
            println!("VIOLATION {violation}");
        }
        for fact in &self.missing {
            println!("MISSING {fact}");
        }
        println!(
            "suite={}{} stalled_ms={} violations={}",
            self.suite,
            self.figures,
            patience::stalled().as_millis(),
            self.violations.len()
        );
        self.violations.is_empty() && self.missing.is_empty()
    }
}
