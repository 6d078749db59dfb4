//! What the log tells its owner, and the shapes its answers have.
//! It carries no behaviour.

use std::ops::RangeInclusive;

use bytes::Bytes;
use kring_wire::ids::{LeaderEpoch, Offset, ProducerId, TopicPartition};
use thiserror::Error;

use crate::error::ReadError;
use crate::lsn::Lsn;

/// Names a read that waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// What an append gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the first record.
    pub base_offset: Offset,
    /// Offset of the last record.
    pub last_offset: Offset,
    /// Durable once [`crate::Log::durable_lsn`] reaches it.
    pub lsn: Lsn,
    /// The time the leader stamped, −1 when the topic keeps the producer's.
    pub log_append_time_ms: i64,
    /// Where the partition's log starts.
    pub log_start: Offset,
    /// The batch was already there: the offsets are those of the first time.
    pub duplicate: bool,
}

/// Where a partition's log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionState {
    /// First offset that can be read.
    pub log_start: Offset,
    /// Offset of the next record.
    pub log_end: Offset,
    /// Everything below survives power loss of this broker.
    pub durable_end: Offset,
    /// Everything below is committed.
    pub high_watermark: Offset,
    /// Everything below is committed and of no transaction that is open or whose marker is not committed (KIP-98).
    pub last_stable_offset: Offset,
    /// Leader epoch of the last batch, −1 when there is none.
    pub last_epoch: LeaderEpoch,
    /// Bytes of all batches.
    pub size_bytes: u64,
}

/// A transaction that was aborted: what its producer wrote in transactions from `first_offset` up to
/// its next marker is not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose.
    pub producer_id: ProducerId,
    /// Its first record in the partition.
    pub first_offset: Offset,
}

/// A transaction that a producer has open in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OngoingTransaction {
    /// The newest epoch of the producer that the partition has seen.
    pub producer_epoch: i16,
    /// Its first record in the partition.
    pub first_offset: Offset,
}

/// What a partition knows of a producer (DescribeProducers, KIP-664).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerState {
    /// Which one.
    pub producer_id: ProducerId,
    /// The newest epoch seen.
    pub producer_epoch: i16,
    /// Last sequence number in that epoch, −1 for none.
    pub last_sequence: i32,
    /// Timestamp of its last batch or marker, in milliseconds since the Unix epoch.
    pub last_timestamp_ms: i64,
    /// Epoch of the coordinator that had its last marker written, −1 for none.
    pub coordinator_epoch: i32,
    /// First record of its open transaction, −1 for none.
    pub transaction_start: Offset,
}

/// The answer to [`crate::Log::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Whole batches in order, unchanged; empty when there is nothing from `from` to `upto`.
    Ready(Vec<Bytes>),
    /// The data lies in a segment: a [`LogEvent::ReadDone`] follows.
    Pending(ReadId),
    /// `from` lies outside of the log.
    OutOfRange {
        /// First offset that can be read.
        log_start: Offset,
        /// Offset of the next record.
        log_end: Offset,
    },
    /// Too many reads wait for the disk: ask again after one is done.
    Busy,
    /// The partition is not on this broker.
    UnknownPartition,
}

/// Which record [`crate::Log::lookup_timestamp`] looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampQuery {
    /// The first record whose timestamp is at or after this one, in milliseconds since the epoch.
    At(i64),
    /// The record with the largest timestamp (KIP-734).
    Max,
}

/// An offset and the timestamp of its record; of its batch where the records cannot be looked at, as
/// in one that decompresses to too much.
pub type OffsetAndTimestamp = (Offset, i64);

/// The answer to [`crate::Log::lookup_timestamp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The offset and its timestamp, if there is one.
    Ready(Option<OffsetAndTimestamp>),
    /// The data lies in a segment: a [`LogEvent::LookupDone`] follows.
    Pending(ReadId),
    /// Too many reads wait for the disk: ask again after one is done.
    Busy,
    /// The partition is not on this broker.
    UnknownPartition,
}

/// What recovery found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last stop was an orderly shutdown.
    pub clean: bool,
    /// The data directory was new.
    pub empty: bool,
    /// Something that was durable had to be left out ([`crate::Log::salvage`]).
    pub salvaged: bool,
    /// Journal bytes that were read again.
    pub replayed_bytes: u64,
    /// Commit groups that were read again.
    pub replayed_groups: u64,
    /// Those of them of which a page was damaged and restored from their parity.
    pub mended_groups: u64,
    /// Monotonic time it took, in microseconds.
    pub duration_us: u64,
}

/// Why the log stopped for good. The broker must fence itself: it acknowledges nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogFailure {
    /// A journal write or a sync failed. It is not repeated: after it nothing is known of the content.
    #[error(
        "writing {path} failed ({reason}); nothing is acknowledged any more. Look at the device, then restart this broker"
    )]
    Write {
        /// The file.
        path: String,
        /// The driver's words.
        reason: String,
    },
    /// A file or directory could not be opened or read at start.
    #[error("{path} cannot be read ({reason}); look at the device and the permissions")]
    Open {
        /// The file.
        path: String,
        /// The driver's words.
        reason: String,
    },
    /// A block inside the journal is damaged, although a later one proves that it was durable.
    #[error(
        "{path} is damaged at byte {position}: block {lsn} was durable and does not verify ({reason}). Acknowledged data of this broker is lost; restore the file, or empty the data directory and let the broker copy everything from its replicas"
    )]
    Hole {
        /// The journal file.
        path: String,
        /// Where in it.
        position: u64,
        /// The block that is missing.
        lsn: Lsn,
        /// The proof.
        reason: String,
    },
    /// Neither checkpoint verifies although the directory is not new.
    #[error(
        "no checkpoint in the data directory verifies ({reason}). Restore the directory, or empty it and let the broker copy everything from its replicas"
    )]
    NoCheckpoint {
        /// What was found.
        reason: String,
    },
    /// The directory was written by an older version, whose format this one does not read.
    #[error(
        "{path} has format {found}, this version reads {supported} at least; start the version that wrote it, or empty the data directory and let this broker copy everything from its replicas"
    )]
    OlderFormat {
        /// The file.
        path: String,
        /// Its format.
        found: u16,
        /// The oldest that is understood.
        supported: u16,
    },
    /// The directory was written by a newer version.
    #[error(
        "{path} has format {found}, this version reads up to {supported}; start the newer version again"
    )]
    NewerFormat {
        /// The file.
        path: String,
        /// Its format.
        found: u16,
        /// What is understood.
        supported: u16,
    },
    /// A verified journal block holds something that does not follow from what came before.
    #[error(
        "{path}: block {lsn} does not follow from the state before it ({reason}); keep the directory and report this"
    )]
    Replay {
        /// The journal file.
        path: String,
        /// The block.
        lsn: Lsn,
        /// What does not fit.
        reason: String,
    },
    /// The journal is full because segments or checkpoints could not be written for too long.
    #[error(
        "the journal is full: segments or checkpoints cannot be written ({reason}). Free space or raise the volume, then restart this broker"
    )]
    JournalFull {
        /// What is known of the cause.
        reason: String,
    },
}

impl LogFailure {
    /// A file has another format than those that are `read`.
    pub(crate) fn other_format(path: String, found: u16, read: &RangeInclusive<u16>) -> LogFailure {
        if found > *read.end() {
            LogFailure::NewerFormat {
                path,
                found,
                supported: *read.end(),
            }
        } else {
            LogFailure::OlderFormat {
                path,
                found,
                supported: *read.start(),
            }
        }
    }
}

/// Something that happened in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// Recovery ended well: everything can be used.
    Recovered(Recovered),
    /// More groups are durable.
    Durable {
        /// All groups up to this one.
        lsn: Lsn,
        /// Partitions whose durable end moved, with the new one, in order and once each.
        partitions: Vec<(TopicPartition, Offset)>,
    },
    /// A read that waited has ended.
    ReadDone {
        /// Which one.
        id: ReadId,
        /// Whole batches.
        result: Result<Vec<Bytes>, ReadError>,
    },
    /// A look-up that waited has ended.
    LookupDone {
        /// Which one.
        id: ReadId,
        /// The offset and its timestamp, if there is one.
        result: Result<Option<OffsetAndTimestamp>, ReadError>,
    },
    /// What the segments of a partition hold from an offset on is damaged or cannot be read; it is
    /// not served. Told once until [`crate::Log::discard_damaged`], or again for a smaller offset.
    Damaged {
        /// Which one.
        tp: TopicPartition,
        /// From here on; what is before it is intact as far as is known.
        from: Offset,
    },
    /// Retention or a deletion of records moved the start of a log.
    LogStartMoved {
        /// Which one.
        tp: TopicPartition,
        /// First offset that can be read.
        log_start: Offset,
    },
    /// The log stopped for good.
    Failed(LogFailure),
    /// An orderly shutdown is complete.
    Stopped,
}
