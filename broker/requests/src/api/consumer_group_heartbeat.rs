//! ConsumerGroupHeartbeat (68), versions 0–1: a member of a KIP-848 group joins, stays, or leaves, and learns what it may read.
//!
//! * The answer comes when what it says is stored in `__consumer_offsets`, and names partitions only when they changed or the
//!   request says everything.
//! * v1 adds regular expressions of topics and requires ids made by the client (KIP-1082).
//! * A group with members of the classic protocol is `GROUP_ID_NOT_FOUND`, as in Kafka with
//!   `group.consumer.migration.policy=disabled`; an empty one becomes a group of this protocol.

use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kring_groups::{ConsumerHeartbeat, ConsumerHeartbeatOutcome, GroupRequest, GroupResponse};
use kring_io::Now;
use kring_wire::{ErrorCode, TopicId};

use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::text::{owned, text};

/// From here on the client makes the member's id.
const MEMBER_ID_FROM: i16 = 1;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: ConsumerGroupHeartbeatRequest = call.decode()?;
    let caller = call.caller;
    if request.group_id.is_empty() {
        let mut outcome = ConsumerHeartbeatOutcome::refused(ErrorCode::InvalidRequest);
        outcome.message = Some("GroupId can't be empty.".to_owned());
        answer(caller, outcome, out);
        return Ok(());
    }
    let host = broker.sessions.client_host(caller.request.conn);
    let heartbeat = read(request, &call, host);
    broker.ask_group(
        now,
        GroupRequest::ConsumerHeartbeat(Box::new(heartbeat)),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::ConsumerHeartbeat(outcome) => answer(caller, outcome, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}

fn read(request: ConsumerGroupHeartbeatRequest, call: &Call, host: String) -> ConsumerHeartbeat {
    let topics = request.subscribed_topic_names;
    let owned_partitions = request.topic_partitions.map(|topics| {
        let topics = topics.into_iter();
        topics
            .map(|topic| (TopicId::from(topic.topic_id), topic.partitions))
            .collect()
    });
    ConsumerHeartbeat {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        member_id_required: call.caller.version >= MEMBER_ID_FROM,
        member_epoch: request.member_epoch,
        instance_id: owned(request.instance_id),
        rack_id: owned(request.rack_id),
        client_id: call.client_id().to_owned(),
        client_host: host,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        subscribed_topic_names: topics
            .map(|names| names.into_iter().map(|name| name.to_string()).collect()),
        subscribed_topic_regex: owned(request.subscribed_topic_regex),
        server_assignor: owned(request.server_assignor),
        topic_partitions: owned_partitions,
    }
}

fn answer(caller: Caller, outcome: ConsumerHeartbeatOutcome, out: &mut Output) {
    let assignment = outcome.assignment.map(|topics| {
        let topics = topics.into_iter().map(|(topic, partitions)| {
            TopicPartitions::default()
                .with_topic_id(topic.into())
                .with_partitions(partitions)
        });
        Assignment::default().with_topic_partitions(topics.collect())
    });
    let answer = ConsumerGroupHeartbeatResponse::default()
        .with_error_code(outcome.error.code())
        .with_error_message(outcome.message.map(text))
        .with_member_id(outcome.member_id.map(text))
        .with_member_epoch(outcome.member_epoch)
        .with_heartbeat_interval_ms(outcome.heartbeat_interval_ms)
        .with_assignment(assignment);
    caller.answer(&answer, out);
}
