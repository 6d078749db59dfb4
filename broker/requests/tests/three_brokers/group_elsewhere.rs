//! What a broker that is not a group's coordinator answers to who asks for the group's offsets, and what a coordinator
//! knows of partitions that it has no replica of.
//! Groups themselves are tested with one broker.

use std::time::Duration;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, OffsetCommitRequest, OffsetFetchRequest, TopicName,
};
use kring_io::BrokerId;
use kring_wire::ErrorCode;

use crate::harness::{Cluster, ids, text};

const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
const UNSTABLE: i16 = 88;
/// `RD_KAFKA_OFFSET_STORED`.
const STORED: i64 = -1000;

fn coordinator(cluster: &mut Cluster) -> BrokerId {
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]);
    for _ in 0..1000 {
        let found: Vec<Coordinator> = cluster.ask(BrokerId(0), 4, &request).coordinators;
        if found[0].error_code == 0 {
            return BrokerId(found[0].node_id.0);
        }
        cluster.run_for(Duration::from_millis(10));
    }
    panic!("the group has no coordinator");
}

fn of_one() -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(TopicName(text("t")))
        .with_partition_indexes(vec![0, 1]);
    OffsetFetchRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_topics(Some(vec![topic]))
}

fn of_several() -> OffsetFetchRequest {
    let topic = OffsetFetchRequestTopics::default()
        .with_name(TopicName(text("t")))
        .with_partition_indexes(vec![0, 1]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(text("g")))
        .with_topics(Some(vec![topic]));
    OffsetFetchRequest::default().with_groups(vec![group])
}

/// A topic of three partitions with one replica each, so that two of them are not where the group is.
#[test]
fn a_coordinator_knows_the_lag_of_partitions_without_a_replica_here() {
    let mut cluster = Cluster::new();
    cluster.create_with("t", 3, 1);
    let coordinator = coordinator(&mut cluster);
    let row = |at: i32| {
        OffsetCommitRequestPartition::default()
            .with_partition_index(at)
            .with_committed_offset(0)
    };
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions((0..3).map(row).collect());
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let mut codes = vec![COORDINATOR_LOAD_IN_PROGRESS];
    while codes.contains(&COORDINATOR_LOAD_IN_PROGRESS) {
        cluster.run_for(Duration::from_millis(10));
        let topic = cluster.ask(coordinator, 7, &request).topics.remove(0);
        codes = topic.partitions.iter().map(|row| row.error_code).collect();
    }
    assert_eq!(codes, [0, 0, 0]);
    let leader = cluster.leader(coordinator, "t");
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
    let told = |cluster: &mut Cluster| {
        let offsets = cluster.broker(coordinator).metrics().group_offsets;
        offsets.iter().map(|o| o.lag_records).collect::<Vec<_>>()
    };
    assert!(told(&mut cluster).contains(&None), "nobody was asked yet");
    cluster.run_for(Duration::from_secs(20));
    assert_eq!(told(&mut cluster), [Some(1), Some(0), Some(0)]);
    let sum = cluster.broker(coordinator).metrics().group_topics.remove(0);
    assert_eq!((sum.lag_records, sum.unknown_partitions), (1, 0));
    assert!(sum.unread_since_ms.is_some());

    // A leader that is gone tells nothing.
    let gone = ids().into_iter().find(|id| *id != coordinator).unwrap();
    cluster.kill(gone);
    cluster.run_for(Duration::from_secs(60));
    assert_eq!(
        told(&mut cluster)
            .iter()
            .filter(|lag| lag.is_none())
            .count(),
        1
    );
}

/// librdkafka 2.12 asks again only for partitions that are in the answer and not yet stable; any other is never read by
/// its consumer, which lives on in the group.
#[test]
fn offsets_that_are_with_another_broker_are_asked_for_again() {
    let mut cluster = Cluster::new();
    cluster.create("t", 2);
    let coordinator = coordinator(&mut cluster);
    for id in ids().into_iter().filter(|id| *id != coordinator) {
        let answer = cluster.ask(id, 7, &of_one());
        assert_eq!(answer.error_code, ErrorCode::NotCoordinator.code());
        let rows = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let rows = rows.map(|row| (row.partition_index, row.committed_offset, row.error_code));
        let expected = [(0, STORED, UNSTABLE), (1, STORED, UNSTABLE)];
        assert_eq!(rows.collect::<Vec<_>>(), expected);

        for version in [8, 9] {
            let answer = cluster.ask(id, version, &of_several());
            let group = &answer.groups[0];
            assert_eq!(group.error_code, ErrorCode::NotCoordinator.code());
            let rows = group.topics.iter().flat_map(|topic| &topic.partitions);
            let rows = rows.map(|row| (row.partition_index, row.committed_offset, row.error_code));
            assert_eq!(rows.collect::<Vec<_>>(), expected);
        }

        // Clients of that time do not know of offsets that are not yet stable.
        let answer = cluster.ask(id, 6, &of_one());
        assert_eq!(answer.error_code, ErrorCode::NotCoordinator.code());
        assert!(answer.topics.is_empty(), "{:?}", answer.topics);
    }
}
