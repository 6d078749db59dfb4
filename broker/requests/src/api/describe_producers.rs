//! DescribeProducers (61), version 0: what the leader of a partition remembers of its producers (KIP-664).
//!
//! * Only the leader answers. An open transaction shows where it began; its marker's coordinator epoch stands beside the
//!   last one that ended, −1 before.

use kafka_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse};
use kring_io::Now;
use kring_wire::{ErrorCode, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeProducersRequest = call.decode()?;
    let topics = request.topics.into_iter().map(|topic| {
        let name = TopicRef::from(topic.name.0.as_str());
        let partitions = topic.partition_indexes.into_iter();
        let partitions = partitions.map(|partition| row(broker, &name, partition));
        TopicResponse::default()
            .with_partitions(partitions.collect())
            .with_name(topic.name)
    });
    let answer = DescribeProducersResponse::default().with_topics(topics.collect());
    call.caller.answer(&answer, out);
    Ok(())
}

fn row(broker: &Broker, topic: &TopicRef, partition: i32) -> PartitionResponse {
    let row = PartitionResponse::default().with_partition_index(partition);
    match states(broker, topic, partition) {
        Ok(states) => row.with_active_producers(states),
        Err(error) => row
            .with_error_code(error.code())
            .with_error_message(Some(text(error.message()))),
    }
}

fn states(
    broker: &Broker,
    topic: &TopicRef,
    partition: i32,
) -> Result<Vec<ProducerState>, ErrorCode> {
    let tp = broker.resolve(topic, partition)?;
    broker.led_epoch(tp).ok_or(ErrorCode::NotLeaderOrFollower)?;
    let states = broker.log.producer_states(tp).into_iter().map(|producer| {
        ProducerState::default()
            .with_producer_id(producer.producer_id.into())
            .with_producer_epoch(i32::from(producer.producer_epoch))
            .with_last_sequence(producer.last_sequence)
            .with_last_timestamp(producer.last_timestamp_ms)
            .with_coordinator_epoch(producer.coordinator_epoch)
            .with_current_txn_start_offset(producer.transaction_start)
    });
    Ok(states.collect())
}
