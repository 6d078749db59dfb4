//! Why the log refused something, with the facts as fields.
//! It maps nothing to wire codes; the requests do.

use kring_wire::ids::{LeaderEpoch, Offset, ProducerId, TopicPartition};
use thiserror::Error;

/// Why an append was refused. Nothing was appended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The partition is not on this broker → `UNKNOWN_TOPIC_OR_PARTITION`.
    #[error("{0:?} has no log on this broker")]
    UnknownPartition(TopicPartition),
    /// The bytes are not whole batches or a CRC does not match → `CORRUPT_MESSAGE`.
    #[error("corrupt records: {reason}")]
    CorruptRecord {
        /// What does not fit.
        reason: String,
    },
    /// The batch is whole but says something that is not allowed → `INVALID_RECORD`.
    #[error("invalid records: {reason}")]
    InvalidRecord {
        /// What is not allowed.
        reason: String,
    },
    /// Records of a compacted topic that have no key → `INVALID_RECORD`, which names them (KIP-467).
    #[error(
        "a compacted topic needs a key in every record; {} have none, the first is record {} of its batch",
        records.len(),
        records.first().copied().unwrap_or(-1)
    )]
    WithoutKey {
        /// Their numbers in the batch, from 0. Not empty.
        records: Vec<i32>,
    },
    /// An old message format → `UNSUPPORTED_FOR_MESSAGE_FORMAT`.
    #[error("message format {magic} is not supported, produce with format 2")]
    UnsupportedFormat {
        /// The magic byte.
        magic: i8,
    },
    /// The batch is larger than `max.message.bytes` → `MESSAGE_TOO_LARGE`.
    #[error("a batch of {bytes} bytes is above max.message.bytes = {limit_bytes}")]
    MessageTooLarge {
        /// Length of the batch.
        bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// A timestamp outside of what the topic allows → `INVALID_TIMESTAMP`.
    #[error("timestamp {timestamp_ms} of batch {index} is outside {from_ms}..={to_ms}")]
    InvalidTimestamp {
        /// Which batch of the append.
        index: usize,
        /// Its timestamp.
        timestamp_ms: i64,
        /// The earliest allowed.
        from_ms: i64,
        /// The latest allowed.
        to_ms: i64,
    },
    /// A gap in a producer's sequence → `OUT_OF_ORDER_SEQUENCE_NUMBER`.
    #[error("producer {producer_id} sent sequence {sequence}, expected {expected}")]
    OutOfOrderSequence {
        /// The producer.
        producer_id: ProducerId,
        /// First sequence of the batch.
        sequence: i32,
        /// What had to come.
        expected: i32,
    },
    /// A producer that was fenced by a newer one → `INVALID_PRODUCER_EPOCH`.
    #[error("producer {producer_id} sent epoch {epoch}, the current one is {current}")]
    InvalidProducerEpoch {
        /// The producer.
        producer_id: ProducerId,
        /// Its epoch.
        epoch: i16,
        /// The newest epoch seen.
        current: i16,
    },
    /// A batch outside of a transaction from a producer that has one open in the partition → `INVALID_TXN_STATE`.
    #[error(
        "producer {producer_id} has a transaction open since offset {first_offset} and sent a batch outside of one"
    )]
    InvalidTxnState {
        /// The producer.
        producer_id: ProducerId,
        /// Where its transaction begins.
        first_offset: Offset,
    },
    /// A marker of a transaction coordinator that another one has replaced → `TRANSACTION_COORDINATOR_FENCED`.
    #[error(
        "the marker of producer {producer_id} is of coordinator epoch {coordinator_epoch}, the last one was of {current}"
    )]
    CoordinatorFenced {
        /// The producer.
        producer_id: ProducerId,
        /// The epoch of the marker's coordinator.
        coordinator_epoch: i32,
        /// That of the last marker of this producer.
        current: i32,
    },
    /// An append of an older leader epoch than the log already holds → `FENCED_LEADER_EPOCH`.
    #[error("leader epoch {epoch} is older than the log's {current}")]
    FencedEpoch {
        /// The epoch of the append.
        epoch: LeaderEpoch,
        /// The last epoch in the log.
        current: LeaderEpoch,
    },
    /// Replicated batches do not begin where the log ends: a bug or a diverged replica.
    #[error("replicated records begin at {base_offset}, the log ends at {log_end}")]
    NotContiguous {
        /// First offset of the append.
        base_offset: Offset,
        /// Where the log ends.
        log_end: Offset,
    },
    /// More is on its way to the disk than the journal or the memory holds; retry soon → a retriable code.
    #[error("the disk does not keep up: {waiting_bytes} bytes wait for it")]
    Overloaded {
        /// Bytes not yet covered by segments.
        waiting_bytes: u64,
    },
    /// The disk is full: reads go on, appends resume when space returns → `KAFKA_STORAGE_ERROR`.
    #[error("no space left for the segments of {path}, free space or raise the volume")]
    StorageFull {
        /// A file that could not grow.
        path: String,
    },
    /// The log has stopped or is not recovered yet → `KAFKA_STORAGE_ERROR`.
    #[error("the log does not take appends: {reason}")]
    Stopped {
        /// Why.
        reason: &'static str,
    },
}

/// Why a truncation was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TruncateError {
    /// The partition is not on this broker.
    #[error("{0:?} has no log on this broker")]
    UnknownPartition(TopicPartition),
    /// It would remove committed records; the replica must not follow this leader.
    #[error("truncation to {to} is below the high watermark {high_watermark}")]
    BelowHighWatermark {
        /// Where to.
        to: Offset,
        /// What is committed.
        high_watermark: Offset,
    },
    /// The offset lies inside a batch; batches are removed whole.
    #[error("offset {to} is not the first of a batch")]
    InsideBatch {
        /// Where to.
        to: Offset,
    },
    /// The log has stopped or is not recovered yet.
    #[error("the log takes no change: {reason}")]
    Stopped {
        /// Why.
        reason: &'static str,
    },
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The stored bytes fail their checksum; they are never served. Another replica has them.
    #[error("{path} is corrupt at byte {position}: {reason}")]
    Corrupt {
        /// The segment.
        path: String,
        /// Where in it.
        position: u64,
        /// What does not fit.
        reason: String,
    },
    /// The device failed.
    #[error("{path} cannot be read: {reason}")]
    Disk {
        /// The segment.
        path: String,
        /// The driver's words.
        reason: String,
    },
    /// The data went away (retention, truncation, deletion) while it was read; ask again.
    #[error("the segment was removed while it was read")]
    Gone,
}
