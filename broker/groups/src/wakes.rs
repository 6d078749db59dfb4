//! When each group must be looked at next.
//! It knows no reason: a group that wakes early looks at its deadlines and asks again.

use std::collections::{BTreeMap, BTreeSet};

use kring_io::Instant;

/// One instant per group. An instant may be earlier than the group's next deadline, never later:
/// a heartbeat moves a deadline to later without a change in here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakes {
    by_time: BTreeSet<(Instant, String)>,
    by_group: BTreeMap<String, Instant>,
}

impl Wakes {
    /// Wakes `group` at `at`, or earlier.
    pub(crate) fn lower(&mut self, group: &str, at: Instant) {
        match self.by_group.get_mut(group) {
            Some(known) if *known <= at => {}
            Some(known) => {
                self.by_time.remove(&(*known, group.to_owned()));
                self.by_time.insert((at, group.to_owned()));
                *known = at;
            }
            None => {
                self.by_time.insert((at, group.to_owned()));
                self.by_group.insert(group.to_owned(), at);
            }
        }
    }

    /// Takes one group whose instant has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<String> {
        if self.first()? > now {
            return None;
        }
        let (_, group) = self.by_time.pop_first()?;
        self.by_group.remove(&group);
        Some(group)
    }

    /// The earliest instant.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Forgets a group.
    pub(crate) fn remove(&mut self, group: &str) {
        if let Some(at) = self.by_group.remove(group) {
            self.by_time.remove(&(at, group.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_wish_of_a_group_holds_until_it_is_taken() {
        let mut wakes = Wakes::default();
        wakes.lower("g", Instant(30));
        wakes.lower("g", Instant(20));
        wakes.lower("g", Instant(40));
        wakes.lower("h", Instant(25));
        assert_eq!(wakes.first(), Some(Instant(20)));
        assert_eq!(wakes.pop_due(Instant(19)), None);
        assert_eq!(wakes.pop_due(Instant(30)).as_deref(), Some("g"));
        assert_eq!(wakes.pop_due(Instant(30)).as_deref(), Some("h"));
        assert_eq!(wakes.pop_due(Instant(30)), None);
        wakes.lower("g", Instant(50));
        wakes.remove("g");
        assert_eq!(wakes.first(), None);
    }
}
