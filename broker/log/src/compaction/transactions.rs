//! What a run does with the records of transactions: those of aborted ones go, and a marker goes
//! once nothing of its transaction is left and consumers had time to read it.
//! It decides on batches; it reads and writes none, and forgets nothing of the partition.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kring_wire::ids::{Offset, ProducerId};
use kring_wire::{BatchHeader, EndTxnMarker};

use crate::partition::Partition;
use crate::partition::transactions::{MarkersCleaned, MarkersSeen};

/// The transactions in what a run reads. All have ended: it reads nothing at or above the first unstable offset.
#[derive(Debug)]
pub(super) struct Ended {
    /// First and last offsets of the aborted ones, in order.
    aborted: BTreeMap<ProducerId, Vec<(Offset, Offset)>>,
    /// Producers of whom a batch of a transaction was kept and no marker came since. Groups are rewritten in the
    /// order of their offsets, from the first segment on, so that it holds across groups.
    kept: BTreeSet<ProducerId>,
    /// A marker below goes if nothing of its transaction was kept. An earlier run saw all of them, at least
    /// `delete.retention.ms` ago; no reader finds what that run removed in memory either.
    gone_below: Offset,
    /// When this run began, if it is the one that counts from now on.
    seen_at_ms: Option<i64>,
    met_marker: bool,
}

impl Ended {
    pub(super) fn of(partition: &Partition, now_ms: i64) -> Ended {
        let seen = partition.transactions.markers_seen();
        let due_ms = now_ms.saturating_sub(partition.config.delete_retention_ms);
        let due = seen.filter(|seen| seen.at_ms <= due_ms);
        Ended {
            aborted: partition.transactions.aborted_by_producer(),
            kept: BTreeSet::new(),
            gone_below: due.map_or(0, |seen| seen.end.min(partition.tail.start())),
            seen_at_ms: (seen.is_none() || due.is_some()).then_some(now_ms),
            met_marker: seen.is_some(),
        }
    }

    /// Whether a batch is of a transaction that was aborted.
    pub(super) fn is_aborted(&self, header: &BatchHeader) -> bool {
        if !header.attributes.is_transactional() || header.attributes.is_control() {
            return false;
        }
        let Some(aborted) = self.aborted.get(&header.producer_id) else {
            return false;
        };
        let at = aborted.partition_point(|(_, last)| *last < header.base_offset);
        let ends_behind = aborted.get(at);
        ends_behind.is_some_and(|(first, _)| *first <= header.base_offset)
    }

    /// A batch of records stays, whole or in part.
    pub(super) fn kept(&mut self, header: &BatchHeader) {
        if header.attributes.is_transactional() {
            self.kept.insert(header.producer_id);
        }
    }

    /// Whether a control batch stays.
    pub(super) fn keeps_control(&mut self, header: &BatchHeader, batch: &Bytes) -> bool {
        let Ok(Some(marker)) = EndTxnMarker::parse(header, batch) else {
            return true;
        };
        self.met_marker = true;
        let has_records = self.kept.remove(&marker.producer_id);
        has_records || header.base_offset >= self.gone_below
    }

    /// What is to be noted in the partition once everything below `upto` is rewritten; nothing where there are no
    /// transactions.
    pub(super) fn cleaned(&self, upto: Offset) -> Option<MarkersCleaned> {
        self.met_marker.then_some(MarkersCleaned {
            gone_below: self.gone_below,
            seen: self
                .seen_at_ms
                .map(|at_ms| MarkersSeen { end: upto, at_ms }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TopicLogConfig;
    use kring_wire::{BatchBuilder, TopicPartition, TransactionOutcome};

    fn partition() -> Partition {
        let config = TopicLogConfig {
            delete_retention_ms: 100,
            ..TopicLogConfig::default()
        };
        Partition::new(TopicPartition::default(), "t", config)
    }

    fn push(partition: &mut Partition, batch: &Bytes) -> (BatchHeader, Bytes) {
        let (base, now_ms) = (partition.log_end, 0);
        let (header, bytes) = partition.push(batch, now_ms, |copy| {
            kring_wire::batch::assign(copy, base, 0);
            BatchHeader::parse(copy).unwrap()
        });
        (header, Bytes::copy_from_slice(bytes))
    }

    fn data(partition: &mut Partition, producer_id: ProducerId) -> (BatchHeader, Bytes) {
        let mut batch = BatchBuilder::new().transactional(producer_id, 0);
        batch.push(1, Some(b"k"), Some(b"v"));
        push(partition, &batch.build())
    }

    fn marker(
        partition: &mut Partition,
        producer_id: ProducerId,
        outcome: TransactionOutcome,
    ) -> (BatchHeader, Bytes) {
        let marker = EndTxnMarker {
            producer_id,
            producer_epoch: 0,
            coordinator_epoch: 0,
            outcome,
        };
        push(partition, &marker.build(1))
    }

    #[test]
    fn records_between_first_offset_and_marker_are_aborted_and_no_others() {
        let mut p = partition();
        let before = data(&mut p, 1);
        marker(&mut p, 1, TransactionOutcome::Commit);
        let aborted = [data(&mut p, 1), data(&mut p, 1)];
        let other = data(&mut p, 2);
        let abort = marker(&mut p, 1, TransactionOutcome::Abort);
        let after = data(&mut p, 1);
        let ended = Ended::of(&p, 0);
        for (header, _) in aborted {
            assert!(ended.is_aborted(&header));
        }
        for (header, _) in [before, other, abort, after] {
            assert!(!ended.is_aborted(&header), "{header:?}");
        }
    }

    #[test]
    fn a_marker_stays_with_its_records_and_until_it_was_seen_long_enough() {
        let mut p = partition();
        let record = data(&mut p, 1);
        let commit = marker(&mut p, 1, TransactionOutcome::Commit);
        let empty = marker(&mut p, 2, TransactionOutcome::Commit);
        p.raise_high_watermark(3);
        let mut first = Ended::of(&p, 1_000);
        assert_eq!(first.cleaned(3), None, "it met no marker yet");
        assert!(first.keeps_control(&empty.0, &empty.1), "it is new");
        let seen = first.cleaned(3).unwrap();
        assert_eq!((seen.gone_below, seen.seen.unwrap().at_ms), (0, 1_000));
        p.transactions.cleaned(3, &seen);
        // Nobody is to find in memory what is gone from the segments.
        let in_memory = Ended::of(&p, 1_100);
        assert_eq!(in_memory.cleaned(3).unwrap().gone_below, 0);
        p.tail.roll(3);
        p.tail.evict(3, usize::MAX);
        let early = Ended::of(&p, 1_099);
        assert_eq!((early.gone_below, early.seen_at_ms), (0, None));
        let mut due = Ended::of(&p, 1_100);
        assert_eq!((due.gone_below, due.seen_at_ms), (3, Some(1_100)));
        due.kept(&record.0);
        assert!(due.keeps_control(&commit.0, &commit.1));
        assert!(!due.keeps_control(&empty.0, &empty.1));
        assert!(!due.keeps_control(&commit.0, &commit.1), "no record since");
    }
}
