//! EndTxn: the producer decides the outcome of its transaction; in the second version that raises its epoch.
//! What follows (markers, completion) the coordinator does by itself.

use kring_wire::ErrorCode;

use super::{Answer, check_producer};
use crate::request::EndTransaction;
use crate::response::{EndOutcome, TransactionResponse};
use crate::step::Change;
use crate::stored::{NO_PRODUCER_ID, Producer, Stored};
use crate::{TransactionState, TransactionVersion};

pub(super) fn end(
    request: &EndTransaction,
    stored: Option<&Stored>,
    last: Option<Producer>,
    now_ms: i64,
) -> Result<Answer, ErrorCode> {
    let stored = stored.ok_or(ErrorCode::InvalidProducerIdMapping)?;
    match request.client_version {
        TransactionVersion::V1 => end_v1(request, stored, now_ms),
        TransactionVersion::V2 => end_v2(request, stored, last, now_ms),
    }
}

fn end_v1(request: &EndTransaction, stored: &Stored, now_ms: i64) -> Result<Answer, ErrorCode> {
    check_producer(stored, request.producer())?;
    if stored.state == TransactionState::Ongoing {
        let version = TransactionVersion::V1;
        let value = stored.prepared(request.commit, version, NO_PRODUCER_ID, now_ms);
        let change = Change {
            value: Some(value),
            last: None,
        };
        let answer = TransactionResponse::End(EndOutcome::plain(ErrorCode::None));
        return Ok(Answer::Stored(change, answer));
    }
    match stored.state.outcome() {
        Some(commit) if commit == request.commit => repeated(stored, TransactionVersion::V1),
        _ => Err(ErrorCode::InvalidTxnState),
    }
}

fn end_v2(
    request: &EndTransaction,
    stored: &Stored,
    last: Option<Producer>,
    now_ms: i64,
) -> Result<Answer, ErrorCode> {
    let producer = request.producer();
    if let Some(commit) = stored.state.outcome()
        && last == Some(producer)
    {
        // It ended this transaction and has not heard so.
        return if commit == request.commit {
            repeated(stored, TransactionVersion::V2)
        } else {
            Err(ErrorCode::InvalidTxnState)
        };
    }
    check_producer(stored, producer)?;
    match stored.state {
        TransactionState::Ongoing => prepare(request, stored, now_ms),
        // The end of the next transaction, which can only be begun when this one is complete.
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
            Err(ErrorCode::ConcurrentTransactions)
        }
        // A client aborts without knowing whether any of its records began the transaction.
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort
            if !request.commit =>
        {
            prepare(request, stored, now_ms)
        }
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort
        | TransactionState::Dead
        | TransactionState::PrepareEpochFence => Err(ErrorCode::InvalidTxnState),
    }
}

/// The outcome of the second version, with who goes on.
fn prepare(request: &EndTransaction, stored: &Stored, now_ms: i64) -> Result<Answer, ErrorCode> {
    let next_producer_id = if stored.producer.is_exhausted() {
        let fresh = request.fresh_producer_id.filter(|id| *id >= 0);
        fresh.ok_or(ErrorCode::CoordinatorNotAvailable)?
    } else {
        NO_PRODUCER_ID
    };
    let version = TransactionVersion::V2;
    let value = stored.prepared(request.commit, version, next_producer_id, now_ms);
    let answer = with_producer(value.successor());
    let change = Change {
        value: Some(value),
        last: Some(request.producer()),
    };
    Ok(Answer::Stored(change, answer))
}

/// The same end once more: as Kafka, the answer is the first one's, but only when the transaction
/// is complete.
fn repeated(stored: &Stored, version: TransactionVersion) -> Result<Answer, ErrorCode> {
    if stored.state.is_prepared() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    Ok(Answer::Now(match version {
        TransactionVersion::V1 => TransactionResponse::End(EndOutcome::plain(ErrorCode::None)),
        TransactionVersion::V2 => with_producer(stored.producer),
    }))
}

fn with_producer(producer: Producer) -> TransactionResponse {
    TransactionResponse::End(EndOutcome {
        error: ErrorCode::None,
        producer_id: producer.id,
        producer_epoch: producer.epoch,
    })
}
