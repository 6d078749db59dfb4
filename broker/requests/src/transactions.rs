//! Transactions as this broker takes part in them: as the coordinator of some transactional ids, and as the leader of
//! partitions that transactions write to.
//! What a transaction is, the engine of `kring-transactions` decides; what it wrote, the log knows.

mod guards;
mod markers;
mod message;
mod peers;

use kring_io::{BrokerId, Now};
use kring_transactions::{
    TransactionEvent, TransactionOut, TransactionRequest, TransactionResponse,
};
use kring_wire::{ErrorCode, ProducerId, TopicPartition};

use crate::broker::{Broker, Work};
use crate::calls::Done;
use crate::event::Output;
use crate::route::coordinators::{Awaited, Kind, Place};
use crate::timers::Part;
use message::Message;

pub(crate) use guards::Guards;
pub(crate) use markers::{MarkersUnderWay, committed, leadership_ended, write as write_marker};
pub(crate) use message::Topics;
pub(crate) use peers::{Asked, Question, Questions, ask as ask_coordinator, expire};

/// Requests that wait for the transaction engine at most.
const CALLS_MAX: usize = 100_000;

impl Broker {
    /// Asks the coordinator of the request's transactional id, if it is here; `done` gets the answer once.
    pub(crate) fn ask_transactions(
        &mut self,
        now: Now,
        request: TransactionRequest,
        done: Done<TransactionResponse>,
        out: &mut Output,
    ) {
        let tp = self.coordinator_of(Kind::Transactions, request.transactional_id());
        let led = tp.filter(|tp| !self.may_be_replaced(now, *tp));
        let found = match led {
            Some(_) if self.transaction_calls.len() >= CALLS_MAX => {
                Err(ErrorCode::CoordinatorNotAvailable)
            }
            led => led.ok_or(ErrorCode::NotCoordinator),
        };
        let partition = match found {
            Ok(tp) => tp.partition,
            Err(error) => {
                let response = TransactionResponse::refused(&request, error);
                done(self, now, response, out);
                return;
            }
        };
        let id = self.transaction_calls.open(done);
        self.work
            .push_back(Work::Transactions(TransactionEvent::Request {
                id,
                partition,
                request,
            }));
    }

    /// One step of the transaction engine.
    pub(crate) fn step_transactions(
        &mut self,
        now: Now,
        event: TransactionEvent,
        out: &mut Output,
    ) {
        let mut said = TransactionOut::default();
        self.transactions.step(now, event, &mut said);
        self.timers.wish(Part::Transactions, said.wake_at);
        for append in said.appends {
            let place = Place {
                kind: Kind::Transactions,
                partition: append.partition,
            };
            let awaited = Awaited::Transaction(append.token);
            self.append_for_coordinator(now, place, awaited, &append.records, None, out);
        }
        for marker in said.markers {
            markers::send(self, now, &marker, out);
        }
        for (id, response) in said.responses {
            if let Some(done) = self.transaction_calls.take(id) {
                done(self, now, response, out);
            }
        }
    }

    /// Whether the log holds an open transaction of a producer, in this epoch, in a partition.
    pub(crate) fn is_in_transaction(
        &self,
        tp: TopicPartition,
        producer_id: ProducerId,
        producer_epoch: i16,
    ) -> bool {
        let open = self.log.transaction_of(tp, producer_id);
        open.is_some_and(|open| open.producer_epoch == producer_epoch)
    }
}

/// A message of another broker's transactions.
pub(crate) fn message(
    broker: &mut Broker,
    now: Now,
    from: BrokerId,
    bytes: &[u8],
    out: &mut Output,
) {
    let Some(message) = Message::decode(bytes) else {
        tracing::warn!(%from, "message of transactions that cannot be read dropped");
        return;
    };
    match message {
        Message::Ask { run, id, question } => {
            peers::asked(broker, now, from, run, id, question, out)
        }
        Message::Answer { run, id, topics } => peers::answered(broker, now, run, id, &topics, out),
        Message::Write { run, id, marker } => {
            markers::asked(broker, now, from, run, id, &marker, out);
        }
        Message::Written {
            run,
            id,
            topic,
            partition,
            error,
        } => markers::written_there(broker, run, id, topic, partition, error),
    }
}
