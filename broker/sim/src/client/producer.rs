//! A simulated idempotent producer with acks=all: one batch under way, repeated until it is answered.
//! It writes to one partition, so its order there is the order of its numbers.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProducerId, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use kring_io::{BrokerId, Instant, Random};
use kring_wire::ErrorCode;

use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput, codec};
use crate::history::{Happened, RecordId};

/// Version of Produce requests: the last with topic names.
const PRODUCE_VERSION: i16 = 12;
/// Version of InitProducerId requests.
const INIT_VERSION: i16 = 4;
/// Time until an unanswered request is repeated.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error.
const BACKOFF: Duration = Duration::from_millis(50);
/// Records of a batch are drawn from 1 to this.
const BATCH_RECORDS_MAX: u64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    id: i64,
    epoch: i16,
}

#[derive(Debug)]
struct Asked {
    correlation: i32,
    broker: BrokerId,
    until: Instant,
}

/// A batch that is sent until it is answered.
#[derive(Debug)]
struct Batch {
    first: u64,
    count: u64,
    records: Bytes,
}

/// The producer.
#[derive(Debug)]
pub struct Producer {
    name: u32,
    topic: String,
    partition: i32,
    random: Random,
    think: Duration,
    metadata: Metadata,
    identity: Option<Identity>,
    next: u64,
    batch: Option<Batch>,
    asked: Option<Asked>,
    try_at: Instant,
    correlation: i32,
    finishing: bool,
}

impl Producer {
    /// A producer that pauses for `think` between batches.
    #[must_use]
    pub fn new(
        name: u32,
        topic: &str,
        partition: i32,
        brokers: Vec<BrokerId>,
        think: Duration,
        seed: u64,
    ) -> Producer {
        Producer {
            name,
            topic: topic.to_owned(),
            partition,
            random: Random::new(seed),
            think,
            metadata: Metadata::new(topic, brokers, name as usize),
            identity: None,
            next: 0,
            batch: None,
            asked: None,
            try_at: Instant(0),
            correlation: 0,
            finishing: false,
        }
    }

    fn correlate(&mut self) -> i32 {
        self.correlation += 1;
        self.correlation
    }

    fn ask(&mut self, now: Instant, broker: BrokerId, frame: Bytes, out: &mut ClientOutput) {
        self.asked = Some(Asked {
            correlation: self.correlation,
            broker,
            until: now + PATIENCE,
        });
        out.sends.push((broker, frame));
    }

    fn again(&mut self, now: Instant) {
        self.asked = None;
        self.try_at = now + BACKOFF;
    }

    /// The next thing to do, when nothing is under way.
    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(identity) = self.identity else {
            let correlation = self.correlate();
            let broker = self.metadata.any_broker();
            let request = InitProducerIdRequest::default()
                .with_transactional_id(None)
                .with_transaction_timeout_ms(60_000)
                .with_producer_id(ProducerId(-1))
                .with_producer_epoch(-1);
            self.ask(
                now,
                broker,
                codec::frame(correlation, INIT_VERSION, &request),
                out,
            );
            return;
        };
        let Some(leader) = self.metadata.leader(self.partition) else {
            let correlation = self.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        if self.batch.is_none() {
            if self.finishing {
                return;
            }
            self.batch = Some(self.draw_batch(identity, out));
        }
        let correlation = self.correlate();
        let batch = self.batch.as_ref().expect("a batch was just drawn");
        let data = PartitionProduceData::default()
            .with_index(self.partition)
            .with_records(Some(batch.records.clone()));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_string(self.topic.clone())))
            .with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(1_500)
            .with_topic_data(vec![topic]);
        self.ask(
            now,
            leader,
            codec::frame(correlation, PRODUCE_VERSION, &request),
            out,
        );
    }

    fn draw_batch(&mut self, identity: Identity, out: &mut ClientOutput) -> Batch {
        let count = 1 + self.random.below(BATCH_RECORDS_MAX);
        let first = self.next;
        self.next += count;
        let ids = (first..first + count).map(|sequence| RecordId {
            producer: self.name,
            sequence,
        });
        out.happened
            .extend(ids.clone().map(|record| Happened::Invoked {
                record,
                partition: self.partition,
            }));
        Batch {
            first,
            count,
            records: encode(identity, first, ids),
        }
    }

    fn initialised(&mut self, now: Instant, answer: &Bytes) {
        match codec::answer::<InitProducerIdRequest>(INIT_VERSION, answer) {
            Some(response) if response.error_code == 0 => {
                self.identity = Some(Identity {
                    id: response.producer_id.0,
                    epoch: response.producer_epoch,
                });
                self.asked = None;
                self.try_at = now;
            }
            _ => self.again(now),
        }
    }

    fn produced(&mut self, now: Instant, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<ProduceRequest>(PRODUCE_VERSION, answer);
        let Some(result) = response.and_then(|mut r| r.responses.pop()?.partition_responses.pop())
        else {
            out.complaints.push(format!(
                "producer {}: an answer to Produce cannot be read",
                self.name
            ));
            return self.again(now);
        };
        match ErrorCode::from_code(result.error_code) {
            Some(ErrorCode::None) => self.acknowledged(now, result.base_offset, out),
            Some(code) if is_retriable(code) => {
                self.metadata.forget(self.partition);
                self.again(now);
            }
            code => {
                let reason = result.error_message.as_deref().unwrap_or_default();
                out.complaints.push(format!(
                    "producer {} partition {} at {} ms: {code:?} ({reason})",
                    self.name,
                    self.partition,
                    now.0 / 1_000_000
                ));
                self.again(now);
            }
        }
    }

    fn acknowledged(&mut self, now: Instant, base_offset: i64, out: &mut ClientOutput) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        for index in 0..batch.count {
            out.happened.push(Happened::Acknowledged {
                record: RecordId {
                    producer: self.name,
                    sequence: batch.first + index,
                },
                partition: self.partition,
                offset: base_offset + i64::try_from(index).expect("a batch is small"),
            });
        }
        self.asked = None;
        self.try_at = now + self.think;
    }
}

impl Client for Producer {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        match event {
            ClientEvent::Answer(answer) => {
                let correlation = codec::correlation(&answer);
                if self
                    .asked
                    .as_ref()
                    .is_some_and(|asked| Some(asked.correlation) == correlation)
                {
                    if self.identity.is_none() {
                        self.initialised(now, &answer);
                    } else {
                        self.produced(now, &answer, out);
                    }
                } else {
                    self.metadata.answered(&answer);
                }
            }
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                if self
                    .asked
                    .as_ref()
                    .is_some_and(|asked| asked.broker == broker)
                {
                    self.metadata.forget(self.partition);
                    self.again(now);
                }
            }
            ClientEvent::Wake => {}
        }
        if self.asked.as_ref().is_some_and(|asked| asked.until <= now) {
            self.metadata.forget(self.partition);
            self.again(now);
        }
        if self.asked.is_none() && self.try_at <= now && !(self.finishing && self.batch.is_none()) {
            self.act(now, out);
        }
        out.wake_at = match &self.asked {
            Some(asked) => Some(asked.until),
            None if self.is_idle() => None,
            None => Some(self.try_at.max(now + Duration::from_millis(1))),
        };
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_idle(&self) -> bool {
        self.finishing && self.batch.is_none()
    }
}

/// Errors after which Kafka's clients ask for metadata and send the same batch again.
fn is_retriable(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::RequestTimedOut
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::KafkaStorageError
            | ErrorCode::BrokerNotAvailable
            | ErrorCode::NetworkException
    )
}

fn encode(identity: Identity, first: u64, ids: impl Iterator<Item = RecordId>) -> Bytes {
    let records: Vec<Record> = ids
        .enumerate()
        .map(|(index, id)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            timestamp_type: TimestampType::Creation,
            offset: i64::try_from(index).expect("a batch is small"),
            sequence: i32::try_from(first + index as u64)
                .expect("a run is shorter than the sequence wraps"),
            timestamp: 1_700_000_000_000,
            key: None,
            value: Some(Bytes::copy_from_slice(&id.to_bytes())),
            headers: IndexMap::new(),
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut out = BytesMut::new();
    RecordBatchEncoder::encode(&mut out, records.iter(), &options)
        .expect("records of our own encode");
    out.freeze()
}
