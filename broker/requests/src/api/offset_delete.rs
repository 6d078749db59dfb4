//! OffsetDelete (47), version 0: forgets committed offsets of partitions.
//!
//! * A topic that a member of the group subscribes to is `GROUP_SUBSCRIBED_TO_TOPIC`.
//! * A partition that does not exist is `UNKNOWN_TOPIC_OR_PARTITION`.

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse, TopicName};
use kring_groups::{
    GroupRequest, GroupResponse, OffsetDelete, OffsetDeleteOutcome, PartitionError, PartitionsOf,
    TopicOutcome,
};
use kring_io::Now;
use kring_wire::{ErrorCode, TopicRef};

use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: OffsetDeleteRequest = call.decode()?;
    let caller = call.caller;
    let asked = request.topics.iter().map(|topic| PartitionsOf {
        topic: topic.name.to_string(),
        partitions: topic.partitions.iter().map(|p| p.partition_index).collect(),
    });
    let (known, unknown) = split(broker, asked);
    let delete = OffsetDelete {
        group_id: request.group_id.to_string(),
        topics: known,
    };
    broker.ask_group(
        now,
        GroupRequest::OffsetDelete(delete),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::OffsetDelete(outcome) => answer(caller, outcome, unknown, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}

fn split(
    broker: &Broker,
    asked: impl Iterator<Item = PartitionsOf>,
) -> (Vec<PartitionsOf>, Vec<PartitionsOf>) {
    let mut known = Vec::new();
    let mut unknown = Vec::new();
    for PartitionsOf { topic, partitions } in asked {
        let name = TopicRef::from(topic.as_str());
        let (here, gone): (Vec<i32>, Vec<i32>) = partitions
            .into_iter()
            .partition(|partition| broker.resolve(&name, *partition).is_ok());
        for (list, partitions) in [(&mut known, here), (&mut unknown, gone)] {
            if !partitions.is_empty() {
                list.push(PartitionsOf {
                    topic: topic.clone(),
                    partitions,
                });
            }
        }
    }
    (known, unknown)
}

fn answer(
    caller: Caller,
    outcome: OffsetDeleteOutcome,
    unknown: Vec<PartitionsOf>,
    out: &mut Output,
) {
    let mut answer = OffsetDeleteResponse::default().with_error_code(outcome.error.code());
    if outcome.error.is_ok() {
        let unknown = unknown.into_iter().map(|topic| {
            let rows = topic
                .partitions
                .into_iter()
                .map(|partition| PartitionError {
                    partition,
                    error: ErrorCode::UnknownTopicOrPartition,
                });
            (topic.topic, rows.collect::<Vec<_>>())
        });
        let known = outcome.topics.into_iter().map(
            |TopicOutcome {
                 topic, partitions, ..
             }| (topic, partitions),
        );
        let mut topics: BTreeMap<String, Vec<PartitionError>> = BTreeMap::new();
        for (topic, rows) in known.chain(unknown) {
            topics.entry(topic).or_default().extend(rows);
        }
        answer.topics = topics.into_iter().map(row).collect();
    }
    caller.answer(&answer, out);
}

fn row((topic, partitions): (String, Vec<PartitionError>)) -> OffsetDeleteResponseTopic {
    let partitions = partitions.into_iter().map(|partition| {
        OffsetDeleteResponsePartition::default()
            .with_partition_index(partition.partition)
            .with_error_code(partition.error.code())
    });
    OffsetDeleteResponseTopic::default()
        .with_name(TopicName(text(topic)))
        .with_partitions(partitions.collect())
}
