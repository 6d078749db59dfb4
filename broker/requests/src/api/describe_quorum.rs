//! DescribeQuorum (55), versions 0–2: who leads the metadata quorum, and how far its members are (KIP-595).
//!
//! * Any broker answers; what it says comes from the active controller. Without one: `NOT_CONTROLLER`.
//! * The one partition is `__cluster_metadata` 0; another, or more, is `UNKNOWN_TOPIC_OR_PARTITION`.
//! * Offsets are places in the controllers' log: that behind the last entry. Timestamps and offset are −1 for
//!   a member that the present leader has not heard.
//! * v2 names where voters listen for the other brokers, which is no place for clients. Their directory ids
//!   are zero, as in a Kafka whose voters are fixed by `controller.quorum.voters`.

use kafka_protocol::messages::describe_quorum_request::TopicData as Asked;
use kafka_protocol::messages::describe_quorum_response::{
    Listener, Node, PartitionData, ReplicaState, TopicData,
};
use kafka_protocol::messages::{DescribeQuorumRequest, DescribeQuorumResponse, TopicName};
use kring_controller::quorum::{MemberStatus, QuorumStatus};
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::{BrokerId, Now};
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::text;

/// Kafka's name of the controllers' log.
const METADATA_TOPIC: &str = "__cluster_metadata";
/// The name of the listener for the other brokers.
const PEER_LISTENER: &str = "PEER";

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeQuorumRequest = call.decode()?;
    let caller = call.caller;
    if !is_metadata(&request.topics) {
        caller.answer(&unknown(request.topics), out);
        return Ok(());
    }
    broker.ask_controller(
        now,
        ControllerRequest::DescribeQuorum,
        Box::new(move |broker, _, answered, out| answer(broker, caller, answered, out)),
        out,
    );
    Ok(())
}

fn is_metadata(topics: &[Asked]) -> bool {
    let [topic] = topics else {
        return false;
    };
    let [partition] = topic.partitions.as_slice() else {
        return false;
    };
    topic.topic_name.0.as_str() == METADATA_TOPIC && partition.partition_index == 0
}

fn unknown(topics: Vec<Asked>) -> DescribeQuorumResponse {
    let topics = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            PartitionData::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(ErrorCode::UnknownTopicOrPartition.code())
                .with_error_message(Some(text("only __cluster_metadata 0 is a quorum's")))
        });
        TopicData::default()
            .with_topic_name(topic.topic_name)
            .with_partitions(partitions.collect())
    });
    DescribeQuorumResponse::default().with_topics(topics.collect())
}

fn answer(broker: &Broker, caller: Caller, answered: Answered, out: &mut Output) {
    let answer = match answered {
        Ok(ControllerResponse::Quorum(status)) => describe(&status, &broker.config.voters),
        Ok(other) => return super::wrong_kind(caller, &other, out),
        Err(error) => refuse(&error),
    };
    caller.answer(&answer, out);
}

fn refuse(error: &ControllerError) -> DescribeQuorumResponse {
    DescribeQuorumResponse::default()
        .with_error_code(error.error_code().code())
        .with_error_message(Some(text(error.to_string())))
}

fn describe(status: &QuorumStatus, voters: &[(BrokerId, String)]) -> DescribeQuorumResponse {
    let states = |members: &[MemberStatus]| members.iter().map(state).collect();
    let partition = PartitionData::default()
        .with_leader_id(status.leader.0.into())
        .with_leader_epoch(i32::try_from(status.epoch).unwrap_or(i32::MAX))
        .with_high_watermark(offset(status.high_watermark))
        .with_current_voters(states(&status.voters))
        .with_observers(states(&status.observers));
    let topic = TopicData::default()
        .with_topic_name(TopicName(text(METADATA_TOPIC)))
        .with_partitions(vec![partition]);
    DescribeQuorumResponse::default()
        .with_topics(vec![topic])
        .with_nodes(voters.iter().map(node).collect())
}

fn state(member: &MemberStatus) -> ReplicaState {
    ReplicaState::default()
        .with_replica_id(member.id.0.into())
        .with_log_end_offset(member.end.map_or(-1, offset))
        .with_last_fetch_timestamp(member.heard_ms.unwrap_or(-1))
        .with_last_caught_up_timestamp(member.caught_up_ms.unwrap_or(-1))
}

fn node((id, address): &(BrokerId, String)) -> Node {
    let listener = address.rsplit_once(':').and_then(|(host, port)| {
        let listener = Listener::default()
            .with_name(text(PEER_LISTENER))
            .with_host(text(host))
            .with_port(port.parse().ok()?);
        Some(listener)
    });
    Node::default()
        .with_node_id(id.0.into())
        .with_listeners(listener.into_iter().collect())
}

fn offset(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
