//! KIP-848 groups through the wire: join, heartbeat, offsets, describe, list, leave, and a restart.
//! The rules of groups are tested in `kring-groups`.

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
    CreatePartitionsRequest, DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest,
    GroupId, ListGroupsRequest, MetadataRequest, OffsetCommitRequest, OffsetFetchRequest,
    TopicName,
};

use crate::harness::{OneBroker, text};
use crate::topics::create;

fn group() -> GroupId {
    GroupId(text("g"))
}

fn beat(
    one: &mut OneBroker,
    member: &str,
    epoch: i32,
    owned: Option<Vec<TopicPartitions>>,
) -> ConsumerGroupHeartbeatResponse {
    let mut request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group())
        .with_member_id(text(member))
        .with_member_epoch(epoch)
        .with_rebalance_timeout_ms(-1)
        .with_topic_partitions(owned);
    if epoch == 0 {
        request.rebalance_timeout_ms = 10_000;
        request.subscribed_topic_regex = Some(text("t.*"));
        request.topic_partitions = Some(Vec::new());
    }
    one.ask(1, &request)
}

/// Numbers of the partitions that an answer names.
fn partitions(answer: &ConsumerGroupHeartbeatResponse) -> Option<Vec<i32>> {
    let assignment = answer.assignment.as_ref()?;
    let topics = assignment.topic_partitions.iter();
    Some(topics.flat_map(|topic| topic.partitions.clone()).collect())
}

/// A group with one member, of a topic with three partitions.
fn joined() -> OneBroker {
    let mut one = OneBroker::new();
    create(&mut one, "t", 3, &[]);
    let find = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(one.ask(2, &find).error_code, 0);
    let first = beat(&mut one, "a", 0, None);
    assert_eq!((first.error_code, first.member_epoch), (0, 1), "{first:?}");
    assert_eq!(first.heartbeat_interval_ms, 5_000);
    assert_eq!(partitions(&first), Some(vec![0, 1, 2]));
    one
}

fn commit(one: &mut OneBroker, member: &str, epoch: i32) -> i16 {
    let partition = OffsetCommitRequestPartition::default().with_committed_offset(4);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = OffsetCommitRequest::default()
        .with_group_id(group())
        .with_member_id(text(member))
        .with_generation_id_or_member_epoch(epoch)
        .with_topics(vec![topic]);
    one.ask(9, &request).topics[0].partitions[0].error_code
}

fn fetch(one: &mut OneBroker, member: &str, epoch: i32) -> (i16, Option<i64>) {
    let asked = OffsetFetchRequestGroup::default()
        .with_group_id(group())
        .with_member_id(Some(text(member)))
        .with_member_epoch(epoch)
        .with_topics(None);
    let request = OffsetFetchRequest::default().with_groups(vec![asked]);
    let answer = one.ask(9, &request).groups.remove(0);
    let topic = answer.topics.first();
    (
        answer.error_code,
        topic.map(|t| t.partitions[0].committed_offset),
    )
}

#[test]
fn two_members_share_a_topic_and_new_partitions_reach_them() {
    let mut one = joined();
    assert_eq!(
        partitions(&beat(&mut one, "a", 1, None)),
        None,
        "nothing changed"
    );
    let second = beat(&mut one, "b", 0, None);
    assert_eq!(
        partitions(&second),
        Some(Vec::new()),
        "a has not given anything up"
    );
    let told = beat(&mut one, "a", 1, None);
    let left = partitions(&told).unwrap();
    assert_eq!((told.member_epoch, left.len()), (1, 2));
    let topics = told.assignment.unwrap().topic_partitions;
    let owned = TopicPartitions::default()
        .with_topic_id(topics[0].topic_id)
        .with_partitions(left);
    assert_eq!(beat(&mut one, "a", 1, Some(vec![owned])).member_epoch, 2);
    assert_eq!(partitions(&beat(&mut one, "b", 2, None)).unwrap().len(), 1);

    let topic = CreatePartitionsTopic::default()
        .with_name(TopicName(text("t")))
        .with_count(4)
        .with_assignments(None);
    let grow = CreatePartitionsRequest::default().with_topics(vec![topic]);
    assert_eq!(one.ask(2, &grow).results[0].error_code, 0);
    create(&mut one, "t2", 1, &[]);
    create(&mut one, "other", 1, &[]);
    let a = beat(&mut one, "a", 2, None);
    let b = beat(&mut one, "b", 2, None);
    let both = partitions(&a).unwrap().len() + partitions(&b).unwrap().len();
    assert_eq!((both, a.member_epoch, b.member_epoch), (5, 3, 3));
}

#[test]
fn a_topic_of_an_expression_is_asked_about_by_its_id_with_an_empty_name() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let all = MetadataRequest::default().with_topics(None);
    let id = one.ask(12, &all).topics[0].topic_id;
    let topic = MetadataRequestTopic::default()
        .with_topic_id(id)
        .with_name(Some(TopicName(text(""))));
    let asked = MetadataRequest::default().with_topics(Some(vec![topic]));
    for version in [12, 13] {
        let topic = one.ask(version, &asked).topics.remove(0);
        assert_eq!(
            (topic.error_code, topic.topic_id),
            (0, id),
            "version {version}"
        );
        assert_eq!(topic.name, Some(TopicName(text("t"))));
    }
}

#[test]
fn members_commit_and_read_offsets_in_their_epoch() {
    let mut one = joined();
    assert_eq!(commit(&mut one, "a", 1), 0);
    assert_eq!(commit(&mut one, "a", 2), 113, "STALE_MEMBER_EPOCH");
    assert_eq!(commit(&mut one, "x", 1), 25, "UNKNOWN_MEMBER_ID");
    assert_eq!(fetch(&mut one, "a", 1), (0, Some(4)));
    assert_eq!(fetch(&mut one, "a", 0), (113, None));
    assert_eq!(fetch(&mut one, "x", 1), (25, None));
}

#[test]
fn administrators_see_the_group_as_one_of_its_protocol() {
    let mut one = joined();
    let describe = ConsumerGroupDescribeRequest::default()
        .with_group_ids(vec![group(), GroupId(text("none"))]);
    let answer = one.ask(1, &describe);
    let [found, none] = &answer.groups[..] else {
        panic!("{answer:?}")
    };
    assert_eq!((none.error_code, found.error_code), (69, 0));
    assert_eq!(
        (&found.group_state[..], &found.assignor_name[..]),
        ("Stable", "uniform")
    );
    assert_eq!((found.group_epoch, found.assignment_epoch), (1, 1));
    let member = &found.members[0];
    assert_eq!(
        (
            &member.member_id[..],
            member.member_epoch,
            member.member_type
        ),
        ("a", 1, 1)
    );
    assert_eq!(member.subscribed_topic_regex, Some(text("t.*")));
    assert_eq!(&member.assignment.topic_partitions[0].topic_name[..], "t");
    assert_eq!(member.assignment, member.target_assignment);

    let list = |one: &mut OneBroker, kind: &str| {
        let request = ListGroupsRequest::default().with_types_filter(vec![text(kind)]);
        let groups = one.ask(5, &request).groups;
        groups
            .iter()
            .map(|g| g.group_type.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(&mut one, "Consumer"), ["consumer"]);
    assert!(list(&mut one, "classic").is_empty());
    let classic = DescribeGroupsRequest::default().with_groups(vec![group()]);
    assert_eq!(
        one.ask(6, &classic).groups[0].error_code,
        69,
        "GROUP_ID_NOT_FOUND"
    );

    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group()]);
    assert_eq!(
        one.ask(2, &delete).results[0].error_code,
        68,
        "NON_EMPTY_GROUP"
    );
    let left = beat(&mut one, "a", -1, None);
    assert_eq!((left.error_code, left.member_epoch), (0, -1));
    assert_eq!(one.ask(2, &delete).results[0].error_code, 0);
    assert!(list(&mut one, "consumer").is_empty());
}

#[test]
fn a_member_goes_on_after_the_broker_came_back() {
    let mut one = joined();
    assert_eq!(commit(&mut one, "a", 1), 0);
    one.crash();
    let find = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(one.ask(2, &find).error_code, 0);
    let mut again = beat(&mut one, "a", 1, None);
    for _ in 0..100 {
        if !matches!(again.error_code, 14..=16) {
            break;
        }
        one.run_for(std::time::Duration::from_millis(50));
        again = beat(&mut one, "a", 1, None);
    }
    assert_eq!((again.error_code, again.member_epoch), (0, 1), "{again:?}");
    assert_eq!(partitions(&again), None, "it keeps what it has");
    assert_eq!(fetch(&mut one, "a", 1), (0, Some(4)));
}

#[test]
fn what_no_group_could_serve_is_refused_with_a_reason() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let find = FindCoordinatorRequest::default().with_key(text("g"));
    assert_eq!(one.ask(2, &find).error_code, 0);
    let unnamed = ConsumerGroupHeartbeatRequest::default().with_member_id(text("a"));
    assert_eq!(one.ask(1, &unnamed).error_code, 42, "INVALID_REQUEST");
    let stranger = beat(&mut one, "a", 3, None);
    assert_eq!(stranger.error_code, 69, "GROUP_ID_NOT_FOUND");
    let wrong = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(group())
        .with_member_id(text("a"))
        .with_rebalance_timeout_ms(1_000)
        .with_subscribed_topic_regex(Some(text("(")))
        .with_topic_partitions(Some(Vec::new()));
    let answer = one.ask(1, &wrong);
    assert_eq!(answer.error_code, 128, "INVALID_REGULAR_EXPRESSION");
    assert!(answer.error_message.is_some());
}
