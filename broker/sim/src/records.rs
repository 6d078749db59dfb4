//! Reads the simulated clients' records out of batches, with the other implementation's decoder.
//! It checks the checksums and knows only values that [`Value`] wrote.

mod committed;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use kafka_protocol::records::{Record, RecordBatchDecoder};
use kring_io::BrokerId;

use crate::history::{Happened, Partition, Records, Value, hash};
pub use committed::committed;

/// Records of one producer that stand behind each other in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where the first is.
    pub offset: i64,
    /// Which they are.
    pub records: Records,
    /// Their timestamp in ms since the epoch.
    pub timestamp: i64,
}

impl Run {
    /// The offset after the last.
    #[must_use]
    pub fn next(&self) -> i64 {
        self.offset + i64::from(self.records.count)
    }

    /// What is left when only the offsets from `from` until `until` count; none if that is nothing.
    #[must_use]
    pub fn between(self, from: i64, until: i64) -> Option<Run> {
        let begin = self.offset.max(from);
        let end = self.next().min(until);
        let count = u32::try_from(end - begin).ok().filter(|count| *count > 0)?;
        Some(Run {
            offset: begin,
            records: Records {
                first: self.records.first + (begin - self.offset).unsigned_abs(),
                count,
                ..self.records
            },
            ..self
        })
    }
}

/// What whole batches hold.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// The records, in the order of their offsets.
    pub runs: Vec<Run>,
    /// Offsets of values that no producer of ours wrote to this partition.
    pub damaged: Vec<i64>,
    /// The offset after the last record.
    pub next: Option<i64>,
}

impl Contents {
    /// Takes a record; the ends of transactions are none. `first_run` is where the runs of its batch begin.
    fn take(&mut self, partition: Partition, first_run: usize, record: &Record) {
        self.next = Some(record.offset + 1);
        if record.control {
            return;
        }
        let value = record.value.as_deref().unwrap_or_default();
        match Value::from_bytes(value) {
            Ok(said) if said.partition == partition && said.timestamp == record.timestamp => {
                add(&mut self.runs, first_run, record.offset, said);
            }
            _ => self.damaged.push(record.offset),
        }
    }

    /// Events that say where the damage is.
    pub fn damages(&self, partition: Partition, from: BrokerId) -> impl Iterator<Item = Happened> {
        self.damaged.iter().map(move |offset| Happened::Damaged {
            partition,
            offset: *offset,
            from,
        })
    }
}

/// The records of whole batches.
///
/// # Errors
/// When a batch cannot be decoded or its checksum is wrong.
pub fn of(batches: &Bytes, partition: Partition) -> Result<Contents, String> {
    let mut bytes = batches.clone();
    let mut contents = Contents::default();
    for set in RecordBatchDecoder::decode_all(&mut bytes)
        .map_err(|e| format!("a batch cannot be read: {e}"))?
    {
        // A run ends with its batch: what is known of a sending is known of the whole run.
        let first_run = contents.runs.len();
        for record in set.records {
            contents.take(partition, first_run, &record);
        }
    }
    Ok(contents)
}

/// A batch's header and a hash of all its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its base offset.
    pub offset: i64,
    /// The offset after its last.
    pub next: i64,
    /// Its producer id; -1 for none.
    pub id: i64,
    /// Its producer epoch; -1 for none.
    pub epoch: i16,
    /// Whether it commits, if it is the end of a transaction.
    pub end: Option<bool>,
    /// FNV-1a of its bytes.
    pub hash: u64,
}

/// Bytes of a batch's header before its length counts.
const LENGTH_END: usize = 12;
/// Bytes of a batch's header.
const HEADER: usize = 61;
/// The bit of the attributes that says that records are not clients'.
const CONTROL: i16 = 1 << 5;

/// The whole batches, read by their headers alone.
///
/// # Errors
/// When the last one is cut off.
pub fn batches(bytes: &[u8]) -> Result<Vec<Batch>, String> {
    let mut rest = bytes;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let length = rest.get(8..LENGTH_END).and_then(|l| l.try_into().ok());
        let length = length.map_or(0, i32::from_be_bytes);
        let end = usize::try_from(length).unwrap_or(0) + LENGTH_END;
        if end < HEADER || rest.len() < end {
            return Err(format!(
                "a batch of {end} bytes has {} that are left",
                rest.len()
            ));
        }
        let (batch, after) = rest.split_at(end);
        let i64_at = |at: usize| {
            i64::from_be_bytes(batch[at..at + 8].try_into().expect("eight bytes are eight"))
        };
        let last_delta = i32::from_be_bytes(batch[23..27].try_into().expect("four bytes are four"));
        batches.push(Batch {
            offset: i64_at(0),
            next: i64_at(0) + i64::from(last_delta) + 1,
            id: i64_at(43),
            epoch: i16::from_be_bytes([batch[51], batch[52]]),
            end: end_of(batch),
            hash: hash(batch),
        });
        rest = after;
    }
    Ok(batches)
}

/// Whether a batch commits a transaction, if it is the end of one: a control record whose key is version and type.
fn end_of(batch: &[u8]) -> Option<bool> {
    let attributes = i16::from_be_bytes([batch[21], batch[22]]);
    if attributes & CONTROL == 0 {
        return None;
    }
    let mut rest = &batch[HEADER..];
    skip_varint(&mut rest)?;
    rest = rest.get(1..)?;
    for _ in 0..3 {
        skip_varint(&mut rest)?;
    }
    match rest.get(..4)? {
        [_, _, 0, 0] => Some(false),
        [_, _, 0, 1] => Some(true),
        _ => None,
    }
}

/// Passes over a number of seven bits a byte.
fn skip_varint(rest: &mut &[u8]) -> Option<()> {
    let last = rest.iter().position(|byte| byte & 0x80 == 0)?;
    *rest = rest.get(last + 1..)?;
    Some(())
}

/// Adds a record to the run that it continues, or begins one.
fn add(runs: &mut Vec<Run>, first: usize, offset: i64, value: Value) {
    if let Some(last) = runs[first..].last_mut() {
        let continues = last.next() == offset
            && last.timestamp == value.timestamp
            && last.records.producer == value.id.producer
            && last.records.first + u64::from(last.records.count) == value.id.sequence;
        if continues {
            last.records.count += 1;
            return;
        }
    }
    runs.push(Run {
        offset,
        records: Records {
            producer: value.id.producer,
            first: value.id.sequence,
            count: 1,
        },
        timestamp: value.timestamp,
    });
}
