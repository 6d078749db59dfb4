//! Batches are read into runs, and what was not sent there is told apart.
//! The bytes are made by the brokers' own builder, which the reader does not share.

use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use kring_wire::BatchBuilder;
use kring_wire::batch::assign;

use super::{Run, batches, committed, of};
use crate::history::{Partition, RecordId, Records, Value};

const PARTITION: Partition = Partition { topic: 1, index: 3 };

fn value(sequence: u64) -> Value {
    Value {
        id: RecordId {
            producer: 7,
            sequence,
        },
        partition: PARTITION,
        timestamp: 1_000,
    }
}

/// A batch with these values at `offset`.
fn batch(offset: i64, values: &[Vec<u8>]) -> BytesMut {
    let mut builder = BatchBuilder::new().producer(4_000, 2, 0);
    for value in values {
        builder.push(1_000, None, Some(value));
    }
    let mut bytes = BytesMut::from(&builder.build()[..]);
    assign(&mut bytes, offset, 5);
    bytes
}

fn run(offset: i64, first: u64, count: u32) -> Run {
    Run {
        offset,
        records: Records {
            producer: 7,
            first,
            count,
        },
        timestamp: 1_000,
    }
}

#[test]
fn consecutive_records_are_one_run_up_to_the_end_of_their_batch() {
    let mut bytes = batch(10, &[value(0).to_bytes(0), value(1).to_bytes(9)]);
    bytes.extend_from_slice(&batch(12, &[value(2).to_bytes(0), value(4).to_bytes(0)]));
    let contents = of(&bytes.clone().freeze(), PARTITION).expect("the batches are good");
    assert_eq!(contents.runs, [run(10, 0, 2), run(12, 2, 1), run(13, 4, 1)]);
    assert_eq!((contents.damaged, contents.next), (Vec::new(), Some(14)));

    let heads = batches(&bytes).expect("the batches are whole");
    let ends: Vec<_> = heads
        .iter()
        .map(|b| (b.offset, b.next, b.id, b.epoch))
        .collect();
    assert_eq!(ends, [(10, 12, 4_000, 2), (12, 14, 4_000, 2)]);
    assert_ne!(heads[0].hash, heads[1].hash);
}

#[test]
fn values_of_others_and_of_other_partitions_are_damage() {
    let elsewhere = Value {
        partition: Partition { topic: 1, index: 4 },
        ..value(1)
    };
    let later = Value {
        timestamp: 1_001,
        ..value(2)
    };
    let bytes = batch(
        0,
        &[
            value(0).to_bytes(0),
            elsewhere.to_bytes(0),
            later.to_bytes(0),
            b"foreign".to_vec(),
        ],
    );
    let contents = of(&bytes.freeze(), PARTITION).expect("the batch is good");
    assert_eq!(contents.runs, [run(0, 0, 1)]);
    assert_eq!(contents.damaged, [1, 2, 3]);
}

#[test]
fn a_changed_bit_and_a_cut_end_are_errors() {
    let good = batch(0, &[value(0).to_bytes(0)]);
    let mut bad = good.clone();
    let last = bad.len() - 3;
    bad[last] ^= 1;
    assert!(of(&bad.freeze(), PARTITION).is_err());
    assert!(batches(&good[..good.len() - 1]).is_err());
    assert!(batches(&good[..5]).is_err());
    assert!(batches(&Bytes::new()).expect("nothing is whole").is_empty());
}

/// A batch of transactional records, or the end of a transaction, at `offset`.
fn transactional(offset: i64, id: i64, key: Option<[u8; 4]>, first: u64, count: u64) -> Bytes {
    let control = key.is_some();
    let records: Vec<Record> = (0..count)
        .map(|index| Record {
            transactional: true,
            control,
            delete_horizon: false,
            partition_leader_epoch: 5,
            producer_id: id,
            producer_epoch: 2,
            timestamp_type: TimestampType::Creation,
            offset: offset + index.cast_signed(),
            sequence: if control { -1 } else { index as i32 },
            timestamp: 1_000,
            key: key.map(|key| Bytes::copy_from_slice(&key)),
            value: Some(if control {
                Bytes::from_static(&[0, 0, 0, 0, 0, 7])
            } else {
                Bytes::from(value(first + index).to_bytes(0))
            }),
            headers: Default::default(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut out = BytesMut::new();
    RecordBatchEncoder::encode(&mut out, records.iter(), &options).expect("they encode");
    out.freeze()
}

const ABORT: Option<[u8; 4]> = Some([0, 0, 0, 0]);
const COMMIT: Option<[u8; 4]> = Some([0, 0, 0, 1]);

#[test]
fn the_ends_of_transactions_are_no_records_and_say_what_they_are() {
    let bytes = [
        transactional(0, 70, None, 0, 2),
        transactional(2, 70, COMMIT, 0, 1),
        transactional(3, 71, ABORT, 0, 1),
    ]
    .concat();
    let contents = of(&Bytes::from(bytes.clone()), PARTITION).expect("the batches are good");
    assert_eq!(contents.runs, [run(0, 0, 2)]);
    assert_eq!((contents.damaged, contents.next), (Vec::new(), Some(4)));
    let heads = batches(&bytes).expect("the batches are whole");
    let ends: Vec<_> = heads.iter().map(|b| (b.next, b.end)).collect();
    assert_eq!(ends, [(2, None), (3, Some(true)), (4, Some(false))]);
}

#[test]
fn a_reader_of_committed_records_leaves_out_what_is_aborted() {
    let bytes = Bytes::from(
        [
            transactional(0, 70, None, 0, 2),
            transactional(2, 71, None, 2, 1),
            transactional(3, 70, ABORT, 0, 1),
            transactional(4, 70, None, 3, 1),
            transactional(5, 71, COMMIT, 0, 1),
            transactional(6, 70, COMMIT, 0, 1),
        ]
        .concat(),
    );
    let runs = |aborted| committed(&bytes, PARTITION, aborted).expect("the batches are good");
    let contents = runs(vec![(70, 0)]);
    assert_eq!(contents.runs, [run(2, 2, 1), run(4, 3, 1)]);
    assert_eq!(contents.next, Some(7));
    // It believes the list.
    assert_eq!(runs(Vec::new()).runs.len(), 3);
    assert_eq!(runs(vec![(71, 2), (70, 0)]).runs, [run(4, 3, 1)]);
    // The first one was aborted before what is at hand.
    let rest = bytes.slice(transactional(0, 70, None, 0, 2).len()..);
    let contents = committed(&rest, PARTITION, vec![(70, 0)]).expect("the batches are good");
    assert_eq!(contents.runs, [run(2, 2, 1), run(4, 3, 1)]);
}

#[test]
fn a_run_is_cut_to_the_offsets_that_count() {
    let whole = run(10, 5, 4);
    assert_eq!(whole.between(0, i64::MAX), Some(whole));
    assert_eq!(whole.between(12, 13), Some(run(12, 7, 1)));
    assert_eq!(whole.between(14, 20), None);
    assert_eq!(whole.between(0, 10), None);
}
