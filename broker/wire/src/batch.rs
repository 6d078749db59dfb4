//! The 61-byte header of a record batch (magic 2): read, checked and assigned in place.
//! It never looks at the records inside; `records` does.

mod attributes;

use bytes::Bytes;
use thiserror::Error;

use crate::ids::{LeaderEpoch, Offset, ProducerId};
pub use attributes::{Attributes, Compression, TimestampType};

/// Bytes before the records.
pub const HEADER_BYTES: usize = 61;

/// Bytes before the part that the length field counts.
pub const LENGTH_FIELD_END: usize = 12;

/// The only batch format since Kafka 4.0.
pub const MAGIC: i8 = 2;

const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const MAX_TIMESTAMP_AT: usize = 35;

/// Why bytes are not a record batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// The header or the batch it announces reaches past the end.
    #[error("a record batch needs {needed} bytes and {available} are there")]
    Truncated {
        /// Bytes it needs.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// An older or unknown format.
    #[error("record batch of magic {magic}; only magic 2 is supported")]
    Magic {
        /// The format.
        magic: i8,
    },
    /// The length field is shorter than a header.
    #[error("record batch of length {length}; a header alone has 49 bytes after its length field")]
    Length {
        /// The field.
        length: i32,
    },
    /// The counts contradict each other or are negative.
    #[error(
        "record batch of {record_count} records whose last offset delta is {last_offset_delta}"
    )]
    Counts {
        /// Claimed records.
        record_count: i32,
        /// Claimed span.
        last_offset_delta: i32,
    },
    /// A codec that does not exist.
    #[error("compression type {id} does not exist")]
    Compression {
        /// Its number.
        id: u8,
    },
    /// The content is not what was sealed.
    #[error("record batch has the CRC-32C {computed:#010x} and claims {stored:#010x}")]
    Crc {
        /// In the header.
        stored: u32,
        /// Of the content.
        computed: u32,
    },
}

/// The header of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; producers send 0, the leader assigns.
    pub base_offset: Offset,
    /// The whole batch, header included.
    pub total_bytes: usize,
    /// Term of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Flags.
    pub attributes: Attributes,
    /// How the records are compressed.
    pub compression: Compression,
    /// Last offset minus base offset; stays when compaction removes records.
    pub last_offset_delta: i32,
    /// What the records' timestamp deltas refer to, in milliseconds since the epoch.
    pub base_timestamp_ms: i64,
    /// Largest timestamp of the records, or the time of the append.
    pub max_timestamp_ms: i64,
    /// Idempotent producer, −1 for none.
    pub producer_id: ProducerId,
    /// Its epoch, −1 for none.
    pub producer_epoch: i16,
    /// Sequence number of the first record, −1 for none.
    pub base_sequence: i32,
    /// Records in the batch.
    pub record_count: i32,
}

fn be<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("the caller checked the length of the header")
}

impl BatchHeader {
    /// Reads the header at the start of `bytes` and checks that the batch it announces is there
    /// whole. It does not check the CRC: see [`check_crc`].
    ///
    /// # Errors
    /// Any but [`BatchError::Crc`].
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let header = BatchHeader::peek(bytes)?;
        if bytes.len() < header.total_bytes {
            return Err(BatchError::Truncated {
                needed: header.total_bytes,
                available: bytes.len(),
            });
        }
        Ok(header)
    }

    /// As [`BatchHeader::parse`], for callers that have only the first [`HEADER_BYTES`] at hand:
    /// the records may be elsewhere.
    ///
    /// # Errors
    /// Any but [`BatchError::Crc`].
    pub fn peek(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        if bytes.len() < HEADER_BYTES {
            return Err(BatchError::Truncated {
                needed: HEADER_BYTES,
                available: bytes.len(),
            });
        }
        // Magic first: the other fields of an older format are elsewhere.
        let magic = bytes[MAGIC_AT].cast_signed();
        if magic != MAGIC {
            return Err(BatchError::Magic { magic });
        }
        let length = i32::from_be_bytes(be(bytes, 8));
        let total_bytes = usize::try_from(length)
            .map(|n| n + LENGTH_FIELD_END)
            .ok()
            .filter(|n| *n >= HEADER_BYTES)
            .ok_or(BatchError::Length { length })?;
        let attributes = Attributes(i16::from_be_bytes(be(bytes, ATTRIBUTES_AT)));
        let id = attributes.compression_id();
        let header = BatchHeader {
            base_offset: i64::from_be_bytes(be(bytes, 0)),
            total_bytes,
            leader_epoch: i32::from_be_bytes(be(bytes, LEADER_EPOCH_AT)),
            crc: u32::from_be_bytes(be(bytes, CRC_AT)),
            attributes,
            compression: Compression::from_id(id).ok_or(BatchError::Compression { id })?,
            last_offset_delta: i32::from_be_bytes(be(bytes, 23)),
            base_timestamp_ms: i64::from_be_bytes(be(bytes, 27)),
            max_timestamp_ms: i64::from_be_bytes(be(bytes, MAX_TIMESTAMP_AT)),
            producer_id: i64::from_be_bytes(be(bytes, 43)),
            producer_epoch: i16::from_be_bytes(be(bytes, 51)),
            base_sequence: i32::from_be_bytes(be(bytes, 53)),
            record_count: i32::from_be_bytes(be(bytes, 57)),
        };
        // Compaction may leave fewer records than offsets, never more.
        if header.record_count < 0
            || header.last_offset_delta < 0
            || header.record_count.wrapping_sub(1) > header.last_offset_delta
        {
            return Err(BatchError::Counts {
                record_count: header.record_count,
                last_offset_delta: header.last_offset_delta,
            });
        }
        Ok(header)
    }

    /// Offset of the last record.
    #[must_use]
    pub fn last_offset(&self) -> Offset {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset after the last record.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        self.last_offset().saturating_add(1)
    }

    /// Sequence number of the last record; after 2³¹−1 comes 0. −1 for none.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return -1;
        }
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        i32::try_from(last % (i64::from(i32::MAX) + 1)).expect("a remainder of 2³¹ is below 2³¹")
    }

    /// Whether an idempotent or transactional producer made it.
    #[must_use]
    pub fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    /// Whether it holds as many records as offsets, as a producer's batch must.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        self.record_count > 0 && self.record_count - 1 == self.last_offset_delta
    }
}

/// CRC-32C of a whole batch's content (from the attributes on).
///
/// # Panics
/// When `batch` is shorter than [`HEADER_BYTES`]: parse it first.
#[must_use]
pub fn compute_crc(batch: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(&batch[ATTRIBUTES_AT..])
}

/// Checks the CRC of exactly one batch.
///
/// # Errors
/// [`BatchError::Truncated`] below a header's length, [`BatchError::Crc`] when the content is not
/// what the producer sealed.
pub fn check_crc(batch: &[u8]) -> Result<(), BatchError> {
    if batch.len() < HEADER_BYTES {
        return Err(BatchError::Truncated {
            needed: HEADER_BYTES,
            available: batch.len(),
        });
    }
    let stored = u32::from_be_bytes(be(batch, CRC_AT));
    let computed = compute_crc(batch);
    if stored == computed {
        Ok(())
    } else {
        Err(BatchError::Crc { stored, computed })
    }
}

/// Writes the offset of the first record and the leader's epoch in place. Both are outside the
/// CRC, so that the producer's seal stays whole.
///
/// # Panics
/// When `batch` is shorter than [`HEADER_BYTES`]: parse it first.
pub fn assign(batch: &mut [u8], base_offset: Offset, leader_epoch: LeaderEpoch) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LEADER_EPOCH_AT..MAGIC_AT].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Makes every record's timestamp the time of the append, and seals the batch anew.
///
/// # Panics
/// When `batch` is shorter than [`HEADER_BYTES`]: parse it first.
pub fn set_log_append_time(batch: &mut [u8], append_ms: i64) {
    let attributes = i16::from_be_bytes(be(batch, ATTRIBUTES_AT)) | attributes::LOG_APPEND_TIME;
    batch[ATTRIBUTES_AT..ATTRIBUTES_AT + 2].copy_from_slice(&attributes.to_be_bytes());
    batch[MAX_TIMESTAMP_AT..MAX_TIMESTAMP_AT + 8].copy_from_slice(&append_ms.to_be_bytes());
    seal(batch);
}

/// Writes the CRC of a batch whose content was changed.
///
/// # Panics
/// When `batch` is shorter than [`HEADER_BYTES`]: parse it first.
pub fn seal(batch: &mut [u8]) {
    let crc = compute_crc(batch);
    batch[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
}

/// Walks batches that follow each other. After an error nothing more comes.
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
}

/// The batches in `bytes`, each with its header; they share the memory. CRCs are not checked.
#[must_use]
pub fn batches(bytes: &Bytes) -> Batches {
    Batches {
        rest: bytes.clone(),
    }
}

impl Iterator for Batches {
    type Item = Result<(BatchHeader, Bytes), BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match BatchHeader::parse(&self.rest) {
            Ok(header) => {
                let batch = self.rest.split_to(header.total_bytes);
                Some(Ok((header, batch)))
            }
            Err(error) => {
                self.rest.clear();
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
