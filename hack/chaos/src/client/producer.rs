//! An idempotent producer with acks=all and several batches under way, which it sends again until each is answered.
//! It writes to one partition, so that its order there is the order of its numbers.

use std::collections::VecDeque;
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, ProducerId};
use kring_io::Random;
use kring_sim::history::{Happened, Records, Value};
use kring_wire::{BatchBuilder, ErrorCode};

use super::connection::Connection;
use super::{Shared, until};
use crate::recording::{self, Recording};

/// Version of Produce requests: the last with topic names.
const PRODUCE_VERSION: i16 = 12;
/// Version of InitProducerId requests.
const INIT_VERSION: i16 = 4;
/// Time until an unanswered request is repeated.
const PATIENCE: Duration = Duration::from_millis(3_000);
/// Time between tries after an error.
const BACKOFF: Duration = Duration::from_millis(50);
/// Batches under way at most; brokers remember five for each producer, as Kafka's do.
const IN_FLIGHT_MAX: usize = 5;

/// What a producer is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// Its name in its records.
    pub(crate) name: u32,
    /// Where it writes.
    pub(crate) partition: i32,
    /// Records of a batch are drawn from 1 to this.
    pub(crate) batch_records_max: u64,
    /// Records per second.
    pub(crate) rate: u64,
    /// Bytes of each record's key, which nobody reads: they take space.
    pub(crate) key_bytes: usize,
    /// For sizes.
    pub(crate) seed: u64,
}

/// A batch that is sent until it is answered.
#[derive(Debug)]
struct Batch {
    records: Records,
    bytes: Bytes,
    sent: bool,
    /// The request it is under way with on the connection of now.
    correlation: Option<i32>,
}

struct Producer<'a> {
    order: Order,
    shared: &'a Shared,
    random: Random,
    in_flight_max: usize,
    identity: Option<(i64, i16)>,
    connection: Option<(usize, Connection)>,
    window: VecDeque<Batch>,
    next: u64,
    draw_at: Instant,
    recording: Recording,
}

/// Produces until the clients are told to finish and everything begun is answered.
pub(crate) fn run(order: Order, shared: &Shared) -> Recording {
    let mut random = Random::new(order.seed);
    let in_flight_max = 1 + usize::try_from(random.below(IN_FLIGHT_MAX as u64)).unwrap_or(0);
    let mut producer = Producer {
        order,
        shared,
        random,
        in_flight_max,
        identity: None,
        connection: None,
        window: VecDeque::new(),
        next: 0,
        draw_at: Instant::now(),
        recording: Recording::default(),
    };
    producer.live();
    producer.recording
}

impl Producer<'_> {
    fn live(&mut self) {
        loop {
            if self.shared.has_given_up() {
                if !self.window.is_empty() {
                    let (name, partition) = (self.order.name, self.order.partition);
                    self.recording.complain(format!(
                        "producer {name} of partition {partition}: {} batches never answered",
                        self.window.len()
                    ));
                }
                return;
            }
            if self.shared.is_finishing() && self.window.is_empty() {
                return;
            }
            if !self.step() {
                return;
            }
        }
    }

    /// Does one thing that takes a bounded time; false when there is no going on.
    fn step(&mut self) -> bool {
        let Some(identity) = self.identity else {
            self.identity = self.introduce();
            return true;
        };
        if self.connection.is_none() && !self.connect() {
            sleep(BACKOFF);
            return true;
        }
        self.draw(identity);
        if self.window.is_empty() {
            sleep(until(self.draw_at, BACKOFF));
            return true;
        }
        let answer = self.send_all().and_then(|()| self.receive());
        match answer {
            Ok((ErrorCode::None, base_offset)) => self.acknowledged(base_offset),
            Ok((code, _)) if is_retriable(code) => {
                self.shared.was_refused(code);
                self.disconnect();
            }
            Ok((code, _)) => {
                self.refused(code);
                return false;
            }
            Err(_) => self.disconnect(),
        }
        true
    }

    fn introduce(&mut self) -> Option<(i64, i16)> {
        let address = self.shared.directory.address(self.shared.directory.any());
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let response = Connection::open(address, PATIENCE)
            .and_then(|mut connection| connection.call(INIT_VERSION, &request));
        match response {
            Ok(response) if response.error_code == 0 => {
                let identity = (response.producer_id.0, response.producer_epoch);
                let initialised = Happened::Initialised {
                    producer: self.order.name,
                    id: identity.0,
                    epoch: identity.1,
                };
                self.recording.push(self.shared.clock.now(), initialised);
                Some(identity)
            }
            _ => {
                sleep(BACKOFF);
                None
            }
        }
    }

    fn connect(&mut self) -> bool {
        let partition = self.order.partition;
        let Some(leader) = self.shared.directory.leader(partition) else {
            return false;
        };
        let address = self.shared.directory.address(leader);
        match Connection::open(address, PATIENCE) {
            Ok(connection) => {
                self.connection = Some((leader, connection));
                true
            }
            Err(_) => {
                self.shared.directory.forget(partition, leader);
                false
            }
        }
    }

    /// Leaves the broker; what was under way there is sent again, in its order.
    fn disconnect(&mut self) {
        if let Some((leader, _)) = self.connection.take() {
            self.shared.directory.forget(self.order.partition, leader);
        }
        for batch in &mut self.window {
            batch.correlation = None;
        }
        sleep(BACKOFF);
    }

    /// Draws the batches that are due.
    fn draw(&mut self, identity: (i64, i16)) {
        while !self.shared.is_finishing()
            && self.window.len() < self.in_flight_max
            && self.draw_at <= Instant::now()
        {
            let count = 1 + self.random.below(self.order.batch_records_max);
            let first = self.next;
            self.next += count;
            let pause = Duration::from_micros(count * 1_000_000 / self.order.rate.max(1));
            // What was missed while nothing could be sent is not caught up at once.
            self.draw_at = (self.draw_at + pause).max(Instant::now() - pause);
            let records = Records {
                producer: self.order.name,
                first,
                count: u32::try_from(count).expect("a batch is small"),
            };
            let timestamp = now_ms();
            let invoked = Happened::Invoked {
                records,
                partition: recording::partition(self.order.partition),
                id: identity.0,
                epoch: identity.1,
                timestamp,
            };
            self.recording.push(self.shared.clock.now(), invoked);
            self.window.push_back(Batch {
                records,
                bytes: encode(identity, &self.order, records, timestamp),
                sent: false,
                correlation: None,
            });
        }
    }

    fn send_all(&mut self) -> io::Result<()> {
        let Some((_, connection)) = &mut self.connection else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        for batch in self.window.iter_mut().filter(|b| b.correlation.is_none()) {
            if std::mem::replace(&mut batch.sent, true) {
                let again = Happened::Resent {
                    records: batch.records,
                    partition: recording::partition(self.order.partition),
                };
                self.recording.push(self.shared.clock.now(), again);
            }
            let data = PartitionProduceData::default()
                .with_index(self.order.partition)
                .with_records(Some(batch.bytes.clone()));
            let topic = TopicProduceData::default()
                .with_name(self.shared.directory.topic())
                .with_partition_data(vec![data]);
            let request = ProduceRequest::default()
                .with_acks(-1)
                .with_timeout_ms(2_000)
                .with_topic_data(vec![topic]);
            batch.correlation = Some(connection.send(PRODUCE_VERSION, &request)?);
        }
        Ok(())
    }

    /// The answer to the oldest batch.
    fn receive(&mut self) -> io::Result<(ErrorCode, i64)> {
        let oldest = self.window.front().and_then(|batch| batch.correlation);
        let (Some((_, connection)), Some(correlation)) = (&mut self.connection, oldest) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let response = connection.receive::<ProduceRequest>(PRODUCE_VERSION, correlation)?;
        let result = response
            .responses
            .into_iter()
            .next()
            .and_then(|topic| topic.partition_responses.into_iter().next())
            .ok_or_else(|| io::Error::other("an answer to Produce without the partition"))?;
        let code = ErrorCode::from_code(result.error_code).unwrap_or(ErrorCode::UnknownServerError);
        Ok((code, result.base_offset))
    }

    fn acknowledged(&mut self, base_offset: i64) {
        let Some(batch) = self.window.pop_front() else {
            return;
        };
        let partition = self.order.partition;
        let now = self.shared.clock.now();
        self.shared.has_served(partition, now);
        let acknowledged = Happened::Acknowledged {
            records: batch.records,
            partition: recording::partition(partition),
            offset: base_offset,
        };
        self.recording.push(now, acknowledged);
    }

    /// An answer that no broker gives to a producer that keeps its order: what it acknowledged
    /// before is missing, or it took a batch twice.
    fn refused(&mut self, code: ErrorCode) {
        let first = self.window.front().map_or(0, |batch| batch.records.first);
        self.recording.complain(format!(
            "producer {} of partition {}: {code:?} for the batch from {first}, everything before is acknowledged",
            self.order.name, self.order.partition
        ));
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

/// The wall clock, in ms since the epoch.
fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(0))
}

fn encode((id, epoch): (i64, i16), order: &Order, records: Records, timestamp: i64) -> Bytes {
    let base_sequence =
        i32::try_from(records.first).expect("a run is shorter than the sequence wraps");
    let mut random = Random::new(records.first ^ order.seed);
    let mut key = vec![0; order.key_bytes];
    let mut batch = BatchBuilder::new().producer(id, epoch, base_sequence);
    for id in records.ids() {
        for bytes in key.chunks_mut(8) {
            bytes.copy_from_slice(&random.next_u64().to_be_bytes()[..bytes.len()]);
        }
        let value = Value {
            id,
            partition: recording::partition(order.partition),
            timestamp,
        };
        batch.push(timestamp, Some(&key), Some(&value.to_bytes(0)));
    }
    batch.build()
}
