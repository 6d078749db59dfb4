//! Until when the active controller cannot have fenced this broker: it counts a session from a heartbeat on.
//! What it tells shows that it is heard, not that it hears. It fences nobody.

use std::collections::VecDeque;

use kring_io::{BrokerId, Instant};

/// Probes that may be without an answer; older ones are given up.
const OPEN_MAX: usize = 64;

/// The probes of this broker.
#[derive(Debug, Default)]
pub(super) struct Counted {
    last: u64,
    open: VecDeque<(u64, Instant)>,
    /// By whom, and when that probe was sent.
    newest: Option<(BrokerId, Instant)>,
}

impl Counted {
    /// Number of a probe that is sent now.
    pub(super) fn probe(&mut self, now: Instant) -> u64 {
        self.last += 1;
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back((self.last, now));
        self.last
    }

    /// A controller has answered a probe.
    pub(super) fn answered(&mut self, by: BrokerId, number: u64) {
        let sent = self.open.iter().find(|(open, _)| *open == number);
        let Some((_, sent_at)) = sent.copied() else {
            return;
        };
        self.open.retain(|(open, _)| *open > number);
        self.newest = Some((by, sent_at));
    }

    /// When the newest heartbeat was sent that this controller has counted.
    pub(super) fn by(&self, controller: BrokerId) -> Option<Instant> {
        let newest = self.newest.filter(|(by, _)| *by == controller);
        newest.map(|(_, sent_at)| sent_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_counts_from_when_it_was_sent_and_for_who_has_it() {
        let mut counted = Counted::default();
        let (one, other) = (BrokerId(1), BrokerId(2));
        let first = counted.probe(Instant(10));
        let second = counted.probe(Instant(20));
        assert_eq!(counted.by(one), None);
        counted.answered(one, second);
        assert_eq!(counted.by(one), Some(Instant(20)));
        counted.answered(one, first);
        assert_eq!(
            counted.by(one),
            Some(Instant(20)),
            "a late answer is nothing new"
        );
        assert_eq!(counted.by(other), None);
    }

    #[test]
    fn what_nobody_answers_is_given_up() {
        let mut counted = Counted::default();
        let first = counted.probe(Instant(0));
        for at in 1..=OPEN_MAX as u64 {
            counted.probe(Instant(at));
        }
        assert_eq!(counted.open.len(), OPEN_MAX);
        counted.answered(BrokerId(1), first);
        assert_eq!(counted.by(BrokerId(1)), None);
    }
}
