//! AlterPartitionReassignments (45), versions 0–1: starts (a list of replicas) or cancels (null) the move
//! of partitions to other brokers; each partition succeeds or fails alone (KIP-455).
//!
//! * v1 may forbid a change of the number of replicas.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, TopicName,
};
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::{BrokerId, Now};
use kring_wire::{ErrorCode, TopicPartition, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::text;

/// Per topic, in the order of the request: partitions, and what they are or why they cannot be.
type Asked = Vec<(TopicName, Vec<(i32, Result<TopicPartition, Refused>)>)>;
type Refused = (ErrorCode, String);

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: AlterPartitionReassignmentsRequest = call.decode()?;
    let caller = call.caller;
    let may_change_factor = caller.version < 1 || request.allow_replication_factor_change;
    let mut partitions = Vec::new();
    let mut asked: Asked = Vec::new();
    for topic in request.topics {
        let name = TopicRef::from(topic.name.0.as_str());
        let mut rows = Vec::new();
        for partition in topic.partitions {
            let replicas: Option<Vec<BrokerId>> = partition
                .replicas
                .map(|ids| ids.into_iter().map(|id| BrokerId(id.0)).collect());
            let index = partition.partition_index;
            let known = check(broker, &name, index, replicas.as_deref(), may_change_factor);
            if let Ok(tp) = known {
                partitions.push((tp, replicas));
            }
            rows.push((index, known));
        }
        asked.push((topic.name, rows));
    }
    broker.ask_controller(
        now,
        ControllerRequest::AlterReassignments { partitions },
        Box::new(move |_, _, answered, out| {
            answer(caller, may_change_factor, asked, answered, out);
        }),
        out,
    );
    Ok(())
}

fn check(
    broker: &Broker,
    topic: &TopicRef,
    partition: i32,
    replicas: Option<&[BrokerId]>,
    may_change_factor: bool,
) -> Result<TopicPartition, Refused> {
    let tp = broker
        .resolve(topic, partition)
        .map_err(|error| (error, error.message().to_owned()))?;
    if let (Some(replicas), false) = (replicas, may_change_factor) {
        let now = broker
            .image()
            .partition(tp)
            .map_or(0, |partition| partition.target_replicas().len());
        if replicas.len() != now {
            let message = format!(
                "the partition has {now} replicas, not {}, and the request forbids to change that",
                replicas.len()
            );
            return Err((ErrorCode::InvalidReplicationFactor, message));
        }
    }
    Ok(tp)
}

fn answer(
    caller: Caller,
    may_change_factor: bool,
    asked: Asked,
    answered: Answered,
    out: &mut Output,
) {
    let mut answer = AlterPartitionReassignmentsResponse::default()
        .with_error_message(None)
        .with_allow_replication_factor_change(may_change_factor);
    let mut results: BTreeMap<TopicPartition, Result<(), ControllerError>> = match answered {
        Ok(ControllerResponse::AlterReassignments(each)) => each.into_iter().collect(),
        Ok(_) => BTreeMap::new(),
        Err(error) => {
            answer.error_code = error.error_code().code();
            answer.error_message = Some(text(error.to_string()));
            caller.answer(&answer, out);
            return;
        }
    };
    answer.responses = asked
        .into_iter()
        .map(|(name, rows)| {
            let rows = rows.into_iter().map(|(index, known)| {
                let result = known.and_then(|tp| match results.remove(&tp) {
                    Some(Err(error)) => Err((error.error_code(), error.to_string())),
                    _ => Ok(()),
                });
                row(index, result)
            });
            ReassignableTopicResponse::default()
                .with_partitions(rows.collect())
                .with_name(name)
        })
        .collect();
    caller.answer(&answer, out);
}

fn row(index: i32, result: Result<(), Refused>) -> ReassignablePartitionResponse {
    let row = ReassignablePartitionResponse::default().with_partition_index(index);
    match result {
        Ok(()) => row.with_error_message(None),
        Err((error, message)) => row
            .with_error_code(error.code())
            .with_error_message(Some(text(message))),
    }
}
