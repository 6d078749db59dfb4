//! Bytes that Apache Kafka 4.4.0 writes (`MessageUtil` of its own generated classes) against ours, and hostile bytes.
//! It tests no meaning of a record.

use bytes::Bytes;
use kring_wire::TopicId;
use proptest::prelude::*;

use crate::consumer::{Change, Current, Epoch, MemberMetadata, MemberState, Resolved, TargetEpoch};
use crate::record::{Record, RecordError};

const TOPIC_ID: TopicId = TopicId([
    0x1f, 0x8a, 0xf7, 0xfe, 0x9c, 0x2d, 0x4b, 0x6e, 0xa3, 0x11, 0x00, 0xff, 0x5e, 0x70, 0x81, 0x92,
]);

fn hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn golden() -> Vec<(&'static str, &'static str, Change)> {
    let member = || "m1".to_owned();
    vec![
        (
            "00030003677270",
            "0000000000090100081122334455667788",
            Change::Epoch(Some(Epoch {
                epoch: 9,
                metadata_hash: 0x1122_3344_5566_7788,
            })),
        ),
        (
            "00030003677270",
            "00000000000900",
            Change::Epoch(Some(Epoch {
                epoch: 9,
                metadata_hash: 0,
            })),
        ),
        (
            "0005000367727000026d31",
            "0000046f6e650002630a2f31302e302e302e31030261026204742e2a000493e00672616e676500",
            Change::Member(
                member(),
                Some(MemberMetadata {
                    instance_id: Some("one".to_owned()),
                    rack_id: None,
                    client_id: "c".to_owned(),
                    client_host: "/10.0.0.1".to_owned(),
                    topics: ["a".to_owned(), "b".to_owned()].into(),
                    regex: Some("t.*".to_owned()),
                    rebalance_timeout_ms: 300_000,
                    assignor: Some("range".to_owned()),
                }),
            ),
        ),
        (
            "00060003677270",
            "0000000000090100080000018bcfe56801",
            Change::TargetEpoch(Some(TargetEpoch {
                epoch: 9,
                computed_ms: 1_700_000_000_001,
            })),
        ),
        (
            "0007000367727000026d31",
            "0000021f8af7fe9c2d4b6ea31100ff5e7081920300000000000000020000",
            Change::Target(member(), Some([(TOPIC_ID, [0, 2].into())].into())),
        ),
        (
            "0008000367727000026d31",
            "0000000000090000000801021f8af7fe9c2d4b6ea31100ff5e708192030000000000000002010009030000000700000009021f8af7fe9c2d4b6ea31100ff5e7081920200000001010005020000000700",
            Change::Current(
                member(),
                Some(Current {
                    epoch: 9,
                    previous_epoch: 8,
                    state: MemberState::UnrevokedPartitions,
                    assigned: [(TOPIC_ID, [(0, 7), (2, 9)].into())].into(),
                    revoking: [(TOPIC_ID, [(1, 7)].into())].into(),
                }),
            ),
        ),
        (
            "001000036772700003742e2a",
            "00000303743103743200000000000000050000018bcfe5680200",
            Change::Regex(
                "t.*".to_owned(),
                Some(Resolved {
                    topics: ["t1".to_owned(), "t2".to_owned()].into(),
                    version: 5,
                    resolved_ms: 1_700_000_000_002,
                }),
            ),
        ),
    ]
}

/// The change of the same key without a value.
fn tombstone(change: &Change) -> Change {
    match change {
        Change::Epoch(_) => Change::Epoch(None),
        Change::TargetEpoch(_) => Change::TargetEpoch(None),
        Change::Member(id, _) => Change::Member(id.clone(), None),
        Change::Target(id, _) => Change::Target(id.clone(), None),
        Change::Current(id, _) => Change::Current(id.clone(), None),
        Change::Regex(regex, _) => Change::Regex(regex.clone(), None),
    }
}

fn record(change: Change) -> Record {
    Record::Consumer {
        group: "grp".to_owned(),
        change,
    }
}

#[test]
fn records_are_kafkas_byte_for_byte() {
    for (key, value, change) in golden() {
        let (key, value) = (hex(key), hex(value));
        let record = record(change.clone());
        assert_eq!(
            record.encode(),
            (key.clone(), Some(value.clone())),
            "{record:?}"
        );
        assert_eq!(Record::decode(key.clone(), Some(value)), Ok(Some(record)));
        let gone = self::record(tombstone(&change));
        assert_eq!(gone.encode(), (key.clone(), None));
        assert_eq!(Record::decode(key, None), Ok(Some(gone)));
    }
}

#[test]
fn partitions_of_a_version_without_epochs_count_from_the_members() {
    let value = "0000000000090000000800021f8af7fe9c2d4b6ea31100ff5e7081920300000000000000020001 00";
    let value = hex(&value.replace(' ', ""));
    let Ok(Some(Record::Consumer {
        change: Change::Current(_, Some(current)),
        ..
    })) = Record::decode(hex("0008000367727000026d31"), Some(value))
    else {
        panic!("another record")
    };
    assert_eq!(current.assigned[&TOPIC_ID], [(0, 9), (2, 9)].into());
    assert_eq!(current.state, MemberState::Stable);
}

#[test]
fn a_newer_version_is_refused_and_a_newer_state_is_unknown() {
    let key = hex("0008000367727000026d31");
    let newer = Record::decode(key.clone(), Some(hex("000100000009")));
    assert!(matches!(
        newer,
        Err(RecordError::Version { version: 1, .. })
    ));
    let value = hex("00000000000900000008050101 00".replace(' ', "").as_str());
    let Ok(Some(Record::Consumer {
        change: Change::Current(_, Some(current)),
        ..
    })) = Record::decode(key, Some(value))
    else {
        panic!("another record")
    };
    assert_eq!(current.state, MemberState::Unknown);
}

proptest! {
    #[test]
    fn hostile_values_neither_panic_nor_reserve_what_they_claim(
        which in 0..7usize, at in 0..200usize, byte in any::<u8>(), cut in 0..200usize,
    ) {
        let (key, value, _) = golden().swap_remove(which);
        let mut bytes = hex(value).to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut.max(1));
        let _ = Record::decode(hex(key), Some(bytes.into()));
    }
}
