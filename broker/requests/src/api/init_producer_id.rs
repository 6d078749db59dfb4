//! InitProducerId (22), versions 0–5: an id for an idempotent or transactional producer.
//!
//! * Ids come from blocks that the controller gives each broker, so that no two producers share one.
//! * v3 lets a producer ask for a new epoch of its id after an error; it gets a new id with epoch 0,
//!   as from Apache Kafka for a producer without transactions.
//! * With a transactional id (KIP-98) the coordinator of its transactions gives the id and epoch, which fence every
//!   producer that had them before. `PRODUCER_FENCED` is `INVALID_PRODUCER_EPOCH` below v4.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kring_io::Now;
use kring_transactions::{InitProducer, TransactionRequest, TransactionResponse};
use kring_wire::ErrorCode;

use super::{fenced, wrong_kind};
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::producer_ids;

/// From here on clients know `PRODUCER_FENCED`.
const PRODUCER_FENCED_FROM: i16 = 4;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: InitProducerIdRequest = call.decode()?;
    let caller = call.caller;
    let got: producer_ids::GetsId = match &request.transactional_id {
        None => Box::new(move |_, _, id, out| answer(caller, id.map(|id| (id, 0)), out)),
        Some(id) if id.is_empty() => {
            answer(caller, Err(ErrorCode::InvalidRequest), out);
            return Ok(());
        }
        Some(_) => Box::new(move |broker, now, id, out| match id {
            Ok(id) => ask(broker, now, caller, request, id, out),
            Err(error) => answer(caller, Err(error), out),
        }),
    };
    producer_ids::next(broker, now, got, out);
    Ok(())
}

/// Asks the coordinator. It takes the id that nobody has if it needs one.
fn ask(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: InitProducerIdRequest,
    fresh_producer_id: i64,
    out: &mut Output,
) {
    let id = request.transactional_id.as_deref();
    let init = InitProducer {
        transactional_id: id.map_or("", |id| id.as_str()).to_owned(),
        timeout_ms: request.transaction_timeout_ms,
        producer_id: request.producer_id.0,
        producer_epoch: request.producer_epoch,
        fresh_producer_id,
    };
    let done = move |_: &mut Broker, _: Now, response, out: &mut Output| match response {
        TransactionResponse::Init(outcome) if outcome.error.is_ok() => {
            answer(
                caller,
                Ok((outcome.producer_id, outcome.producer_epoch)),
                out,
            );
        }
        TransactionResponse::Init(outcome) => answer(caller, Err(outcome.error), out),
        other => wrong_kind(caller, &other, out),
    };
    broker.ask_transactions(now, TransactionRequest::Init(init), Box::new(done), out);
}

fn answer(caller: Caller, given: Result<(i64, i16), ErrorCode>, out: &mut Output) {
    let answer = InitProducerIdResponse::default();
    let given = given.map_err(|error| fenced(error, caller.version >= PRODUCER_FENCED_FROM));
    let answer = match given {
        Ok((id, epoch)) => answer
            .with_producer_id(id.into())
            .with_producer_epoch(epoch),
        Err(error) => answer
            .with_producer_id((-1).into())
            .with_producer_epoch(-1)
            .with_error_code(error.code()),
    };
    caller.answer(&answer, out);
}
