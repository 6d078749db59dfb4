//! What clients are told by a leader that is new: its high watermark may lie behind what they have seen.
//! How it becomes the leader is tested elsewhere.

use std::time::Duration;

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest, TopicName};
use kring_io::BrokerId;
use kring_wire::ErrorCode;

use crate::harness::{Cluster, ids, text};

const EPOCH: i32 = 0;

fn latest() -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default()
        .with_current_leader_epoch(-1)
        .with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic])
}

fn end_of_epoch() -> OffsetForLeaderEpochRequest {
    let partition = OffsetForLeaderPartition::default()
        .with_current_leader_epoch(-1)
        .with_leader_epoch(EPOCH);
    let topic = OffsetForLeaderTopic::default()
        .with_topic(TopicName(text("t")))
        .with_partitions(vec![partition]);
    OffsetForLeaderEpochRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic])
}

#[test]
fn no_offset_that_was_acknowledged_seems_truncated_at_a_new_leader() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    for expected in 0..5 {
        assert_eq!(cluster.produce(old, "t", -1), (0, expected));
    }
    // The last answer is out, and the other brokers do not yet know that it was given.
    cluster.kill(old);
    let others = ids().into_iter().filter(|id| *id != old);
    let others: Vec<BrokerId> = others.collect();
    let mut unavailable = 0;
    for _ in 0..20_000 {
        cluster.run_for(Duration::from_micros(500));
        for broker in &others {
            let answer = cluster.ask(*broker, 4, &end_of_epoch());
            let row = &answer.topics[0].partitions[0];
            assert!(row.error_code != 0 || row.end_offset == 5, "{row:?}");
            let answer = cluster.ask(*broker, 7, &latest());
            let row = &answer.topics[0].partitions[0];
            assert!(row.error_code != 0 || row.offset == 5, "{row:?}");
            unavailable += u32::from(row.error_code == ErrorCode::OffsetNotAvailable.code());
            if row.error_code == 0 {
                assert!(unavailable > 0, "the high watermark lay behind for a while");
                return;
            }
        }
    }
    panic!("nobody leads");
}
