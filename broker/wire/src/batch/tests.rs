//! What a batch header accepts, refuses and changes.
//! Records inside are tested in `records`.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::BatchBuilder;
use crate::golden::unhex;

fn one_batch(records: usize) -> Bytes {
    let mut builder = BatchBuilder::new().producer(7, 3, 10);
    for i in 0..records {
        builder.push(1000 + i as i64, Some(b"key"), Some(b"value"));
    }
    builder.build()
}

fn changed(batch: &Bytes, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = batch.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    bytes
}

/// One record "k" → "v" at 1,700,000,000,000 ms, written by the Java client 4.4.0
/// (`MemoryRecords.withRecords(Compression.NONE, …)`).
const JAVA_BATCH: &str = "00000000000000000000003affffffff02e99b8dd80000000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff0000000110000000026b027600";

#[test]
fn a_batch_of_the_java_client_is_read_and_rebuilt_to_the_byte() {
    let bytes = unhex(JAVA_BATCH);
    let header = BatchHeader::parse(&bytes).unwrap();
    check_crc(&bytes).unwrap();
    assert_eq!(header.total_bytes, bytes.len());
    assert_eq!(header.max_timestamp_ms, 1_700_000_000_000);
    assert_eq!(header.record_count, 1);
    let mut builder = BatchBuilder::new();
    builder.push(1_700_000_000_000, Some(b"k"), Some(b"v"));
    assert_eq!(builder.build(), bytes);
}

#[test]
fn a_header_reads_what_the_builder_wrote() {
    let batch = one_batch(3);
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(header.total_bytes, batch.len());
    assert_eq!((header.base_offset, header.last_offset()), (0, 2));
    assert_eq!(
        (header.base_timestamp_ms, header.max_timestamp_ms),
        (1000, 1002)
    );
    assert_eq!((header.producer_id, header.producer_epoch), (7, 3));
    assert_eq!((header.base_sequence, header.last_sequence()), (10, 12));
    assert!(header.is_dense());
    check_crc(&batch).unwrap();
}

#[test]
fn assigning_an_offset_leaves_the_producers_seal_whole() {
    let mut batch = BytesMut::from(&one_batch(2)[..]);
    assign(&mut batch, 5_000_000_000, 42);
    check_crc(&batch).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(
        (header.base_offset, header.leader_epoch),
        (5_000_000_000, 42)
    );
}

#[test]
fn log_append_time_is_sealed_anew() {
    let mut batch = BytesMut::from(&one_batch(2)[..]);
    set_log_append_time(&mut batch, 99);
    check_crc(&batch).unwrap();
    let header = BatchHeader::parse(&batch).unwrap();
    assert_eq!(
        header.attributes.timestamp_type(),
        TimestampType::LogAppendTime
    );
    assert_eq!(header.max_timestamp_ms, 99);
}

#[test]
fn what_is_not_a_batch_is_refused_with_its_reason() {
    let batch = one_batch(2);
    let parse = |bytes: &[u8]| BatchHeader::parse(bytes).unwrap_err();
    assert_eq!(
        parse(&changed(&batch, 16, &[1])),
        BatchError::Magic { magic: 1 }
    );
    assert_eq!(
        parse(&changed(&batch, 8, &48i32.to_be_bytes())),
        BatchError::Length { length: 48 }
    );
    assert_eq!(
        parse(&changed(&batch, 8, &(-1i32).to_be_bytes())),
        BatchError::Length { length: -1 }
    );
    assert_eq!(
        parse(&changed(&batch, 8, &i32::MAX.to_be_bytes())),
        BatchError::Truncated {
            needed: 2_147_483_659,
            available: batch.len()
        }
    );
    assert_eq!(
        parse(&changed(&batch, 22, &[5])),
        BatchError::Compression { id: 5 }
    );
    assert_eq!(
        parse(&changed(&batch, 57, &9i32.to_be_bytes())),
        BatchError::Counts {
            record_count: 9,
            last_offset_delta: 1
        }
    );
    assert!(matches!(
        check_crc(&changed(&batch, batch.len() - 1, &[1])),
        Err(BatchError::Crc { .. })
    ));
}

#[test]
fn sequence_numbers_go_on_at_zero_after_the_largest() {
    let mut builder = BatchBuilder::new().producer(1, 0, i32::MAX);
    builder.push(0, None, None);
    builder.push(0, None, None);
    let header = BatchHeader::parse(&builder.build()).unwrap();
    assert_eq!(header.last_sequence(), 0);
}

#[test]
fn batches_are_walked_until_the_first_torn_one() {
    let two = Bytes::from([&one_batch(1)[..], &one_batch(2)[..]].concat());
    let counts: Vec<_> = batches(&two).map(|b| b.unwrap().0.record_count).collect();
    assert_eq!(counts, [1, 2]);
    let torn: Vec<_> = batches(&two.slice(..two.len() - 1)).collect();
    assert_eq!(torn.len(), 2);
    assert!(torn[0].is_ok() && matches!(torn[1], Err(BatchError::Truncated { .. })));
}

proptest! {
    #[test]
    fn any_flip_after_the_leader_epoch_is_noticed(at in 16usize..100, bit in 0u8..8) {
        let mut bytes = one_batch(3).to_vec();
        prop_assume!(at < bytes.len());
        bytes[at] ^= 1 << bit;
        let noticed = BatchHeader::parse(&bytes).is_err() || check_crc(&bytes).is_err();
        prop_assert!(noticed);
    }

    #[test]
    fn garbage_never_panics_and_never_grows(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let walked: usize = batches(&bytes).flatten().map(|(_, batch)| batch.len()).sum();
        prop_assert!(walked <= bytes.len());
        let _ = check_crc(&bytes);
    }
}
