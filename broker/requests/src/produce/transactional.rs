//! Produce requests of transactional producers: whether a partition is part of the transaction, before it gets its first
//! batch of it (KIP-890). A connection has one such question open; what it produces behind waits, as nothing may overtake.
//! It appends nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kring_io::{ConnId, Instant, Now};
use kring_wire::produce::ProduceRequest;
use kring_wire::{BatchHeader, ErrorCode, ProducerId, TopicPartition};

use super::{begin, finish};
use crate::broker::Broker;
use crate::call::{Call, Caller};
use crate::dispatch;
use crate::event::Output;
use crate::transactions::{self, Asked, Question, Topics};

/// From here on the first batch makes its partition part of the transaction (transactions v2).
const ADDS_FROM: i16 = 12;
/// From here on clients know `TRANSACTION_ABORTABLE`.
const ABORTABLE_FROM: i16 = 11;

/// The transaction before ends within so short a time that a client should not hear of it.
const CONCURRENT_RETRY: Duration = Duration::from_millis(10);
/// After that it hears of it, and comes again by itself.
const CONCURRENT_PATIENCE: Duration = Duration::from_secs(1);

/// A request that waits for its transaction.
struct Waiting {
    caller: Caller,
    request: ProduceRequest,
    question: Question,
    since: Instant,
}

struct Conn {
    /// Tells this wait from a later one of the same connection.
    number: u64,
    /// What came behind, in order.
    behind: VecDeque<Call>,
    /// A wait for the transaction before, and when the coordinator is asked again.
    again: Option<(Instant, Box<Waiting>)>,
}

/// Connections of which a request waits for its transaction. The edge caps requests and bytes in flight, and with them this.
#[derive(Default)]
pub(crate) struct Held {
    next: u64,
    conns: BTreeMap<ConnId, Conn>,
    by_again: BTreeSet<(Instant, ConnId)>,
}

impl Held {
    /// Puts a request behind the one that waits; gives it back where none does.
    pub(super) fn queue(&mut self, call: Call) -> Option<Call> {
        match self.conns.get_mut(&call.caller.request.conn) {
            Some(conn) => {
                conn.behind.push_back(call);
                None
            }
            None => Some(call),
        }
    }

    /// When a coordinator is asked again.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_again.first().map(|(at, _)| *at)
    }

    /// Forgets the requests of a connection that is gone.
    pub(crate) fn close(&mut self, conn: ConnId) {
        if let Some(held) = self.conns.remove(&conn)
            && let Some((at, _)) = held.again
        {
            self.by_again.remove(&(at, conn));
        }
    }

    fn is_held(&self, conn: ConnId, number: u64) -> bool {
        self.conns.get(&conn).is_some_and(|c| c.number == number)
    }

    fn ask_again_at(&mut self, at: Instant, waiting: Waiting) {
        let conn = waiting.caller.request.conn;
        if let Some(held) = self.conns.get_mut(&conn) {
            held.again = Some((at, Box::new(waiting)));
            self.by_again.insert((at, conn));
        }
    }
}

/// Which partitions of a request are part of its transaction, as its coordinator said.
#[derive(Default)]
pub(super) struct Membership {
    producer: Option<(ProducerId, i16)>,
    asked: Asked,
}

impl Membership {
    /// Why a batch is not taken, if it is not.
    pub(super) fn refusal(
        &self,
        broker: &Broker,
        tp: TopicPartition,
        version: i16,
        records: &Bytes,
    ) -> Option<(ErrorCode, String)> {
        // What is no batch, the log refuses.
        let header = BatchHeader::parse(records).ok()?;
        let producer = (header.producer_id, header.producer_epoch);
        if broker.is_in_transaction(tp, producer.0, producer.1) {
            return None;
        }
        let name = &broker.image().topics[&tp.topic].name;
        let asked = self.asked.get(&(name.clone(), tp.partition));
        let asked = asked.filter(|_| self.producer == Some(producer));
        match asked.copied() {
            Some(ErrorCode::None) => None,
            Some(error) => Some(for_producer(error, version)),
            // It became this broker's while the coordinator was asked.
            None => Some(for_producer(ErrorCode::CoordinatorNotAvailable, version)),
        }
    }
}

/// What a producer is told, as Kafka maps it: it takes an error of a coordinator for one of its own coordinator, and would
/// look for another one.
fn for_producer(error: ErrorCode, version: i16) -> (ErrorCode, String) {
    let told = match error {
        ErrorCode::ConcurrentTransactions
        | ErrorCode::CoordinatorLoadInProgress
        | ErrorCode::CoordinatorNotAvailable
        | ErrorCode::NotCoordinator
        | ErrorCode::RequestTimedOut => ErrorCode::NotEnoughReplicas,
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        ErrorCode::TransactionAbortable if version < ABORTABLE_FROM => ErrorCode::InvalidTxnState,
        other => other,
    };
    let message = if told == ErrorCode::NotEnoughReplicas {
        format!(
            "whether the partition is part of the transaction could not be learned ({error}); send again"
        )
    } else {
        format!("the partition is not part of the transaction ({error})")
    };
    (told, message)
}

/// What the coordinator must be asked before a request can be taken; none where the log knows its transaction.
pub(super) fn question(
    broker: &Broker,
    version: i16,
    request: &ProduceRequest,
) -> Option<Question> {
    let transactional_id = request.transactional_id.as_ref()?.to_string();
    let mut producer = None;
    let mut topics = Topics::new();
    for topic in &request.topics {
        let mut partitions = Vec::new();
        for partition in &topic.partitions {
            let Ok(tp) = broker.resolve(&topic.topic, partition.index) else {
                continue;
            };
            let header = partition.records.as_ref().map(|r| BatchHeader::parse(r));
            let (Some(_), Some(Ok(header))) = (broker.led_epoch(tp), header) else {
                continue;
            };
            let of = (header.producer_id, header.producer_epoch);
            if header.attributes.is_transactional()
                && *producer.get_or_insert(of) == of
                && !broker.is_in_transaction(tp, of.0, of.1)
            {
                partitions.push(tp);
            }
        }
        if let Some(first) = partitions.first() {
            let name = broker.image().topics[&first.topic].name.clone();
            topics.push((name, partitions.iter().map(|tp| tp.partition).collect()));
        }
    }
    let (producer_id, producer_epoch) = producer?;
    (!topics.is_empty()).then_some(Question {
        adds: version >= ADDS_FROM,
        transactional_id,
        producer_id,
        producer_epoch,
        topics,
    })
}

/// Keeps a request until the coordinator has answered.
pub(super) fn hold(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: ProduceRequest,
    question: Question,
    out: &mut Output,
) {
    broker.held.next += 1;
    let held = Conn {
        number: broker.held.next,
        behind: VecDeque::new(),
        again: None,
    };
    broker.held.conns.insert(caller.request.conn, held);
    let waiting = Waiting {
        caller,
        request,
        question,
        since: now.mono,
    };
    ask(broker, now, waiting, out);
}

fn ask(broker: &mut Broker, now: Now, waiting: Waiting, out: &mut Output) {
    let number = broker.held.conns[&waiting.caller.request.conn].number;
    let question = waiting.question.clone();
    transactions::ask_coordinator(
        broker,
        now,
        question,
        Box::new(move |broker, now, asked, out| {
            if broker.held.is_held(waiting.caller.request.conn, number) {
                heard(broker, now, waiting, asked, out);
            }
        }),
        out,
    );
}

/// The coordinator has answered.
fn heard(broker: &mut Broker, now: Now, waiting: Waiting, asked: Asked, out: &mut Output) {
    let concurrent = asked
        .values()
        .any(|error| *error == ErrorCode::ConcurrentTransactions);
    if concurrent && now.mono.since(waiting.since) < CONCURRENT_PATIENCE {
        broker
            .held
            .ask_again_at(now.mono + CONCURRENT_RETRY, waiting);
        return;
    }
    let Waiting {
        caller,
        request,
        question,
        ..
    } = waiting;
    let membership = Membership {
        producer: Some((question.producer_id, question.producer_epoch)),
        asked,
    };
    finish(broker, now, caller, request, &membership, out);
    release(broker, now, caller.request.conn, out);
}

/// Takes up what waited behind.
fn release(broker: &mut Broker, now: Now, conn: ConnId, out: &mut Output) {
    let Some(held) = broker.held.conns.remove(&conn) else {
        return;
    };
    let mut behind = held.behind;
    while let Some(call) = behind.pop_front() {
        let id = call.caller.request;
        if let Err(error) = begin(broker, now, call, out) {
            dispatch::refuse(broker, id, &error, out);
            return;
        }
        if let Some(held) = broker.held.conns.get_mut(&conn) {
            held.behind.append(&mut behind);
            return;
        }
    }
}

/// Asks again where the transaction before was still ending.
pub(crate) fn retry_held(broker: &mut Broker, now: Now, out: &mut Output) {
    while let Some((at, conn)) = broker.held.by_again.first().copied()
        && at <= now.mono
    {
        broker.held.by_again.pop_first();
        let held = broker.held.conns.get_mut(&conn);
        if let Some((_, waiting)) = held.and_then(|held| held.again.take()) {
            ask(broker, now, *waiting, out);
        }
    }
}
