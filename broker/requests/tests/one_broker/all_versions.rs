//! Every version of every API that is advertised is answered in bytes of that version.
//! What the answers say is tested with each API.

mod transactions;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource as LegacyResource;
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_topic_partitions_request::TopicRequest;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, HeaderVersion, Message, Request};
use kring_wire::Decoder;
use uuid::Uuid;

use crate::harness::{OneBroker, batch, raw_frame, text};
use crate::topics::create;

fn name() -> TopicName {
    TopicName(text("t"))
}

fn group() -> GroupId {
    GroupId(text("g"))
}

/// Sends a body and gives the bytes of the answer behind its header.
fn exchange<R: Request>(one: &mut OneBroker, version: i16, body: &[u8]) -> Bytes {
    let flexible = R::header_version(version) >= 2;
    let id = one.send_frame(raw_frame(R::KEY, version, flexible, body));
    let mut frame = one.frame(id);
    let header = 8 + usize::from(R::Response::header_version(version) >= 1);
    drop(frame.split_to(header));
    frame
}

/// Sends a request and reads the whole answer, both in the version, or in the last one that the
/// library knows where newer ones have the same bytes.
fn ask<R: Request>(one: &mut OneBroker, version: i16, request: &R) -> R::Response {
    let mut body = BytesMut::new();
    let encoded = version.min(R::VERSIONS.max);
    let written = request.encode(&mut body, encoded);
    written.unwrap_or_else(|error| panic!("API {} version {version}: {error}", R::KEY));
    let mut answer = exchange::<R>(one, version, &body);
    let decoded = version.min(<R::Response as Message>::VERSIONS.max);
    let read = R::Response::decode(&mut answer, decoded);
    let read = read.unwrap_or_else(|error| panic!("API {} version {version}: {error}", R::KEY));
    let left = answer.len();
    assert_eq!(left, 0, "API {} version {version} has bytes left", R::KEY);
    read
}

fn produce_and_fetch(one: &mut OneBroker, key: i16, version: i16, id: Uuid) {
    let by_id = version >= 13;
    if key == 0 {
        let partition = PartitionProduceData::default().with_records(Some(batch(&["a"])));
        let mut topic = TopicProduceData::default().with_partition_data(vec![partition]);
        match by_id {
            true => topic.topic_id = id,
            false => topic.name = name(),
        }
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(1_000)
            .with_topic_data(vec![topic]);
        if version < 3 {
            // The library does not write them; the layout is that of version 2.
            let mut body = b"\xff\xff\0\0\x03\xe8\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0".to_vec();
            let records = batch(&["a"]);
            body.extend(i32::try_from(records.len()).unwrap().to_be_bytes());
            body.extend(&records[..]);
            let mut answer = Decoder::new(exchange::<ProduceRequest>(one, version, &body));
            assert_eq!(answer.array("topics", false, 1).unwrap(), 1);
            assert_eq!(&answer.string("name", false).unwrap()[..], "t");
            assert_eq!(answer.array("partitions", false, 1).unwrap(), 1);
            assert_eq!(answer.i32("index").unwrap(), 0);
            assert_eq!(answer.i16("error").unwrap(), 35, "UNSUPPORTED_VERSION");
            answer.i64("base offset").unwrap();
            if version >= 2 {
                answer.i64("append time").unwrap();
            }
            if version >= 1 {
                answer.i32("throttle").unwrap();
            }
            return answer.finish().unwrap();
        }
        let answer = ask(one, version, &request);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
        return;
    }
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let mut topic = FetchTopic::default().with_partitions(vec![partition]);
    match by_id {
        true => topic.topic_id = id,
        false => topic.topic = name(),
    }
    let request = FetchRequest::default()
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic]);
    let answer = ask(one, version, &request);
    assert_eq!(answer.responses[0].partitions[0].error_code, 0);
}

fn group_api(one: &mut OneBroker, key: i16, version: i16) {
    match key {
        8 if version >= 10 => {
            // Group, generation, member, no instance, no topics.
            let mut answer =
                exchange::<OffsetCommitRequest>(one, version, b"\x02g\xff\xff\xff\xff\x01\0\x01\0");
            OffsetCommitResponse::decode(&mut answer, version).unwrap();
        }
        8 => {
            let partition = OffsetCommitRequestPartition::default();
            let topic = OffsetCommitRequestTopic::default()
                .with_name(name())
                .with_partitions(vec![partition]);
            let request = OffsetCommitRequest::default()
                .with_group_id(group())
                .with_topics(vec![topic]);
            ask(one, version, &request);
        }
        9 if version >= 10 => {
            // One group without a member, all its topics, not only stable offsets.
            let body = b"\x02\x02g\0\xff\xff\xff\xff\0\0\0\0";
            let mut answer = exchange::<OffsetFetchRequest>(one, version, body);
            OffsetFetchResponse::decode(&mut answer, version).unwrap();
        }
        9 if version >= 8 => {
            let asked = OffsetFetchRequestGroup::default()
                .with_group_id(group())
                .with_topics(None);
            let request = OffsetFetchRequest::default().with_groups(vec![asked]);
            assert_eq!(ask(one, version, &request).groups.len(), 1);
        }
        9 => {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(name())
                .with_partition_indexes(vec![0]);
            let request = OffsetFetchRequest::default()
                .with_group_id(group())
                .with_topics(Some(vec![topic]));
            assert_eq!(ask(one, version, &request).topics.len(), 1);
        }
        10 => {
            let mut request = FindCoordinatorRequest::default();
            match version {
                4.. => request.coordinator_keys = vec![text("g")],
                _ => request.key = text("g"),
            }
            ask(one, version, &request);
        }
        11 => {
            ask(
                one,
                version,
                &JoinGroupRequest::default().with_group_id(group()),
            );
        }
        12 => {
            ask(
                one,
                version,
                &HeartbeatRequest::default().with_group_id(group()),
            );
        }
        13 => {
            let mut request = LeaveGroupRequest::default().with_group_id(group());
            match version {
                3.. => request.members = vec![MemberIdentity::default().with_member_id(text("m"))],
                _ => request.member_id = text("m"),
            }
            ask(one, version, &request);
        }
        14 => {
            ask(
                one,
                version,
                &SyncGroupRequest::default().with_group_id(group()),
            );
        }
        15 => {
            let request = DescribeGroupsRequest::default().with_groups(vec![group()]);
            assert_eq!(ask(one, version, &request).groups.len(), 1);
        }
        16 => {
            ask(one, version, &ListGroupsRequest::default());
        }
        42 if version >= 3 => {
            // One name; the answer has a text behind each error.
            let body = exchange::<DeleteGroupsRequest>(one, version, b"\x02\x02g\0");
            let mut answer = Decoder::new(body);
            answer.i32("throttle").unwrap();
            assert_eq!(answer.array("results", true, 1).unwrap(), 1);
            assert_eq!(&answer.string("group", true).unwrap()[..], "g");
            assert_eq!(answer.i16("error").unwrap(), 69, "GROUP_ID_NOT_FOUND");
            assert!(answer.nullable_string("message", true).unwrap().is_some());
            answer.skip_tags(true).unwrap();
            answer.skip_tags(true).unwrap();
            answer.finish().unwrap();
        }
        42 => {
            let request = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
            assert_eq!(ask(one, version, &request).results.len(), 1);
        }
        47 => {
            let topic = OffsetDeleteRequestTopic::default()
                .with_name(name())
                .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
            let request = OffsetDeleteRequest::default()
                .with_group_id(group())
                .with_topics(vec![topic]);
            ask(one, version, &request);
        }
        68 => {
            let request = ConsumerGroupHeartbeatRequest::default()
                .with_group_id(group())
                .with_member_id(text("m"))
                .with_rebalance_timeout_ms(1_000)
                .with_subscribed_topic_names(Some(vec![name()]))
                .with_topic_partitions(Some(Vec::new()));
            ask(one, version, &request);
        }
        69 => {
            let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group()]);
            assert_eq!(ask(one, version, &request).groups.len(), 1);
        }
        other => panic!("API {other} has no request here"),
    }
}

fn describe_log_dirs(one: &mut OneBroker, version: i16) {
    if version < 5 {
        let answer = ask(
            one,
            version,
            &DescribeLogDirsRequest::default().with_topics(None),
        );
        assert_eq!(answer.results[0].log_dir.as_str(), "/data");
        return;
    }
    // Null: everything.
    let mut answer = Decoder::new(exchange::<DescribeLogDirsRequest>(one, version, b"\0\0"));
    answer.i32("throttle").unwrap();
    assert_eq!(answer.i16("error").unwrap(), 0);
    assert_eq!(answer.array("directories", true, 1).unwrap(), 1);
    assert_eq!(answer.i16("error").unwrap(), 0);
    assert_eq!(&answer.string("directory", true).unwrap()[..], "/data");
    for _ in 0..answer.array("topics", true, 1).unwrap() {
        answer.string("topic", true).unwrap();
        for _ in 0..answer.array("partitions", true, 1).unwrap() {
            answer.i32("index").unwrap();
            assert!(answer.i64("size").unwrap() >= 0);
            assert_eq!(answer.i64("lag").unwrap(), 0);
            assert_eq!(answer.i8("future").unwrap(), 0);
            answer.skip_tags(true).unwrap();
        }
        answer.skip_tags(true).unwrap();
    }
    answer.i64("total").unwrap();
    answer.i64("usable").unwrap();
    assert_eq!(answer.i8("cordoned").unwrap(), 0);
    answer.skip_tags(true).unwrap();
    answer.skip_tags(true).unwrap();
    answer.finish().unwrap();
}

fn topic_api(one: &mut OneBroker, key: i16, version: i16) {
    match key {
        2 => {
            let partition = ListOffsetsPartition::default().with_timestamp(-1);
            let topic = ListOffsetsTopic::default()
                .with_name(name())
                .with_partitions(vec![partition]);
            let request = ListOffsetsRequest::default().with_topics(vec![topic]);
            let answer = ask(one, version, &request);
            assert_eq!(answer.topics[0].partitions[0].error_code, 0);
        }
        3 => {
            let topic = MetadataRequestTopic::default().with_name(Some(name()));
            let request = MetadataRequest::default().with_topics(Some(vec![topic]));
            assert_eq!(ask(one, version, &request).topics[0].error_code, 0);
        }
        19 => {
            let topic = CreatableTopic::default()
                .with_name(TopicName(text(&format!("new-{version}"))))
                .with_num_partitions(1)
                .with_replication_factor(1);
            let request = CreateTopicsRequest::default().with_topics(vec![topic]);
            assert_eq!(ask(one, version, &request).topics[0].error_code, 0);
        }
        20 => {
            let gone = TopicName(text("never-was"));
            let mut request = DeleteTopicsRequest::default();
            match version {
                6.. => request.topics = vec![DeleteTopicState::default().with_name(Some(gone))],
                _ => request.topic_names = vec![gone],
            }
            assert_eq!(ask(one, version, &request).responses[0].error_code, 3);
        }
        21 => {
            let partition = DeleteRecordsPartition::default();
            let topic = DeleteRecordsTopic::default()
                .with_name(name())
                .with_partitions(vec![partition]);
            let request = DeleteRecordsRequest::default()
                .with_timeout_ms(1_000)
                .with_topics(vec![topic]);
            let answer = ask(one, version, &request);
            assert_eq!(answer.topics[0].partitions[0].error_code, 0);
        }
        23 => {
            let topic = OffsetForLeaderTopic::default()
                .with_topic(name())
                .with_partitions(vec![OffsetForLeaderPartition::default()]);
            let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
            let answer = ask(one, version, &request);
            assert_eq!(answer.topics[0].partitions[0].error_code, 0);
        }
        37 => {
            let topic = CreatePartitionsTopic::default()
                .with_name(name())
                .with_count(2 + i32::from(version))
                .with_assignments(None);
            let request = CreatePartitionsRequest::default().with_topics(vec![topic]);
            assert_eq!(ask(one, version, &request).results[0].error_code, 0);
        }
        75 => {
            let topic = TopicRequest::default().with_name(name());
            let request = DescribeTopicPartitionsRequest::default()
                .with_topics(vec![topic])
                .with_response_partition_limit(10);
            assert_eq!(ask(one, version, &request).topics[0].error_code, 0);
        }
        other => group_api(one, other, version),
    }
}

fn cluster_api(one: &mut OneBroker, key: i16, version: i16) {
    match key {
        18 if version >= 5 => {
            // Software, its version, no cluster, no node; the answer is that of version 4.
            let body = b"\x05test\x021\0\xff\xff\xff\xff\0";
            let mut answer = exchange::<ApiVersionsRequest>(one, version, body);
            let answer = ApiVersionsResponse::decode(&mut answer, 4).unwrap();
            assert_eq!(answer.error_code, 0);
        }
        18 => {
            let mut request = ApiVersionsRequest::default();
            if version >= 3 {
                request.client_software_name = text("test");
                request.client_software_version = text("1");
            }
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        22 => {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        24..=28 | 61 | 65 | 66 => transactions::api(one, key, version),
        32 => {
            let resource = DescribeConfigsResource::default()
                .with_resource_type(4)
                .with_resource_name(text("1"))
                .with_configuration_keys(None);
            let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
            assert_eq!(ask(one, version, &request).results[0].error_code, 0);
        }
        33 => {
            let resource = LegacyResource::default()
                .with_resource_type(2)
                .with_resource_name(text("t"));
            let request = AlterConfigsRequest::default().with_resources(vec![resource]);
            assert_eq!(ask(one, version, &request).responses[0].error_code, 0);
        }
        34 => {
            let request = AlterReplicaLogDirsRequest::default();
            assert_eq!(ask(one, version, &request).results.len(), 0);
        }
        35 => describe_log_dirs(one, version),
        43 => {
            let topic = TopicPartitions::default()
                .with_topic(name())
                .with_partitions(vec![0]);
            let request = ElectLeadersRequest::default().with_topic_partitions(Some(vec![topic]));
            let answer = ask(one, version, &request);
            let row = &answer.replica_election_results[0].partition_result[0];
            assert_eq!(row.error_code, 84, "ELECTION_NOT_NEEDED");
        }
        44 => {
            let config = AlterableConfig::default()
                .with_name(text("retention.ms"))
                .with_value(Some(text("-1")));
            let resource = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text("t"))
                .with_configs(vec![config]);
            let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
            assert_eq!(ask(one, version, &request).responses[0].error_code, 0);
        }
        45 => {
            let partition = ReassignablePartition::default().with_replicas(Some(vec![BrokerId(1)]));
            let topic = ReassignableTopic::default()
                .with_name(name())
                .with_partitions(vec![partition]);
            let request = AlterPartitionReassignmentsRequest::default().with_topics(vec![topic]);
            let answer = ask(one, version, &request);
            assert_eq!(answer.responses[0].partitions[0].error_code, 0);
        }
        46 => {
            let request = ListPartitionReassignmentsRequest::default().with_topics(None);
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        55 => {
            let request = DescribeQuorumRequest::default();
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        57 => {
            let request = UpdateFeaturesRequest::default();
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        60 => {
            let request = DescribeClusterRequest::default();
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        other => topic_api(one, other, version),
    }
}

#[test]
fn every_advertised_version_of_every_api_is_answered_in_its_own_bytes() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let all = MetadataRequest::default().with_topics(None);
    let id = one.ask(12, &all).topics[0].topic_id;
    // The first question makes the topic of the offsets.
    let coordinator = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(one.ask(2, &coordinator).error_code, 0);
    let coordinator = FindCoordinatorRequest::default()
        .with_key(text("x"))
        .with_key_type(1);
    assert_eq!(one.ask(2, &coordinator).error_code, 0);
    one.run_for(Duration::from_secs(1));
    let advertised = one.ask(0, &ApiVersionsRequest::default()).api_keys;
    let mut answered = 0;
    for api in &advertised {
        for version in api.min_version..=api.max_version {
            match api.api_key {
                key @ (0 | 1) => produce_and_fetch(&mut one, key, version, id),
                key => cluster_api(&mut one, key, version),
            }
            answered += 1;
        }
    }
    assert_eq!((advertised.len(), answered), (44, 226));
    assert_eq!(one.metrics().refused_requests, 0);
}
