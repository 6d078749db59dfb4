//! Medians of figures and of paired ratios, and how far the pairs lie apart.
//! Few rounds have no useful confidence interval; the whole spread is shown.

use std::time::Duration;

use hdrhistogram::Histogram;

const LATENCY_US_MAX: u64 = 120_000_000;

/// Takes one in.
pub(crate) fn note(latencies: &mut Histogram<u64>, took: Duration) {
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    latencies.saturating_record(took_us.max(1));
}

/// What a load did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) requests: u64,
    pub(crate) payload_bytes: u64,
    pub(crate) elapsed: Duration,
    /// Of each request, in microseconds.
    pub(crate) latency: Histogram<u64>,
}

impl Default for Done {
    fn default() -> Done {
        Done {
            requests: 0,
            payload_bytes: 0,
            elapsed: Duration::ZERO,
            latency: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)
                .expect("the bounds are constants"),
        }
    }
}

/// Middle of several figures, and the least and the greatest of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// Summarises figures; none of none.
pub(crate) fn summarise(figures: &[f64]) -> Option<Summary> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let upper = sorted[sorted.len() / 2];
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(Summary {
        median: f64::midpoint(lower, upper),
        min,
        max,
    })
}

/// Summarises the ratios of pairs, ours over theirs, each of one round.
pub(crate) fn ratios(ours: &[f64], theirs: &[f64]) -> Option<Summary> {
    let pairs = ours.iter().zip(theirs).filter(|(_, theirs)| **theirs > 0.0);
    summarise(
        &pairs
            .map(|(ours, theirs)| ours / theirs)
            .collect::<Vec<f64>>(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_the_median_of_pairs_and_not_the_ratio_of_medians() {
        let found = ratios(&[10.0, 90.0, 30.0], &[10.0, 30.0, 60.0]).unwrap();
        assert_eq!((found.median, found.min, found.max), (1.0, 0.5, 3.0));
    }

    #[test]
    fn an_even_number_of_figures_has_its_median_between_two() {
        assert_eq!(summarise(&[4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(summarise(&[]), None);
        assert_eq!(ratios(&[1.0], &[0.0]), None);
    }
}
