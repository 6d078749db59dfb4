//! When each part of the broker wants to be stepped again.
//! It reads no clock: the owner asks what is due.

use kring_io::Instant;

/// A part that wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The metadata quorum.
    Controller,
    /// Replicas.
    Replication,
    /// Group coordinators.
    Groups,
    /// Transaction coordinators.
    Transactions,
    /// The log.
    Log,
}

const PARTS: [Part; 5] = [
    Part::Controller,
    Part::Replication,
    Part::Groups,
    Part::Transactions,
    Part::Log,
];

/// One wish per part: the earliest since it was last woken.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    at: [Option<Instant>; PARTS.len()],
}

impl Timers {
    /// Adds a wish; a later one than the known changes nothing.
    pub(crate) fn wish(&mut self, part: Part, at: Option<Instant>) {
        let known = &mut self.at[part as usize];
        *known = match (*known, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }

    /// Replaces the wish of a part that says anew at each step when it wants to be woken.
    pub(crate) fn set(&mut self, part: Part, at: Option<Instant>) {
        self.at[part as usize] = at;
    }

    /// Takes the next part whose time has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Part> {
        let due = PARTS
            .into_iter()
            .find(|part| self.at[*part as usize].is_some_and(|at| at <= now))?;
        self.at[due as usize] = None;
        Some(due)
    }

    /// The earliest wish.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.at.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_wish_of_a_part_holds_until_it_is_woken() {
        let mut timers = Timers::default();
        timers.wish(Part::Log, Some(Instant(50)));
        timers.wish(Part::Log, Some(Instant(90)));
        timers.wish(Part::Log, None);
        timers.wish(Part::Groups, Some(Instant(70)));
        assert_eq!(timers.earliest(), Some(Instant(50)));
        assert_eq!(timers.take_due(Instant(49)), None);
        assert_eq!(timers.take_due(Instant(60)), Some(Part::Log));
        assert_eq!(timers.take_due(Instant(60)), None);
        assert_eq!(timers.earliest(), Some(Instant(70)));
    }
}
