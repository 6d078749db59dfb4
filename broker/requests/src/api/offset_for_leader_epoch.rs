//! OffsetForLeaderEpoch (23), versions 2–4: where an epoch ends, by which a consumer finds out
//! whether records it has read were truncated (KIP-320).
//!
//! * The answer is the largest epoch not above the one asked for, and the offset after its last
//!   record: the end of the log for the current epoch. Not the high watermark: that of a new leader
//!   may lie behind what its predecessor gave out, and consumers would believe in a truncation,
//!   read twice and, some of them, skip what they had fetched.
//! * Nothing known is epoch −1 and offset −1.

use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
use kring_io::Now;
use kring_wire::{ErrorCode, LeaderEpoch, Offset, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: OffsetForLeaderEpochRequest = call.decode()?;
    let topics = request
        .topics
        .into_iter()
        .map(|topic| {
            let name = TopicRef::from(topic.topic.0.as_str());
            let partitions = topic
                .partitions
                .iter()
                .map(|partition| one(broker, &name, partition))
                .collect();
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic)
                .with_partitions(partitions)
        })
        .collect();
    let answer = OffsetForLeaderEpochResponse::default().with_topics(topics);
    call.caller.answer(&answer, out);
    Ok(())
}

fn one(broker: &Broker, topic: &TopicRef, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let answer = EpochEndOffset::default().with_partition(asked.partition);
    match end(broker, topic, asked) {
        Ok((epoch, offset)) => answer.with_leader_epoch(epoch).with_end_offset(offset),
        Err(error) => answer
            .with_leader_epoch(-1)
            .with_end_offset(-1)
            .with_error_code(error.code()),
    }
}

fn end(
    broker: &Broker,
    topic: &TopicRef,
    asked: &OffsetForLeaderPartition,
) -> Result<(LeaderEpoch, Offset), ErrorCode> {
    let tp = broker.resolve(topic, asked.partition)?;
    broker.check_leader(tp, asked.current_leader_epoch)?;
    let current = broker.led_epoch(tp).ok_or(ErrorCode::NotLeaderOrFollower)?;
    if asked.leader_epoch == current {
        let state = broker.log.state(tp).ok_or(ErrorCode::NotLeaderOrFollower)?;
        return Ok((current, state.log_end));
    }
    let known = broker.log.epoch_end(tp, asked.leader_epoch);
    Ok(known.unwrap_or((-1, -1)))
}
