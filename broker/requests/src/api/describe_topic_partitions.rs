//! DescribeTopicPartitions (75), version 0: partitions of topics, in pages.
//!
//! * Topics come in the order of their names; an empty list asks for all.
//! * At most `response_partition_limit` partitions (capped by `max.request.partition.size.limit`,
//!   2,000) are returned; the cursor names the first partition of the next page.
//! * Eligible leader replicas (KIP-966) are those outside the ISR that have everything below the
//!   high watermark, which stands still below `min.insync.replicas`. A last known set is not kept:
//!   without a member of the ISR or an eligible one nobody is elected but uncleanly.

use std::collections::BTreeSet;

use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, TopicName,
};
use kring_controller::PartitionImage;
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::operations::TOPIC_OPERATIONS;
use crate::text::{broker_ids, text};

const PARTITIONS_MAX: usize = 2_000;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeTopicPartitionsRequest = call.decode()?;
    let mut room = usize::try_from(request.response_partition_limit)
        .unwrap_or(0)
        .clamp(1, PARTITIONS_MAX);
    let mut answer = DescribeTopicPartitionsResponse::default();
    for name in names(broker, &request) {
        let first = match &request.cursor {
            Some(cursor) if cursor.topic_name.0.as_str() == name => cursor.partition_index,
            _ => 0,
        };
        if room == 0 {
            answer.next_cursor = Some(cursor(&name, first));
            break;
        }
        let (topic, taken, next) = describe(broker, &name, first, room);
        room -= taken;
        answer.topics.push(topic);
        if let Some(next) = next {
            answer.next_cursor = Some(cursor(&name, next));
            break;
        }
    }
    call.caller.answer(&answer, out);
    Ok(())
}

fn cursor(name: &str, partition: i32) -> Cursor {
    Cursor::default()
        .with_topic_name(TopicName(text(name)))
        .with_partition_index(partition)
}

fn names(broker: &Broker, request: &DescribeTopicPartitionsRequest) -> BTreeSet<String> {
    let asked: BTreeSet<String> = if request.topics.is_empty() {
        cluster::topics_in_name_order(broker.image())
            .map(|(_, topic)| topic.name.clone())
            .collect()
    } else {
        request
            .topics
            .iter()
            .map(|topic| topic.name.0.to_string())
            .collect()
    };
    match &request.cursor {
        None => asked,
        Some(cursor) => asked
            .into_iter()
            .filter(|name| name.as_str() >= cursor.topic_name.0.as_str())
            .collect(),
    }
}

/// The topic from partition `first` on, how many partitions that is, and where the next page begins.
fn describe(
    broker: &Broker,
    name: &str,
    first: i32,
    room: usize,
) -> (DescribeTopicPartitionsResponseTopic, usize, Option<i32>) {
    let mut answer =
        DescribeTopicPartitionsResponseTopic::default().with_name(Some(TopicName(text(name))));
    let Some((id, topic)) = cluster::topic_by_name(broker.image(), name) else {
        let error = match (cluster::is_topic_name(name), broker.opened) {
            (false, _) => ErrorCode::InvalidTopicException,
            (true, false) => ErrorCode::LeaderNotAvailable,
            (true, true) => ErrorCode::UnknownTopicOrPartition,
        };
        answer.error_code = error.code();
        return (answer, 0, None);
    };
    answer.topic_id = id.into();
    answer.is_internal = cluster::is_internal(name);
    answer.topic_authorized_operations = TOPIC_OPERATIONS;
    let mut rest = topic.partitions().skip(usize::try_from(first).unwrap_or(0));
    answer.partitions = rest
        .by_ref()
        .take(room)
        .map(|(tp, partition)| describe_partition(broker, tp.partition, partition))
        .collect();
    let taken = answer.partitions.len();
    (answer, taken, rest.next().map(|(tp, _)| tp.partition))
}

fn describe_partition(
    broker: &Broker,
    index: i32,
    partition: &PartitionImage,
) -> DescribeTopicPartitionsResponsePartition {
    let image = broker.image();
    let leader = partition.leader.filter(|id| cluster::is_live(image, *id));
    let error = match leader {
        Some(_) => ErrorCode::None,
        None => ErrorCode::LeaderNotAvailable,
    };
    DescribeTopicPartitionsResponsePartition::default()
        .with_error_code(error.code())
        .with_partition_index(index)
        .with_leader_id(leader.map_or(-1, |id| id.0).into())
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(broker_ids(&partition.replicas))
        .with_isr_nodes(broker_ids(&partition.isr))
        .with_eligible_leader_replicas(Some(broker_ids(&partition.eligible)))
        .with_last_known_elr(Some(Vec::new()))
        .with_offline_replicas(broker_ids(&cluster::offline_replicas(image, partition)))
}
