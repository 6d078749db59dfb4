//! Leaders of the partitions that producers write to: they keep an epoch for each producer and its open transaction.
//! They have no log: of a transaction they remember the outcome.

use std::collections::BTreeMap;

use kring_wire::ErrorCode;

/// Partitions of the one topic.
pub(crate) const PARTITIONS: i32 = 3;

/// A marker for one partition on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marker {
    pub(crate) producer: (i64, i16),
    pub(crate) coordinator_epoch: i32,
    pub(crate) commit: bool,
}

/// A transaction with records in a partition, under the number that its client gave it.
#[derive(Clone, Copy, Debug)]
struct Open {
    number: u64,
    epoch: i16,
    /// Whether its end raises the epoch.
    raises_epoch: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Producer {
    epoch: i16,
    coordinator_epoch: i32,
    open: Option<Open>,
}

#[derive(Debug, Default)]
pub(crate) struct Leader {
    producers: BTreeMap<i64, Producer>,
    /// Of the transactions that have records here: whether they were committed.
    pub(crate) outcomes: BTreeMap<u64, bool>,
}

impl Leader {
    /// Records of transaction `number`. The client says whether its epoch is raised at the end.
    pub(crate) fn produce(
        &mut self,
        (id, epoch): (i64, i16),
        number: u64,
        raises_epoch: bool,
    ) -> Result<(), ErrorCode> {
        let producer = self.producers.entry(id).or_default();
        if epoch < producer.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if let Some(open) = producer.open {
            assert_eq!(
                open.number, number,
                "a transaction began before the last one had its marker"
            );
        }
        producer.epoch = epoch;
        producer.open = Some(Open {
            number,
            epoch,
            raises_epoch,
        });
        Ok(())
    }

    pub(crate) fn write(&mut self, marker: Marker) -> Result<(), ErrorCode> {
        let (id, epoch) = marker.producer;
        let producer = self.producers.entry(id).or_default();
        if marker.coordinator_epoch < producer.coordinator_epoch {
            return Err(ErrorCode::TransactionCoordinatorFenced);
        }
        if epoch < producer.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let is_late = |open: Open| open.raises_epoch && epoch == open.epoch;
        if producer.open.is_some_and(is_late) {
            // Of the transaction before: the one that is open ends with a higher epoch.
            return Ok(());
        }
        producer.epoch = epoch;
        producer.coordinator_epoch = marker.coordinator_epoch;
        if let Some(open) = producer.open.take() {
            let before = self.outcomes.insert(open.number, marker.commit);
            assert_eq!(before, None, "transaction {} ended twice", open.number);
        }
        Ok(())
    }

    /// Numbers of transactions without a marker.
    pub(crate) fn open(&self) -> Vec<u64> {
        let open = self.producers.values().filter_map(|p| p.open);
        open.map(|open| open.number).collect()
    }
}
