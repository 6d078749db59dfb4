//! InitProducerId (22), versions 0–5: an id for an idempotent producer.
//!
//! * Ids come from blocks that the controller gives each broker, so that no two producers share one.
//! * v3 lets a producer ask for a new epoch of its id after an error; it gets a new id with epoch 0,
//!   as from Apache Kafka for a producer without transactions.
//! * Transactional producers are not served: `TRANSACTIONAL_ID_AUTHORIZATION_FAILED`, which clients
//!   take as final.

use kafka_protocol::messages::{InitProducerIdRequest, InitProducerIdResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::producer_ids;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: InitProducerIdRequest = call.decode()?;
    let caller = call.caller;
    if request.transactional_id.is_some() {
        answer(
            caller,
            Err(ErrorCode::TransactionalIdAuthorizationFailed),
            out,
        );
        return Ok(());
    }
    producer_ids::next(
        broker,
        now,
        Box::new(move |_, _, id, out| answer(caller, id, out)),
        out,
    );
    Ok(())
}

fn answer(caller: Caller, id: Result<i64, ErrorCode>, out: &mut Output) {
    let answer = InitProducerIdResponse::default();
    let answer = match id {
        Ok(id) => answer.with_producer_id(id.into()).with_producer_epoch(0),
        Err(error) => answer
            .with_producer_id((-1).into())
            .with_producer_epoch(-1)
            .with_error_code(error.code()),
    };
    caller.answer(&answer, out);
}
