//! ListPartitionReassignments (46), version 0: the moves that are under way (KIP-455).
//!
//! * Null asks for all of them; partitions that are not being moved are left out of the answer.

use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
};
use kring_controller::{PartitionImage, TopicImage};
use kring_io::Now;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::text::{broker_ids, text};

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: ListPartitionReassignmentsRequest = call.decode()?;
    let image = broker.image();
    let topics = match &request.topics {
        None => cluster::topics_in_name_order(image)
            .filter_map(|(_, topic)| describe(topic, |_| true))
            .collect(),
        Some(asked) => asked
            .iter()
            .filter_map(|asked| {
                let topic = image.topic_by_name(&asked.name)?;
                describe(topic, |index| asked.partition_indexes.contains(&index))
            })
            .collect(),
    };
    let answer = ListPartitionReassignmentsResponse::default()
        .with_error_message(None)
        .with_topics(topics);
    call.caller.answer(&answer, out);
    Ok(())
}

fn describe(topic: &TopicImage, asked: impl Fn(i32) -> bool) -> Option<OngoingTopicReassignment> {
    let moving: Vec<_> = topic
        .partitions()
        .filter(|(tp, partition)| partition.is_reassigning() && asked(tp.partition))
        .map(|(tp, partition)| row(tp.partition, partition))
        .collect();
    if moving.is_empty() {
        return None;
    }
    let answer = OngoingTopicReassignment::default()
        .with_name(TopicName(text(&topic.name)))
        .with_partitions(moving);
    Some(answer)
}

fn row(index: i32, partition: &PartitionImage) -> OngoingPartitionReassignment {
    OngoingPartitionReassignment::default()
        .with_partition_index(index)
        .with_replicas(broker_ids(&partition.replicas))
        .with_adding_replicas(broker_ids(&partition.adding))
        .with_removing_replicas(broker_ids(&partition.removing))
}
