//! What a broker that is not a group's coordinator answers to who asks for the group's offsets.
//! Groups themselves are tested with one broker.

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{FindCoordinatorRequest, GroupId, OffsetFetchRequest, TopicName};
use kring_io::BrokerId;
use kring_wire::ErrorCode;

use crate::harness::{Cluster, ids, text};

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
        cluster.run_for(std::time::Duration::from_millis(10));
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
