//! A simulated client that asks for offsets: the end, the start, and the first record of a time.
//! It asks one question at a time and keeps no position.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant, Random};

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, codec};
use crate::history::{Asked, Happened, Partition};
use crate::machine;
use crate::topics::Topic;

/// Version of the requests: -1 and -2 and times, with errors that clients retry.
pub(super) const VERSION: i16 = 7;
/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Pauses between questions are up to this.
const PAUSE_MS: u64 = 300;
/// Times asked for are up to this old.
const AGE_MS: u64 = 30_000;

/// A request for one offset of a partition.
pub(super) fn request(topic: Topic, index: i32, asked: Asked) -> ListOffsetsRequest {
    let timestamp = match asked {
        Asked::Latest => -1,
        Asked::Earliest => -2,
        Asked::Timestamp(at) => at,
    };
    let partition = ListOffsetsPartition::default()
        .with_partition_index(index)
        .with_current_leader_epoch(-1)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(StrBytes::from_static_str(topic.name)))
        .with_partitions(vec![partition]);
    ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1).0.into())
        .with_topics(vec![topic])
}

/// Offset and timestamp of an answer for one partition; none if it is an error.
pub(super) fn found(answer: &Bytes) -> Option<(i64, i64)> {
    let response = codec::answer::<ListOffsetsRequest>(VERSION, answer);
    let partition = response.and_then(|mut r| r.topics.pop()?.partitions.pop())?;
    (partition.error_code == 0).then_some((partition.offset, partition.timestamp))
}

/// The client.
#[derive(Debug)]
pub struct Lister {
    topic: Topic,
    partition: Partition,
    random: Random,
    metadata: Metadata,
    calls: Calls<Asked>,
    try_at: Instant,
    finishing: bool,
}

impl Lister {
    /// A client that asks about one partition.
    #[must_use]
    pub fn new(topic: Topic, index: i32, brokers: Vec<BrokerId>, seed: u64) -> Lister {
        Lister {
            topic,
            partition: topic.partition(index),
            random: Random::new(seed),
            metadata: Metadata::new(topic.name, brokers, index.unsigned_abs() as usize),
            calls: Calls::default(),
            try_at: Instant(0),
            finishing: false,
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(leader) = self.metadata.leader(self.partition.index) else {
            let correlation = self.calls.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + Duration::from_millis(50);
            return;
        };
        let asked = match self.random.below(3) {
            0 => Asked::Latest,
            1 => Asked::Earliest,
            _ => {
                let age = i64::try_from(self.random.below(AGE_MS)).expect("an age is small");
                Asked::Timestamp(machine::now(now).wall_ms - age)
            }
        };
        let request = request(self.topic, self.partition.index, asked);
        self.calls
            .send(now, leader, VERSION, &request, PATIENCE, asked, out);
    }

    fn answered(&mut self, call: &Call<Asked>, answer: &Bytes, out: &mut ClientOutput) {
        match found(answer) {
            Some((offset, timestamp)) => out.happened.push(Happened::Listed {
                partition: self.partition,
                from: call.broker,
                since: call.since,
                asked: call.about,
                offset,
                timestamp,
            }),
            None => self.metadata.forget(self.partition.index),
        }
    }
}

impl Client for Lister {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let pause = Duration::from_millis(self.random.below(PAUSE_MS));
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => {
                    self.answered(&call, &answer, out);
                    self.try_at = now + pause;
                }
                None => {
                    self.metadata.answered(&answer);
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                if !self.calls.disconnected(broker).is_empty() {
                    self.metadata.forget(self.partition.index);
                    self.try_at = now + pause;
                }
            }
            ClientEvent::Wake => {}
        }
        if !self.calls.expired(now).is_empty() {
            self.metadata.forget(self.partition.index);
        }
        if self.calls.is_empty() && self.try_at <= now && !self.finishing {
            self.act(now, out);
        }
        let soon = now + Duration::from_millis(1);
        out.wake_at = match self.calls.next_until() {
            Some(until) => Some(until),
            None if self.finishing => None,
            None => Some(self.try_at.max(soon)),
        };
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_idle(&self) -> bool {
        self.finishing
    }
}
