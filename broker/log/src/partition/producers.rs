//! What a partition remembers of idempotent producers: which batch may come next, and which
//! batches came already (Kafka's ProducerStateManager).
//! It gives out no producer ids and knows no transactions: a marker is no batch.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use kring_wire::BatchHeader;
use kring_wire::ids::{Offset, ProducerId};
use serde::{Deserialize, Serialize};

use crate::error::AppendError;

/// A producer may have so many batches under way (`max.in.flight.requests.per.connection`), so
/// that so many can come again.
const UNDER_WAY_MAX: usize = 5;
/// A replica that begins its log anew is told of so many producers, those that were seen last. A few kilobytes for each
/// hundred of them.
pub(super) const CARRIED_MAX: usize = 500;
/// Above so many producers of one partition those silent the longest are forgotten, unless they have a transaction open.
pub(crate) const PRODUCERS_PER_PARTITION_MAX: usize = 100_000;

/// A batch that was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppendedBatch {
    /// The producer's epoch.
    pub(crate) epoch: i16,
    pub(crate) first_sequence: i32,
    pub(crate) last_sequence: i32,
    pub(crate) base_offset: Offset,
    pub(crate) last_offset: Offset,
    pub(crate) timestamp_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Producer {
    /// The last [`UNDER_WAY_MAX`] of those that are committed, and all that may be truncated. There is one.
    batches: VecDeque<AppendedBatch>,
    /// Leader's or follower's clock at the last append.
    seen_ms: i64,
}

/// All producers of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Producers(BTreeMap<ProducerId, Producer>);

/// Whether a batch is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    New,
    Duplicate(AppendedBatch),
}

impl Producers {
    /// Decides on a batch that a client sent.
    pub(crate) fn check(&self, header: &BatchHeader) -> Result<Verdict, AppendError> {
        let producer_id = header.producer_id;
        let Some(known) = self.0.get(&producer_id).filter(|_| header.has_producer()) else {
            // An unknown producer may begin anywhere: its state may have expired (KIP-360).
            return Ok(Verdict::New);
        };
        let out_of_order = |expected| AppendError::OutOfOrderSequence {
            producer_id,
            sequence: header.base_sequence,
            expected,
        };
        let Some(last) = known.batches.back() else {
            return Ok(Verdict::New);
        };
        if header.producer_epoch < last.epoch {
            return Err(AppendError::InvalidProducerEpoch {
                producer_id,
                epoch: header.producer_epoch,
                current: last.epoch,
            });
        }
        if header.producer_epoch > last.epoch {
            return match header.base_sequence {
                0 => Ok(Verdict::New),
                _ => Err(out_of_order(0)),
            };
        }
        let same = |b: &&AppendedBatch| {
            b.epoch == header.producer_epoch
                && b.first_sequence == header.base_sequence
                && b.last_sequence == header.last_sequence()
        };
        let mut under_way = known.batches.iter().rev().take(UNDER_WAY_MAX);
        if let Some(batch) = under_way.find(same) {
            return Ok(Verdict::Duplicate(*batch));
        }
        let expected = next_sequence(last.last_sequence);
        if header.base_sequence == expected {
            Ok(Verdict::New)
        } else {
            Err(out_of_order(expected))
        }
    }

    /// The last batch of a producer.
    pub(crate) fn last(&self, producer_id: ProducerId) -> Option<&AppendedBatch> {
        self.0.get(&producer_id)?.batches.back()
    }

    /// Those of whom anything is known, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ProducerId> + '_ {
        self.0.keys().copied()
    }

    /// Whether it remembers anything of a producer.
    pub(crate) fn knows(&self, producer_id: ProducerId) -> bool {
        self.0.contains_key(&producer_id)
    }

    /// Remembers a batch that is in the log, of which nothing below `high_watermark` is truncated.
    pub(crate) fn appended(&mut self, header: &BatchHeader, high_watermark: Offset, now_ms: i64) {
        if !header.has_producer() || header.attributes.is_control() {
            return;
        }
        let producer = self.0.entry(header.producer_id).or_insert(Producer {
            batches: VecDeque::new(),
            seen_ms: now_ms,
        });
        let committed = |batch: &AppendedBatch| batch.last_offset < high_watermark;
        while producer.batches.get(UNDER_WAY_MAX).is_some_and(committed) {
            producer.batches.pop_front();
        }
        producer.batches.push_back(AppendedBatch {
            epoch: header.producer_epoch,
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            timestamp_ms: header.max_timestamp_ms,
        });
        producer.seen_ms = now_ms;
    }

    /// The log now ends at `to`: batches beyond never were.
    pub(crate) fn truncate(&mut self, to: Offset) {
        self.0.retain(|_, producer| {
            while producer.batches.back().is_some_and(|b| b.last_offset >= to) {
                producer.batches.pop_back();
            }
            !producer.batches.is_empty()
        });
    }

    /// A producer is alive, although what came is no batch of it.
    pub(crate) fn seen(&mut self, producer_id: ProducerId, now_ms: i64) {
        if let Some(producer) = self.0.get_mut(&producer_id) {
            producer.seen_ms = now_ms;
        }
    }

    /// Forgets producers that were silent for `expiration_ms`, but those that `stays` names.
    pub(crate) fn expire(
        &mut self,
        now_ms: i64,
        expiration_ms: i64,
        stays: impl Fn(ProducerId) -> bool,
    ) {
        self.0
            .retain(|id, p| now_ms.saturating_sub(p.seen_ms) < expiration_ms || stays(*id));
    }

    /// What another replica, whose log begins at `at`, cannot learn from its log: the batches below, of the producers
    /// seen last. All of it is committed.
    pub(crate) fn below(&self, at: Offset) -> Producers {
        let known = self.0.iter().filter_map(|(id, producer)| {
            let below = producer
                .batches
                .iter()
                .rev()
                .skip_while(|b| b.last_offset >= at);
            let mut batches: VecDeque<_> = below.take(UNDER_WAY_MAX).copied().collect();
            batches.make_contiguous().reverse();
            let seen_ms = producer.seen_ms;
            (!batches.is_empty()).then_some((Reverse(seen_ms), *id, batches))
        });
        let mut known: Vec<_> = known.collect();
        known.sort_unstable_by_key(|(seen, id, _)| (*seen, *id));
        known.truncate(CARRIED_MAX);
        let carried = known.into_iter().map(|(seen, id, batches)| {
            let seen_ms = seen.0;
            (id, Producer { batches, seen_ms })
        });
        Producers(carried.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a batch of this producer makes it none too many.
    pub(crate) fn has_room(&self, producer_id: ProducerId) -> bool {
        self.0.len() < PRODUCERS_PER_PARTITION_MAX || self.0.contains_key(&producer_id)
    }

    /// Forgets the producer that was silent the longest, but none that `stays` names.
    pub(crate) fn forget_oldest(
        &mut self,
        stays: impl Fn(ProducerId) -> bool,
    ) -> Option<ProducerId> {
        let may_go = self.0.iter().filter(|(id, _)| !stays(**id));
        let oldest = may_go.min_by_key(|(_, p)| p.seen_ms).map(|(id, _)| *id)?;
        self.0.remove(&oldest);
        Some(oldest)
    }
}

fn next_sequence(last: i32) -> i32 {
    if last == i32::MAX { 0 } else { last + 1 }
}

#[cfg(test)]
mod tests;
