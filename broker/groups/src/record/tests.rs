//! Bytes that Apache Kafka 4.4.0 writes (`MessageUtil.toVersionPrefixedByteBuffer` of its own
//! generated classes) against ours, and hostile bytes. It tests no meaning of a record.

use bytes::Bytes;
use kring_wire::TopicId;
use proptest::prelude::*;

use super::{Record, RecordError};
use crate::committed::{CommittedOffset, GroupMetadata, StoredMember};

const TOPIC_ID: TopicId = TopicId([
    0x1f, 0x8a, 0xf7, 0xfe, 0x9c, 0x2d, 0x4b, 0x6e, 0xa3, 0x11, 0x00, 0xff, 0x5e, 0x70, 0x81, 0x92,
]);

const OFFSET_KEY: &str = "000100036772700005746f70696300000007";
const GROUP_KEY: &str = "00020003677270";

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

fn offset(value: Option<CommittedOffset>) -> Record {
    Record::Offset {
        group: "grp".to_owned(),
        topic: "topic".to_owned(),
        partition: 7,
        value,
    }
}

fn committed() -> CommittedOffset {
    CommittedOffset {
        offset: 42,
        leader_epoch: 3,
        metadata: "né".to_owned(),
        commit_timestamp_ms: 1_700_000_000_000,
        expire_timestamp_ms: None,
        topic_id: TOPIC_ID,
    }
}

fn group(value: Option<GroupMetadata>) -> Record {
    Record::Group {
        group: "grp".to_owned(),
        value,
    }
}

fn metadata() -> GroupMetadata {
    GroupMetadata {
        protocol_type: "consumer".to_owned(),
        generation: 5,
        protocol: Some("range".to_owned()),
        leader: Some("m-1".to_owned()),
        state_timestamp_ms: 1_700_000_000_000,
        members: vec![StoredMember {
            member_id: "m-1".to_owned(),
            group_instance_id: Some("i1".to_owned()),
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            rebalance_timeout_ms: 300_000,
            session_timeout_ms: 45_000,
            subscription: Bytes::from_static(&[1, 2]),
            assignment: Bytes::from_static(&[3]),
        }],
    }
}

fn decode(key: &str, value: &str) -> Record {
    Record::decode(hex(key), Some(hex(value))).unwrap().unwrap()
}

#[test]
fn records_have_the_bytes_that_kafka_writes() {
    let mut anonymous = committed();
    anonymous.topic_id = TopicId::ZERO;
    let mut expiring = anonymous.clone();
    expiring.expire_timestamp_ms = Some(1_700_000_060_000);
    let empty = GroupMetadata {
        protocol_type: "consumer".to_owned(),
        generation: 6,
        state_timestamp_ms: 1,
        ..GroupMetadata::default()
    };
    let golden = [
        (
            offset(Some(committed())),
            OFFSET_KEY,
            "0004000000000000002a00000003046ec3a90000018bcfe568000100101f8af7fe9c2d4b6ea31100ff5e708192",
        ),
        (
            offset(Some(anonymous)),
            OFFSET_KEY,
            "0004000000000000002a00000003046ec3a90000018bcfe5680000",
        ),
        (
            offset(Some(expiring)),
            OFFSET_KEY,
            "0001000000000000002a00036ec3a90000018bcfe568000000018bcfe65260",
        ),
        (
            group(Some(metadata())),
            GROUP_KEY,
            "00030008636f6e73756d657200000005000572616e676500036d2d310000018bcfe568000000000100036d2d3100026931000163000a2f3132372e302e302e31000493e00000afc80000000201020000000103",
        ),
        (
            group(Some(empty)),
            GROUP_KEY,
            "00030008636f6e73756d657200000006ffffffff000000000000000100000000",
        ),
    ];
    for (record, key, value) in golden {
        assert_eq!(record.encode(), (hex(key), Some(hex(value))), "{record:?}");
    }
    assert_eq!(offset(None).encode(), (hex(OFFSET_KEY), None));
    assert_eq!(group(None).encode(), (hex(GROUP_KEY), None));
}

#[test]
fn older_and_newer_versions_of_the_values_are_read() {
    let mut expected = committed();
    expected.topic_id = TopicId::ZERO;
    let version_3 = "0003000000000000002a0000000300036ec3a90000018bcfe56800";
    assert_eq!(
        decode(OFFSET_KEY, version_3),
        offset(Some(expected.clone()))
    );
    // The key that Kafka wrote before 0.9.
    let legacy_key = "000000036772700005746f70696300000007";
    assert_eq!(
        decode(legacy_key, version_3),
        offset(Some(expected.clone()))
    );
    expected.leader_epoch = -1;
    expected.expire_timestamp_ms = Some(1_700_000_060_000);
    let version_1 = "0001000000000000002a00036ec3a90000018bcfe568000000018bcfe65260";
    assert_eq!(decode(OFFSET_KEY, version_1), offset(Some(expected)));

    let mut expected = metadata();
    let version_4 = "000409636f6e73756d6572000000050672616e6765046d2d310000018bcfe5680002046d2d3103693102630b2f3132372e302e302e31000493e00000afc803010202030000";
    assert_eq!(decode(GROUP_KEY, version_4), group(Some(expected.clone())));
    expected.members[0].group_instance_id = None;
    let version_2 = "00020008636f6e73756d657200000005000572616e676500036d2d310000018bcfe568000000000100036d2d31000163000a2f3132372e302e302e31000493e00000afc80000000201020000000103";
    assert_eq!(decode(GROUP_KEY, version_2), group(Some(expected.clone())));
    expected.state_timestamp_ms = -1;
    let version_1 = "00010008636f6e73756d657200000005000572616e676500036d2d310000000100036d2d31000163000a2f3132372e302e302e31000493e00000afc80000000201020000000103";
    assert_eq!(decode(GROUP_KEY, version_1), group(Some(expected.clone())));
    expected.members[0].rebalance_timeout_ms = 45_000;
    let version_0 = "00000008636f6e73756d657200000005000572616e676500036d2d310000000100036d2d31000163000a2f3132372e302e302e310000afc80000000201020000000103";
    assert_eq!(decode(GROUP_KEY, version_0), group(Some(expected)));
}

#[test]
fn other_kinds_of_groups_are_skipped_and_newer_values_refused() {
    // ShareGroupMetadataKey (KIP-932).
    assert_eq!(
        Record::decode(hex("000b0003677270"), Some(hex("00"))),
        Ok(None)
    );
    let newer = Record::decode(hex(GROUP_KEY), Some(hex("0005")));
    let error = newer.unwrap_err();
    assert!(matches!(
        error,
        RecordError::Version {
            version: 5,
            max: 4,
            ..
        }
    ));
    assert!(error.to_string().contains("start a broker"), "{error}");
}

proptest! {
    #[test]
    fn every_record_reads_back(
        group_id in ".{0,40}",
        topic in "[a-z]{1,10}",
        partition in any::<i32>(),
        value in any::<i64>(),
        epoch in any::<i32>(),
        metadata in ".{0,20}",
        expires in proptest::option::of(0..i64::MAX),
    ) {
        let record = Record::Offset {
            group: group_id,
            topic,
            partition,
            value: Some(CommittedOffset {
                offset: value,
                // The version with an expiry has no room for an epoch or a topic id.
                leader_epoch: if expires.is_some() { -1 } else { epoch },
                metadata,
                commit_timestamp_ms: value,
                expire_timestamp_ms: expires,
                topic_id: if expires.is_some() { TopicId::ZERO } else { TOPIC_ID },
            }),
        };
        let (key, value) = record.encode();
        prop_assert_eq!(Record::decode(key, value), Ok(Some(record)));
    }

    #[test]
    fn no_bytes_make_decoding_panic(
        kind in 0u8..4,
        key in proptest::collection::vec(any::<u8>(), 0..40),
        version in 0u8..6,
        value in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let key: Bytes = [vec![0, kind], key].concat().into();
        let value: Bytes = [vec![0, version], value].concat().into();
        let _ = Record::decode(key, Some(value));
    }

    #[test]
    fn a_cut_or_changed_record_is_read_or_refused(cut in 0usize..100, at in 0usize..100, to in any::<u8>()) {
        for record in [offset(Some(committed())), group(Some(metadata()))] {
            let (key, value) = record.encode();
            let mut value = value.unwrap().to_vec();
            let at = at % value.len();
            value[at] = to;
            value.truncate(cut.min(value.len()));
            let _ = Record::decode(key, Some(value.into()));
        }
    }
}
