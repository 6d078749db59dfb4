//! What a partition's producers and their transactions allow to be appended next, what is
//! remembered of an append, and what both together say to whoever asks.
//! It looks at no bytes but a marker's, and journals nothing.

use std::collections::BTreeSet;

use kring_io::canary::{self, Canary};
use kring_wire::ids::{Offset, ProducerId};
use kring_wire::{BatchHeader, EndTxnMarker};

use super::Partition;
use super::producers::{Producers, Verdict};
use super::transactions::Transactions;
use crate::error::AppendError;
use crate::event::{OngoingTransaction, ProducerState};

impl Partition {
    /// Decides on a batch that a client sent.
    pub(crate) fn check_batch(&self, header: &BatchHeader) -> Result<Verdict, AppendError> {
        if !header.has_producer() {
            return Ok(Verdict::New);
        }
        let producer_id = header.producer_id;
        // Of an epoch that a marker ended (KIP-890), also what came already is refused.
        if let Some(marker) = self.transactions.last_marker(producer_id) {
            check_epoch(producer_id, header.producer_epoch, marker.epoch)?;
        }
        let verdict = self.producers.check(header)?;
        let open = self.transactions.open_of(producer_id);
        match (verdict, open) {
            (Verdict::New, Some(open)) if !header.attributes.is_transactional() => {
                Err(AppendError::InvalidTxnState {
                    producer_id,
                    first_offset: open.first_offset,
                })
            }
            (verdict, _) => Ok(verdict),
        }
    }

    /// Decides on a batch of a transaction that a coordinator sent, which has no sequence.
    pub(crate) fn check_unsequenced(&self, header: &BatchHeader) -> Result<(), AppendError> {
        let known = self.producer_epoch(header.producer_id);
        known.map_or(Ok(()), |current| {
            check_epoch(header.producer_id, header.producer_epoch, current)
        })
    }

    /// Decides on a marker.
    pub(crate) fn check_marker(&self, marker: &EndTxnMarker) -> Result<(), AppendError> {
        let producer_id = marker.producer_id;
        if let Some(current) = self.producer_epoch(producer_id) {
            check_epoch(producer_id, marker.producer_epoch, current)?;
        }
        let coordinator_epoch = marker.coordinator_epoch;
        match self.transactions.last_marker(producer_id) {
            Some(last) if coordinator_epoch < last.coordinator_epoch => {
                Err(AppendError::CoordinatorFenced {
                    producer_id,
                    coordinator_epoch,
                    current: last.coordinator_epoch,
                })
            }
            _ => Ok(()),
        }
    }

    /// The newest epoch of a producer that is known here.
    fn producer_epoch(&self, producer_id: ProducerId) -> Option<i16> {
        let batch = self.producers.last(producer_id).map(|batch| batch.epoch);
        let marker = self.transactions.last_marker(producer_id).map(|m| m.epoch);
        let open = self.transactions.open_of(producer_id).map(|o| o.epoch);
        batch.max(marker).max(open)
    }

    /// The transaction that a producer has open.
    pub(crate) fn transaction_of(&self, producer_id: ProducerId) -> Option<OngoingTransaction> {
        let open = self.transactions.open_of(producer_id)?;
        Some(OngoingTransaction {
            producer_epoch: self.producer_epoch(producer_id).unwrap_or(open.epoch),
            first_offset: open.first_offset,
        })
    }

    /// All producers of whom anything is known, in the order of their ids.
    pub(crate) fn producer_states(&self) -> Vec<ProducerState> {
        let ids = self.producers.ids().chain(self.transactions.producer_ids());
        let ids: BTreeSet<ProducerId> = ids.collect();
        ids.into_iter().map(|id| self.producer_state(id)).collect()
    }

    fn producer_state(&self, producer_id: ProducerId) -> ProducerState {
        let batch = self.producers.last(producer_id);
        let marker = self.transactions.last_marker(producer_id);
        let open = self.transactions.open_of(producer_id);
        let producer_epoch = self.producer_epoch(producer_id).unwrap_or(-1);
        let in_epoch = batch.filter(|batch| batch.epoch == producer_epoch);
        let last_timestamp_ms = match (batch, marker) {
            (Some(batch), Some(marker)) if marker.offset > batch.last_offset => marker.timestamp_ms,
            (Some(batch), _) => batch.timestamp_ms,
            (None, marker) => marker.map_or(-1, |marker| marker.timestamp_ms),
        };
        ProducerState {
            producer_id,
            producer_epoch,
            last_sequence: in_epoch.map_or(-1, |batch| batch.last_sequence),
            last_timestamp_ms,
            coordinator_epoch: marker.map_or(-1, |marker| marker.coordinator_epoch),
            transaction_start: open.map_or(-1, |open| open.first_offset),
        }
    }

    /// LOG-11: up to where a consumer that reads only what is committed may read.
    pub(crate) fn last_stable_offset(&self) -> Offset {
        if canary::is_on(Canary::LastStableIsHighWatermark) {
            return self.high_watermark;
        }
        let unstable = self.transactions.first_unstable(self.high_watermark);
        // A transaction may have begun with records that are deleted.
        let unstable = unstable.map(|offset| offset.max(self.log_start));
        unstable.map_or(self.high_watermark, |at| at.min(self.high_watermark))
    }

    /// Raises the high watermark, at most to the log's end.
    pub(crate) fn raise_high_watermark(&mut self, to: Offset) {
        self.high_watermark = self.high_watermark.max(to.min(self.log_end));
        self.transactions.advance(self.high_watermark);
    }

    /// Forgets producers that were silent for too long.
    pub(crate) fn expire_producers(&mut self, now_ms: i64) {
        let expiration_ms = self.config.producer_id_expiration_ms;
        let transactions = &mut self.transactions;
        let in_transaction = |id| transactions.open_of(id).is_some();
        self.producers.expire(now_ms, expiration_ms, in_transaction);
        transactions.expire(now_ms, expiration_ms, self.high_watermark);
    }
}

fn check_epoch(producer_id: ProducerId, epoch: i16, current: i16) -> Result<(), AppendError> {
    if epoch < current {
        return Err(AppendError::InvalidProducerEpoch {
            producer_id,
            epoch,
            current,
        });
    }
    Ok(())
}

/// Notes whose batch or marker was appended, of which nothing below `high_watermark` is truncated.
pub(super) fn note_producer(
    producers: &mut Producers,
    transactions: &mut Transactions,
    header: &BatchHeader,
    high_watermark: Offset,
    now_ms: i64,
) {
    if !header.has_producer() {
        return;
    }
    if header.attributes.is_control() {
        return producers.seen(header.producer_id, now_ms);
    }
    if !producers.has_room(header.producer_id) {
        let in_transaction = |id| transactions.open_of(id).is_some();
        if let Some(forgotten) = producers.forget_oldest(in_transaction) {
            transactions.forget(forgotten, high_watermark);
        }
    }
    producers.appended(header, high_watermark, now_ms);
}

#[cfg(test)]
mod tests;
