//! A simulated client that deletes the older records of a partition now and then.
//! It asks for the end first, so that it never asks for what is not there.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::{DeleteRecordsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant, Random};

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, codec, lister};
use crate::history::{Asked, Happened, Partition};
use crate::topics::Topic;

/// Version of the requests.
const VERSION: i16 = 2;
/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Pauses between deletions are up to this.
const PAUSE_MS: u64 = 4_000;
/// Records that are kept are up to this many.
const KEPT_MAX: u64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    End,
    Delete,
}

/// The client.
#[derive(Debug)]
pub struct Trimmer {
    topic: Topic,
    partition: Partition,
    random: Random,
    metadata: Metadata,
    calls: Calls<About>,
    try_at: Instant,
    finishing: bool,
}

impl Trimmer {
    /// A client that deletes records of one partition.
    #[must_use]
    pub fn new(topic: Topic, index: i32, brokers: Vec<BrokerId>, seed: u64) -> Trimmer {
        Trimmer {
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
        let request = lister::request(self.topic, self.partition.index, Asked::Latest);
        let version = lister::VERSION;
        self.calls
            .send(now, leader, version, &request, PATIENCE, About::End, out);
    }

    fn delete(&mut self, now: Instant, leader: BrokerId, before: i64, out: &mut ClientOutput) {
        out.happened.push(Happened::TrimInvoked {
            partition: self.partition,
            before,
        });
        let partition = DeleteRecordsPartition::default()
            .with_partition_index(self.partition.index)
            .with_offset(before);
        let topic = DeleteRecordsTopic::default()
            .with_name(TopicName(StrBytes::from_static_str(self.topic.name)))
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(1_500);
        self.calls
            .send(now, leader, VERSION, &request, PATIENCE, About::Delete, out);
    }

    fn answered(
        &mut self,
        now: Instant,
        call: &Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        match call.about {
            About::End => match lister::found(answer) {
                Some((end, _)) => {
                    let kept = i64::try_from(self.random.below(KEPT_MAX)).expect("it is small");
                    if end > kept {
                        self.delete(now, call.broker, end - kept, out);
                    }
                }
                None => self.metadata.forget(self.partition.index),
            },
            About::Delete => {
                let response = codec::answer::<DeleteRecordsRequest>(VERSION, answer);
                let done = response
                    .and_then(|mut r| r.topics.pop()?.partitions.pop())
                    .filter(|partition| partition.error_code == 0);
                match done {
                    Some(done) => out.happened.push(Happened::Trimmed {
                        partition: self.partition,
                        since: call.since,
                        log_start: done.low_watermark,
                    }),
                    None => self.metadata.forget(self.partition.index),
                }
            }
        }
    }
}

impl Client for Trimmer {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let pause = Duration::from_millis(self.random.below(PAUSE_MS));
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => {
                    self.try_at = now + pause;
                    self.answered(now, &call, &answer, out);
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
