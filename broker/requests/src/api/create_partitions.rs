//! CreatePartitions (37), versions 0–3: raises the number of partitions of topics, each alone.
//!
//! * The count is the new total; fewer than there are, or as many, is `INVALID_PARTITIONS`.
//! * `validate_only` says what would happen.

use std::collections::BTreeMap;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse, TopicName};
use kring_controller::request::NewPartitions;
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::{BrokerId, Now};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: CreatePartitionsRequest = call.decode()?;
    let caller = call.caller;
    let names: Vec<String> = request.topics.iter().map(|t| t.name.to_string()).collect();
    let topics = request.topics.into_iter().map(new_partitions).collect();
    broker.ask_controller(
        now,
        ControllerRequest::CreatePartitions {
            topics,
            validate_only: request.validate_only,
        },
        Box::new(move |_, _, answered, out| answer(caller, names, answered, out)),
        out,
    );
    Ok(())
}

fn new_partitions(topic: CreatePartitionsTopic) -> NewPartitions {
    let assignments = topic.assignments.map(|list| {
        list.into_iter()
            .map(|a| a.broker_ids.into_iter().map(|id| BrokerId(id.0)).collect())
            .collect()
    });
    NewPartitions {
        name: topic.name.to_string(),
        count: topic.count,
        assignments,
    }
}

fn answer(caller: Caller, names: Vec<String>, answered: Answered, out: &mut Output) {
    let mut results: BTreeMap<String, Result<(), ControllerError>> = match answered {
        Ok(ControllerResponse::CreatePartitions(each)) => each.into_iter().collect(),
        Ok(_) => BTreeMap::new(),
        Err(error) => names
            .iter()
            .map(|name| (name.clone(), Err(error.clone())))
            .collect(),
    };
    let rows = names
        .into_iter()
        .map(|name| {
            let result = results.remove(&name).unwrap_or_else(|| {
                let reason = format!("topic {name:?} stands more than once in the request");
                Err(ControllerError::InvalidRequest { reason })
            });
            let row = CreatePartitionsTopicResult::default().with_name(TopicName(text(name)));
            match result {
                Ok(()) => row,
                Err(error) => row
                    .with_error_code(error.error_code().code())
                    .with_error_message(Some(text(error.to_string()))),
            }
        })
        .collect();
    caller.answer(&CreatePartitionsResponse::default().with_results(rows), out);
}
