//! Medians of figures and of paired ratios, and how far the pairs lie apart.
//! Few rounds have no useful confidence interval; the whole spread is shown.

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
