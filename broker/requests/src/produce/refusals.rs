//! Batches of idempotent producers that were refused a moment ago, so that none behind them is taken first.
//! It judges no batch of a producer that the log knows: there the sequence itself shows the gap.
//!
//! A log that knows nothing of a producer takes any sequence as its first, because the state may have
//! expired (KIP-360). With several batches under way the first may be refused for a moment (this broker
//! does not lead yet, the ISR is too small) and the second be taken: then the first can never be
//! appended, and the producer sends it until its `delivery.timeout.ms` is over (KAFKA-14359, KAFKA-15591).
//!
//! Where one was refused for a moment, so is what comes behind it: librdkafka answers an
//! `OUT_OF_ORDER_SEQUENCE_NUMBER` with another epoch, under which it sends again whatever was under way in all
//! partitions, and what had been appended there is in the log twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kring_io::Instant;
use kring_wire::ids::ProducerId;
use kring_wire::{BatchHeader, ErrorCode, TopicRef};

use crate::cluster;

/// How long a refused batch is waited for. By Kafka's default of `request.timeout.ms` whatever was under
/// way behind it has come, or its connection is gone.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Refused batches that are remembered; beyond, those that were refused first are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// A producer's way into a partition, as its requests name it: the topic may not be known here yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    producer_id: ProducerId,
    epoch: i16,
    topic: TopicRef,
    partition: i32,
}

impl Way {
    fn new(header: &BatchHeader, topic: &TopicRef, partition: i32) -> Way {
        Way {
            producer_id: header.producer_id,
            epoch: header.producer_epoch,
            topic: topic.clone(),
            partition,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    sequence: i32,
    /// The sequence behind the last one; between them is no gap.
    end: i32,
    /// Why the first one was.
    error: ErrorCode,
    until: Instant,
}

/// A batch and the refused one that must come before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) producer_id: ProducerId,
    pub(super) sequence: i32,
    /// The sequence of the refused one, and why it was refused.
    pub(super) refused: i32,
    /// The sequence behind all that were refused with it.
    pub(super) refused_end: i32,
    pub(super) error: ErrorCode,
}

/// From where to where batches of each producer were refused in each partition.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    first: BTreeMap<Way, Refused>,
    by_until: BTreeSet<(Instant, Way)>,
}

impl Refusals {
    /// Remembers that a batch was refused.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        topic: &TopicRef,
        partition: i32,
        records: &Bytes,
        error: ErrorCode,
    ) {
        let Some(header) = idempotent(records) else {
            return;
        };
        // The request's frame, of which a name is a part, must not live as long as this.
        let topic = match topic {
            TopicRef::Name(name) if !cluster::is_topic_name(name) => return,
            TopicRef::Name(name) => TopicRef::from(&**name),
            TopicRef::Id(id) => TopicRef::Id(*id),
        };
        let way = Way::new(&header, &topic, partition);
        let before = self.forget(&way);
        let (sequence, end) = (header.base_sequence, end_of(&header));
        let (sequence, end, error) = match before {
            // A batch behind a gap does not close it: what is missing there was never refused.
            Some(known) if sequence > known.end => (known.sequence, known.end, known.error),
            Some(known) if sequence > known.sequence => {
                (known.sequence, end.max(known.end), known.error)
            }
            Some(known) if end >= known.sequence => (sequence, end.max(known.end), error),
            _ => (sequence, end, error),
        };
        if self.first.len() >= REMEMBERED_MAX {
            self.forget_oldest();
        }
        let until = now + REMEMBERED;
        self.by_until.insert((until, way.clone()));
        let refused = Refused {
            sequence,
            end,
            error,
            until,
        };
        self.first.insert(way, refused);
    }

    /// Forgets what was refused so long ago that nobody sends it again.
    pub(super) fn expire(&mut self, now: Instant) {
        while self
            .by_until
            .first()
            .is_some_and(|(until, _)| *until <= now)
        {
            self.forget_oldest();
        }
    }

    /// What was refused before a batch, if something was.
    pub(super) fn before(
        &self,
        topic: &TopicRef,
        partition: i32,
        records: &Bytes,
    ) -> Option<Behind> {
        if self.first.is_empty() {
            return None;
        }
        let header = idempotent(records)?;
        let refused = self.first.get(&Way::new(&header, topic, partition))?;
        let behind = header.base_sequence > refused.sequence;
        behind.then_some(Behind {
            producer_id: header.producer_id,
            sequence: header.base_sequence,
            refused: refused.sequence,
            refused_end: refused.end,
            error: refused.error,
        })
    }

    /// A batch was appended, or had been before: those behind it are still missing.
    pub(super) fn appended(&mut self, topic: &TopicRef, partition: i32, records: &Bytes) {
        if self.first.is_empty() {
            return;
        }
        let Some(header) = idempotent(records) else {
            return;
        };
        let way = Way::new(&header, topic, partition);
        let sequence = end_of(&header);
        if let Some(refused) = self.forget(&way)
            && sequence < refused.end
        {
            self.by_until.insert((refused.until, way.clone()));
            let sequence = sequence.max(refused.sequence);
            self.first.insert(
                way,
                Refused {
                    sequence,
                    ..refused
                },
            );
        }
    }

    fn forget(&mut self, way: &Way) -> Option<Refused> {
        let refused = self.first.remove(way)?;
        self.by_until.remove(&(refused.until, way.clone()));
        Some(refused)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, way)) = self.by_until.pop_first() {
            self.first.remove(&way);
        }
    }
}

/// The header of a batch that a broker would take from an idempotent producer, its CRC not checked.
fn idempotent(records: &Bytes) -> Option<BatchHeader> {
    let header = BatchHeader::parse(records).ok()?;
    (header.has_producer() && header.base_sequence >= 0 && header.producer_epoch >= 0)
        .then_some(header)
}

/// The sequence behind a batch.
fn end_of(header: &BatchHeader) -> i32 {
    header.base_sequence.saturating_add(header.record_count)
}

#[cfg(test)]
mod tests {
    use kring_wire::BatchBuilder;

    use super::*;

    const NOW: Instant = Instant(5_000_000_000);

    fn batch(producer_id: ProducerId, epoch: i16, sequence: i32) -> Bytes {
        let mut builder = BatchBuilder::new().producer(producer_id, epoch, sequence);
        builder.push(0, None, Some(b"value"));
        builder.build()
    }

    const ERROR: ErrorCode = ErrorCode::NotEnoughReplicas;

    fn behind(refusals: &Refusals, records: &Bytes) -> Option<(ProducerId, i32, i32)> {
        let behind = refusals.before(&TopicRef::from("t"), 0, records)?;
        assert_eq!(behind.error, ERROR);
        Some((behind.producer_id, behind.sequence, behind.refused))
    }

    #[test]
    fn what_is_behind_a_refused_batch_waits_until_that_is_appended() {
        let topic = TopicRef::from("t");
        let mut refusals = Refusals::default();
        refusals.refused(NOW, &topic, 0, &batch(7, 0, 4), ERROR);
        let later = ErrorCode::NotLeaderOrFollower;
        for sequence in [5, 9] {
            refusals.refused(NOW, &topic, 0, &batch(7, 0, sequence), later);
        }
        assert_eq!(behind(&refusals, &batch(7, 0, 9)), Some((7, 9, 4)));
        assert_eq!(behind(&refusals, &batch(7, 0, 4)), None, "the same again");
        assert_eq!(behind(&refusals, &batch(7, 1, 9)), None, "another epoch");
        assert_eq!(behind(&refusals, &batch(8, 0, 9)), None, "another producer");
        assert_eq!(refusals.before(&topic, 1, &batch(7, 0, 9)), None);
        refusals.appended(&topic, 0, &batch(7, 0, 4));
        assert_eq!(behind(&refusals, &batch(7, 0, 9)), Some((7, 9, 5)));
        refusals.appended(&topic, 0, &batch(7, 0, 5));
        assert_eq!(behind(&refusals, &batch(7, 0, 9)), None, "6 was not");
        assert!(refusals.by_until.is_empty());
    }

    #[test]
    fn a_refused_batch_is_forgotten_after_a_while() {
        let mut refusals = Refusals::default();
        refusals.refused(NOW, &TopicRef::from("t"), 0, &batch(7, 0, 0), ERROR);
        refusals.expire(Instant(NOW.0 + REMEMBERED.as_nanos() as u64 - 1));
        assert!(behind(&refusals, &batch(7, 0, 5)).is_some());
        refusals.expire(NOW + REMEMBERED);
        assert_eq!(behind(&refusals, &batch(7, 0, 5)), None);
    }

    #[test]
    fn no_client_makes_it_remember_more_than_its_bound() {
        let mut refusals = Refusals::default();
        for id in 0..REMEMBERED_MAX as i64 + 5 {
            refusals.refused(
                NOW + Duration::from_nanos(id as u64),
                &TopicRef::from("t"),
                0,
                &batch(id, 0, 0),
                ERROR,
            );
        }
        assert_eq!(refusals.first.len(), REMEMBERED_MAX);
        assert_eq!(refusals.by_until.len(), REMEMBERED_MAX);
        assert_eq!(behind(&refusals, &batch(4, 0, 1)), None, "the oldest went");
        let long = TopicRef::from("x".repeat(250).as_str());
        refusals.refused(NOW, &long, 0, &batch(0, 0, 0), ERROR);
        assert_eq!(refusals.before(&long, 0, &batch(0, 0, 1)), None);
    }
}
