//! Produce against messages of the Java client, whole, cut and changed.
//! Batches inside are opaque here.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::{CurrentLeader, Decoder, ErrorCode, NodeEndpoint, TopicId, TopicRef, encode, golden};

fn golden_requests() -> Vec<golden::Golden> {
    let mut all = golden::requests();
    all.retain(|golden| golden.api_key == API_KEY);
    all
}

/// What the versions have in common, written by hand in the classic encoding.
fn classic_request(version: i16, records: &[u8]) -> Bytes {
    let mut buf = BytesMut::new();
    if version >= 3 {
        encode::string(&mut buf, false, None);
    }
    buf.extend_from_slice(&(-1i16).to_be_bytes());
    buf.extend_from_slice(&1500i32.to_be_bytes());
    encode::array(&mut buf, false, Some(1));
    encode::string(&mut buf, false, Some("orders"));
    encode::array(&mut buf, false, Some(1));
    buf.extend_from_slice(&2i32.to_be_bytes());
    encode::bytes_len(&mut buf, false, Some(records.len()));
    buf.extend_from_slice(records);
    buf.freeze()
}

#[test]
fn a_request_gives_its_records_without_a_copy() {
    for version in 0..FLEXIBLE_FROM {
        let body = classic_request(version, b"RECORDS");
        let request = ProduceRequest::parse(version, body.clone()).unwrap();
        assert_eq!((request.acks, request.timeout_ms), (-1, 1500));
        assert_eq!(request.topics[0].topic, TopicRef::from("orders"));
        let partition = &request.topics[0].partitions[0];
        assert_eq!(partition.index, 2);
        let records = partition.records.as_ref().unwrap();
        assert_eq!(records, "RECORDS");
        let offset = body.len() - records.len();
        assert_eq!(records.as_ptr(), body[offset..].as_ptr(), "the same memory");
    }
}

#[test]
fn requests_of_the_java_client_are_read_whole_and_refused_when_cut() {
    let all = golden_requests();
    assert_eq!(all.len(), 11);
    for golden in all {
        let request = ProduceRequest::parse(golden.version, golden.body.clone()).unwrap();
        assert!(!request.topics.is_empty());
        let by_id = matches!(request.topics[0].topic, TopicRef::Id(_));
        assert_eq!(by_id, golden.version >= 13);
        for len in 0..golden.body.len() {
            assert!(ProduceRequest::parse(golden.version, golden.body.slice(..len)).is_err());
        }
    }
}

#[test]
fn a_version_that_does_not_exist_is_refused() {
    for version in [-1, 14] {
        assert!(ProduceRequest::parse(version, Bytes::new()).is_err());
    }
}

fn response(version: i16) -> ProduceResponse {
    let topic = if version >= 13 {
        let mut id = [0; 16];
        (id[7], id[15]) = (1, 2);
        TopicRef::Id(TopicId(id))
    } else {
        TopicRef::from("orders")
    };
    let mut bad =
        ProducePartitionResponse::failed(4, ErrorCode::NotLeaderOrFollower, Some("moved".into()));
    bad.record_faults.push(RecordFault {
        index: 2,
        message: Some("key".into()),
    });
    bad.current_leader = Some(CurrentLeader {
        leader_id: 2,
        leader_epoch: 9,
    });
    let good = ProducePartitionResponse::appended(3, 1 << 40, 1_700_000_000_000, 17);
    ProduceResponse {
        topics: vec![ProduceTopicResponse {
            topic,
            partitions: vec![good, bad],
        }],
        throttle_ms: 5,
        node_endpoints: vec![NodeEndpoint {
            node_id: 2,
            host: "b2".into(),
            port: 9092,
            rack: Some("r".into()),
        }],
    }
}

#[test]
fn responses_are_those_of_kafka_to_the_byte() {
    let all = golden::responses();
    let all: Vec<_> = all
        .iter()
        .filter(|golden| golden.api_key == API_KEY)
        .collect();
    assert_eq!(all.len(), 11);
    for golden in all {
        let mut frame = response(golden.version).encode(golden.version, 99);
        let length = i32::from_be_bytes(frame[..4].try_into().unwrap());
        assert_eq!(length as usize, frame.len() - 4);
        assert_eq!(frame[4..8], 99i32.to_be_bytes());
        let header = if golden.version >= FLEXIBLE_FROM {
            9
        } else {
            8
        };
        let body = frame.split_off(header);
        assert_eq!(body, golden.body, "version {}", golden.version);
    }
}

#[test]
fn the_oldest_response_has_neither_throttle_nor_timestamps() {
    let frame = response(0).encode(0, 1);
    // length, correlation id; count, "orders", count, twice index + error + offset.
    assert_eq!(frame.len(), 4 + 4 + 4 + 8 + 4 + 2 * 14);
    let mut read = Decoder::new(frame.slice(8..));
    assert_eq!(read.array("topics", false, 1), Ok(1));
}

proptest! {
    #[test]
    fn garbage_never_panics(version in 0i16..14, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = ProduceRequest::parse(version, Bytes::from(body));
    }
}
