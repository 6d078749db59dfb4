//! Partitions that move to other brokers, leaders that move back, and where replicas lie.
//! The decisions are the controller's and tested there; here they are asked for by clients.

use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::alter_partition_reassignments_response::ReassignablePartitionResponse;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::list_partition_reassignments_response::OngoingPartitionReassignment;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId as WireId, DescribeLogDirsRequest,
    ElectLeadersRequest, ListPartitionReassignmentsRequest, ProduceRequest, TopicName,
};
use kring_io::BrokerId;

use crate::harness::{Cluster, ids, text};

const NOT_CONTROLLER: i16 = 41;
const NO_REASSIGNMENT_IN_PROGRESS: i16 = 85;
const INVALID_REPLICA_ASSIGNMENT: i16 = 39;
const INVALID_REPLICATION_FACTOR: i16 = 38;
const ELECTION_NOT_NEEDED: i16 = 84;

/// Asks a broker that lives, again while there is no controller.
fn reassign(
    cluster: &mut Cluster,
    from: BrokerId,
    replicas: Option<&[BrokerId]>,
    may_change_factor: bool,
) -> ReassignablePartitionResponse {
    let replicas = replicas.map(|ids| ids.iter().map(|id| WireId(id.0)).collect());
    let partition = ReassignablePartition::default().with_replicas(replicas);
    let topic = ReassignableTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_allow_replication_factor_change(may_change_factor)
        .with_timeout_ms(5_000)
        .with_topics(vec![topic]);
    for _ in 0..100 {
        let answer = cluster.ask(from, 1, &request);
        if answer.error_code != NOT_CONTROLLER {
            assert_eq!(answer.error_code, 0);
            return answer.responses[0].partitions[0].clone();
        }
        cluster.run_for(Duration::from_millis(100));
    }
    panic!("there is no controller");
}

fn under_way(cluster: &mut Cluster, from: BrokerId) -> Vec<OngoingPartitionReassignment> {
    let request = ListPartitionReassignmentsRequest::default().with_topics(None);
    let answer = cluster.ask(from, 0, &request);
    assert_eq!(answer.error_code, 0);
    let topics = answer.topics.into_iter();
    topics.flat_map(|topic| topic.partitions).collect()
}

fn replicas(cluster: &mut Cluster, from: BrokerId) -> Vec<i32> {
    let partitions = cluster.partitions(from, "t");
    partitions[0].replica_nodes.iter().map(|id| id.0).collect()
}

/// Bytes and lag of the topic's replica on a broker; none where it has none.
fn in_log_dir(cluster: &mut Cluster, broker: BrokerId) -> Option<(i64, i64)> {
    let request = DescribeLogDirsRequest::default().with_topics(None);
    let answer = cluster.ask(broker, 4, &request);
    let mut topics = answer.results[0].topics.iter();
    let topic = topics.find(|topic| topic.name.0.as_str() == "t")?;
    let partition = &topic.partitions[0];
    Some((partition.partition_size, partition.offset_lag))
}

#[test]
fn who_waits_at_a_leader_goes_on_waiting_when_another_loses_its_replica() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    let others: Vec<BrokerId> = ids().into_iter().filter(|id| *id != leader).collect();
    assert_eq!(cluster.produce(leader, "t", -1), (0, 0));
    let epoch = cluster.partitions(leader, "t")[0].leader_epoch;
    // It is in sync and silent, so the record waits for it.
    cluster.kill(others[1]);
    let waiting = cluster.send_produce(leader, "t", -1);
    let moved = reassign(&mut cluster, leader, Some(&[leader, others[0]]), true);
    assert_eq!(moved.error_code, 0, "{:?}", moved.error_message);
    cluster.run_until(|cluster| cluster.answered(waiting));
    let answer = cluster.receive::<ProduceRequest>(9, waiting);
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!((partition.error_code, partition.base_offset), (0, 1));
    assert_eq!(cluster.leader(leader, "t"), leader);
    assert!(cluster.partitions(leader, "t")[0].leader_epoch > epoch);
}

#[test]
fn a_partition_moves_to_other_brokers_and_every_step_is_told() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    let [first, second] = ids()
        .into_iter()
        .filter(|id| *id != leader)
        .collect::<Vec<_>>()[..]
    else {
        panic!("three brokers");
    };
    for offset in 0..10 {
        assert_eq!(cluster.produce(leader, "t", -1), (0, offset));
    }
    assert!(under_way(&mut cluster, leader).is_empty());
    let none = reassign(&mut cluster, leader, None, true);
    assert_eq!(none.error_code, NO_REASSIGNMENT_IN_PROGRESS);
    let refused = reassign(&mut cluster, leader, Some(&[leader, first]), false);
    assert_eq!(refused.error_code, INVALID_REPLICATION_FACTOR);
    let message = refused.error_message.unwrap();
    assert!(message.contains("has 3 replicas, not 2"), "{message:?}");
    let nobody = reassign(&mut cluster, leader, Some(&[leader, BrokerId(9)]), true);
    assert_eq!(nobody.error_code, INVALID_REPLICA_ASSIGNMENT);
    assert!(nobody.error_message.is_some_and(|m| m.contains('9')));

    // Away from the leader to a broker that is down: it is listed until it is cancelled.
    let shrunk = reassign(&mut cluster, leader, Some(&[leader, first]), true);
    assert_eq!(shrunk.error_code, 0);
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(replicas(&mut cluster, leader), [leader.0, first.0]);
    assert_eq!(in_log_dir(&mut cluster, second), None, "its log is removed");
    cluster.kill(second);
    let moved = reassign(&mut cluster, leader, Some(&[leader, second]), true);
    assert_eq!(moved.error_code, 0, "{:?}", moved.error_message);
    let listed = under_way(&mut cluster, leader);
    assert_eq!(listed.len(), 1);
    let of = |ids: &[WireId]| ids.iter().map(|id| id.0).collect::<Vec<_>>();
    assert_eq!(of(&listed[0].adding_replicas), [second.0]);
    assert_eq!(of(&listed[0].removing_replicas), [first.0]);
    assert_eq!(reassign(&mut cluster, leader, None, true).error_code, 0);
    cluster.run_for(Duration::from_secs(1));
    assert!(under_way(&mut cluster, leader).is_empty());
    assert_eq!(replicas(&mut cluster, leader), [leader.0, first.0]);

    cluster.start(second);
    cluster.run_until(|cluster| cluster.is_ready(second));
    assert_eq!(
        reassign(&mut cluster, leader, Some(&[second, leader, first]), true).error_code,
        0
    );
    cluster.wait_for_isr(leader, "t", 3);
    cluster.run_for(Duration::from_secs(1));
    assert!(under_way(&mut cluster, leader).is_empty());
    assert_eq!(
        replicas(&mut cluster, leader),
        [second.0, leader.0, first.0]
    );
    let (size, _) = in_log_dir(&mut cluster, leader).unwrap();
    assert!(size > 0);
    for broker in ids() {
        assert_eq!(in_log_dir(&mut cluster, broker), Some((size, 0)));
    }
}

#[test]
fn the_preferred_leader_is_elected_when_it_is_asked_for() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let elect = |cluster: &mut Cluster| {
        let topic = TopicPartitions::default()
            .with_topic(TopicName(text("t")))
            .with_partitions(vec![0]);
        let request = ElectLeadersRequest::default()
            .with_election_type(0)
            .with_topic_partitions(Some(vec![topic]))
            .with_timeout_ms(5_000);
        let answer = cluster.ask(BrokerId(0), 2, &request);
        assert_eq!(answer.error_code, 0);
        answer.replica_election_results[0].partition_result[0].clone()
    };
    let preferred = cluster.leader(BrokerId(0), "t");
    assert_eq!(elect(&mut cluster).error_code, ELECTION_NOT_NEEDED);
    cluster.stop(preferred);
    cluster.start(preferred);
    cluster.run_until(|cluster| cluster.is_ready(preferred));
    let other = cluster.leader(BrokerId(0), "t");
    assert_ne!(other, preferred);
    cluster.wait_for_isr(other, "t", 3);
    let elected = elect(&mut cluster);
    assert_eq!(elected.error_code, 0, "{:?}", elected.error_message);
    cluster.run_for(Duration::from_millis(500));
    assert_eq!(cluster.leader(BrokerId(0), "t"), preferred);
    assert_eq!(cluster.produce(preferred, "t", -1), (0, 0));
}
