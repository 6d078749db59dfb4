//! The control batch that ends a transaction in a partition (KIP-98): built and read.
//! What it means for the records before it is the log's to say; other control records are not read.

use bytes::Bytes;
use thiserror::Error;

use crate::batch::{Attributes, BatchHeader};
use crate::batch_builder::BatchBuilder;
use crate::ids::ProducerId;
use crate::records::{Record, RecordError, records};

/// The only version of key and value that is written. Later ones may add fields behind the known ones.
const VERSION: i16 = 0;
/// Version and type.
const KEY_BYTES: usize = 4;
/// Version and coordinator epoch.
const VALUE_BYTES: usize = 6;

/// How a transaction ended. The numbers are Kafka's control record types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransactionOutcome {
    /// Its records never were.
    Abort = 0,
    /// Its records are there.
    Commit = 1,
}

impl TransactionOutcome {
    /// By the type in the key of a control record; others are not of transactions.
    #[must_use]
    pub fn from_id(id: i16) -> Option<TransactionOutcome> {
        Some(match id {
            0 => TransactionOutcome::Abort,
            1 => TransactionOutcome::Commit,
            _ => return None,
        })
    }

    /// The type in the key of a control record.
    #[must_use]
    pub fn id(self) -> i16 {
        self as i16
    }
}

/// Why a control batch is not what its kind must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// Its record cannot be read.
    #[error("control batch: {0}")]
    Record(#[from] RecordError),
    /// A field is missing, cut off or out of range.
    #[error("control batch: {field} is malformed")]
    Malformed {
        /// Which field.
        field: &'static str,
    },
}

/// The end of a producer's transaction in a partition, which the transaction coordinator has the leader write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// Whose transaction.
    pub producer_id: ProducerId,
    /// The producer's epoch; one above that of the records where the end raises it (KIP-890).
    pub producer_epoch: i16,
    /// Term of the coordinator: the leader epoch of its partition of `__transaction_state`.
    pub coordinator_epoch: i32,
    /// How it ended.
    pub outcome: TransactionOutcome,
}

impl EndTxnMarker {
    /// The whole batch, with offset 0, written at `timestamp_ms` (since the Unix epoch).
    #[must_use]
    pub fn build(&self, timestamp_ms: i64) -> Bytes {
        let mut key = [0; KEY_BYTES];
        key[..2].copy_from_slice(&VERSION.to_be_bytes());
        key[2..].copy_from_slice(&self.outcome.id().to_be_bytes());
        let mut value = [0; VALUE_BYTES];
        value[..2].copy_from_slice(&VERSION.to_be_bytes());
        value[2..].copy_from_slice(&self.coordinator_epoch.to_be_bytes());
        let attributes = Attributes::default().with_transactional().with_control();
        let mut batch = BatchBuilder::new()
            .producer(self.producer_id, self.producer_epoch, -1)
            .attributes(attributes);
        batch.push(timestamp_ms, Some(&key), Some(&value));
        batch.build()
    }

    /// Reads a batch. `None`: it is no control batch, or one of another kind.
    ///
    /// # Errors
    /// [`ControlError`] where its kind cannot be told, or it is a marker with something missing.
    pub fn parse(
        header: &BatchHeader,
        batch: &Bytes,
    ) -> Result<Option<EndTxnMarker>, ControlError> {
        if !header.attributes.is_control() {
            return Ok(None);
        }
        let mut all = records(header, batch)?;
        let record = all.next().ok_or(malformed("record count"))??;
        let Some(outcome) = outcome(&record)? else {
            return Ok(None);
        };
        if header.record_count != 1 {
            return Err(malformed("record count"));
        }
        if let Some(after) = all.next() {
            after?;
        }
        if header.producer_id < 0 || header.producer_epoch < 0 {
            return Err(malformed("producer"));
        }
        Ok(Some(EndTxnMarker {
            producer_id: header.producer_id,
            producer_epoch: header.producer_epoch,
            coordinator_epoch: coordinator_epoch(&record)?,
            outcome,
        }))
    }
}

fn malformed(field: &'static str) -> ControlError {
    ControlError::Malformed { field }
}

fn outcome(record: &Record) -> Result<Option<TransactionOutcome>, ControlError> {
    let key = record.key.as_deref().unwrap_or_default();
    match key {
        [v0, v1, t0, t1, ..] if i16::from_be_bytes([*v0, *v1]) >= 0 => {
            Ok(TransactionOutcome::from_id(i16::from_be_bytes([*t0, *t1])))
        }
        _ => Err(malformed("key")),
    }
}

fn coordinator_epoch(record: &Record) -> Result<i32, ControlError> {
    let value = record.value.as_deref().unwrap_or_default();
    match value {
        [v0, v1, e0, e1, e2, e3, ..] if i16::from_be_bytes([*v0, *v1]) >= 0 => {
            Ok(i32::from_be_bytes([*e0, *e1, *e2, *e3]))
        }
        _ => Err(malformed("value")),
    }
}

#[cfg(test)]
mod tests;
