//! ConsumerGroupDescribe (69), versions 0–1: state, epochs and members of KIP-848 groups.
//!
//! * A group that does not exist, or is of the classic protocol, is `GROUP_ID_NOT_FOUND`: clients then ask DescribeGroups.
//! * v1 adds the type of a member, which is always that of this protocol here.
//! * A topic that was deleted is left out of assignments.

use kafka_protocol::messages::consumer_group_describe_response::{
    Assignment, DescribedGroup as Described, Member, TopicPartitions,
};
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, GroupId, TopicName,
};
use kring_groups::{
    ConsumerDescribe, DescribedConsumer, DescribedConsumerGroup, GroupRequest, GroupResponse,
    NamedPartitions,
};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::operations::{GROUP_OPERATIONS, NOT_ASKED};
use crate::text::text;

/// `MemberType`: the member uses this protocol.
const CONSUMER_MEMBER: i8 = 1;
/// The member's type is not said before version 1.
const MEMBER_TYPE_FROM: i16 = 1;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: ConsumerGroupDescribeRequest = call.decode()?;
    let caller = call.caller;
    let operations = request.include_authorized_operations;
    let gather = Gather::new(
        request.group_ids.len(),
        move |groups: Vec<Described>, out| {
            let answer = ConsumerGroupDescribeResponse::default().with_groups(groups);
            caller.answer(&answer, out);
        },
    );
    gather.complete_if_empty(out);
    for (slot, group) in request.group_ids.into_iter().enumerate() {
        let gather = gather.clone();
        let group_id = group.to_string();
        broker.ask_group(
            now,
            GroupRequest::ConsumerDescribe(ConsumerDescribe { group_id }),
            Box::new(move |_, _, response, out| {
                let described = match response {
                    GroupResponse::ConsumerDescribe(group) => {
                        describe(group, caller.version, operations)
                    }
                    _ => Described::default().with_error_code(ErrorCode::UnknownServerError.code()),
                };
                gather.put(slot, described, out);
            }),
            out,
        );
    }
    Ok(())
}

fn describe(group: DescribedConsumerGroup, version: i16, operations: bool) -> Described {
    let unknown = group.error == ErrorCode::GroupIdNotFound;
    let reason = format!("Group {} is not a consumer group.", group.group_id);
    let state = if group.error.is_ok() {
        group.state.name()
    } else {
        ""
    };
    let members = group.members.into_iter();
    Described::default()
        .with_error_code(group.error.code())
        .with_error_message(unknown.then(|| text(reason)))
        .with_group_id(GroupId(text(group.group_id)))
        .with_group_state(text(state))
        .with_group_epoch(group.group_epoch)
        .with_assignment_epoch(group.assignment_epoch)
        .with_assignor_name(text(group.assignor))
        .with_members(members.map(|member| row(member, version)).collect())
        .with_authorized_operations(if operations {
            GROUP_OPERATIONS
        } else {
            NOT_ASKED
        })
}

fn row(member: DescribedConsumer, version: i16) -> Member {
    let topics = member.subscribed_topic_names.into_iter();
    let row = Member::default()
        .with_member_id(text(member.member_id))
        .with_instance_id(member.instance_id.map(text))
        .with_rack_id(member.rack_id.map(text))
        .with_member_epoch(member.member_epoch)
        .with_client_id(text(member.client_id))
        .with_client_host(text(member.client_host))
        .with_subscribed_topic_names(topics.map(|topic| TopicName(text(topic))).collect())
        .with_subscribed_topic_regex(member.subscribed_topic_regex.map(text))
        .with_assignment(assignment(member.assignment))
        .with_target_assignment(assignment(member.target));
    if version >= MEMBER_TYPE_FROM {
        row.with_member_type(CONSUMER_MEMBER)
    } else {
        row
    }
}

fn assignment(topics: Vec<NamedPartitions>) -> Assignment {
    let topics = topics.into_iter().map(|topic| {
        TopicPartitions::default()
            .with_topic_id(topic.topic_id.into())
            .with_topic_name(TopicName(text(topic.topic)))
            .with_partitions(topic.partitions)
    });
    Assignment::default().with_topic_partitions(topics.collect())
}
