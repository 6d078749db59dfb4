//! What a request does to a transactional id: an answer, or a change and the answer once that is stored.
//! It changes nothing itself; `partition` appends the change and applies it.

mod add;
mod describe;
mod end;
mod init;

use kring_wire::ErrorCode;

use crate::TransactionConfig;
use crate::request::TransactionRequest;
use crate::response::TransactionResponse;
use crate::step::Change;
use crate::stored::{Producer, Stored};

/// What a classic string of the protocol, and so the key of a record, can hold.
const TRANSACTIONAL_ID_BYTES_MAX: usize = i16::MAX as usize;

/// What comes of a request that is not refused.
pub(crate) enum Answer {
    /// There is nothing to store.
    Now(TransactionResponse),
    /// The change, and the answer when it is stored.
    Stored(Change, TransactionResponse),
}

/// What is wrong with a request whatever the state of its id.
pub(crate) fn check(
    request: &TransactionRequest,
    config: &TransactionConfig,
) -> Result<(), ErrorCode> {
    let transactional_id = request.transactional_id();
    let is_valid = (1..=TRANSACTIONAL_ID_BYTES_MAX).contains(&transactional_id.len());
    match request {
        // Of an id that cannot exist it is enough to say that it does not.
        TransactionRequest::Describe(_) => Ok(()),
        _ if !is_valid => Err(ErrorCode::InvalidRequest),
        TransactionRequest::Init(request) => init::check(request, config),
        TransactionRequest::Add(_) | TransactionRequest::Verify(_) | TransactionRequest::End(_) => {
            Ok(())
        }
    }
}

/// Whether the request may change its id.
pub(crate) fn changes(request: &TransactionRequest) -> bool {
    match request {
        TransactionRequest::Init(_) | TransactionRequest::Add(_) | TransactionRequest::End(_) => {
            true
        }
        TransactionRequest::Verify(_) | TransactionRequest::Describe(_) => false,
    }
}

/// The answer to a request that passed [`check`], about an id with this record of which no change
/// is under way. `last` is [`crate::live::Live::last`].
pub(crate) fn answer(
    request: &TransactionRequest,
    stored: Option<&Stored>,
    last: Option<Producer>,
    now_ms: i64,
) -> Result<Answer, ErrorCode> {
    match request {
        TransactionRequest::Init(request) => init::init(request, stored, last, now_ms),
        TransactionRequest::Add(request) => add::add(request, stored, now_ms),
        TransactionRequest::Verify(request) => add::verify(request, stored),
        TransactionRequest::End(request) => end::end(request, stored, last, now_ms),
        TransactionRequest::Describe(name) => Ok(describe::describe(name, stored)),
    }
}

/// Whether `producer` may act on what `stored` describes, now or when it is complete.
fn check_producer(stored: &Stored, producer: Producer) -> Result<(), ErrorCode> {
    let current = stored.successor();
    if producer.id != current.id {
        Err(ErrorCode::InvalidProducerIdMapping)
    } else if producer.epoch != current.epoch || producer.epoch == i16::MAX {
        // Nobody was given the highest epoch: it fenced the last producer of its id.
        Err(ErrorCode::ProducerFenced)
    } else {
        Ok(())
    }
}
