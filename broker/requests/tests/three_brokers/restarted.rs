//! A broker that has just started, before it is in the cluster again.

use std::time::Duration;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, TopicName};
use kring_io::BrokerId;

use crate::harness::{Cluster, ids, text};

const LEADER_NOT_AVAILABLE: i16 = 5;
const NOT_LEADER: i16 = 6;

fn question() -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text("t"))));
    MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(false)
}

fn kill_all(cluster: &mut Cluster) {
    for id in ids() {
        cluster.kill(id);
    }
}

#[test]
fn a_question_asked_while_all_brokers_start_is_answered_when_the_topic_is_known() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    kill_all(&mut cluster);
    for id in ids() {
        cluster.start(id);
    }
    let asked = ids().map(|id| cluster.send(id, 12, &question()));
    for number in asked {
        let answer = cluster.receive::<MetadataRequest>(12, number);
        assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0]);
        assert_eq!(answer.topics[0].partitions.len(), 1);
    }
}

#[test]
fn a_broker_without_a_quorum_does_not_call_a_topic_unknown() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    kill_all(&mut cluster);
    cluster.start(BrokerId(0));
    cluster.run_for(Duration::from_secs(1));
    let answer = cluster.ask(BrokerId(0), 12, &question());
    assert_eq!(answer.topics[0].error_code, LEADER_NOT_AVAILABLE);
    assert_eq!(cluster.produce(BrokerId(0), "t", 1).0, NOT_LEADER);
}

/// librdkafka 2.12 forgets every broker at an empty list, its bootstrap servers too, and never asks again.
#[test]
fn the_list_of_brokers_is_never_empty() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let first = BrokerId(0);
    kill_all(&mut cluster);
    cluster.start(first);
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let answer = cluster.ask(first, 12, &request);
    let itself = answer.brokers.iter().find(|listed| listed.node_id.0 == 0);
    assert!(itself.is_some(), "{:?}", answer.brokers);
}

/// librdkafka 2.12 may stand still when a broker leaves the list and comes back.
#[test]
fn a_broker_that_restarts_stays_on_the_list_and_one_that_is_gone_does_not() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let gone = ids()[2];
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let listed = |cluster: &mut Cluster| cluster.ask(BrokerId(0), 12, &request).brokers.len();
    cluster.kill(gone);
    cluster.run_for(Duration::from_secs(6));
    cluster.wait_for_isr(BrokerId(0), "t", 2);
    assert_eq!(listed(&mut cluster), 3);
    cluster.run_for(Duration::from_secs(10));
    assert_eq!(listed(&mut cluster), 2);
    cluster.start(gone);
    cluster.wait_for_isr(BrokerId(0), "t", 3);
    assert_eq!(listed(&mut cluster), 3);
}
