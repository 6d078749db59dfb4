//! A simulated consumer that reads one partition from its start while the faults are on.
//! It belongs to no group; group membership is checked elsewhere.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant};

use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, codec};
use crate::history::{Happened, RecordId};
use crate::records;

/// Version of Fetch requests: the last with topic names.
const VERSION: i16 = 12;
/// Time until an unanswered request is repeated.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error or an empty answer.
const BACKOFF: Duration = Duration::from_millis(50);

/// The consumer.
#[derive(Debug)]
pub struct Consumer {
    topic: String,
    partition: i32,
    metadata: Metadata,
    position: i64,
    asked: Option<(i32, BrokerId, Instant)>,
    try_at: Instant,
    correlation: i32,
    finishing: bool,
}

impl Consumer {
    /// A consumer of one partition.
    #[must_use]
    pub fn new(topic: &str, partition: i32, brokers: Vec<BrokerId>) -> Consumer {
        let first = usize::try_from(partition).unwrap_or_default();
        Consumer {
            topic: topic.to_owned(),
            partition,
            metadata: Metadata::new(topic, brokers, first),
            position: 0,
            asked: None,
            try_at: Instant(0),
            correlation: 0,
            finishing: false,
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        self.correlation += 1;
        let Some(leader) = self.metadata.leader(self.partition) else {
            self.metadata.ask(now, self.correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        let partition = FetchPartition::default()
            .with_partition(self.partition)
            .with_fetch_offset(self.position)
            .with_current_leader_epoch(-1)
            .with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_string(self.topic.clone())))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_topics(vec![topic]);
        self.asked = Some((self.correlation, leader, now + PATIENCE));
        out.sends
            .push((leader, codec::frame(self.correlation, VERSION, &request)));
    }

    fn fetched(&mut self, now: Instant, from: BrokerId, answer: &Bytes, out: &mut ClientOutput) {
        self.asked = None;
        self.try_at = now + BACKOFF;
        let response = codec::answer::<FetchRequest>(VERSION, answer);
        let Some(partition) = response.and_then(|mut r| r.responses.pop()?.partitions.pop()) else {
            return self.metadata.forget(self.partition);
        };
        if partition.error_code != 0 {
            // A new leader may not know the high watermark yet: the consumer keeps its position.
            return self.metadata.forget(self.partition);
        }
        match records::of(&partition.records.unwrap_or_default()) {
            Ok(records) => self.polled(now, from, records, out),
            Err(reason) => out.complaints.push(format!(
                "consumer of partition {}: {reason}",
                self.partition
            )),
        }
    }

    fn polled(
        &mut self,
        now: Instant,
        from: BrokerId,
        records: Vec<(i64, RecordId)>,
        out: &mut ClientOutput,
    ) {
        for (offset, record) in records {
            if offset < self.position {
                // A batch is given whole, also the records before the asked offset.
                continue;
            }
            if offset != self.position {
                out.complaints.push(format!(
                    "consumer of partition {}: offset {offset} follows {}",
                    self.partition,
                    self.position - 1
                ));
            }
            self.position = offset + 1;
            self.try_at = now;
            out.happened.push(Happened::Polled {
                record,
                partition: self.partition,
                offset,
                from,
            });
        }
    }
}

impl Client for Consumer {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        match event {
            ClientEvent::Answer(answer) => match self.asked {
                Some((correlation, from, _))
                    if codec::correlation(&answer) == Some(correlation) =>
                {
                    self.fetched(now, from, &answer, out);
                }
                _ => {
                    self.metadata.answered(&answer);
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                if self.asked.is_some_and(|(_, to, _)| to == broker) {
                    self.metadata.forget(self.partition);
                    self.asked = None;
                }
            }
            ClientEvent::Wake => {}
        }
        if self.asked.is_some_and(|(_, _, until)| until <= now) {
            self.metadata.forget(self.partition);
            self.asked = None;
        }
        if self.asked.is_none() && self.try_at <= now && !self.finishing {
            self.act(now, out);
        }
        out.wake_at = match self.asked {
            Some((_, _, until)) => Some(until),
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
