//! When each transactional id must be looked at next.
//! It knows no reason: an id that wakes looks at its deadlines and asks again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kring_io::Instant;

/// One instant per transactional id that has a deadline.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakes {
    by_time: BTreeSet<(Instant, Arc<str>)>,
    by_id: BTreeMap<Arc<str>, Instant>,
}

impl Wakes {
    /// Wakes `id` at `at` and not earlier, or not at all.
    pub(crate) fn set(&mut self, id: &str, at: Option<Instant>) {
        let known = self.by_id.get(id).copied();
        if known == at {
            return;
        }
        let Some((id, _)) = self.by_id.remove_entry(id).or_else(|| {
            // Nothing to forget: the name is needed only if there is something to remember.
            at.map(|at| (Arc::from(id), at))
        }) else {
            return;
        };
        if let Some(known) = known {
            self.by_time.remove(&(known, Arc::clone(&id)));
        }
        if let Some(at) = at {
            self.by_time.insert((at, Arc::clone(&id)));
            self.by_id.insert(id, at);
        }
    }

    /// Takes one id whose instant has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Arc<str>> {
        if self.first()? > now {
            return None;
        }
        let (_, id) = self.by_time.pop_first()?;
        self.by_id.remove(&id);
        Some(id)
    }

    /// The earliest instant.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_wish_of_an_id_holds() {
        let mut wakes = Wakes::default();
        wakes.set("a", Some(Instant(30)));
        wakes.set("b", Some(Instant(25)));
        assert_eq!(wakes.first(), Some(Instant(25)));
        wakes.set("b", Some(Instant(40)));
        assert_eq!(wakes.first(), Some(Instant(30)));
        assert_eq!(wakes.pop_due(Instant(29)), None);
        assert_eq!(wakes.pop_due(Instant(30)).as_deref(), Some("a"));
        assert_eq!(wakes.pop_due(Instant(30)), None);
        wakes.set("b", None);
        wakes.set("c", None);
        assert_eq!(wakes.first(), None);
        assert!(wakes.by_id.is_empty());
    }
}
