//! Fetch against messages of the Java client, whole, cut and changed.
//! Records are opaque here.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::{CurrentLeader, ErrorCode, NodeEndpoint, TopicId, TopicRef, golden};

#[test]
fn requests_of_the_java_client_are_read_whole_and_refused_when_cut() {
    let mut all = golden::requests();
    all.retain(|golden| golden.api_key == API_KEY);
    assert_eq!(all.len(), 15);
    for golden in all {
        let version = golden.version;
        let request = FetchRequest::parse(version, golden.body.clone()).unwrap();
        let topic = &request.topics[0];
        assert_eq!(matches!(topic.topic, TopicRef::Id(_)), version >= 13);
        assert_ne!(topic.partitions[0].fetch_offset, -1);
        assert_eq!(topic.partitions[0].current_leader_epoch != -1, version >= 9);
        assert_eq!(request.forgotten.is_empty(), version < 7);
        assert_ne!(
            request.replica_id, -1,
            "in the body before 15, in a tag from then on"
        );
        for len in 0..golden.body.len() {
            assert!(FetchRequest::parse(version, golden.body.slice(..len)).is_err());
        }
    }
}

#[test]
fn a_version_that_does_not_exist_is_refused() {
    for version in [-1, 3, 19] {
        assert!(FetchRequest::parse(version, Bytes::new()).is_err());
    }
}

fn response(version: i16) -> FetchResponse {
    let topic = if version >= 13 {
        let mut id = [0; 16];
        (id[7], id[15]) = (1, 2);
        TopicRef::Id(TopicId(id))
    } else {
        TopicRef::from("orders")
    };
    let mut good = FetchPartitionResponse::failed(3, ErrorCode::None);
    good.high_watermark = 100;
    good.last_stable_offset = 90;
    good.log_start = 10;
    good.preferred_read_replica = 1;
    good.aborted = Some(vec![AbortedTransaction {
        producer_id: 7,
        first_offset: 8,
    }]);
    good.records = vec![
        Bytes::from_static(b"REC"),
        Bytes::new(),
        Bytes::from_static(b"ORDS"),
    ];
    let mut bad = FetchPartitionResponse::failed(4, ErrorCode::NotLeaderOrFollower);
    bad.diverging_epoch = Some(EpochEnd {
        epoch: 4,
        end_offset: 44,
    });
    bad.current_leader = Some(CurrentLeader {
        leader_id: 2,
        leader_epoch: 9,
    });
    FetchResponse {
        throttle_ms: 5,
        error: ErrorCode::None,
        session_id: 77,
        topics: vec![FetchTopicResponse {
            topic,
            partitions: vec![good, bad],
        }],
        node_endpoints: vec![NodeEndpoint {
            node_id: 2,
            host: "b2".into(),
            port: 9092,
            rack: None,
        }],
    }
}

fn joined(parts: &[Bytes]) -> Bytes {
    let mut all = BytesMut::new();
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all.freeze()
}

#[test]
fn responses_are_those_of_kafka_to_the_byte() {
    let all = golden::responses();
    let all: Vec<_> = all
        .iter()
        .filter(|golden| golden.api_key == API_KEY)
        .collect();
    assert_eq!(all.len(), 15);
    for golden in all {
        let mut frame = joined(&response(golden.version).encode(golden.version, 99));
        let length = i32::from_be_bytes(frame[..4].try_into().unwrap());
        assert_eq!(length as usize, frame.len() - 4);
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
fn records_leave_in_the_memory_they_came_in() {
    let response = response(16);
    let parts = response.encode(16, 1);
    let records = &response.topics[0].partitions[0].records;
    assert_eq!(parts.len(), 4);
    assert_eq!(parts[1].as_ptr(), records[0].as_ptr());
    assert_eq!(parts[2].as_ptr(), records[2].as_ptr());
}

#[test]
fn an_empty_response_is_one_part() {
    for version in VERSION_MIN..=VERSION_MAX {
        assert_eq!(FetchResponse::default().encode(version, 1).len(), 1);
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(version in 4i16..19, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = FetchRequest::parse(version, Bytes::from(body));
    }
}
