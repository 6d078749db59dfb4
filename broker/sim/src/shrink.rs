//! Makes a failing run small: the fewest of its faults with which the same check still fails.
//! It is delta debugging (Zeller's ddmin) over a list; it knows neither faults nor runs.

#[cfg(test)]
mod tests;

/// A list that was made small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// Places in the original list that are left, in order.
    pub kept: Vec<usize>,
    /// How often the run was repeated.
    pub tries: usize,
    /// Whether leaving out any single one of them was tried, so that none is there for nothing.
    pub minimal: bool,
}

/// Removes what is not needed from a list of `count` things, as long as `fails` says that the run
/// still fails with the rest. The whole list must fail. At most `tries_max` runs are made; what is
/// left then still fails, but may be more than needed.
pub fn shrink(count: usize, tries_max: usize, mut fails: impl FnMut(&[usize]) -> bool) -> Shrunk {
    let mut shrunk = Shrunk {
        kept: (0..count).collect(),
        tries: 0,
        minimal: false,
    };
    let mut parts = 1;
    while !shrunk.kept.is_empty() {
        let size = shrunk.kept.len().div_ceil(parts);
        match without_a_part(&shrunk.kept, size, tries_max, &mut shrunk.tries, &mut fails) {
            Tried::Fails(rest) => {
                shrunk.kept = rest;
                parts = parts.saturating_sub(1).max(1);
            }
            Tried::TooOften => return shrunk,
            Tried::Passes if size == 1 => break,
            Tried::Passes => parts = (parts * 2).min(shrunk.kept.len()),
        }
    }
    shrunk.minimal = true;
    shrunk
}

enum Tried {
    /// The run fails with these.
    Fails(Vec<usize>),
    /// Every part is needed.
    Passes,
    TooOften,
}

/// Leaves out one part after the other. The last parts are tried first: what comes late is seldom
/// why a run fails early.
fn without_a_part(
    kept: &[usize],
    size: usize,
    tries_max: usize,
    tries: &mut usize,
    fails: &mut impl FnMut(&[usize]) -> bool,
) -> Tried {
    let starts: Vec<usize> = (0..kept.len()).step_by(size).collect();
    for start in starts.into_iter().rev() {
        if *tries == tries_max {
            return Tried::TooOften;
        }
        *tries += 1;
        let end = (start + size).min(kept.len());
        let rest = [&kept[..start], &kept[end..]].concat();
        if fails(&rest) {
            return Tried::Fails(rest);
        }
    }
    Tried::Passes
}
