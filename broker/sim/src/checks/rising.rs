//! The highest value known at each time, for promises that something never goes back.
//! Times are those of answers; a question asked later must not be answered with less.

use kring_io::Instant;

/// Highest values, oldest first.
#[derive(Debug, Default)]
pub(super) struct Rising {
    steps: Vec<(Instant, i64)>,
}

impl Rising {
    /// At `at` somebody was told `value`. Times do not run backwards.
    pub(super) fn told(&mut self, at: Instant, value: i64) {
        if self
            .steps
            .last()
            .is_none_or(|(_, highest)| *highest < value)
        {
            self.steps.push((at, value));
        }
    }

    /// The highest value that anybody had been told by `at`.
    pub(super) fn by(&self, at: Instant) -> Option<i64> {
        let later = self.steps.partition_point(|(told, _)| *told <= at);
        Some(self.steps[..later].last()?.1)
    }
}
