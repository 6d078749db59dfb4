//! EndTxn (26), versions 0–5: commits or aborts a transaction.
//!
//! * The answer comes when the decision is committed in `__transaction_state`: from then on it is carried out, whatever fails.
//! * From v5 on (transactions v2, KIP-890) the answer gives the producer the epoch of its next transaction, and another
//!   producer id when the epochs of this one are used up.
//! * `PRODUCER_FENCED` is `INVALID_PRODUCER_EPOCH` below v2, `TRANSACTION_ABORTABLE` is new in v4.

use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse};
use kring_io::Now;
use kring_transactions::{
    EndOutcome, EndTransaction, TransactionRequest, TransactionResponse, TransactionVersion,
};
use kring_wire::ErrorCode;

use super::{fenced, wrong_kind};
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::producer_ids;

/// From here on each transaction has an epoch of its own.
const V2_FROM: i16 = 5;
/// From here on clients know `PRODUCER_FENCED`.
const PRODUCER_FENCED_FROM: i16 = 2;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: EndTxnRequest = call.decode()?;
    let caller = call.caller;
    let end = EndTransaction {
        transactional_id: request.transactional_id.to_string(),
        producer_id: request.producer_id.0,
        producer_epoch: request.producer_epoch,
        commit: request.committed,
        client_version: if caller.version >= V2_FROM {
            TransactionVersion::V2
        } else {
            TransactionVersion::V1
        },
        fresh_producer_id: None,
    };
    if end.may_need_producer_id() {
        producer_ids::next(
            broker,
            now,
            Box::new(move |broker, now, id, out| match id {
                Ok(id) => {
                    let fresh_producer_id = Some(id);
                    let end = EndTransaction {
                        fresh_producer_id,
                        ..end
                    };
                    ask(broker, now, caller, end, out);
                }
                Err(error) => answer(caller, &refused(error), out),
            }),
            out,
        );
    } else {
        ask(broker, now, caller, end, out);
    }
    Ok(())
}

fn ask(broker: &mut Broker, now: Now, caller: Caller, end: EndTransaction, out: &mut Output) {
    broker.ask_transactions(
        now,
        TransactionRequest::End(end),
        Box::new(move |_, _, response, out| match response {
            TransactionResponse::End(outcome) => answer(caller, &outcome, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
}

fn refused(error: ErrorCode) -> EndOutcome {
    EndOutcome {
        error,
        producer_id: -1,
        producer_epoch: -1,
    }
}

fn answer(caller: Caller, outcome: &EndOutcome, out: &mut Output) {
    let error = fenced(outcome.error, caller.version >= PRODUCER_FENCED_FROM);
    let answer = EndTxnResponse::default().with_error_code(error.code());
    let answer = if caller.version >= V2_FROM {
        answer
            .with_producer_id(outcome.producer_id.into())
            .with_producer_epoch(outcome.producer_epoch)
    } else {
        answer
    };
    caller.answer(&answer, out);
}
