//! acks=all against `min.insync.replicas = 2`.

use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::{DescribeTopicPartitionsRequest, ProduceRequest, TopicName};
use kring_io::BrokerId;
use kring_requests::{AdminRequest, AdminResponse};
use kring_wire::BatchBuilder;

use crate::harness::{Cluster, ids, text};

const NOT_ENOUGH_REPLICAS: i16 = 19;

/// Kills a follower; gives which.
fn lose_a_follower(cluster: &mut Cluster, leader: BrokerId) -> BrokerId {
    let follower = ids().into_iter().find(|id| *id != leader).unwrap();
    cluster.kill(follower);
    cluster.wait_for_isr(leader, "t", 2);
    follower
}

#[test]
fn with_two_of_three_acks_all_goes_on_and_with_one_it_is_refused() {
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
    assert_eq!(cluster.produce(leader, "t", -1), (0, 0));
    cluster.kill(first);
    // Until the silent broker is fenced, nothing can be committed and nothing is acknowledged.
    cluster.wait_for_isr(leader, "t", 2);
    let (error, _) = cluster.produce(leader, "t", -1);
    assert_eq!(error, 0);

    // The quorum of brokers is gone with the second: the ISR stays as it was and nothing commits.
    cluster.kill(second);
    let (error, _) = cluster.produce(leader, "t", -1);
    assert_ne!(error, 0);

    cluster.start(first);
    cluster.start(second);
    cluster.wait_for_isr(leader, "t", 3);
    let leader = cluster.leader(first, "t");
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
}

#[test]
fn an_isr_below_the_minimum_appends_nothing() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    cluster.set_topic_config("t", "min.insync.replicas", "3");
    let leader = cluster.leader(BrokerId(0), "t");
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
    let follower = lose_a_follower(&mut cluster, leader);
    let number = cluster.send_produce(leader, "t", -1);
    let refused = cluster.receive::<ProduceRequest>(9, number);
    let row = &refused.responses[0].partition_responses[0];
    assert_eq!(row.error_code, NOT_ENOUGH_REPLICAS);
    assert_eq!(
        row.error_message.as_deref(),
        Some(
            "t-0: 2 replicas are in sync and acks=all needs min.insync.replicas = 3; start the missing brokers"
        )
    );
    // Nothing moves below the minimum, so that the one which left still has all that is committed.
    let topic = TopicRequest::default().with_name(TopicName(text("t")));
    let describe = DescribeTopicPartitionsRequest::default()
        .with_topics(vec![topic])
        .with_response_partition_limit(10);
    let described = cluster.ask(leader, 0, &describe);
    let eligible = &described.topics[0].partitions[0].eligible_leader_replicas;
    assert_eq!(eligible.as_deref(), Some(&[follower.0.into()][..]));
    assert_eq!(cluster.produce(leader, "t", 1).0, 0);
    let AdminResponse::Health(health) = cluster.admin(leader, AdminRequest::Health).unwrap() else {
        panic!("health");
    };
    // The one record with acks=1; the offsets topic is not there yet.
    assert_eq!(health.replica_lag_records[&follower.0], 1, "{health:?}");
    assert_eq!(cluster.produce(leader, "t", 1).0, 0, "acks=1 asks for less");
    cluster.start(follower);
    cluster.wait_for_isr(leader, "t", 3);
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
}

/// Produces one record of an idempotent producer; gives the error code.
fn produce_idempotent(cluster: &mut Cluster, to: BrokerId, sequence: i32) -> i16 {
    let mut batch = BatchBuilder::new().producer(7, 0, sequence);
    batch.push(1_700_000_000_000, None, Some(b"value"));
    let number = cluster.send_batch(to, "t", -1, batch.build());
    let answer = cluster.receive::<ProduceRequest>(9, number);
    answer.responses[0].partition_responses[0].error_code
}

/// librdkafka would begin another epoch at `OUT_OF_ORDER_SEQUENCE_NUMBER`, and send again under it what was under way in
/// other partitions, be it in their logs or not.
#[test]
fn a_batch_behind_one_that_found_too_few_replicas_is_refused_like_that_one() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    cluster.set_topic_config("t", "min.insync.replicas", "3");
    let leader = cluster.leader(BrokerId(0), "t");
    assert_eq!(produce_idempotent(&mut cluster, leader, 0), 0);
    let follower = lose_a_follower(&mut cluster, leader);
    assert_eq!(
        produce_idempotent(&mut cluster, leader, 1),
        NOT_ENOUGH_REPLICAS
    );
    cluster.start(follower);
    cluster.wait_for_isr(leader, "t", 3);
    assert_eq!(
        produce_idempotent(&mut cluster, leader, 2),
        NOT_ENOUGH_REPLICAS
    );
    assert_eq!(
        produce_idempotent(&mut cluster, leader, 4),
        NOT_ENOUGH_REPLICAS
    );
    assert_eq!(produce_idempotent(&mut cluster, leader, 1), 0);
    assert_eq!(produce_idempotent(&mut cluster, leader, 2), 0);
    assert_eq!(
        produce_idempotent(&mut cluster, leader, 4),
        45,
        "nothing was refused before it"
    );
}
