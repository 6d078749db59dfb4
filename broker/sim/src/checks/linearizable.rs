//! Wing and Gong's search, with Lowe's memory, for an order of the operations on one register.
//! It is for small histories: hundreds of operations, few at a time.

use std::collections::BTreeSet;

use kring_io::Instant;

/// Places looked at before the search gives up.
const STATES_MAX: usize = 1_000_000;

/// An operation on a register that holds a number, at first 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    /// When it was asked for.
    pub(super) begin: Instant,
    /// When it was answered; none if it may take effect at any time or never.
    pub(super) end: Option<Instant>,
    /// The value it must find; none for any.
    pub(super) requires: Option<u32>,
    /// The value it leaves; none for the one it found.
    pub(super) gives: Option<u32>,
}

/// Whether there is an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is one.
    Yes,
    /// There is none.
    No,
    /// The search took too long.
    Undecided,
}

/// What has been put in order, and the register's value after it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    ordered: Vec<u64>,
    value: u32,
}

impl Place {
    fn has(&self, operation: usize) -> bool {
        self.ordered[operation / 64] >> (operation % 64) & 1 == 1
    }

    fn after(&self, index: usize, operation: &Operation) -> Place {
        let mut place = self.clone();
        place.ordered[index / 64] |= 1 << (index % 64);
        place.value = operation.gives.unwrap_or(self.value);
        place
    }
}

/// Looks for an order in which each operation takes effect between its begin and its end.
pub(super) fn linearizable(operations: &[Operation]) -> Verdict {
    let mut operations = operations.to_vec();
    operations.sort_by_key(|operation| operation.begin);
    let answered = operations.iter().filter(|o| o.end.is_some()).count();
    let mut seen = BTreeSet::new();
    let mut open = vec![(
        Place {
            ordered: vec![0; operations.len().div_ceil(64)],
            value: 0,
        },
        0,
    )];
    while let Some((place, done)) = open.pop() {
        if done == answered {
            return Verdict::Yes;
        }
        if seen.len() > STATES_MAX {
            return Verdict::Undecided;
        }
        for index in next(&operations, &place) {
            let operation = &operations[index];
            let after = place.after(index, operation);
            if seen.insert(after.clone()) {
                open.push((after, done + usize::from(operation.end.is_some())));
            }
        }
    }
    Verdict::No
}

/// The operations that may come next and are worth a try: none of the others was over before they
/// began. Those with an answer come last, so that they are tried first.
fn next(operations: &[Operation], place: &Place) -> Vec<usize> {
    let left = || {
        let all = operations.iter().enumerate();
        all.filter(|(index, _)| !place.has(*index))
    };
    let first_end = left().filter_map(|(_, operation)| operation.end).min();
    let window =
        || left().take_while(|(_, o)| first_end.is_none_or(|first_end| o.begin <= first_end));
    let fits = |o: &Operation| o.requires.is_none_or(|value| value == place.value);
    // What changes nothing and may come now may as well: the others still can come after it.
    let reads = |o: &Operation| o.gives.is_none() && o.end.is_some();
    if let Some((index, _)) = window().find(|(_, o)| reads(o) && fits(o)) {
        return vec![index];
    }
    // What has no answer may as well never take effect, unless what comes right after it requires
    // what it gives; of those that are alike one does.
    let wanted: BTreeSet<u32> = window().filter_map(|(_, o)| o.requires).collect();
    let mut alike = BTreeSet::new();
    let mut is_worth = |o: &Operation| {
        o.end.is_some()
            || o.gives.is_some_and(|gives| {
                gives != place.value && wanted.contains(&gives) && alike.insert((o.requires, gives))
            })
    };
    let mut next: Vec<usize> = window()
        .filter(|(_, o)| fits(o) && is_worth(o))
        .map(|(index, _)| index)
        .collect();
    next.sort_by_key(|index| operations[*index].end.is_some());
    next
}
