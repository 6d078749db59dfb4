//! What one check says: facts that break its promise, and how often the promise was put to the test.
//! It knows no promise.

/// Facts kept of one check; the rest are counted.
const FACTS_MAX: usize = 100;

/// What a check says.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// What is wrong, at most [`FACTS_MAX`] of it.
    pub(super) facts: Vec<String>,
    /// How often the promise could have been seen broken.
    pub(super) exercised: u64,
}

impl Finding {
    /// Adds a fact, made only when there is room.
    pub(super) fn wrong(&mut self, fact: impl FnOnce() -> String) {
        if self.facts.len() < FACTS_MAX {
            self.facts.push(fact());
        }
    }
}
