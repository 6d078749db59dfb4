//! A simulated consumer of committed records, which reads one partition from its start for as long as the run lasts.
//! It leaves out what the list of aborted transactions says; whether the list is true, the checks say.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::PartitionData;
use kring_io::{BrokerId, Instant};
use kring_wire::ErrorCode;

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, consumer};
use crate::history::{Happened, Partition};
use crate::records;
use crate::topics::Topic;

/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error or an empty answer.
const BACKOFF: Duration = Duration::from_millis(50);
/// `isolation.level` `read_committed` in a request.
pub(super) const READ_COMMITTED: i8 = 1;

/// The reader.
#[derive(Debug)]
pub struct CommittedReader {
    name: u32,
    topic: Topic,
    partition: Partition,
    metadata: Metadata,
    calls: Calls<()>,
    position: i64,
    /// High watermark and last stable offset of the last answer.
    ends: Option<(i64, i64)>,
    begun: bool,
    try_at: Instant,
    finishing: bool,
}

impl CommittedReader {
    /// A reader of one partition, whose records all stay.
    #[must_use]
    pub fn new(name: u32, topic: Topic, index: i32, brokers: Vec<BrokerId>) -> CommittedReader {
        CommittedReader {
            name,
            topic,
            partition: topic.partition(index),
            metadata: Metadata::new(topic.name, brokers, name as usize),
            calls: Calls::default(),
            position: 0,
            ends: None,
            begun: false,
            try_at: Instant(0),
            finishing: false,
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        if !std::mem::replace(&mut self.begun, true) {
            out.happened.push(Happened::Positioned {
                client: self.name,
                partition: self.partition,
                offset: self.position,
            });
        }
        let index = self.partition.index;
        let Some(leader) = self.metadata.leader(index) else {
            let correlation = self.calls.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        let request = consumer::request(self.topic, index, self.position)
            .with_isolation_level(READ_COMMITTED);
        let version = consumer::VERSION;
        self.calls
            .send(now, leader, version, &request, PATIENCE, (), out);
    }

    fn again(&mut self, now: Instant) {
        self.metadata.forget(self.partition.index);
        self.try_at = now + BACKOFF;
    }

    fn answered(&mut self, now: Instant, call: &Call<()>, answer: &Bytes, out: &mut ClientOutput) {
        let Some(partition) = consumer::partition_in(answer) else {
            return self.again(now);
        };
        match ErrorCode::from_code(partition.error_code) {
            Some(ErrorCode::None) => {}
            code => {
                if code == Some(ErrorCode::OffsetOutOfRange) {
                    out.complaints.push(format!(
                        "reader {} of {} at {} ms: broker {} says that {} is out of range",
                        self.name,
                        self.partition,
                        now.0 / 1_000_000,
                        call.broker,
                        self.position
                    ));
                }
                return self.again(now);
            }
        }
        let before = self.position;
        self.take((call.broker, call.since), partition, out);
        self.try_at = if self.position > before {
            now
        } else {
            now + BACKOFF
        };
    }

    fn take(
        &mut self,
        (from, since): (BrokerId, Instant),
        answer: PartitionData,
        out: &mut ClientOutput,
    ) {
        let aborted = answer.aborted_transactions.unwrap_or_default();
        let aborted = aborted.iter().map(|a| (a.producer_id.0, a.first_offset));
        let bytes = answer.records.unwrap_or_default();
        let contents = match records::committed(&bytes, self.partition, aborted.collect()) {
            Ok(contents) => contents,
            Err(reason) => {
                let (name, partition) = (self.name, self.partition);
                let fact = format!("reader {name} of {partition} from broker {from}: {reason}");
                return out.complaints.push(fact);
            }
        };
        let position = self.position;
        self.position = position.max(contents.next.unwrap_or(0));
        self.ends = Some((answer.high_watermark, answer.last_stable_offset));
        out.happened.push(Happened::FetchedCommitted {
            client: self.name,
            partition: self.partition,
            from,
            since,
            high_watermark: answer.high_watermark,
            last_stable: answer.last_stable_offset,
            next: self.position,
        });
        out.happened.extend(contents.damages(self.partition, from));
        // A batch is given whole, also the records before the asked offset.
        let runs = contents.runs.iter();
        for run in runs.filter_map(|run| run.between(position, i64::MAX)) {
            out.happened.push(Happened::Seen {
                client: self.name,
                partition: self.partition,
                offset: run.offset,
                records: run.records,
                from,
            });
        }
    }
}

impl Client for CommittedReader {
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
        if self.calls.is_empty() && self.try_at <= now {
            self.act(now, out);
        }
        let next = self.try_at.max(now + Duration::from_millis(1));
        out.wake_at = Some(self.calls.next_until().unwrap_or(next));
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    /// Nothing holds committed records back, and all of them are read.
    fn is_idle(&self) -> bool {
        let (position, ends) = (self.position, self.ends);
        self.finishing && ends.is_some_and(|(high, stable)| stable == high && position >= stable)
    }
}
