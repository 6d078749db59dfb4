//! A simulated consumer that reads one partition from its start while the faults are on.
//! It belongs to no group; group membership is checked elsewhere.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant};
use kring_wire::ErrorCode;

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, codec, lister};
use crate::history::{Asked, Happened, Partition};
use crate::records;
use crate::topics::Topic;

/// Version of Fetch requests: the last with topic names.
pub(super) const VERSION: i16 = 12;
/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error or an empty answer.
const BACKOFF: Duration = Duration::from_millis(50);
/// Bytes of an answer at most, beyond its first batch.
const BYTES_MAX: i32 = 64 << 10;

/// A request for one partition from an offset on.
pub(super) fn request(topic: Topic, index: i32, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(index)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(BYTES_MAX);
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_static_str(topic.name)))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(BYTES_MAX)
        .with_topics(vec![topic])
}

/// The one partition of an answer.
pub(super) fn partition_in(answer: &Bytes) -> Option<PartitionData> {
    let response = codec::answer::<FetchRequest>(VERSION, answer);
    response.and_then(|mut r| r.responses.pop()?.partitions.pop())
}

/// Writes down what an answer without an error gave; gives the next position.
pub(super) fn take(
    client: u32,
    partition: Partition,
    position: i64,
    (from, since): (BrokerId, Instant),
    answer: PartitionData,
    out: &mut ClientOutput,
) -> i64 {
    out.happened.push(Happened::Fetched {
        client,
        partition,
        from,
        since,
        high_watermark: answer.high_watermark,
        log_start: answer.log_start_offset,
    });
    let contents = match records::of(&answer.records.unwrap_or_default(), partition) {
        Ok(contents) => contents,
        Err(reason) => {
            let fact = format!("consumer {client} of {partition} from broker {from}: {reason}");
            out.complaints.push(fact);
            return position;
        }
    };
    let mut next = position;
    out.happened.extend(contents.damages(partition, from));
    for run in &contents.runs {
        // A batch is given whole, also the records before the asked offset.
        let Some(run) = run.between(next, i64::MAX) else {
            continue;
        };
        next = run.next();
        out.happened.push(Happened::Polled {
            client,
            partition,
            offset: run.offset,
            records: run.records,
            from,
        });
    }
    next.max(contents.next.unwrap_or(0))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Fetch,
    Start,
}

/// The consumer.
#[derive(Debug)]
pub struct Consumer {
    name: u32,
    topic: Topic,
    partition: Partition,
    metadata: Metadata,
    calls: Calls<About>,
    /// None until the start of the log is known again.
    position: Option<i64>,
    try_at: Instant,
    finishing: bool,
}

impl Consumer {
    /// A consumer of one partition.
    #[must_use]
    pub fn new(name: u32, topic: Topic, index: i32, brokers: Vec<BrokerId>) -> Consumer {
        Consumer {
            name,
            topic,
            partition: topic.partition(index),
            metadata: Metadata::new(topic.name, brokers, index.unsigned_abs() as usize),
            calls: Calls::default(),
            position: None,
            try_at: Instant(0),
            finishing: false,
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        let index = self.partition.index;
        let Some(leader) = self.metadata.leader(index) else {
            let correlation = self.calls.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        match self.position {
            Some(position) => {
                let request = request(self.topic, index, position);
                self.calls
                    .send(now, leader, VERSION, &request, PATIENCE, About::Fetch, out);
            }
            None => {
                let request = lister::request(self.topic, index, Asked::Earliest);
                let version = lister::VERSION;
                self.calls
                    .send(now, leader, version, &request, PATIENCE, About::Start, out);
            }
        }
    }

    fn again(&mut self, now: Instant) {
        self.metadata.forget(self.partition.index);
        self.try_at = now + BACKOFF;
    }

    fn answered(
        &mut self,
        now: Instant,
        call: &Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        match (call.about, self.position) {
            (About::Fetch, Some(position)) => self.fetched(now, call, position, answer, out),
            _ => match lister::found(answer) {
                Some((offset, timestamp)) => {
                    out.happened.push(Happened::Listed {
                        partition: self.partition,
                        from: call.broker,
                        since: call.since,
                        asked: Asked::Earliest,
                        offset,
                        timestamp,
                    });
                    self.place(offset, out);
                }
                None => self.again(now),
            },
        }
    }

    fn place(&mut self, offset: i64, out: &mut ClientOutput) {
        self.position = Some(offset);
        out.happened.push(Happened::Positioned {
            client: self.name,
            partition: self.partition,
            offset,
        });
    }

    fn fetched(
        &mut self,
        now: Instant,
        call: &Call<About>,
        position: i64,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let Some(partition) = partition_in(answer) else {
            return self.again(now);
        };
        match ErrorCode::from_code(partition.error_code) {
            Some(ErrorCode::None) => {}
            Some(ErrorCode::OffsetOutOfRange) => {
                if self.topic.keeps {
                    out.complaints.push(format!(
                        "consumer {} of {} at {} ms: broker {} says that {position} is out of range",
                        self.name,
                        self.partition,
                        now.0 / 1_000_000,
                        call.broker
                    ));
                }
                self.position = None;
                return self.again(now);
            }
            // A new leader may not know the high watermark yet: the consumer keeps its position.
            _ => return self.again(now),
        }
        let asked = (call.broker, call.since);
        let next = take(self.name, self.partition, position, asked, partition, out);
        self.position = Some(next);
        self.try_at = if next > position { now } else { now + BACKOFF };
    }
}

impl Client for Consumer {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => self.answered(now, &call, &answer, out),
                None => {
                    self.metadata.answered(&answer);
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                if !self.calls.disconnected(broker).is_empty() {
                    self.again(now);
                }
            }
            ClientEvent::Wake => {}
        }
        if !self.calls.expired(now).is_empty() {
            self.again(now);
        }
        if self.calls.is_empty() && self.try_at <= now && !self.finishing {
            self.act(now, out);
        }
        out.wake_at = match self.calls.next_until() {
            Some(until) => Some(until),
            None if self.finishing => None,
            None => Some(self.try_at.max(now + Duration::from_millis(1))),
        };
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_idle(&self) -> bool {
        self.finishing
    }
}
