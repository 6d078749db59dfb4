//! Answers of a broker that does not lead, or not in the client's epoch, say who does and where (KIP-951).
//! How leaders change is tested elsewhere.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    FetchRequest, FetchResponse, MetadataRequest, ProduceRequest, ProduceResponse, TopicName,
};
use kring_io::BrokerId;
use kring_wire::{BatchBuilder, ErrorCode};
use uuid::Uuid;

use crate::harness::{Cluster, ids, text};

const NOT_LEADER: i16 = ErrorCode::NotLeaderOrFollower as i16;

fn produce() -> ProduceRequest {
    let mut batch = BatchBuilder::new();
    batch.push(1_700_000_000_000, None, Some(b"value"));
    let partition = PartitionProduceData::default()
        .with_index(0)
        .with_records(Some(batch.build()));
    let topic = TopicProduceData::default()
        .with_name(TopicName(text("t")))
        .with_partition_data(vec![partition]);
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(60_000)
        .with_topic_data(vec![topic])
}

fn topic_id(cluster: &mut Cluster, from: BrokerId) -> Uuid {
    let all = MetadataRequest::default().with_topics(None);
    let answer = cluster.ask(from, 12, &all);
    let named = |name: &Option<TopicName>| name.as_ref().is_some_and(|n| n.0.as_str() == "t");
    let mut topics = answer.topics.iter();
    topics.find(|topic| named(&topic.name)).unwrap().topic_id
}

fn fetch(id: Uuid, epoch: i32) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(epoch)
        .with_last_fetched_epoch(-1)
        .with_partition_max_bytes(10_000);
    let topic = FetchTopic::default()
        .with_topic_id(id)
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_bytes(10_000)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

fn others(than: BrokerId) -> Vec<BrokerId> {
    ids().into_iter().filter(|id| *id != than).collect()
}

/// The leader that an answer to Produce names, and the host where it is.
fn named_by_produce(answer: &ProduceResponse) -> (i16, i32, Option<String>) {
    let row = &answer.responses[0].partition_responses[0];
    let id = row.current_leader.leader_id;
    let mut endpoints = answer.node_endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.node_id == id);
    let host = endpoint.map(|endpoint| endpoint.host.to_string());
    (row.error_code, id.0, host)
}

fn row(answer: &FetchResponse) -> (&PartitionData, Option<String>) {
    let row = &answer.responses[0].partitions[0];
    let id = row.current_leader.leader_id;
    let mut endpoints = answer.node_endpoints.iter();
    let endpoint = endpoints.find(|endpoint| endpoint.node_id == id);
    (row, endpoint.map(|endpoint| endpoint.host.to_string()))
}

#[test]
fn a_broker_that_does_not_lead_names_the_leader_and_its_address() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    let host = Some(format!("broker-{leader}"));
    let id = topic_id(&mut cluster, leader);
    for other in others(leader) {
        for version in [10, 12] {
            let answer = cluster.ask(other, version, &produce());
            let named = (NOT_LEADER, leader.0, host.clone());
            assert_eq!(named_by_produce(&answer), named, "v{version}");
        }
        let old = cluster.ask(other, 9, &produce());
        assert_eq!(named_by_produce(&old), (NOT_LEADER, -1, None));
        for version in [16, 18] {
            let answer = cluster.ask(other, version, &fetch(id, -1));
            let (row, at) = row(&answer);
            assert_eq!(
                (row.error_code, row.current_leader.leader_id.0),
                (NOT_LEADER, leader.0)
            );
            assert_eq!(at, host, "v{version}");
        }
    }
}

#[test]
fn records_that_wait_when_the_leader_changes_are_answered_with_the_next_leader() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    cluster.isolate(old);
    let waits = cluster.send(old, 10, &produce());
    let other = others(old)[0];
    let mut new = old;
    for _ in 0..1_000 {
        cluster.run_for(Duration::from_millis(10));
        new = cluster.leader(other, "t");
        if new != old && new.0 >= 0 {
            break;
        }
    }
    assert_ne!(new, old);
    assert!(!cluster.answered(waits));
    cluster.heal();
    let answer = cluster.receive::<ProduceRequest>(10, waits);
    let host = Some(format!("broker-{new}"));
    assert_eq!(named_by_produce(&answer), (NOT_LEADER, new.0, host));
}

#[test]
fn a_leader_tells_a_client_of_an_older_epoch_which_one_it_has() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    let other = others(old)[0];
    cluster.stop(old);
    let new = cluster.leader(other, "t");
    let epoch = cluster.partitions(other, "t")[0].leader_epoch;
    let id = topic_id(&mut cluster, new);
    let answer = cluster.ask(new, 16, &fetch(id, epoch - 1));
    let (row, at) = row(&answer);
    assert_eq!(row.error_code, ErrorCode::FencedLeaderEpoch as i16);
    assert_eq!(row.current_leader.leader_id.0, new.0);
    assert_eq!(row.current_leader.leader_epoch, epoch);
    assert_eq!(at, Some(format!("broker-{new}")));
}
