//! Walks the records of a batch without copying them.
//! It does not decompress; `compress` makes the uncompressed bytes it reads.

use bytes::{Buf, Bytes};
use thiserror::Error;

use crate::batch::{BatchHeader, Compression, HEADER_BYTES, TimestampType};
use crate::ids::Offset;
use crate::varint;

/// Why the inside of a batch is not a list of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The records are compressed; decompress them first.
    #[error("the records are compressed")]
    Compressed,
    /// A field of a record is cut off, negative or larger than the record.
    #[error("record {index}: {field} is malformed")]
    Malformed {
        /// Number of the record in its batch, from 0.
        index: i32,
        /// Which field.
        field: &'static str,
    },
    /// Bytes are left after the last record.
    #[error("{bytes} bytes follow the last record")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// A record. Key, value and headers share the memory of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its position in the partition.
    pub offset: Offset,
    /// Its position in the batch.
    pub offset_delta: i32,
    /// Milliseconds since the epoch: the producer's, or the time of the append.
    pub timestamp_ms: i64,
    /// The key; null and empty differ.
    pub key: Option<Bytes>,
    /// The value; null is a tombstone.
    pub value: Option<Bytes>,
    header_count: i32,
    header_bytes: Bytes,
}

/// A header of a record. Keys may repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// The name, UTF-8 by convention only.
    pub key: Bytes,
    /// The value, may be null.
    pub value: Option<Bytes>,
}

impl Record {
    /// How many headers it has.
    #[must_use]
    pub fn header_count(&self) -> usize {
        self.header_count as usize
    }

    /// Its headers in their order, duplicates kept.
    pub fn headers(&self) -> impl Iterator<Item = RecordHeader> + use<> {
        let mut rest = self.header_bytes.clone();
        (0..self.header_count).map(move |_| RecordHeader {
            key: take_field(&mut rest)
                .flatten()
                .expect("headers were checked when the record was read"),
            value: take_field(&mut rest).expect("headers were checked when the record was read"),
        })
    }
}

/// The records of a batch, in order. After an error nothing more comes.
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    rest: Bytes,
    index: i32,
    failed: bool,
}

/// The records of an uncompressed batch.
///
/// # Errors
/// [`RecordError::Compressed`]. The walk itself gives the other errors.
pub fn records(header: &BatchHeader, batch: &Bytes) -> Result<Records, RecordError> {
    if header.compression != Compression::None {
        return Err(RecordError::Compressed);
    }
    Ok(records_of(
        header,
        batch.slice(HEADER_BYTES.min(batch.len())..),
    ))
}

/// The records in `payload`, which is what followed the header, decompressed.
#[must_use]
pub fn records_of(header: &BatchHeader, payload: Bytes) -> Records {
    Records {
        header: *header,
        rest: payload,
        index: 0,
        failed: false,
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.index >= self.header.record_count {
            let bytes = self.rest.len();
            self.failed = true;
            return (bytes > 0).then_some(Err(RecordError::Trailing { bytes }));
        }
        let record = self.read();
        self.failed = record.is_err();
        self.index += 1;
        Some(record)
    }
}

impl Records {
    fn read(&mut self) -> Result<Record, RecordError> {
        let index = self.index;
        let malformed = |field| RecordError::Malformed { index, field };
        let length = take_varint(&mut self.rest).ok_or(malformed("length"))?;
        let mut body = usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.rest.len())
            .map(|length| self.rest.split_to(length))
            .ok_or(malformed("length"))?;
        if body.is_empty() {
            return Err(malformed("attributes"));
        }
        // The attributes of a record have no meaning yet.
        body.advance(1);
        let timestamp_delta = take_varlong(&mut body).ok_or(malformed("timestamp delta"))?;
        let offset_delta = take_varint(&mut body)
            .filter(|delta| (0..=self.header.last_offset_delta).contains(delta))
            .ok_or(malformed("offset delta"))?;
        let key = take_field(&mut body).ok_or(malformed("key"))?;
        let value = take_field(&mut body).ok_or(malformed("value"))?;
        let header_count = take_varint(&mut body)
            .filter(|count| *count >= 0)
            .ok_or(malformed("header count"))?;
        check_headers(body.clone(), header_count).ok_or(malformed("headers"))?;
        let timestamp_ms = match self.header.attributes.timestamp_type() {
            TimestampType::LogAppendTime => self.header.max_timestamp_ms,
            TimestampType::CreateTime => self
                .header
                .base_timestamp_ms
                .saturating_add(timestamp_delta),
        };
        Ok(Record {
            offset: self
                .header
                .base_offset
                .saturating_add(i64::from(offset_delta)),
            offset_delta,
            timestamp_ms,
            key,
            value,
            header_count,
            header_bytes: body,
        })
    }
}

/// Every header takes at least two bytes, so a hostile count ends with the bytes.
fn check_headers(mut rest: Bytes, count: i32) -> Option<()> {
    for _ in 0..count {
        take_field(&mut rest)??;
        take_field(&mut rest)?;
    }
    rest.is_empty().then_some(())
}

/// A length (−1 for null) and as many bytes. The outer `None`: malformed.
fn take_field(rest: &mut Bytes) -> Option<Option<Bytes>> {
    match take_varint(rest)? {
        -1 => Some(None),
        length => {
            let length = usize::try_from(length).ok()?;
            (length <= rest.len()).then(|| Some(rest.split_to(length)))
        }
    }
}

fn take_varint(rest: &mut Bytes) -> Option<i32> {
    let mut slice = &rest[..];
    let value = varint::read_i32(&mut slice)?;
    let read = rest.len() - slice.len();
    rest.advance(read);
    Some(value)
}

fn take_varlong(rest: &mut Bytes) -> Option<i64> {
    let mut slice = &rest[..];
    let value = varint::read_i64(&mut slice)?;
    let read = rest.len() - slice.len();
    rest.advance(read);
    Some(value)
}

#[cfg(test)]
mod tests;
