//! A simulated client that asks for offsets: the end, the start, and the first record of a time.
//! It asks one question at a time and keeps no position.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{ListOffsetsRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant, Random};

use super::asker::Asker;
use super::calls::Call;
use super::{Client, ClientEvent, ClientOutput, codec};
use crate::history::{Asked, Happened};
use crate::machine;
use crate::topics::Topic;

/// Version of the requests: -1 and -2 and times, with errors that clients retry.
pub(super) const VERSION: i16 = 7;
/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
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
    asker: Asker<Asked>,
    random: Random,
    pause_ms: u64,
}

impl Lister {
    /// A client that asks about one partition and pauses for up to `pause_ms` between questions.
    #[must_use]
    pub fn new(
        topic: Topic,
        index: i32,
        brokers: Vec<BrokerId>,
        pause_ms: u64,
        seed: u64,
    ) -> Lister {
        Lister {
            asker: Asker::new(topic, index, brokers),
            random: Random::new(seed),
            pause_ms,
        }
    }

    fn ask(&mut self, now: Instant, leader: BrokerId, out: &mut ClientOutput) {
        let asked = match self.random.below(3) {
            0 => Asked::Latest,
            1 => Asked::Earliest,
            _ => {
                let age = i64::try_from(self.random.below(AGE_MS)).expect("an age is small");
                Asked::Timestamp(machine::now(now).wall_ms - age)
            }
        };
        let request = request(self.asker.topic, self.asker.partition.index, asked);
        self.asker
            .calls
            .send(now, leader, VERSION, &request, PATIENCE, asked, out);
    }

    fn answered(&mut self, call: &Call<Asked>, answer: &Bytes, out: &mut ClientOutput) {
        match found(answer) {
            Some((offset, timestamp)) => out.happened.push(Happened::Listed {
                partition: self.asker.partition,
                from: call.broker,
                since: call.since,
                asked: call.about,
                offset,
                timestamp,
            }),
            None => self.asker.forget_leader(),
        }
    }
}

impl Client for Lister {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let pause = Duration::from_millis(self.random.below(self.pause_ms));
        if let Some((call, answer)) = self.asker.take(now, event, pause) {
            self.answered(&call, &answer, out);
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
