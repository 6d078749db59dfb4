//! AddOffsetsToTxn (25), versions 0–4: makes the offsets of a group part of a transaction.
//!
//! * What is added is the group's partition of `__consumer_offsets`, which is created if need be.
//! * With transactions v2 TxnOffsetCommit does this by itself. `PRODUCER_FENCED` is `INVALID_PRODUCER_EPOCH` below v2.

use kafka_protocol::messages::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use kring_io::Now;
use kring_transactions::{
    AddPartitions, TransactionRequest, TransactionResponse, TransactionVersion,
};
use kring_wire::ErrorCode;

use super::{fenced, find_coordinator, wrong_kind};
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::cluster::CONSUMER_OFFSETS;
use crate::event::Output;
use crate::route::coordinators::Kind;

/// From here on clients know `PRODUCER_FENCED`.
const PRODUCER_FENCED_FROM: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: AddOffsetsToTxnRequest = call.decode()?;
    let caller = call.caller;
    if request.group_id.is_empty() {
        answer(caller, ErrorCode::InvalidGroupId, out);
        return Ok(());
    }
    find_coordinator::with_coordinators(
        broker,
        now,
        Kind::Groups,
        Box::new(move |broker, now, (), out| add(broker, now, caller, &request, out)),
        out,
    );
    Ok(())
}

fn add(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: &AddOffsetsToTxnRequest,
    out: &mut Output,
) {
    let Some(tp) = broker.coordinator_of(Kind::Groups, &request.group_id) else {
        return answer(caller, ErrorCode::CoordinatorNotAvailable, out);
    };
    let add = AddPartitions {
        transactional_id: request.transactional_id.to_string(),
        producer_id: request.producer_id.0,
        producer_epoch: request.producer_epoch,
        topics: vec![(CONSUMER_OFFSETS.to_owned(), vec![tp.partition])],
        client_version: TransactionVersion::V1,
    };
    broker.ask_transactions(
        now,
        TransactionRequest::Add(add),
        Box::new(move |_, _, response, out| match response {
            TransactionResponse::Add(outcome) => {
                let first = outcome.topics.first().and_then(|(_, each)| each.first());
                let error = first.map_or(ErrorCode::UnknownServerError, |(_, error)| *error);
                answer(caller, error, out);
            }
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
}

fn answer(caller: Caller, error: ErrorCode, out: &mut Output) {
    let error = fenced(error, caller.version >= PRODUCER_FENCED_FROM);
    let answer = AddOffsetsToTxnResponse::default().with_error_code(error.code());
    caller.answer(&answer, out);
}
