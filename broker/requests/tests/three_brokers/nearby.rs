//! Consumers that read from a follower in their own rack (KIP-392).
//! Each broker of the cluster is in a rack of its own.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, TopicName};
use kring_io::BrokerId;

use crate::harness::{Cluster, ids, text};

const OFFSET_OUT_OF_RANGE: i16 = 1;
const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const UNKNOWN_LEADER_EPOCH: i16 = 75;

/// Three records are in partition 0 of `t`; gives its leader and its followers.
fn three_records(racks: bool) -> (Cluster, BrokerId, Vec<BrokerId>) {
    let mut cluster = Cluster::configured(|config| config.rack_aware_replica_selector = racks);
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    for offset in 0..3 {
        assert_eq!(cluster.produce(leader, "t", -1), (0, offset));
    }
    // The followers hear a moment later what is committed.
    cluster.run_for(Duration::from_millis(1_500));
    let followers = ids().into_iter().filter(|id| *id != leader).collect();
    (cluster, leader, followers)
}

fn request(offset: i64, rack: &str) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_last_fetched_epoch(-1)
        .with_partition_max_bytes(10_000);
    let topic = FetchTopic::default()
        .with_topic(TopicName(text("t")))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(10_000)
        .with_session_epoch(-1)
        .with_rack_id(text(rack))
        .with_topics(vec![topic])
}

fn rack_of(broker: BrokerId) -> String {
    format!("rack-{broker}")
}

fn fetch(cluster: &mut Cluster, from: BrokerId, offset: i64, rack: &str) -> PartitionData {
    let answer = cluster.ask(from, 12, &request(offset, rack));
    answer.responses[0].partitions[0].clone()
}

/// Error, preferred replica, how many records.
fn summary(data: &PartitionData) -> (i16, i32, i32) {
    let records = data.records.clone().unwrap_or_default();
    let batches = kring_wire::batches(&records);
    let counts = batches.map(|batch| batch.unwrap().0.record_count);
    (data.error_code, data.preferred_read_replica.0, counts.sum())
}

#[test]
fn a_leader_sends_a_client_to_the_follower_in_its_rack_and_that_serves_it() {
    let (mut cluster, leader, followers) = three_records(true);
    for follower in followers {
        let rack = rack_of(follower);
        let sent = fetch(&mut cluster, leader, 0, &rack);
        assert_eq!(summary(&sent), (0, follower.0, 0), "no records beside it");
        assert_eq!((sent.high_watermark, sent.log_start_offset), (3, 0));
        let served = fetch(&mut cluster, follower, 0, &rack);
        assert_eq!(summary(&served), (0, -1, 3));
        assert_eq!(served.high_watermark, 3);
        let outside = fetch(&mut cluster, follower, 100, &rack);
        assert_eq!(outside.error_code, OFFSET_OUT_OF_RANGE);
        let mut future = request(0, &rack);
        future.topics[0].partitions[0].current_leader_epoch = 1_000;
        let future = cluster.ask(follower, 12, &future);
        let future = &future.responses[0].partitions[0];
        assert_eq!(future.error_code, UNKNOWN_LEADER_EPOCH);
    }
}

#[test]
fn a_follower_gives_a_waiting_client_what_becomes_committed() {
    let (mut cluster, leader, followers) = three_records(true);
    let waits = cluster.send(followers[0], 12, &request(3, &rack_of(followers[0])));
    cluster.run_for(Duration::from_millis(100));
    assert!(!cluster.answered(waits));
    assert_eq!(cluster.produce(leader, "t", -1), (0, 3));
    let begin = cluster.now();
    let served = cluster.receive::<FetchRequest>(12, waits);
    assert_eq!(summary(&served.responses[0].partitions[0]), (0, -1, 1));
    let took = cluster.now().since(begin);
    assert!(took < Duration::from_millis(200), "{took:?}");
}

#[test]
fn the_leader_serves_clients_of_its_rack_of_no_rack_and_of_racks_without_a_replica() {
    let (mut cluster, leader, _) = three_records(true);
    for rack in [&rack_of(leader), "", "elsewhere"] {
        let served = fetch(&mut cluster, leader, 0, rack);
        assert_eq!(summary(&served), (0, -1, 3), "{rack:?}");
    }
}

#[test]
fn a_follower_refuses_clients_that_were_sent_by_nobody() {
    let (mut cluster, _, followers) = three_records(true);
    let without = fetch(&mut cluster, followers[0], 0, "");
    assert_eq!(without.error_code, NOT_LEADER_OR_FOLLOWER);
    let old = cluster.ask(followers[0], 10, &request(0, ""));
    let old = &old.responses[0].partitions[0];
    assert_eq!(old.error_code, NOT_LEADER_OR_FOLLOWER);
}

#[test]
fn racks_mean_nothing_unless_the_selector_is_set() {
    let (mut cluster, leader, followers) = three_records(false);
    let rack = rack_of(followers[0]);
    let served = fetch(&mut cluster, leader, 0, &rack);
    assert_eq!(summary(&served), (0, -1, 3));
    let refused = fetch(&mut cluster, followers[0], 0, &rack);
    assert_eq!(refused.error_code, NOT_LEADER_OR_FOLLOWER);
}

#[test]
fn no_client_is_sent_to_a_follower_that_left_the_isr() {
    let (mut cluster, leader, followers) = three_records(true);
    let rack = rack_of(followers[0]);
    cluster.kill(followers[0]);
    cluster.wait_for_isr(leader, "t", 2);
    let served = fetch(&mut cluster, leader, 0, &rack);
    assert_eq!(summary(&served), (0, -1, 3));
}
