//! ElectLeaders (43), versions 0–2: makes preferred replicas leaders, or (v1) any replica that is alive.
//!
//! * Without a list every partition that needs it is elected, and only those are in the answer.
//! * An unclean election may lose records; it happens only where no in-sync replica can lead.

use std::collections::BTreeMap;

use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse, TopicName};
use kring_controller::request::ElectionKind;
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::Now;
use kring_wire::{ErrorCode, TopicPartition, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::text;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

type Row = (i32, ErrorCode, Option<String>);

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: ElectLeadersRequest = call.decode()?;
    let caller = call.caller;
    let kind = match request.election_type {
        PREFERRED => ElectionKind::Preferred,
        UNCLEAN => ElectionKind::Unclean,
        _ => {
            let mut answer = ElectLeadersResponse::default();
            if caller.version >= 1 {
                answer.error_code = ErrorCode::InvalidRequest.code();
            }
            caller.answer(&answer, out);
            return Ok(());
        }
    };
    let mut unknown: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let partitions = request.topic_partitions.map(|topics| {
        let mut known = Vec::new();
        for topic in topics {
            let name = TopicRef::from(topic.topic.0.as_str());
            for partition in topic.partitions {
                match broker.resolve(&name, partition) {
                    Ok(tp) => known.push(tp),
                    Err(error) => unknown.entry(topic.topic.to_string()).or_default().push((
                        partition,
                        error,
                        Some(error.message().to_owned()),
                    )),
                }
            }
        }
        known
    });
    broker.ask_controller(
        now,
        ControllerRequest::ElectLeaders { kind, partitions },
        Box::new(move |broker, _, answered, out| answer(broker, caller, unknown, answered, out)),
        out,
    );
    Ok(())
}

fn answer(
    broker: &Broker,
    caller: Caller,
    mut rows: BTreeMap<String, Vec<Row>>,
    answered: Answered,
    out: &mut Output,
) {
    let mut answer = ElectLeadersResponse::default();
    match answered {
        Ok(ControllerResponse::ElectLeaders(each)) => {
            for (tp, result) in each {
                let (name, row) = describe(broker, tp, result);
                rows.entry(name).or_default().push(row);
            }
        }
        Ok(_) => answer.error_code = ErrorCode::UnknownServerError.code(),
        // Version 0 has no field for the whole request.
        Err(error) if caller.version >= 1 => answer.error_code = error.error_code().code(),
        Err(_) => {}
    }
    answer.replica_election_results = rows
        .into_iter()
        .map(|(name, rows)| {
            ReplicaElectionResult::default()
                .with_topic(TopicName(text(name)))
                .with_partition_result(rows.into_iter().map(partition_row).collect())
        })
        .collect();
    caller.answer(&answer, out);
}

fn describe(
    broker: &Broker,
    tp: TopicPartition,
    result: Result<(), ControllerError>,
) -> (String, Row) {
    let name = match broker.image().topics.get(&tp.topic) {
        Some(topic) => topic.name.clone(),
        None => tp.topic.to_string(),
    };
    let row = match result {
        Ok(()) => (tp.partition, ErrorCode::None, None),
        Err(error) => (tp.partition, error.error_code(), Some(error.to_string())),
    };
    (name, row)
}

fn partition_row((partition, error, message): Row) -> PartitionResult {
    PartitionResult::default()
        .with_partition_id(partition)
        .with_error_code(error.code())
        .with_error_message(message.map(text))
}
