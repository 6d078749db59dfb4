//! DeleteRecords (21), versions 0–2: moves the start of a partition's log.
//!
//! * −1 stands for the high watermark; above it is `OFFSET_OUT_OF_RANGE`.
//! * The answer comes when the new start is durable on the leader and on every follower in the ISR,
//!   so that no next leader shows the records again. What is still missing when the client's time
//!   is over gets `REQUEST_TIMED_OUT`: the start moved here, and the followers may lack it.
//! * The offsets of consumer groups cannot be deleted: `POLICY_VIOLATION`.

use std::time::Duration;

use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use kring_io::{ConnId, Instant, Now};
use kring_log::Lsn;
use kring_wire::{ErrorCode, Offset, TopicPartition, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::gather::Gather;

const HIGH_WATERMARK: Offset = -1;

type Part = (i32, Result<Offset, ErrorCode>);

/// Partitions whose new start is not durable everywhere yet.
#[derive(Default)]
pub(crate) struct Waiting {
    parts: Vec<Wait>,
}

struct Wait {
    /// The start is durable here when this group is.
    lsn: Lsn,
    tp: TopicPartition,
    index: i32,
    offset: Offset,
    slot: usize,
    deadline: Instant,
    conn: ConnId,
    gather: Gather<Part>,
}

impl Waiting {
    /// Forgets the requests of a connection that is gone.
    pub(crate) fn close(&mut self, conn: ConnId) {
        self.parts.retain(|wait| wait.conn != conn);
    }

    /// When the next request's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.parts.iter().map(|wait| wait.deadline).min()
    }
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DeleteRecordsRequest = call.decode()?;
    let caller = call.caller;
    let topics: Vec<_> = request
        .topics
        .iter()
        .map(|topic| (topic.name.clone(), topic.partitions.len()))
        .collect();
    let count = topics.iter().map(|(_, count)| count).sum();
    let gather = Gather::new(count, move |parts: Vec<Part>, out| {
        let mut parts = parts.into_iter();
        let topics = topics
            .into_iter()
            .map(|(name, count)| {
                DeleteRecordsTopicResult::default()
                    .with_name(name)
                    .with_partitions(parts.by_ref().take(count).map(row).collect())
            })
            .collect();
        caller.answer(&DeleteRecordsResponse::default().with_topics(topics), out);
    });
    gather.complete_if_empty(out);
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let mut slot = 0;
    for topic in &request.topics {
        let name = TopicRef::from(topic.name.0.as_str());
        for partition in &topic.partitions {
            let index = partition.partition_index;
            match target(broker, &name, index, partition.offset) {
                Err(error) => gather.put(slot, (index, Err(error)), out),
                Ok((tp, offset)) => {
                    let start = broker.log.state(tp).map_or(0, |state| state.log_start);
                    broker.log.set_log_start(now, tp, offset);
                    broker.delete_records.parts.push(Wait {
                        // Also of a start that was moved before: that may not be durable yet.
                        lsn: broker.log.appended_lsn(),
                        tp,
                        index,
                        offset: offset.max(start),
                        slot,
                        deadline: now.mono + timeout,
                        conn: caller.request.conn,
                        gather: gather.clone(),
                    });
                }
            }
            slot += 1;
        }
    }
    answer_ready(broker, out);
    Ok(())
}

/// Answers what became durable, here or on a follower, and what this broker no longer leads.
pub(crate) fn answer_ready(broker: &mut Broker, out: &mut Output) {
    if broker.delete_records.parts.is_empty() {
        return;
    }
    let durable = broker.log.durable_lsn();
    let waiting = std::mem::take(&mut broker.delete_records.parts);
    for wait in waiting {
        let result = match broker.replicas.engine().isr_log_start(wait.tp) {
            // Whether the next leader heard of it is for the next request to find out.
            None => Err(ErrorCode::NotLeaderOrFollower),
            Some(start) if start >= wait.offset && wait.lsn <= durable => Ok(wait.offset),
            Some(_) => {
                broker.delete_records.parts.push(wait);
                continue;
            }
        };
        wait.gather.put(wait.slot, (wait.index, result), out);
    }
}

/// Ends what has waited too long.
pub(crate) fn expire(broker: &mut Broker, now: Now, out: &mut Output) {
    let waiting = &mut broker.delete_records.parts;
    for wait in waiting.extract_if(.., |wait| wait.deadline <= now.mono) {
        let part = (wait.index, Err(ErrorCode::RequestTimedOut));
        wait.gather.put(wait.slot, part, out);
    }
}

fn row((index, result): Part) -> DeleteRecordsPartitionResult {
    let row = DeleteRecordsPartitionResult::default().with_partition_index(index);
    match result {
        Ok(log_start) => row.with_low_watermark(log_start),
        Err(error) => row.with_low_watermark(-1).with_error_code(error.code()),
    }
}

fn target(
    broker: &Broker,
    topic: &TopicRef,
    partition: i32,
    offset: Offset,
) -> Result<(TopicPartition, Offset), ErrorCode> {
    let tp = broker.resolve(topic, partition)?;
    if cluster::is_internal(&broker.image().topics[&tp.topic].name) {
        return Err(ErrorCode::PolicyViolation);
    }
    broker.led_epoch(tp).ok_or(ErrorCode::NotLeaderOrFollower)?;
    let high_watermark = broker.high_watermark(tp);
    let offset = match offset {
        HIGH_WATERMARK => high_watermark,
        offset => offset,
    };
    if offset < 0 || offset > high_watermark {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok((tp, offset))
}
