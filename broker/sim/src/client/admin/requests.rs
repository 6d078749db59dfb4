//! What the simulated administrators ask, and what an answer says about a register.
//! It keeps no state.

use bytes::Bytes;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteTopicsRequest, DescribeConfigsRequest, IncrementalAlterConfigsRequest, MetadataRequest,
    TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kring_io::BrokerId;
use kring_wire::ErrorCode;

use super::super::codec;

pub(super) const CREATE: i16 = 5;
pub(super) const DELETE: i16 = 5;
pub(super) const GROW: i16 = 2;
pub(super) const ALTER: i16 = 1;
pub(super) const DESCRIBE: i16 = 2;
pub(super) const METADATA: i16 = 9;
pub(super) const REASSIGN: i16 = 0;

/// The type of a topic among the resources that have settings.
const TOPIC: i8 = 2;
/// The operation that gives a setting a value.
const SET: i8 = 0;
const TIMEOUT_MS: i32 = 1_000;

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(super) fn create(name: &str) -> CreateTopicsRequest {
    let topic = CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(1)
        .with_replication_factor(3);
    CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(TIMEOUT_MS)
}

pub(super) fn created(answer: &Bytes) -> Option<ErrorCode> {
    let response = codec::answer::<CreateTopicsRequest>(CREATE, answer);
    ErrorCode::from_code(response?.topics.pop()?.error_code)
}

pub(super) fn delete(name: &str) -> DeleteTopicsRequest {
    DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name(name)])
        .with_timeout_ms(TIMEOUT_MS)
}

pub(super) fn deleted(answer: &Bytes) -> Option<ErrorCode> {
    let response = codec::answer::<DeleteTopicsRequest>(DELETE, answer);
    ErrorCode::from_code(response?.responses.pop()?.error_code)
}

pub(super) fn grow(name: &str, partitions: i32) -> CreatePartitionsRequest {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(name))
        .with_count(partitions);
    CreatePartitionsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(TIMEOUT_MS)
}

pub(super) fn grown(answer: &Bytes) -> Option<ErrorCode> {
    let response = codec::answer::<CreatePartitionsRequest>(GROW, answer);
    ErrorCode::from_code(response?.results.pop()?.error_code)
}

pub(super) fn alter(name: &str, key: &str, value: &str) -> IncrementalAlterConfigsRequest {
    let config = AlterableConfig::default()
        .with_name(text(key))
        .with_config_operation(SET)
        .with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
}

pub(super) fn altered(answer: &Bytes) -> Option<ErrorCode> {
    let response = codec::answer::<IncrementalAlterConfigsRequest>(ALTER, answer);
    ErrorCode::from_code(response?.responses.pop()?.error_code)
}

pub(super) fn describe(name: &str, key: &str) -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(name))
        .with_configuration_keys(Some(vec![text(key)]));
    DescribeConfigsRequest::default().with_resources(vec![resource])
}

/// The value of the one setting that was asked for.
pub(super) fn described(answer: &Bytes) -> Option<String> {
    let response = codec::answer::<DescribeConfigsRequest>(DESCRIBE, answer);
    let result = response?.results.pop().filter(|r| r.error_code == 0);
    Some(result?.configs.pop()?.value?.to_string())
}

pub(super) fn metadata(name: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(false)
}

/// How many partitions the topic has; 0 if it does not exist.
pub(super) fn partitions(answer: &Bytes) -> Option<usize> {
    let response = codec::answer::<MetadataRequest>(METADATA, answer);
    let topic = response?.topics.pop()?;
    match ErrorCode::from_code(topic.error_code) {
        Some(ErrorCode::UnknownTopicOrPartition) => Some(0),
        Some(ErrorCode::None) => Some(topic.partitions.len()),
        _ => None,
    }
}

pub(super) fn reassign(
    name: &str,
    index: i32,
    replicas: &[BrokerId],
) -> AlterPartitionReassignmentsRequest {
    let partition = ReassignablePartition::default()
        .with_partition_index(index)
        .with_replicas(Some(
            replicas.iter().map(|broker| broker.0.into()).collect(),
        ));
    let topic = ReassignableTopic::default()
        .with_name(topic_name(name))
        .with_partitions(vec![partition]);
    AlterPartitionReassignmentsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(TIMEOUT_MS)
}

pub(super) fn reassigned(answer: &Bytes) -> Option<ErrorCode> {
    let response = codec::answer::<AlterPartitionReassignmentsRequest>(REASSIGN, answer)?;
    if response.error_code != 0 {
        return ErrorCode::from_code(response.error_code);
    }
    let mut responses = response.responses;
    ErrorCode::from_code(responses.pop()?.partitions.pop()?.error_code)
}
