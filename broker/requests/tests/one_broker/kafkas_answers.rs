//! Corners where Apache Kafka 4.4 was seen to answer in a certain way.
//! The whole comparison, with a Kafka beside, is e2e/compat/differential.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::*;

use crate::harness::{OneBroker, text};
use crate::topics::create;

#[test]
fn a_refused_topic_has_no_settings_and_a_created_one_no_message() {
    let mut one = OneBroker::new();
    let topic = |name: &str| {
        CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(1)
            .with_replication_factor(1)
    };
    let no_value = CreatableTopicConfig::default()
        .with_name(text("retention.ms"))
        .with_value(None);
    let topics = vec![
        topic("made"),
        topic("no-value").with_configs(vec![no_value]),
        topic("__cluster_metadata"),
        topic("a/b"),
    ];
    let answer = one.ask(7, &CreateTopicsRequest::default().with_topics(topics));
    let row = |name: &str| {
        let mut rows = answer.topics.iter();
        rows.find(|row| row.name.0.as_str() == name).unwrap()
    };
    for (name, error) in [
        ("made", 0),
        ("no-value", 40),
        ("__cluster_metadata", 42),
        ("a/b", 17),
    ] {
        let row = row(name);
        assert_eq!(row.error_code, error, "{row:?}");
        assert_eq!(row.error_message.is_some(), error != 0, "{row:?}");
        assert_eq!(row.configs.as_ref().unwrap().is_empty(), error != 0);
    }
}

#[test]
fn what_is_not_named_is_not_deleted() {
    let mut one = OneBroker::new();
    let neither = DeleteTopicState::default().with_name(None);
    let request = DeleteTopicsRequest::default().with_topics(vec![neither]);
    assert_eq!(one.ask(6, &request).responses[0].error_code, 42);
}

#[test]
fn a_listener_for_brokers_describes_no_controllers() {
    let mut one = OneBroker::new();
    for (endpoint_type, error) in [(2, 114), (3, 115)] {
        let request = DescribeClusterRequest::default().with_endpoint_type(endpoint_type);
        let answer = one.ask(1, &request);
        assert_eq!((answer.error_code, answer.endpoint_type), (error, 1));
    }
}

#[test]
fn each_member_that_leaves_no_group_is_told_so() {
    let mut one = OneBroker::new();
    let member = |id: &str| MemberIdentity::default().with_member_id(text(id));
    let request = LeaveGroupRequest::default()
        .with_group_id(GroupId(text("never")))
        .with_members(vec![member("a"), member("b")]);
    // The group's coordinator is there once somebody has asked for it.
    let coordinator = FindCoordinatorRequest::default().with_key(text("never"));
    one.ask(3, &coordinator);
    let answer = one.ask(4, &request);
    let codes: Vec<i16> = answer.members.iter().map(|row| row.error_code).collect();
    assert_eq!((answer.error_code, codes), (0, vec![25, 25]));
}

#[test]
fn a_timestamp_with_a_meaning_that_is_unknown_is_of_another_version() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let partition = ListOffsetsPartition::default().with_timestamp(-7);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic]);
    assert_eq!(one.ask(7, &request).topics[0].partitions[0].error_code, 35);
}

#[test]
fn nobody_has_an_empty_transactional_id() {
    let mut one = OneBroker::new();
    let request = DescribeTransactionsRequest::default()
        .with_transactional_ids(vec![TransactionalId(text(""))]);
    assert_eq!(one.ask(0, &request).transaction_states[0].error_code, 42);
}
