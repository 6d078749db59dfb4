//! InitProducerId: who begins to produce under a transactional id gets an epoch that nobody had, and fences who was there.
//! Producers without a transactional id are not known here.

use kring_io::canary::{self, Canary};
use kring_wire::ErrorCode;

use super::Answer;
use crate::request::InitProducer;
use crate::response::{InitOutcome, TransactionResponse};
use crate::step::Change;
use crate::stored::{NO_PRODUCER_ID, Producer, Stored};
use crate::{TransactionConfig, TransactionState};

/// What is wrong with the request itself.
pub(super) fn check(request: &InitProducer, config: &TransactionConfig) -> Result<(), ErrorCode> {
    let is_half = (request.producer_id >= 0) != (request.producer_epoch >= 0);
    if is_half {
        Err(ErrorCode::InvalidRequest)
    } else if !(1..=config.max_timeout_ms).contains(&request.timeout_ms) {
        Err(ErrorCode::InvalidTransactionTimeout)
    } else {
        Ok(())
    }
}

pub(super) fn init(
    request: &InitProducer,
    stored: Option<&Stored>,
    last: Option<Producer>,
    now_ms: i64,
) -> Result<Answer, ErrorCode> {
    let Some(stored) = stored else {
        // Also when the producer says who it was: its id expired, and nobody else had it since.
        let producer = fresh(request)?;
        let value = Stored::given_to(producer, request.timeout_ms, now_ms);
        return Ok(given(value, None));
    };
    match stored.state {
        TransactionState::Ongoing => fence(request, stored, now_ms),
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => {
            let (producer, last) = next(request, stored, last)?;
            let mut value = Stored::given_to(producer, request.timeout_ms, now_ms);
            if producer.id != stored.producer.id {
                value.previous_producer_id = stored.producer.id;
            }
            Ok(given(value, last))
        }
        TransactionState::PrepareCommit
        | TransactionState::PrepareAbort
        | TransactionState::Dead
        | TransactionState::PrepareEpochFence => Err(ErrorCode::ConcurrentTransactions),
    }
}

/// The open transaction is aborted under an epoch of its own, which is given to nobody. Who asks
/// tries again and gets the one after it. A producer that says who it is must be the current one:
/// Kafka looks only at its id, and lets one that is fenced abort the transaction of its successor.
fn fence(request: &InitProducer, stored: &Stored, now_ms: i64) -> Result<Answer, ErrorCode> {
    if request.expected().is_some_and(|p| p != stored.producer) {
        return Err(ErrorCode::ProducerFenced);
    }
    let change = Change {
        value: Some(stored.fenced(now_ms)),
        last: None,
    };
    let outcome = InitOutcome::refused(ErrorCode::ConcurrentTransactions);
    Ok(Answer::Stored(change, TransactionResponse::Init(outcome)))
}

/// Who has the id next, and who may ask again to hear that.
fn next(
    request: &InitProducer,
    stored: &Stored,
    last: Option<Producer>,
) -> Result<(Producer, Option<Producer>), ErrorCode> {
    let current = stored.producer;
    let expected = request.expected();
    if expected.is_some() && expected == last {
        // The answer got lost (KIP-360).
        return Ok((current, last));
    }
    if expected.is_some_and(|expected| expected != current) {
        return Err(ErrorCode::ProducerFenced);
    }
    // TXN-4: an epoch is given out once, but to who asks again for the same.
    let producer = if current.is_exhausted() {
        fresh(request)?
    } else if canary::is_on(Canary::InitKeepsEpoch) {
        current
    } else {
        current.raised()
    };
    Ok((producer, expected))
}

fn fresh(request: &InitProducer) -> Result<Producer, ErrorCode> {
    if request.fresh_producer_id <= NO_PRODUCER_ID {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    Ok(Producer {
        id: request.fresh_producer_id,
        epoch: 0,
    })
}

fn given(value: Stored, last: Option<Producer>) -> Answer {
    let outcome = InitOutcome {
        error: ErrorCode::None,
        producer_id: value.producer.id,
        producer_epoch: value.producer.epoch,
    };
    let change = Change {
        value: Some(value),
        last,
    };
    Answer::Stored(change, TransactionResponse::Init(outcome))
}
