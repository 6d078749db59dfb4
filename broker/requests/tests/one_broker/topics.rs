//! Topics: created by request or by use, described, grown, configured, deleted.
//! Names and numbers that are not allowed are in `errors`.

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    DescribeTopicPartitionsRequest, IncrementalAlterConfigsRequest, MetadataRequest,
    MetadataResponse, TopicName,
};

use crate::harness::{OneBroker, text};

pub(crate) fn create(one: &mut OneBroker, name: &str, partitions: i32, configs: &[(&str, &str)]) {
    let topic = CreatableTopic::default()
        .with_name(TopicName(text(name)))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(
            configs
                .iter()
                .map(|(key, value)| {
                    CreatableTopicConfig::default()
                        .with_name(text(key))
                        .with_value(Some(text(value)))
                })
                .collect(),
        );
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    let answer = one.ask(7, &request);
    assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0]);
}

fn metadata(one: &mut OneBroker, name: &str) -> MetadataResponse {
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    one.ask(
        12,
        &MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(true),
    )
}

#[test]
fn a_created_topic_has_leaders_an_id_and_its_settings() {
    let mut one = OneBroker::new();
    let topic = CreatableTopic::default()
        .with_name(TopicName(text("orders")))
        .with_num_partitions(3)
        .with_replication_factor(-1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    let created = one.ask(7, &request);
    let row = &created.topics[0];
    assert_eq!(
        (row.error_code, row.num_partitions, row.replication_factor),
        (0, 3, 1)
    );
    assert!(!row.topic_id.is_nil());
    let configs = row.configs.as_ref().unwrap();
    let retention = configs
        .iter()
        .find(|c| c.name.as_str() == "retention.ms")
        .unwrap();
    assert_eq!(retention.value.as_deref(), Some("604800000"));

    let answer = metadata(&mut one, "orders");
    assert_eq!(answer.brokers.len(), 1);
    assert_eq!(answer.brokers[0].host.as_str(), "one.example");
    assert_eq!(answer.controller_id.0, 1);
    assert_eq!(answer.cluster_id.as_ref().unwrap().len(), 22);
    let topic = &answer.topics[0];
    assert_eq!(topic.topic_id, row.topic_id);
    assert_eq!(topic.partitions.len(), 3);
    for partition in &topic.partitions {
        assert_eq!((partition.error_code, partition.leader_id.0), (0, 1));
        assert_eq!(partition.isr_nodes.len(), 1);
    }
}

#[test]
fn a_topic_is_created_by_asking_for_its_metadata() {
    let mut one = OneBroker::new();
    let answer = metadata(&mut one, "fresh");
    assert_eq!(answer.topics[0].error_code, 0);
    assert_eq!(answer.topics[0].partitions[0].leader_id.0, 1);
}

#[test]
fn every_topic_is_listed_with_an_empty_list_in_version_0_and_null_later() {
    let mut one = OneBroker::new();
    create(&mut one, "a", 1, &[]);
    create(&mut one, "b", 1, &[]);
    let all = one.ask(0, &MetadataRequest::default().with_topics(Some(Vec::new())));
    assert_eq!(all.topics.len(), 2);
    let all = one.ask(9, &MetadataRequest::default().with_topics(None));
    assert_eq!(all.topics.len(), 2);
    let none = one.ask(9, &MetadataRequest::default().with_topics(Some(Vec::new())));
    assert!(none.topics.is_empty());
}

#[test]
fn topics_grow_and_go() {
    let mut one = OneBroker::new();
    create(&mut one, "orders", 1, &[]);
    let grow = |count| {
        let topic = CreatePartitionsTopic::default()
            .with_name(TopicName(text("orders")))
            .with_count(count)
            .with_assignments(None);
        CreatePartitionsRequest::default().with_topics(vec![topic])
    };
    assert_eq!(one.ask(3, &grow(4)).results[0].error_code, 0);
    assert_eq!(metadata(&mut one, "orders").topics[0].partitions.len(), 4);
    let fewer = one.ask(3, &grow(2));
    assert_eq!(fewer.results[0].error_code, 37);
    assert!(fewer.results[0].error_message.is_some());

    let delete = DeleteTopicsRequest::default().with_topic_names(vec![TopicName(text("orders"))]);
    assert_eq!(one.ask(5, &delete).responses[0].error_code, 0);
    assert_eq!(one.ask(5, &delete).responses[0].error_code, 3);
    let all = one.ask(9, &MetadataRequest::default().with_topics(None));
    assert!(all.topics.is_empty());
    assert!(one.metrics().replicas.is_empty(), "its logs are gone too");
}

#[test]
fn settings_are_described_with_their_source_and_changed_one_by_one() {
    let mut one = OneBroker::new();
    create(&mut one, "orders", 1, &[("retention.ms", "1000")]);
    let describe = |one: &mut OneBroker, key: &str| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("orders"))
            .with_configuration_keys(None);
        let request = DescribeConfigsRequest::default()
            .with_resources(vec![resource])
            .with_include_synonyms(true)
            .with_include_documentation(true);
        let answer = one.ask(4, &request);
        assert!(answer.results[0].configs.len() > 15);
        let found = answer.results[0]
            .configs
            .iter()
            .find(|c| c.name.as_str() == key);
        found.unwrap().clone()
    };
    let retention = describe(&mut one, "retention.ms");
    assert_eq!(retention.value.as_deref(), Some("1000"));
    assert_eq!((retention.config_source, retention.config_type), (1, 5));
    assert!(retention.documentation.is_some_and(|doc| !doc.is_empty()));
    assert_eq!(retention.synonyms.last().unwrap().source, 5);

    let alter = |operation, value| {
        let config = AlterableConfig::default()
            .with_name(text("retention.ms"))
            .with_config_operation(operation)
            .with_value(value);
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("orders"))
            .with_configs(vec![config]);
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
    };
    let answer = one.ask(1, &alter(0, Some(text("5000"))));
    assert_eq!(answer.responses[0].error_code, 0);
    assert_eq!(
        describe(&mut one, "retention.ms").value.as_deref(),
        Some("5000")
    );
    let answer = one.ask(1, &alter(0, Some(text("soon"))));
    assert_eq!(answer.responses[0].error_code, 40);
    let message = answer.responses[0].error_message.clone().unwrap();
    assert!(
        message.contains("retention.ms") && message.contains("soon"),
        "{message:?}"
    );
    one.ask(1, &alter(1, None));
    let retention = describe(&mut one, "retention.ms");
    assert_eq!(
        (retention.value.as_deref(), retention.config_source),
        (Some("604800000"), 5)
    );
}

#[test]
fn partitions_are_described_in_pages() {
    let mut one = OneBroker::new();
    create(&mut one, "a", 2, &[]);
    create(&mut one, "b", 3, &[]);
    let request = DescribeTopicPartitionsRequest::default()
        .with_topics(vec![
            TopicRequest::default().with_name(TopicName(text("b"))),
            TopicRequest::default().with_name(TopicName(text("a"))),
        ])
        .with_response_partition_limit(3);
    let first = one.ask(0, &request);
    assert_eq!(first.topics.len(), 2);
    assert_eq!(first.topics[1].partitions.len(), 1);
    let next = first.next_cursor.unwrap();
    assert_eq!((next.topic_name.0.as_str(), next.partition_index), ("b", 1));
    let cursor = Cursor::default()
        .with_topic_name(next.topic_name)
        .with_partition_index(1);
    let rest = one.ask(0, &request.with_cursor(Some(cursor)));
    assert_eq!(rest.topics.len(), 1);
    assert_eq!(rest.topics[0].partitions[0].partition_index, 1);
    assert!(rest.next_cursor.is_none());
}
