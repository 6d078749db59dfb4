//! Bytes that follow from Kafka's schemas (`TransactionLogKey`, `TransactionLogValue`) against ours, and hostile bytes.
//! It tests no meaning of a record.

use std::collections::BTreeSet;

use bytes::Bytes;
use proptest::prelude::*;

use super::{RecordError, decode, encode};
use crate::config::TRANSACTION_PARTITIONS_MAX;
use crate::stored::{LAST_EPOCH, NO_PRODUCER_ID, Producer, Stored, Topics};
use crate::{TransactionState, TransactionVersion};

const KEY: &str = "0000000474786e31";

fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn empty() -> Stored {
    let producer = Producer { id: 4001, epoch: 7 };
    Stored::given_to(producer, 60_000, 1_700_000_000_000)
}

fn ongoing(version: TransactionVersion) -> Stored {
    let topics = [
        ("beta".to_owned(), vec![2]),
        ("alpha".to_owned(), vec![1, 0]),
    ];
    empty().with_partitions(&topics, version, 1_700_000_000_001)
}

fn read(value: &str) -> Stored {
    let (name, value) = decode(hex(KEY), Some(hex(value))).unwrap().unwrap();
    assert_eq!(name, "txn1");
    value.unwrap()
}

#[test]
fn records_have_the_bytes_of_the_schema() {
    let v1 = ongoing(TransactionVersion::V1);
    let v2 = ongoing(TransactionVersion::V2);
    let mut last = v2.clone();
    last.producer.epoch = LAST_EPOCH;
    let replaced = last.prepared(true, TransactionVersion::V2, 4002, 1_700_000_000_002);
    let golden = [
        // Version, producer id, epoch, timeout, status, no partitions, updated, started.
        (
            empty(),
            "0000 0000000000000fa1 0007 0000ea60 00 ffffffff 0000018bcfe56800 ffffffffffffffff",
        ),
        (
            v1,
            "0000 0000000000000fa1 0007 0000ea60 01 00000002
             0005616c706861 00000002 00000000 00000001
             000462657461 00000001 00000002
             0000018bcfe56801 0000018bcfe56801",
        ),
        // Compact, with an empty tag section for each topic and the client's version at the end.
        (
            v2,
            "0001 0000000000000fa1 0007 0000ea60 01 03
             06616c706861 03 00000000 00000001 00
             0562657461 02 00000002 00
             0000018bcfe56801 0000018bcfe56801
             01 02 02 0002",
        ),
        (
            replaced.clone(),
            "0001 0000000000000fa1 7fff 0000ea60 02 03
             06616c706861 03 00000000 00000001 00
             0562657461 02 00000002 00
             0000018bcfe56802 0000018bcfe56801
             02 01 08 0000000000000fa2 02 02 0002",
        ),
        (
            replaced.completed(1_700_000_000_003),
            "0001 0000000000000fa2 0000 0000ea60 04 01
             0000018bcfe56803 0000018bcfe56801
             02 00 08 0000000000000fa1 02 02 0002",
        ),
    ];
    for (stored, value) in golden {
        let encoded = encode("txn1", Some(&stored));
        assert_eq!(encoded, (hex(KEY), Some(hex(value))), "{stored:?}");
        assert_eq!(read(value), stored);
    }
    assert_eq!(encode("txn1", None), (hex(KEY), None));
    let deleted = decode(hex(KEY), None);
    assert_eq!(deleted, Ok(Some(("txn1".to_owned(), None))));
}

#[test]
fn what_kafka_may_write_otherwise_is_read() {
    // Version 1 of a client of the first version: all tags absent, or an unknown one.
    let compact = "0001 0000000000000fa1 0007 0000ea60 00 00 0000018bcfe56800 ffffffffffffffff";
    assert_eq!(read(&format!("{compact} 00")), empty());
    assert_eq!(read(&format!("{compact} 01 09 03 010203")), empty());
    // The producer id as its own predecessor, and version 1 of the client.
    let told = read(&format!("{compact} 02 00 08 0000000000000fa1 02 02 0001"));
    assert_eq!(told.previous_producer_id, 4001);
    assert_eq!(told.client_version, TransactionVersion::V1);
    // A topic twice.
    let twice = read(
        "0000 0000000000000fa1 0007 0000ea60 01 00000002
         000161 00000001 00000000  000161 00000001 00000001
         0000018bcfe56801 0000018bcfe56801",
    );
    let topics = Topics::from([("a".to_owned(), BTreeSet::from([0, 1]))]);
    assert_eq!(twice.topics, topics);
}

#[test]
fn newer_values_and_states_that_no_record_has_are_refused_and_other_keys_skipped() {
    let error = decode(hex(KEY), Some(hex("0002"))).unwrap_err();
    assert_eq!(error, RecordError::Version { version: 2, max: 1 });
    assert!(error.to_string().contains("start a broker"), "{error}");
    let dead = "0000 0000000000000fa1 0007 0000ea60 06 ffffffff 0000018bcfe56800 ffffffffffffffff";
    let error = decode(hex(KEY), Some(hex(dead))).unwrap_err();
    assert_eq!(error, RecordError::Status { status: 6 });
    assert_eq!(decode(hex("0001"), Some(hex("00"))), Ok(None));
}

#[test]
fn the_largest_transaction_can_be_read() {
    let mut stored = ongoing(TransactionVersion::V2);
    let partitions = 0..TRANSACTION_PARTITIONS_MAX;
    stored.topics = partitions
        .map(|n| (format!("t{n}"), BTreeSet::from([0])))
        .collect();
    let (key, value) = encode("txn1", Some(&stored));
    let read = decode(key, value).unwrap();
    assert_eq!(read, Some(("txn1".to_owned(), Some(stored))));
}

fn stored() -> impl Strategy<Value = Stored> {
    let topics = proptest::collection::btree_map(
        "[a-z]{1,4}",
        proptest::collection::btree_set(any::<i32>(), 0..4),
        0..4,
    );
    let ids = (0..9i64, -1..9i64, -1..9i64, any::<i16>());
    (
        ids,
        any::<i32>(),
        0..6usize,
        topics,
        any::<i64>(),
        any::<bool>(),
    )
        .prop_map(
            |((id, previous, next, epoch), timeout_ms, state, topics, at, is_v2)| {
                let state = TransactionState::ALL[state];
                Stored {
                    producer: Producer { id, epoch },
                    previous_producer_id: previous,
                    next_producer_id: next,
                    timeout_ms,
                    state,
                    topics: match state {
                        TransactionState::Empty => Topics::new(),
                        _ => topics,
                    },
                    updated_ms: at,
                    started_ms: NO_PRODUCER_ID.wrapping_sub(at),
                    client_version: match is_v2 {
                        true => TransactionVersion::V2,
                        false => TransactionVersion::V1,
                    },
                }
            },
        )
}

proptest! {
    #[test]
    fn every_record_reads_back(name in ".{0,40}", stored in stored()) {
        let (key, value) = encode(&name, Some(&stored));
        prop_assert_eq!(decode(key, value), Ok(Some((name, Some(stored)))));
    }

    #[test]
    fn no_bytes_make_decoding_panic(
        kind in 0u8..2,
        key in proptest::collection::vec(any::<u8>(), 0..40),
        version in 0u8..3,
        value in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let key: Bytes = [vec![0, kind], key].concat().into();
        let value: Bytes = [vec![0, version], value].concat().into();
        let _ = decode(key, Some(value));
    }

    #[test]
    fn a_cut_or_changed_record_is_read_or_refused(
        stored in stored(),
        cut in 0usize..100,
        at in 0usize..100,
        to in any::<u8>(),
    ) {
        let (key, value) = encode("txn1", Some(&stored));
        let mut value = value.unwrap().to_vec();
        let at = at % value.len();
        value[at] = to;
        value.truncate(cut.min(value.len()));
        let _ = decode(key, Some(value.into()));
    }
}
