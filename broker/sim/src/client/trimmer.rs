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

use super::asker::Asker;
use super::calls::Call;
use super::{Client, ClientEvent, ClientOutput, codec, lister};
use crate::history::{Asked, Happened};
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
    asker: Asker<About>,
    random: Random,
}

impl Trimmer {
    /// A client that deletes records of one partition.
    #[must_use]
    pub fn new(topic: Topic, index: i32, brokers: Vec<BrokerId>, seed: u64) -> Trimmer {
        Trimmer {
            asker: Asker::new(topic, index, brokers),
            random: Random::new(seed),
        }
    }

    fn ask(&mut self, now: Instant, leader: BrokerId, out: &mut ClientOutput) {
        let request = lister::request(self.asker.topic, self.asker.partition.index, Asked::Latest);
        let version = lister::VERSION;
        self.asker
            .calls
            .send(now, leader, version, &request, PATIENCE, About::End, out);
    }

    fn delete(&mut self, now: Instant, leader: BrokerId, before: i64, out: &mut ClientOutput) {
        out.happened.push(Happened::TrimInvoked {
            partition: self.asker.partition,
            before,
        });
        let partition = DeleteRecordsPartition::default()
            .with_partition_index(self.asker.partition.index)
            .with_offset(before);
        let topic = DeleteRecordsTopic::default()
            .with_name(TopicName(StrBytes::from_static_str(self.asker.topic.name)))
            .with_partitions(vec![partition]);
        let request = DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(1_500);
        self.asker
            .calls
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
                None => self.asker.forget_leader(),
            },
            About::Delete => {
                let response = codec::answer::<DeleteRecordsRequest>(VERSION, answer);
                let done = response
                    .and_then(|mut r| r.topics.pop()?.partitions.pop())
                    .filter(|partition| partition.error_code == 0);
                match done {
                    Some(done) => out.happened.push(Happened::Trimmed {
                        partition: self.asker.partition,
                        since: call.since,
                        log_start: done.low_watermark,
                    }),
                    None => self.asker.forget_leader(),
                }
            }
        }
    }
}

impl Client for Trimmer {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let pause = Duration::from_millis(self.random.below(PAUSE_MS));
        if let Some((call, answer)) = self.asker.take(now, event, pause) {
            self.answered(now, &call, &answer, out);
        }
        if let Some(leader) = self.asker.turn(now, out) {
            self.ask(now, leader, out);
        }
        self.asker.wish(now, out);
    }

    fn finish(&mut self) {
        self.asker.finish();
    }

    fn is_idle(&self) -> bool {
        self.asker.is_idle()
    }
}
