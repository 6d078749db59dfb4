//! Answers of a coordinator that come too late: while a leader asked whether partitions are part of a transaction, that
//! transaction ended in one of them. With transactions v1 the next one has the same epoch, so the log cannot tell them apart.
//! It asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::{ErrorCode, LeaderEpoch, ProducerId, TopicPartition};

use super::message::Question;
use super::peers::Asked;
use crate::broker::Broker;
use crate::calls::Done;
use crate::cluster;

/// A question under way. There are no more than requests of connections and calls to the engine.
struct Guard {
    producer_id: ProducerId,
    /// In which epochs this broker led the partitions when it asked.
    led: Vec<(TopicPartition, LeaderEpoch)>,
    /// The producer's transaction ended in one of them since.
    broken: bool,
}

/// Questions under way.
#[derive(Default)]
pub(crate) struct Guards {
    next: u64,
    open: BTreeMap<u64, Guard>,
    by_place: BTreeSet<(TopicPartition, ProducerId, u64)>,
}

impl Guards {
    /// The end of a producer's transaction was appended to a partition.
    pub(crate) fn ended(&mut self, tp: TopicPartition, producer_id: ProducerId) {
        let range = (tp, producer_id, 0)..=(tp, producer_id, u64::MAX);
        for (_, _, id) in self.by_place.range(range) {
            if let Some(guard) = self.open.get_mut(id) {
                guard.broken = true;
            }
        }
    }

    fn open(&mut self, producer_id: ProducerId, led: Vec<(TopicPartition, LeaderEpoch)>) -> u64 {
        self.next += 1;
        let id = self.next;
        let places = led.iter().map(|(tp, _)| (*tp, producer_id, id));
        self.by_place.extend(places);
        let guard = Guard {
            producer_id,
            led,
            broken: false,
        };
        self.open.insert(id, guard);
        id
    }

    fn close(&mut self, id: u64) -> Option<Guard> {
        let guard = self.open.remove(&id)?;
        for (tp, _) in &guard.led {
            self.by_place.remove(&(*tp, guard.producer_id, id));
        }
        Some(guard)
    }
}

/// Lets an answer count only if nothing has ended meanwhile. Where something has, the answer is that of a transaction that
/// is just ending: who asked asks again.
pub(super) fn guard(broker: &mut Broker, question: &Question, done: Done<Asked>) -> Done<Asked> {
    let mut led = Vec::new();
    for (topic, partitions) in &question.topics {
        let Some((topic, _)) = cluster::topic_by_name(broker.image(), topic) else {
            continue;
        };
        let places = partitions.iter().map(|p| TopicPartition::new(topic, *p));
        led.extend(places.filter_map(|tp| Some((tp, broker.led_epoch(tp)?))));
    }
    let id = broker.guards.open(question.producer_id, led);
    Box::new(move |broker, now, mut asked, out| {
        let holds = broker.guards.close(id).is_some_and(|guard| {
            let mut led = guard.led.iter();
            !guard.broken && led.all(|(tp, epoch)| broker.led_epoch(*tp) == Some(*epoch))
        });
        if !holds {
            for error in asked.values_mut().filter(|error| error.is_ok()) {
                *error = ErrorCode::ConcurrentTransactions;
            }
        }
        done(broker, now, asked, out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kring_wire::TopicId;

    #[test]
    fn the_end_of_a_transaction_breaks_what_was_asked_of_it_there() {
        let tp = |partition| TopicPartition::new(TopicId::ZERO, partition);
        let mut guards = Guards::default();
        let one = guards.open(7, vec![(tp(0), 3), (tp(1), 3)]);
        let other = guards.open(7, vec![(tp(0), 3)]);
        let another_producer = guards.open(8, vec![(tp(1), 3)]);
        guards.ended(tp(1), 7);
        let later = guards.open(7, vec![(tp(1), 3)]);
        let mut broken = |id| guards.close(id).map(|guard| guard.broken);
        assert_eq!(broken(one), Some(true));
        assert_eq!(broken(other), Some(false));
        assert_eq!(broken(another_producer), Some(false));
        assert_eq!(broken(later), Some(false));
        assert_eq!(broken(later), None);
        assert!(guards.by_place.is_empty());
    }
}
