//! Groups through the wire: coordinator, join, sync, heartbeat, offsets, leave.
//! The rules of groups are tested in `kring-groups`.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteRecordsRequest, DescribeGroupsRequest, FindCoordinatorRequest,
    GroupId, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kring_admin_api::TopicGroups;
use kring_requests::{AdminRequest, AdminResponse};

use crate::harness::{OneBroker, START_MS, batch, config, raw_frame, text};
use crate::produce::produce;
use crate::topics::create;

fn group() -> GroupId {
    GroupId(text("g"))
}

fn find_coordinator(one: &mut OneBroker) {
    let request = FindCoordinatorRequest::default().with_key(text("g"));
    let answer = one.ask(2, &request);
    assert_eq!(
        (answer.error_code, answer.node_id.0, answer.port),
        (0, 1, 9092)
    );
}

fn join(one: &mut OneBroker, member: StrBytes) -> kafka_protocol::messages::JoinGroupResponse {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(b"\0\0\0\0\0\x01\0\x01t\xff\xff\xff\xff"));
    let request = JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_member_id(member)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    one.ask(5, &request)
}

/// A group with one stable member; gives the member's id.
fn stable_member(one: &mut OneBroker) -> StrBytes {
    find_coordinator(one);
    let first = join(one, StrBytes::new());
    assert_eq!(first.error_code, 79, "MEMBER_ID_REQUIRED");
    let joined = join(one, first.member_id.clone());
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    assert_eq!(joined.leader, joined.member_id);
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(joined.member_id.clone())
        .with_assignment(Bytes::from_static(b"mine"));
    let sync = SyncGroupRequest::default()
        .with_group_id(group())
        .with_generation_id(1)
        .with_member_id(joined.member_id.clone())
        .with_assignments(vec![assignment]);
    let synced = one.ask(3, &sync);
    assert_eq!(
        (synced.error_code, &synced.assignment[..]),
        (0, &b"mine"[..])
    );
    joined.member_id
}

fn heartbeat(one: &mut OneBroker, member: &StrBytes) -> i16 {
    let request = HeartbeatRequest::default()
        .with_group_id(group())
        .with_generation_id(1)
        .with_member_id(member.clone());
    one.ask(3, &request).error_code
}

fn commit(one: &mut OneBroker, member: &StrBytes, topic: &str, offset: i64) -> i16 {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("note")));
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(text(topic)))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group())
        .with_generation_id_or_member_epoch(1)
        .with_member_id(member.clone())
        .with_topics(vec![topic]);
    one.ask(7, &request).topics[0].partitions[0].error_code
}

fn committed(one: &mut OneBroker) -> (i64, String) {
    let topic = OffsetFetchRequestTopic::default()
        .with_name(TopicName(text("t")))
        .with_partition_indexes(vec![0]);
    let request = OffsetFetchRequest::default()
        .with_group_id(group())
        .with_topics(Some(vec![topic]));
    let answer = one.ask(5, &request);
    let row = &answer.topics[0].partitions[0];
    assert_eq!(row.error_code, 0);
    (
        row.committed_offset,
        row.metadata.clone().unwrap().to_string(),
    )
}

#[test]
fn a_member_joins_syncs_commits_and_leaves() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a", "b"]));
    let member = stable_member(&mut one);
    assert_eq!(heartbeat(&mut one, &member), 0);
    assert_eq!(commit(&mut one, &member, "t", 1), 0);
    assert_eq!(commit(&mut one, &member, "nowhere", 1), 3);
    assert_eq!(committed(&mut one), (1, "note".to_owned()));

    let lag = one.metrics().group_offsets;
    assert_eq!((lag[0].group.as_str(), lag[0].lag_records), ("g", Some(1)));
    // One batch; its largest timestamp is that of the second record.
    assert_eq!(lag[0].unread_since_ms, Some(START_MS + 1));
    assert_eq!(one.metrics().group_members, [("g".to_owned(), 1)]);

    let describe = DescribeGroupsRequest::default().with_groups(vec![group()]);
    let described = one.ask(4, &describe).groups[0].clone();
    assert_eq!(described.group_state.as_str(), "Stable");
    assert_eq!(described.members[0].client_id.as_str(), "test");
    let listed = one.ask(4, &ListGroupsRequest::default());
    assert_eq!(listed.groups[0].group_id, group());

    let leave = LeaveGroupRequest::default()
        .with_group_id(group())
        .with_members(vec![
            MemberIdentity::default().with_member_id(member.clone()),
        ]);
    let left = one.ask(4, &leave);
    assert_eq!((left.error_code, left.members[0].error_code), (0, 0));
    assert_eq!(heartbeat(&mut one, &member), 25, "UNKNOWN_MEMBER_ID");
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    assert_eq!(one.ask(2, &delete).results[0].error_code, 0);
    assert_eq!(committed(&mut one).0, -1);
}

#[test]
fn how_long_a_record_waits_is_known_also_where_it_is_on_disk_only() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a", "b"]));
    let member = stable_member(&mut one);
    assert_eq!(commit(&mut one, &member, "t", 2), 0);
    let all_read = one.metrics().group_offsets[0].clone();
    assert_eq!(
        (all_read.lag_records, all_read.unread_since_ms),
        (Some(0), None)
    );
    assert_eq!(commit(&mut one, &member, "t", 1), 0);
    one.run_for(Duration::from_secs(30));
    one.crash();
    find_coordinator(&mut one);
    one.run_for(Duration::from_secs(1));
    let behind = one.metrics().group_offsets[0].clone();
    assert_eq!(behind.lag_records, Some(1));
    let since_ms = behind.unread_since_ms.unwrap();
    assert!((START_MS..=START_MS + 1).contains(&since_ms), "{since_ms}");
}

/// A broker whose window is short.
fn impatient() -> OneBroker {
    let mut config = config();
    config.metrics_group_window_ms = 20_000;
    OneBroker::with(config)
}

#[test]
fn a_group_that_reads_too_slowly_is_growing_and_one_that_stops_is_stalled() {
    let mut one = impatient();
    create(&mut one, "t", 1, &[]);
    let member = stable_member(&mut one);
    for at in 0..21 {
        for _ in 0..3 {
            produce(&mut one, "t", -1, batch(&["a"]));
        }
        assert_eq!(commit(&mut one, &member, "t", at), 0);
        one.run_for(Duration::from_secs(1));
        assert_eq!(heartbeat(&mut one, &member), 0);
    }
    let metrics = one.metrics();
    let growing = metrics.group_topics[0].clone();
    assert!(growing.growing, "{growing:?}");
    assert_eq!((growing.lag_records, growing.stalled_partitions), (43, 0));
    let growth = metrics.group_offsets[0].growth_records.unwrap();
    assert!((35..=41).contains(&growth), "{growth}");

    // The member leaves; what it has not read stays.
    one.run_for(Duration::from_secs(40));
    let stalled = one.metrics().group_topics[0].clone();
    assert_eq!((stalled.growing, stalled.stalled_partitions), (false, 1));
    assert!(one.metrics().group_offsets[0].stalled);
    assert_eq!(one.metrics().group_members, [("g".to_owned(), 0)]);

    let name = "t".to_owned();
    let told = one.admin(AdminRequest::TopicGroups { name }).unwrap();
    let AdminResponse::TopicGroups(told) = told else {
        panic!("{told:?}");
    };
    let lag = &told.groups[0];
    assert_eq!((lag.group.as_str(), lag.lag_records), ("g", 43));
    assert_eq!((lag.growing, lag.stalled_partitions), (false, 1));
    // Since the first second of the test.
    assert!((55..=70).contains(&lag.lag_s), "{lag:?}");
    let name = "other".to_owned();
    let none = one.admin(AdminRequest::TopicGroups { name }).unwrap();
    assert_eq!(none, AdminResponse::TopicGroups(TopicGroups::default()));
}

#[test]
fn records_that_are_removed_before_they_are_read_are_lost() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a", "b", "c", "d"]));
    let member = stable_member(&mut one);
    assert_eq!(commit(&mut one, &member, "t", 1), 0);
    assert_eq!(one.metrics().group_offsets[0].lost_records, 0);
    let partition = DeleteRecordsPartition::default().with_offset(3);
    let topic = DeleteRecordsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(1_000);
    let answer = one.ask(2, &request);
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);
    let metrics = one.metrics();
    let lost = &metrics.group_offsets[0];
    assert_eq!((lost.lost_records, lost.lag_records), (2, Some(3)));
    assert!(lost.unread_since_ms.is_some(), "the last record waits");
    assert_eq!(metrics.group_topics[0].lost_records, 2);
    assert_eq!(commit(&mut one, &member, "t", 3), 0);
    assert_eq!(one.metrics().group_topics[0].lost_records, 0);
}

#[test]
fn beyond_the_setting_partitions_are_in_the_sums_only() {
    let mut config = config();
    config.metrics_group_partitions_max = 1;
    let mut one = OneBroker::with(config);
    for topic in ["t", "u"] {
        create(&mut one, topic, 1, &[]);
        produce(&mut one, topic, -1, batch(&["a", "b"]));
    }
    let member = stable_member(&mut one);
    assert_eq!(commit(&mut one, &member, "t", 1), 0);
    assert_eq!(commit(&mut one, &member, "u", 0), 0);
    let metrics = one.metrics();
    assert_eq!(metrics.group_offsets.len(), 1);
    assert_eq!(metrics.group_partitions_left_out, 1);
    let sums = metrics.group_topics.iter();
    let sums: Vec<_> = sums.map(|s| (s.topic.as_str(), s.lag_records)).collect();
    assert_eq!(sums, [("t", 1), ("u", 2)]);
}

#[test]
fn offsets_are_forgotten_but_not_those_of_a_topic_that_is_read() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    create(&mut one, "other", 1, &[]);
    // The member subscribes to `t`.
    let member = stable_member(&mut one);
    assert_eq!(commit(&mut one, &member, "t", 3), 0);
    assert_eq!(commit(&mut one, &member, "other", 5), 0);
    let delete = |one: &mut OneBroker, topic: &str| {
        let topic = OffsetDeleteRequestTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![OffsetDeleteRequestPartition::default()]);
        let request = OffsetDeleteRequest::default()
            .with_group_id(group())
            .with_topics(vec![topic]);
        let answer = one.ask(0, &request);
        assert_eq!(answer.error_code, 0);
        answer.topics[0].partitions[0].error_code
    };
    assert_eq!(delete(&mut one, "t"), 86, "GROUP_SUBSCRIBED_TO_TOPIC");
    assert_eq!(delete(&mut one, "other"), 0);
    assert_eq!(delete(&mut one, "nowhere"), 3);
    assert_eq!(committed(&mut one).0, 3);
    let all = OffsetFetchRequest::default()
        .with_group_id(group())
        .with_topics(None);
    let left = one.ask(5, &all).topics;
    assert_eq!(left.len(), 1, "{left:?}");
    let unknown = OffsetDeleteRequest::default().with_group_id(GroupId(text("nobody")));
    assert_eq!(one.ask(0, &unknown).error_code, 69, "GROUP_ID_NOT_FOUND");
}

#[test]
fn a_restarted_coordinator_knows_members_and_offsets_and_makes_no_rebalance() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let member = stable_member(&mut one);
    assert_eq!(commit(&mut one, &member, "t", 7), 0);
    one.crash();
    find_coordinator(&mut one);
    let mut answer = heartbeat(&mut one, &member);
    for _ in 0..100 {
        if answer != 14 && answer != 16 {
            break;
        }
        one.run_for(Duration::from_millis(10));
        answer = heartbeat(&mut one, &member);
    }
    assert_eq!(answer, 0);
    assert_eq!(committed(&mut one).0, 7);
}

#[test]
fn several_groups_are_fetched_at_once() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let member = stable_member(&mut one);
    commit(&mut one, &member, "t", 3);
    let groups = ["g", "other"].map(|name| {
        OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(text(name)))
            .with_topics(None)
    });
    let request = OffsetFetchRequest::default().with_groups(groups.to_vec());
    for version in 8..=9 {
        let answer = one.ask(version, &request);
        assert_eq!(answer.groups.len(), 2);
        assert_eq!(answer.groups[0].topics[0].partitions[0].committed_offset, 3);
        assert!(answer.groups[1].topics.is_empty());
    }
}

#[test]
fn offsets_are_committed_and_fetched_by_topic_id_in_version_10() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let member = stable_member(&mut one);
    let all = kafka_protocol::messages::MetadataRequest::default();
    let topics = one.ask(12, &all.with_topics(None)).topics;
    let find = |topic: &&kafka_protocol::messages::metadata_response::MetadataResponseTopic| {
        topic
            .name
            .as_ref()
            .is_some_and(|name| name.0.as_str() == "t")
    };
    let id = topics.iter().find(find).unwrap().topic_id;

    let mut body = b"\x02g\0\0\0\x01".to_vec();
    body.push(u8::try_from(member.len() + 1).unwrap());
    body.extend(member.as_bytes());
    body.extend(b"\0\x02");
    body.extend(id.as_bytes());
    body.extend(b"\x02\0\0\0\0\0\0\0\0\0\0\0\x09\xff\xff\xff\xff\0\0\0\0");
    let request = one.send_frame(raw_frame(8, 10, true, &body));
    let answer = one.receive::<OffsetCommitRequest>(10, request);
    assert_eq!(answer.topics[0].topic_id, id);
    assert_eq!(answer.topics[0].partitions[0].error_code, 0);

    let mut body = b"\x02\x02g\0\xff\xff\xff\xff\x02".to_vec();
    body.extend(id.as_bytes());
    body.extend(b"\x02\0\0\0\0\0\0\0\0");
    let request = one.send_frame(raw_frame(9, 10, true, &body));
    let answer = one.receive::<OffsetFetchRequest>(10, request);
    let topic = &answer.groups[0].topics[0];
    assert_eq!(topic.topic_id, id);
    assert_eq!(topic.partitions[0].committed_offset, 9);
}
