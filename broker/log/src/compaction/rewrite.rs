//! Takes records out of a batch, and says which offset of each key is the latest.
//! It reads and writes no file.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::batch::{HEADER_BYTES, LENGTH_FIELD_END, seal};
use kring_wire::compress::decompress;
use kring_wire::ids::Offset;
use kring_wire::records::records_of;
use kring_wire::{BatchHeader, Compression, Record, varint};

use crate::config::DECOMPRESSED_BYTES_MAX;

/// Where the attributes of a batch lie; the codec is in the low three bits of the second byte.
const ATTRIBUTES_AT: usize = 21;
const CODEC_BITS: u8 = 0x07;
/// Where the record count of a batch lies.
const RECORD_COUNT_AT: usize = 57;
/// What an entry of the map takes besides its key.
const ENTRY_BYTES: usize = 64;

/// The latest offset of each key.
#[derive(Debug, Default)]
pub(super) struct Latest {
    offsets: BTreeMap<Bytes, Offset>,
    bytes: usize,
}

impl Latest {
    /// Memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes the keys of a batch.
    pub(super) fn note(&mut self, header: &BatchHeader, batch: &Bytes) -> Result<(), String> {
        if header.attributes.is_control() {
            return Ok(());
        }
        let payload = payload(header, batch)?;
        for record in records_of(header, payload) {
            let record = record.map_err(|e| e.to_string())?;
            let Some(key) = &record.key else { continue };
            match self.offsets.get_mut(key) {
                Some(offset) => *offset = record.offset.max(*offset),
                None => {
                    self.bytes += key.len() + ENTRY_BYTES;
                    // A copy, so that a key does not keep its whole batch in memory.
                    self.offsets
                        .insert(Bytes::copy_from_slice(key), record.offset);
                }
            }
        }
        Ok(())
    }

    /// Whether no later record has the key of this one.
    pub(super) fn is_latest(&self, record: &Record) -> bool {
        let latest = record.key.as_ref().and_then(|key| self.offsets.get(key));
        latest.is_none_or(|offset| record.offset >= *offset)
    }
}

/// What is left of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Everything: the batch stays as it is.
    All,
    /// Nothing.
    None,
    /// A smaller batch with the same offsets and timestamps, not compressed.
    Some(Bytes),
}

/// Keeps the records that `keep` admits, of a batch that is no control batch.
pub(super) fn retain(
    header: &BatchHeader,
    batch: &Bytes,
    keep: impl Fn(&Record) -> bool,
) -> Result<Rest, String> {
    let payload = payload(header, batch)?;
    let mut kept = BytesMut::new();
    let mut count = 0;
    let mut at = 0;
    for record in records_of(header, payload.clone()) {
        let record = record.map_err(|e| e.to_string())?;
        let end = record_end(&payload, at).ok_or("a record is cut off")?;
        if keep(&record) {
            kept.put_slice(&payload[at..end]);
            count += 1;
        }
        at = end;
    }
    if count == header.record_count {
        return Ok(Rest::All);
    }
    if count == 0 {
        return Ok(Rest::None);
    }
    let mut smaller = BytesMut::with_capacity(HEADER_BYTES + kept.len());
    smaller.put_slice(&batch[..HEADER_BYTES]);
    smaller.put_slice(&kept);
    let length = i32::try_from(smaller.len() - LENGTH_FIELD_END)
        .map_err(|_| "the batch is above 2 GiB".to_owned())?;
    smaller[8..LENGTH_FIELD_END].copy_from_slice(&length.to_be_bytes());
    smaller[ATTRIBUTES_AT + 1] = smaller[ATTRIBUTES_AT + 1] & !CODEC_BITS | Compression::None.id();
    smaller[RECORD_COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_be_bytes());
    seal(&mut smaller);
    Ok(Rest::Some(smaller.freeze()))
}

fn payload(header: &BatchHeader, batch: &Bytes) -> Result<Bytes, String> {
    let payload = batch.slice(HEADER_BYTES..);
    decompress(header.compression, &payload, DECOMPRESSED_BYTES_MAX).map_err(|e| e.to_string())
}

/// Where the record that begins at `at` ends.
fn record_end(payload: &[u8], at: usize) -> Option<usize> {
    let mut rest = &payload[at..];
    let before = rest.len();
    let length = usize::try_from(varint::read_i32(&mut rest)?).ok()?;
    let end = at + (before - rest.len()) + length;
    (end <= payload.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kring_wire::batch::check_crc;
    use kring_wire::{BatchBuilder, records};

    fn batch() -> (BatchHeader, Bytes) {
        let mut builder = BatchBuilder::new().at(10, 3);
        for (i, key) in [b"a", b"b", b"a", b"c"].into_iter().enumerate() {
            builder.push(100 + i as i64, Some(key), Some(b"v"));
        }
        let bytes = builder.build();
        (BatchHeader::parse(&bytes).unwrap(), bytes)
    }

    #[test]
    fn superseded_records_go_and_the_others_keep_offset_and_time() {
        let (header, bytes) = batch();
        let mut latest = Latest::default();
        latest.note(&header, &bytes).unwrap();
        let Rest::Some(rest) = retain(&header, &bytes, |r| latest.is_latest(r)).unwrap() else {
            panic!("one record is superseded");
        };
        check_crc(&rest).unwrap();
        let header = BatchHeader::parse(&rest).unwrap();
        assert_eq!((header.base_offset, header.last_offset()), (10, 13));
        let left: Vec<(i64, i64)> = records(&header, &rest)
            .unwrap()
            .map(|r| r.map(|r| (r.offset, r.timestamp_ms)).unwrap())
            .collect();
        assert_eq!(left, [(11, 101), (12, 102), (13, 103)]);
    }

    #[test]
    fn a_batch_stays_or_goes_whole_where_it_can() {
        let (header, bytes) = batch();
        assert_eq!(retain(&header, &bytes, |_| true), Ok(Rest::All));
        assert_eq!(retain(&header, &bytes, |_| false), Ok(Rest::None));
    }
}
