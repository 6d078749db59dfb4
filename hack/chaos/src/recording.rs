//! What the clients of a run did and saw, each thread for itself, and the merge into histories.
//! It judges nothing: the simulator's checks read the histories.

use std::time;

use kring_io::Instant;
use kring_sim::history::{Happened, History, Partition};

/// The clock of a run, the same for all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(time::Instant);

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Clock {
        Clock(time::Instant::now())
    }

    /// Time since the start.
    pub(crate) fn now(self) -> Instant {
        let nanoseconds = self.0.elapsed().as_nanos();
        Instant(u64::try_from(nanoseconds).expect("a run is shorter than 500 years"))
    }
}

/// What one client did and saw.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    events: Vec<(Instant, Happened)>,
    /// Something that no client should see.
    pub(crate) complaints: Vec<String>,
}

impl Recording {
    /// The events in the order in which they were added.
    pub(crate) fn events(&self) -> impl Iterator<Item = &(Instant, Happened)> {
        self.events.iter()
    }

    /// Adds an event.
    pub(crate) fn push(&mut self, at: Instant, happened: Happened) {
        self.events.push((at, happened));
    }

    /// Adds something that no client should see.
    pub(crate) fn complain(&mut self, fact: String) {
        self.complaints.push(fact);
    }
}

/// One of the run's partitions; a run has one topic.
pub(crate) fn partition(index: i32) -> Partition {
    Partition { topic: 0, index }
}

/// One history for each partition, by its number: no check looks at two partitions at once. What is
/// about no partition is in all of them.
pub(crate) fn merge(recordings: Vec<Recording>, partitions: i32) -> Vec<History> {
    let mut apart: Vec<Vec<(Instant, Happened)>> = (0..partitions).map(|_| Vec::new()).collect();
    for recording in recordings {
        for (at, happened) in recording.events {
            match happened.partition() {
                Some(partition) => {
                    apart[partition.index.unsigned_abs() as usize].push((at, happened));
                }
                None => apart
                    .iter_mut()
                    .for_each(|events| events.push((at, happened.clone()))),
            }
        }
    }
    apart.into_iter().map(in_order).collect()
}

/// In the order of time. Of what happened at once, an invocation comes first: nothing that ended at
/// that moment was known to whoever began then.
fn in_order(mut events: Vec<(Instant, Happened)>) -> History {
    events.sort_by_key(|(at, happened)| (*at, !matches!(happened, Happened::Invoked { .. })));
    let mut history = History::default();
    history.merge(events);
    history
}

#[cfg(test)]
mod tests {
    use super::*;
    use kring_sim::history::Records;

    fn records(first: u64) -> Records {
        Records {
            producer: 1,
            first,
            count: 1,
        }
    }

    fn invoked(index: i32, first: u64) -> Happened {
        Happened::Invoked {
            records: records(first),
            partition: partition(index),
            id: 4_000,
            epoch: 0,
            timestamp: 0,
        }
    }

    #[test]
    fn threads_are_merged_by_time_and_partition_with_invocations_first() {
        let mut producer = Recording::default();
        let mut other = Recording::default();
        producer.push(
            Instant(5),
            Happened::Acknowledged {
                records: records(0),
                partition: partition(0),
                offset: 0,
            },
        );
        other.push(Instant(5), invoked(0, 9));
        other.push(Instant(7), invoked(1, 3));
        let histories = merge(vec![producer, other], 2);
        let first: Vec<_> = histories[0]
            .events()
            .map(|(at, h)| (at, h.clone()))
            .collect();
        assert_eq!(first[0], (Instant(5), invoked(0, 9)));
        assert_eq!(first.len(), 2);
        assert_eq!(histories[1].events().count(), 1);
    }
}
