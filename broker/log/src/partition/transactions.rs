//! What a partition remembers of transactions (KIP-98): which are open, which have ended but may
//! open again by truncation, which were aborted, and the last marker of each producer.
//! It decides no outcome and knows no sequences: the coordinator and `producers` do.

mod aborted;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use kring_wire::ids::{Offset, ProducerId};
use kring_wire::{BatchHeader, EndTxnMarker, TransactionOutcome};
use serde::{Deserialize, Serialize};

use super::producers::{CARRIED_MAX, PRODUCERS_PER_PARTITION_MAX};
use crate::event::AbortedTransaction;
use aborted::Aborted;

/// A replica that begins its log anew is told of so many open transactions at most, the oldest ones: about twenty bytes
/// each. Of the others it learns with their next batch.
const CARRIED_OPEN_MAX: usize = 5_000;

/// A transaction that is open, or was until its marker came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Open {
    pub(crate) first_offset: Offset,
    /// The producer's epoch at its first batch; −1 where a damaged log was cut inside of it.
    pub(crate) epoch: i16,
}

/// A marker that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    pub(crate) offset: Offset,
    /// The producer's epoch.
    pub(crate) epoch: i16,
    pub(crate) coordinator_epoch: i32,
    pub(crate) timestamp_ms: i64,
    /// What it ended: a transaction may have no batch in this partition.
    ended: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Producer {
    open: Option<Open>,
    /// The last one of those that are committed, and all that may be truncated.
    markers: VecDeque<Marker>,
    /// Leader's or follower's clock at the last batch or marker.
    seen_ms: i64,
}

/// Up to where a compaction has seen the markers, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MarkersSeen {
    /// Those below.
    pub(crate) end: Offset,
    /// Wall clock at the beginning of the run, in milliseconds.
    pub(crate) at_ms: i64,
}

/// What a compaction did to markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MarkersCleaned {
    /// Markers of aborted transactions below are gone, with all records of these.
    pub(crate) gone_below: Offset,
    /// What replaces [`MarkersSeen`]; nothing does while they are kept.
    pub(crate) seen: Option<MarkersSeen>,
}

/// The transactions of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Transactions {
    producers: BTreeMap<ProducerId, Producer>,
    aborted: Aborted,
    markers_seen: Option<MarkersSeen>,
    /// The open ones by their first offsets.
    #[serde(skip)]
    open: BTreeSet<(Offset, ProducerId)>,
    /// First offset and marker of those whose marker may be above the high watermark.
    #[serde(skip)]
    ended: BTreeSet<(Offset, Offset)>,
    /// The same as marker and first offset, in the order of the markers.
    #[serde(skip)]
    ended_in_order: VecDeque<(Offset, Offset)>,
}

/// What of it is stored.
#[derive(Deserialize)]
struct Stored {
    producers: BTreeMap<ProducerId, Producer>,
    aborted: Aborted,
    markers_seen: Option<MarkersSeen>,
}

impl From<Stored> for Transactions {
    fn from(stored: Stored) -> Transactions {
        let mut transactions = Transactions {
            producers: stored.producers,
            aborted: stored.aborted,
            markers_seen: stored.markers_seen,
            ..Transactions::default()
        };
        transactions.index();
        transactions
    }
}

impl Transactions {
    /// Remembers a batch that is in the log, of which nothing below `high_watermark` is truncated.
    pub(crate) fn appended(
        &mut self,
        header: &BatchHeader,
        batch: &[u8],
        high_watermark: Offset,
        now_ms: i64,
    ) {
        if !header.has_producer() || !header.attributes.is_transactional() {
            return;
        }
        if !header.attributes.is_control() {
            self.continued(header, now_ms);
            return;
        }
        // What the leader or the journal gives was checked before it was journaled.
        let batch = Bytes::copy_from_slice(batch);
        if let Ok(Some(marker)) = EndTxnMarker::parse(header, &batch) {
            self.advance(high_watermark);
            self.ended(header, &marker, high_watermark, now_ms);
        }
    }

    fn continued(&mut self, header: &BatchHeader, now_ms: i64) {
        let producer = self.producers.entry(header.producer_id);
        let producer = producer.or_insert(Producer {
            open: None,
            markers: VecDeque::new(),
            seen_ms: now_ms,
        });
        producer.seen_ms = now_ms;
        if producer.open.is_none() {
            producer.open = Some(Open {
                first_offset: header.base_offset,
                epoch: header.producer_epoch,
            });
            self.open.insert((header.base_offset, header.producer_id));
        }
    }

    fn ended(
        &mut self,
        header: &BatchHeader,
        marker: &EndTxnMarker,
        high_watermark: Offset,
        now_ms: i64,
    ) {
        let producer_id = marker.producer_id;
        if self.producers.len() >= PRODUCERS_PER_PARTITION_MAX
            && !self.producers.contains_key(&producer_id)
        {
            self.forget_oldest(high_watermark);
        }
        let producer = self.producers.entry(producer_id).or_insert(Producer {
            open: None,
            markers: VecDeque::new(),
            seen_ms: now_ms,
        });
        let committed = |marker: &Marker| marker.offset < high_watermark;
        while producer.markers.get(1).is_some_and(committed) {
            producer.markers.pop_front();
        }
        let offset = header.last_offset();
        let ended = producer.open.take();
        producer.markers.push_back(Marker {
            offset,
            epoch: marker.producer_epoch,
            coordinator_epoch: marker.coordinator_epoch,
            timestamp_ms: header.max_timestamp_ms,
            ended,
        });
        producer.seen_ms = now_ms;
        let Some(Open { first_offset, .. }) = ended else {
            return;
        };
        self.open.remove(&(first_offset, producer_id));
        self.ended.insert((first_offset, offset));
        self.ended_in_order.push_back((offset, first_offset));
        if marker.outcome == TransactionOutcome::Abort {
            let oldest_open = self.open.first().map(|(first, _)| *first);
            self.aborted
                .push(producer_id, first_offset, offset, oldest_open);
        }
    }

    /// The first offset of a transaction that is open or whose marker is not below `high_watermark`.
    pub(crate) fn first_unstable(&self, high_watermark: Offset) -> Option<Offset> {
        let open = self.open.first().map(|(first, _)| *first);
        let not_committed = |(_, marker): &&(Offset, Offset)| *marker >= high_watermark;
        let ended = self
            .ended
            .iter()
            .find(not_committed)
            .map(|(first, _)| *first);
        open.into_iter().chain(ended).min()
    }

    /// What is below `high_watermark` is not truncated any more.
    pub(crate) fn advance(&mut self, high_watermark: Offset) {
        let committed = |(marker, _): &(Offset, Offset)| *marker < high_watermark;
        while self.ended_in_order.front().is_some_and(committed) {
            if let Some((marker, first)) = self.ended_in_order.pop_front() {
                self.ended.remove(&(first, marker));
            }
        }
    }

    /// The transaction that a producer has open.
    pub(crate) fn open_of(&self, producer_id: ProducerId) -> Option<Open> {
        self.producers.get(&producer_id)?.open
    }

    /// The last marker of a producer.
    pub(crate) fn last_marker(&self, producer_id: ProducerId) -> Option<&Marker> {
        self.producers.get(&producer_id)?.markers.back()
    }

    /// Producers of whom anything is known, in order.
    pub(crate) fn producer_ids(&self) -> impl Iterator<Item = ProducerId> + '_ {
        self.producers.keys().copied()
    }

    /// The aborted ones of which something may lie from `from` up to `upto`, by their first offsets.
    pub(crate) fn aborted(&self, from: Offset, upto: Offset) -> Vec<AbortedTransaction> {
        self.aborted.between(from, upto)
    }

    /// First and last offsets of all aborted ones by producer, in order.
    pub(crate) fn aborted_by_producer(&self) -> BTreeMap<ProducerId, Vec<(Offset, Offset)>> {
        self.aborted.by_producer()
    }

    /// The log now ends at `to`: what ended beyond is open again, what began beyond never was.
    pub(crate) fn truncate(&mut self, to: Offset) {
        let reopened = self.aborted.truncate(to);
        for producer in self.producers.values_mut() {
            while let Some(marker) = producer.markers.pop_back_if(|m| m.offset >= to) {
                producer.open = marker.ended;
            }
            producer.open.take_if(|open| open.first_offset >= to);
        }
        // Only where a damaged log is cut below the high watermark, for markers that were forgotten. Of those that
        // committed nothing is known any more; the same markers come again from the leader.
        for (producer_id, first_offset) in reopened {
            let producer = self.producers.entry(producer_id).or_insert(Producer {
                open: None,
                markers: VecDeque::new(),
                seen_ms: 0,
            });
            let epoch = producer.markers.back().map_or(-1, |marker| marker.epoch);
            let open = Open {
                first_offset,
                epoch,
            };
            producer.open.get_or_insert(open);
        }
        self.producers
            .retain(|_, p| p.open.is_some() || !p.markers.is_empty());
        if let Some(seen) = &mut self.markers_seen {
            seen.end = seen.end.min(to);
        }
        self.index();
    }

    /// The log now starts at `from`.
    pub(crate) fn trim(&mut self, from: Offset) {
        self.aborted.trim(from);
    }

    /// Compaction has rewritten everything below `upto`.
    pub(crate) fn cleaned(&mut self, upto: Offset, cleaned: &MarkersCleaned) {
        self.trim(cleaned.gone_below.min(upto));
        self.markers_seen = cleaned.seen.or(self.markers_seen);
    }

    pub(crate) fn markers_seen(&self) -> Option<MarkersSeen> {
        self.markers_seen
    }

    /// Forgets producers without an open transaction that were silent for `expiration_ms`.
    pub(crate) fn expire(&mut self, now_ms: i64, expiration_ms: i64, high_watermark: Offset) {
        self.producers.retain(|_, p| {
            p.must_stay(high_watermark) || now_ms.saturating_sub(p.seen_ms) < expiration_ms
        });
    }

    /// Forgets the last marker of a producer that has no transaction open, unless it may be truncated.
    pub(crate) fn forget(&mut self, producer_id: ProducerId, high_watermark: Offset) {
        let producer = self.producers.get(&producer_id);
        if producer.is_some_and(|p| !p.must_stay(high_watermark)) {
            self.producers.remove(&producer_id);
        }
    }

    fn forget_oldest(&mut self, high_watermark: Offset) {
        let may_go = self.producers.iter();
        let may_go = may_go.filter(|(_, p)| !p.must_stay(high_watermark));
        let oldest = may_go.min_by_key(|(_, p)| p.seen_ms).map(|(id, _)| *id);
        if let Some(id) = oldest {
            self.producers.remove(&id);
        }
    }

    /// What another replica, whose log begins at `at`, cannot learn from its log: which transactions are open there, and
    /// the last markers below of the producers seen last.
    pub(crate) fn below(&self, at: Offset) -> Transactions {
        let known = self.producers.iter().filter_map(|(id, producer)| {
            let markers = &producer.markers;
            let beyond = markers.partition_point(|m| m.offset < at);
            let open = markers.get(beyond).map_or(producer.open, |m| m.ended);
            let told = Producer {
                open: open.filter(|open| open.first_offset < at),
                markers: markers
                    .range(..beyond)
                    .next_back()
                    .copied()
                    .into_iter()
                    .collect(),
                seen_ms: producer.seen_ms,
            };
            (told.open.is_some() || !told.markers.is_empty()).then_some((*id, told))
        });
        let (mut open, mut others): (Vec<_>, Vec<_>) = known.partition(|(_, p)| p.open.is_some());
        open.sort_unstable_by_key(|(id, p)| (p.open.map(|open| open.first_offset), *id));
        open.truncate(CARRIED_OPEN_MAX);
        others.sort_unstable_by_key(|(id, p)| (Reverse(p.seen_ms), *id));
        others.truncate(CARRIED_MAX);
        let mut told = Transactions {
            producers: open.into_iter().chain(others).collect(),
            ..Transactions::default()
        };
        told.index();
        told
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        self.producers.is_empty() && self.aborted.is_empty() && self.markers_seen.is_none()
    }

    /// Makes what is derived from the rest.
    fn index(&mut self) {
        let open = self.producers.iter().filter_map(|(id, p)| {
            let open = p.open?;
            Some((open.first_offset, *id))
        });
        self.open = open.collect();
        let markers = self.producers.values().flat_map(|p| &p.markers);
        let ended = markers.filter_map(|m| Some((m.ended?.first_offset, m.offset)));
        self.ended = ended.collect();
        let mut in_order: Vec<(Offset, Offset)> = self
            .ended
            .iter()
            .map(|(first, marker)| (*marker, *first))
            .collect();
        in_order.sort_unstable();
        self.ended_in_order = in_order.into();
    }
}

impl Producer {
    /// Whether it has a transaction open, or a marker that may be truncated.
    fn must_stay(&self, high_watermark: Offset) -> bool {
        let last = self.markers.back();
        self.open.is_some() || last.is_some_and(|marker| marker.offset >= high_watermark)
    }
}

#[cfg(test)]
mod tests;
