//! Record batches of a load, built and compressed once; every request sends the same bytes again.
//! They are of no idempotent producer, so that a broker takes a repeated batch for a new one.

use bytes::Bytes;
use kring_wire::{BatchBuilder, Compression};

/// What a batch is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchShape {
    /// Length of a record's value, in bytes.
    pub(crate) record_bytes: usize,
    /// Records go in until their values have this many bytes; at least one does.
    pub(crate) batch_bytes: usize,
    pub(crate) compression: Compression,
}

/// A sealed batch.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) bytes: Bytes,
    /// Bytes of the values, before compression: what users count.
    pub(crate) payload_bytes: u64,
    pub(crate) records: i64,
}

/// Builds the batch of a shape.
pub(crate) fn build(shape: BatchShape, timestamp_ms: i64) -> Batch {
    let count = (shape.batch_bytes / shape.record_bytes.max(1)).max(1);
    let mut builder = BatchBuilder::new();
    for value in values(shape.record_bytes, count) {
        builder.push(timestamp_ms, None, Some(&value));
    }
    let bytes = match shape.compression {
        Compression::None => builder.build(),
        codec => builder.build_compressed(codec),
    };
    Batch {
        bytes,
        payload_bytes: (count * shape.record_bytes) as u64,
        records: count as i64,
    }
}

/// So many values of one length.
pub(crate) fn values(record_bytes: usize, count: usize) -> Vec<Vec<u8>> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    (0..count)
        .map(|_| value(&mut noise, record_bytes))
        .collect()
}

/// Looks like JSON of a service: words that come again and digits that do not, about 3 to 1 for compressors.
fn value(noise: &mut Noise, length: usize) -> Vec<u8> {
    let mut value = Vec::with_capacity(length + 96);
    while value.len() < length {
        let number = noise.next();
        let other = noise.next();
        value.extend_from_slice(
            format!(
                "{{\"order\":\"{number:016x}\",\"customer\":{},\"currency\":\"EUR\",\"cents\":{}}},",
                other % 1_000_000,
                other >> 40
            )
            .as_bytes(),
        );
    }
    value.truncate(length);
    value
}

/// The same numbers in every run (xorshift64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kring_wire::batch::check_crc;
    use kring_wire::compress::decompressed_records;
    use kring_wire::{BatchHeader, batches};

    #[test]
    fn the_brokers_own_decoder_accepts_every_batch() {
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            for (record_bytes, batch_bytes) in [(100, 64 << 10), (1 << 20, 16), (1024, 16 << 10)] {
                let shape = BatchShape {
                    record_bytes,
                    batch_bytes,
                    compression,
                };
                let batch = build(shape, 1_700_000_000_000);
                check_crc(&batch.bytes).unwrap();
                let header = BatchHeader::parse(&batch.bytes).unwrap();
                assert!(header.is_dense() && !header.has_producer());
                assert_eq!(header.compression, compression);
                assert_eq!(
                    header.record_count as usize * record_bytes,
                    batch.payload_bytes as usize
                );
                assert_eq!(batches(&batch.bytes).count(), 1);
                let records = decompressed_records(&header, &batch.bytes, 64 << 20).unwrap();
                let values = records.map(|record| record.unwrap().value.unwrap().len());
                assert_eq!(values.sum::<usize>() as u64, batch.payload_bytes);
            }
        }
    }

    #[test]
    fn compressors_find_something_and_not_everything() {
        let shape = |compression| BatchShape {
            record_bytes: 1024,
            batch_bytes: 64 << 10,
            compression,
        };
        let plain = build(shape(Compression::None), 0).bytes.len();
        for codec in [Compression::Lz4, Compression::Zstd] {
            let compressed = build(shape(codec), 0).bytes.len();
            assert!(
                compressed * 10 < plain * 7 && compressed * 10 > plain,
                "{codec:?}: {compressed} of {plain}"
            );
        }
    }
}
