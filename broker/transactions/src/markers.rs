//! The markers of one prepared transaction that are still missing, and when each is sent again.
//! It decides nothing about the transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kring_io::Instant;

use crate::MarkerId;
use crate::stored::Topics;

/// A topic and a partition of it.
type Target = (Arc<str>, i32);

/// What is missing.
#[derive(Clone, Debug)]
pub(crate) struct Markers {
    id: MarkerId,
    /// When each is sent, for the first time or again.
    left: BTreeMap<Target, Instant>,
    /// As `left`, by time. Empty once another coordinator acts.
    due: BTreeSet<(Instant, Target)>,
}

impl Markers {
    /// All of `topics`, to be sent at `now`.
    pub(crate) fn new(id: MarkerId, topics: &Topics, now: Instant) -> Markers {
        let mut left = BTreeMap::new();
        for (topic, partitions) in topics {
            let topic: Arc<str> = Arc::from(topic.as_str());
            left.extend(partitions.iter().map(|p| ((Arc::clone(&topic), *p), now)));
        }
        let due = left.iter().map(|(target, at)| (*at, target.clone()));
        Markers {
            id,
            due: due.collect(),
            left,
        }
    }

    pub(crate) fn id(&self) -> MarkerId {
        self.id
    }

    /// Partitions without a marker.
    pub(crate) fn left(&self) -> usize {
        self.left.len()
    }

    /// Whether a partition has no marker yet.
    pub(crate) fn is_missing(&self, topic: &str, partition: i32) -> bool {
        self.left.contains_key(&(Arc::from(topic), partition))
    }

    /// When the next one is sent again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes those whose time has come by `now`, in order; each is sent again at `again_at`.
    pub(crate) fn take_due(&mut self, now: Instant, again_at: Instant) -> Vec<(String, Vec<i32>)> {
        let mut taken = BTreeSet::new();
        while self.next().is_some_and(|at| at <= now) {
            if let Some((_, target)) = self.due.pop_first() {
                taken.insert(target);
            }
        }
        let mut topics: Vec<(String, Vec<i32>)> = Vec::new();
        for target in taken {
            let (topic, partition) = (&target.0, target.1);
            match topics.last_mut() {
                Some((last, partitions)) if **last == **topic => partitions.push(partition),
                _ => topics.push((topic.to_string(), vec![partition])),
            }
            self.due.insert((again_at, target.clone()));
            self.left.insert(target, again_at);
        }
        topics
    }

    /// One is written, or not needed.
    pub(crate) fn done(&mut self, topic: &str, partition: i32) {
        let target = (Arc::from(topic), partition);
        if let Some(at) = self.left.remove(&target) {
            self.due.remove(&(at, target));
        }
    }

    /// One could not be written: it is sent again at `at`, if any is sent any more.
    pub(crate) fn again(&mut self, topic: &str, partition: i32, at: Instant) {
        let target: Target = (Arc::from(topic), partition);
        if let Some(known) = self.left.get_mut(&target)
            && self.due.remove(&(*known, target.clone()))
        {
            *known = at;
            self.due.insert((at, target));
        }
    }

    /// Sends nothing any more: another coordinator acts.
    pub(crate) fn stop(&mut self) {
        self.due.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markers() -> Markers {
        let topics = [("t", vec![0, 1]), ("s", vec![5])].map(|(topic, partitions)| {
            let partitions: BTreeSet<i32> = partitions.into_iter().collect();
            (topic.to_owned(), partitions)
        });
        Markers::new(MarkerId(1), &topics.into_iter().collect(), Instant(10))
    }

    #[test]
    fn each_is_sent_again_until_it_is_done() {
        let mut markers = markers();
        let all = markers.take_due(Instant(10), Instant(100));
        let t = |partitions| ("t".to_owned(), partitions);
        assert_eq!(all, [("s".to_owned(), vec![5]), t(vec![0, 1])]);
        assert!(markers.take_due(Instant(99), Instant(200)).is_empty());
        markers.done("s", 5);
        markers.again("t", 1, Instant(50));
        markers.again("s", 5, Instant(50));
        assert!(markers.is_missing("t", 1) && !markers.is_missing("s", 5));
        assert_eq!(markers.next(), Some(Instant(50)));
        let again = markers.take_due(Instant(50), Instant(150));
        assert_eq!(again, [t(vec![1])]);
        assert_eq!(markers.next(), Some(Instant(100)));
        markers.done("t", 0);
        assert_eq!((markers.left(), markers.next()), (1, Some(Instant(150))));
        markers.stop();
        markers.again("t", 1, Instant(60));
        assert_eq!((markers.left(), markers.next()), (1, None));
    }
}
