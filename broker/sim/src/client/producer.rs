//! A simulated idempotent producer with acks=all and several batches under way, as Kafka's own:
//! it repeats them in order, gives up after its delivery time, and then raises its epoch or begins anew.
//! It writes to one partition, so its order there is the order of its numbers.

pub(super) mod encode;
mod take_answer;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{InitProducerIdRequest, ProducerId};
use kring_io::{BrokerId, Instant, Random};

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput};
use crate::history::{Happened, Partition, Records};
use crate::machine;
use crate::topics::Topic;
use encode::Identity;

/// Version of Produce requests: the last with topic names.
const PRODUCE_VERSION: i16 = 12;
/// Version of InitProducerId requests.
const INIT_VERSION: i16 = 4;
/// Time until an unanswered request is repeated (`request.timeout.ms`).
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error (`retry.backoff.ms`).
const BACKOFF: Duration = Duration::from_millis(50);
/// Records of a batch are drawn from 1 to this.
const BATCH_RECORDS_MAX: u64 = 5;
/// Batches under way are drawn from 1 to this (`max.in.flight.requests.per.connection`).
const UNDER_WAY_MAX: u64 = 5;
/// The delivery time is drawn from this to four times as long (`delivery.timeout.ms`).
const DELIVERY_TIME: Duration = Duration::from_secs(5);
/// Bytes more than a record needs, at most.
const PADDING_MAX: u64 = 64;

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Init,
    /// The batch whose first record has this number.
    Batch(u64),
    /// A batch of an epoch that is over, sent again: it must not be appended.
    Ghost,
}

/// A batch that is sent until it is answered or given up.
#[derive(Debug)]
struct Batch {
    records: Records,
    /// How many this producer drew before.
    number: u64,
    bytes: Bytes,
    until: Instant,
    /// It is to be sent, at first or again.
    waits: bool,
    sent: bool,
}

/// The producer.
#[derive(Debug)]
pub struct Producer {
    name: u32,
    topic: Topic,
    partition: Partition,
    random: Random,
    think: Duration,
    delivery_time: Duration,
    under_way_max: u64,
    metadata: Metadata,
    calls: Calls<About>,
    identity: Option<Identity>,
    next: u64,
    next_batch: u64,
    batches: VecDeque<Batch>,
    ghost: Option<Bytes>,
    try_at: Instant,
    next_batch_at: Instant,
    finishing: bool,
    /// Batches that it still begins when it is finishing.
    last: u32,
}

impl Producer {
    /// A producer that pauses for `think` between batches.
    #[must_use]
    pub fn new(
        name: u32,
        partition: (Topic, i32),
        brokers: Vec<BrokerId>,
        think: Duration,
        seed: u64,
    ) -> Producer {
        let (topic, index) = partition;
        let mut random = Random::new(seed);
        let over_ms = DELIVERY_TIME.as_millis() as u64 * 3;
        Producer {
            name,
            topic,
            partition: topic.partition(index),
            think,
            delivery_time: DELIVERY_TIME + Duration::from_millis(random.below(over_ms)),
            under_way_max: 1 + random.below(UNDER_WAY_MAX),
            metadata: Metadata::new(topic.name, brokers, name as usize),
            calls: Calls::default(),
            identity: None,
            next: 0,
            next_batch: 0,
            batches: VecDeque::new(),
            ghost: None,
            try_at: Instant(0),
            next_batch_at: Instant(0),
            finishing: false,
            last: 1,
            random,
        }
    }

    fn again(&mut self, now: Instant) {
        self.metadata.forget(self.partition.index);
        self.try_at = now + BACKOFF;
    }

    /// Requests that got no answer: what they were about is done again.
    fn lost(&mut self, now: Instant, calls: Vec<Call<About>>) {
        for call in calls {
            if let About::Batch(first) = call.about {
                self.waits_again(first);
            }
            self.again(now);
        }
    }

    fn waits_again(&mut self, first: u64) {
        let mut batches = self.batches.iter_mut();
        if let Some(batch) = batches.find(|batch| batch.records.first == first) {
            batch.waits = true;
        }
    }

    /// Gives the batches up whose time is over, and those behind them. Their sequence numbers cannot
    /// be used again, so the epoch is raised; sometimes the producer ends instead and another begins.
    fn give_up(&mut self, now: Instant, out: &mut ClientOutput) {
        if self.batches.front().is_none_or(|batch| batch.until > now) {
            return;
        }
        self.calls.drain();
        self.ghost = None;
        for batch in self.batches.drain(..) {
            self.ghost.get_or_insert(batch.bytes);
            out.happened.push(Happened::Unsure {
                records: batch.records,
                partition: self.partition,
            });
        }
        let raises = self.random.below(3) > 0;
        self.identity = self.identity.filter(|_| raises).map(|identity| Identity {
            epoch: identity.epoch + 1,
            begins: self.next,
            ..identity
        });
        match self.identity {
            Some(identity) => self.initialised(identity, out),
            // Under another id nothing fences what is still under way.
            None => self.ghost = None,
        }
    }

    fn initialised(&mut self, identity: Identity, out: &mut ClientOutput) {
        self.identity = Some(identity);
        out.happened.push(Happened::Initialised {
            producer: self.name,
            id: identity.id,
            epoch: identity.epoch,
        });
    }

    /// Counted from the oldest batch without an answer: a broker knows the last five again, and another
    /// leader may have answered those behind it.
    fn has_room(&self) -> bool {
        let oldest = self.batches.front().map(|batch| batch.number);
        self.next_batch - oldest.unwrap_or(self.next_batch) < self.under_way_max
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(identity) = self.identity else {
            return self.ask_for_id(now, out);
        };
        let Some(leader) = self.metadata.leader(self.partition.index) else {
            let correlation = self.calls.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        // A leader that does not know this producer takes any sequence as its first: what the last leader
        // may still take must not be overtaken, or it could never be appended.
        let batch = |about: &About| matches!(about, About::Batch(_));
        if self.calls.any_elsewhere(leader, batch) {
            self.try_at = now + BACKOFF;
            return;
        }
        if self.has_room() && self.next_batch_at <= now && (!self.finishing || self.last > 0) {
            self.last -= u32::from(self.finishing);
            self.next_batch_at = now + self.think;
            let batch = self.draw_batch(now, identity, out);
            self.batches.push_back(batch);
        }
        // In order, so that the broker gets each sequence after the one before.
        for batch in self.batches.iter_mut().filter(|batch| batch.waits) {
            batch.waits = false;
            if std::mem::replace(&mut batch.sent, true) {
                out.happened.push(Happened::Resent {
                    records: batch.records,
                    partition: self.partition,
                });
            }
            let request = encode::request(self.topic, self.partition.index, batch.bytes.clone());
            let about = About::Batch(batch.records.first);
            self.calls
                .send(now, leader, PRODUCE_VERSION, &request, PATIENCE, about, out);
        }
    }

    fn ask_for_id(&mut self, now: Instant, out: &mut ClientOutput) {
        if self.calls.any(|about| *about == About::Init) {
            return;
        }
        let broker = self.metadata.any_broker();
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        self.calls.send(
            now,
            broker,
            INIT_VERSION,
            &request,
            PATIENCE,
            About::Init,
            out,
        );
    }

    fn draw_batch(&mut self, now: Instant, identity: Identity, out: &mut ClientOutput) -> Batch {
        let count = 1 + self.random.below(BATCH_RECORDS_MAX);
        let records = Records {
            producer: self.name,
            first: self.next,
            count: u32::try_from(count).expect("a batch is small"),
        };
        self.next += count;
        let number = self.next_batch;
        self.next_batch += 1;
        let timestamp = machine::now(now).wall_ms;
        out.happened.push(Happened::Invoked {
            records,
            partition: self.partition,
            id: identity.id,
            epoch: identity.epoch,
            timestamp,
        });
        let padding = self.random.below(PADDING_MAX) as usize;
        Batch {
            records,
            number,
            bytes: encode::batch(identity, self.partition, records, timestamp, padding),
            until: now + self.delivery_time,
            waits: true,
            sent: false,
        }
    }

    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let has_work = self.identity.is_none() || self.batches.iter().any(|batch| batch.waits);
        let begins = self.has_room() && (!self.finishing || self.last > 0);
        let soon = now + Duration::from_millis(1);
        [
            self.calls.next_until(),
            self.batches.front().map(|batch| batch.until),
            has_work.then(|| self.try_at.max(soon)),
            begins.then(|| self.next_batch_at.max(self.try_at).max(soon)),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Client for Producer {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => self.answered(now, call.about, &answer, out),
                None => {
                    self.metadata.answered(&answer);
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                let calls = self.calls.disconnected(broker);
                self.lost(now, calls);
            }
            ClientEvent::Wake => {}
        }
        let late = self.calls.expired(now);
        self.lost(now, late);
        self.give_up(now, out);
        if self.try_at <= now && !self.is_idle() {
            self.act(now, out);
        }
        out.wake_at = if self.is_idle() {
            None
        } else {
            self.wake_at(now)
        };
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_idle(&self) -> bool {
        self.finishing && self.last == 0 && self.batches.is_empty()
    }
}
