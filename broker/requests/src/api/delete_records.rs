//! DeleteRecords (21), versions 0–2: moves the start of a partition's log.
//!
//! * −1 stands for the high watermark; above it is `OFFSET_OUT_OF_RANGE`.
//! * The answer comes when the new start is durable on the leader; the followers learn it with their
//!   next fetch. Kafka waits for them too; here a follower that becomes the leader before it heard
//!   may show the records once more, which a repeated request removes.
//! * The offsets of consumer groups cannot be deleted: `POLICY_VIOLATION`.

use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use kring_io::{ConnId, Now};
use kring_log::Lsn;
use kring_wire::{ErrorCode, Offset, TopicPartition, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::gather::Gather;

const HIGH_WATERMARK: Offset = -1;

type Part = (i32, Result<Offset, ErrorCode>);

/// Partitions whose new start is not durable yet.
#[derive(Default)]
pub(crate) struct Waiting {
    parts: Vec<Wait>,
}

struct Wait {
    /// The answer may go when this group is durable.
    lsn: Lsn,
    index: i32,
    offset: Offset,
    slot: usize,
    conn: ConnId,
    gather: Gather<Part>,
}

impl Waiting {
    /// Forgets the requests of a connection that is gone.
    pub(crate) fn close(&mut self, conn: ConnId) {
        self.parts.retain(|wait| wait.conn != conn);
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
                        index,
                        offset: offset.max(start),
                        slot,
                        conn: caller.request.conn,
                        gather: gather.clone(),
                    });
                }
            }
            slot += 1;
        }
    }
    durable(broker, broker.log.durable_lsn(), out);
    Ok(())
}

/// Everything up to `lsn` is on this broker's disk.
pub(crate) fn durable(broker: &mut Broker, lsn: Lsn, out: &mut Output) {
    let waiting = std::mem::take(&mut broker.delete_records.parts);
    for wait in waiting {
        if wait.lsn <= lsn {
            wait.gather
                .put(wait.slot, (wait.index, Ok(wait.offset)), out);
        } else {
            broker.delete_records.parts.push(wait);
        }
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
