//! Records that were deleted stay deleted, whoever leads next.
//! What a single broker does with the request is tested in `one_broker`.

use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{DeleteRecordsRequest, ListOffsetsRequest, TopicName};
use kring_io::BrokerId;
use kring_wire::ErrorCode;

use crate::harness::{Cluster, ids, text};

fn delete_below(offset: i64, timeout_ms: i32) -> DeleteRecordsRequest {
    let partition = DeleteRecordsPartition::default()
        .with_partition_index(0)
        .with_offset(offset);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(timeout_ms)
}

fn earliest(cluster: &mut Cluster, broker: BrokerId) -> i64 {
    let partition = ListOffsetsPartition::default()
        .with_current_leader_epoch(-1)
        .with_timestamp(-2);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = cluster.ask(broker, 7, &request);
    let row = &answer.topics[0].partitions[0];
    assert_eq!(row.error_code, 0);
    row.offset
}

fn with_ten_records() -> (Cluster, BrokerId) {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    for offset in 0..10 {
        assert_eq!(cluster.produce(leader, "t", -1), (0, offset));
    }
    (cluster, leader)
}

#[test]
fn the_answer_comes_when_every_possible_next_leader_has_the_new_start_on_disk() {
    let (mut cluster, leader) = with_ten_records();
    let answer = cluster.ask(leader, 2, &delete_below(7, 5_000));
    let row = &answer.topics[0].partitions[0];
    assert_eq!((row.error_code, row.low_watermark), (0, 7));
    // All lose power at this instant; then the old leader stays away.
    for id in ids() {
        cluster.kill(id);
    }
    let others: Vec<BrokerId> = ids().into_iter().filter(|id| *id != leader).collect();
    for id in &others {
        cluster.start(*id);
    }
    let (first, second) = (others[0], others[1]);
    cluster.run_until(|cluster| cluster.is_ready(first) && cluster.is_ready(second));
    let new = loop {
        let new = cluster.leader(first, "t");
        if others.contains(&new) {
            break new;
        }
        cluster.run_for(std::time::Duration::from_millis(100));
    };
    assert_eq!(earliest(&mut cluster, new), 7);
}

#[test]
fn a_follower_that_does_not_hear_of_it_costs_the_client_its_time_and_then_leaves_the_isr() {
    let (mut cluster, leader) = with_ten_records();
    let follower = ids().into_iter().find(|id| *id != leader).unwrap();
    cluster.kill(follower);
    let begin = cluster.now();
    let answer = cluster.ask(leader, 2, &delete_below(7, 400));
    let row = &answer.topics[0].partitions[0];
    assert_eq!(row.error_code, ErrorCode::RequestTimedOut.code());
    assert_eq!(row.low_watermark, -1);
    let took = cluster.now().since(begin).as_millis();
    assert!(
        (400..500).contains(&took),
        "{took} ms of the simulated clock"
    );
    // With more patience it is answered as soon as the controller fenced the silent broker.
    let answer = cluster.ask(leader, 2, &delete_below(8, 60_000));
    let row = &answer.topics[0].partitions[0];
    assert_eq!((row.error_code, row.low_watermark), (0, 8));
    assert_eq!(cluster.partitions(leader, "t")[0].isr_nodes.len(), 2);
}

/// Who left the ISR below min ISR may still be elected, and has not heard of the deletion.
#[test]
fn below_min_isr_nothing_is_said_to_be_deleted() {
    let (mut cluster, leader) = with_ten_records();
    let followers: Vec<BrokerId> = ids().into_iter().filter(|id| *id != leader).collect();
    let (gone, stopped) = (followers[0], followers[1]);
    cluster.kill(gone);
    cluster.wait_for_isr(leader, "t", 2);
    cluster.stop(stopped);
    cluster.wait_for_isr(leader, "t", 1);
    let answer = cluster.ask(leader, 2, &delete_below(7, 1_000));
    let row = &answer.topics[0].partitions[0];
    assert_eq!(row.error_code, ErrorCode::RequestTimedOut.code());
    // Who comes back joins with the new start on its disk.
    cluster.start(stopped);
    cluster.wait_for_isr(leader, "t", 2);
    let answer = cluster.ask(leader, 2, &delete_below(7, 1_000));
    let row = &answer.topics[0].partitions[0];
    assert_eq!((row.error_code, row.low_watermark), (0, 7));
}

#[test]
fn a_leader_that_is_replaced_meanwhile_says_so() {
    let (mut cluster, leader) = with_ten_records();
    let followers: Vec<BrokerId> = ids().into_iter().filter(|id| *id != leader).collect();
    cluster.isolate(leader);
    let number = cluster.send(leader, 2, &delete_below(7, 60_000));
    cluster.run_for(std::time::Duration::from_secs(10));
    assert!(!cluster.answered(number), "nobody else has the new start");
    let new = cluster.leader(followers[0], "t");
    assert!(followers.contains(&new));
    cluster.heal();
    let answer = cluster.receive::<DeleteRecordsRequest>(2, number);
    let row = &answer.topics[0].partitions[0];
    assert_eq!(row.error_code, ErrorCode::NotLeaderOrFollower.code());
    assert_eq!(earliest(&mut cluster, new), 0);
}
