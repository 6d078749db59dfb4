//! AddPartitionsToTxn and AddOffsetsToTxn, which begin and widen a transaction, and the question whether a partition is in it.
//! That the partitions exist and the client may write to them is for the caller.

use kring_wire::ErrorCode;

use super::{Answer, check_producer};
use crate::TransactionState;
use crate::config::TRANSACTION_PARTITIONS_MAX;
use crate::request::{AddPartitions, VerifyPartitions};
use crate::response::{AddOutcome, TransactionResponse};
use crate::step::Change;
use crate::stored::{Producer, Stored};

pub(super) fn add(
    request: &AddPartitions,
    stored: Option<&Stored>,
    now_ms: i64,
) -> Result<Answer, ErrorCode> {
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let stored = open_to(producer, stored)?;
    let added = AddOutcome::all(&request.topics, ErrorCode::None);
    let added = TransactionResponse::Add(added);
    let is_ongoing = stored.state == TransactionState::Ongoing;
    let mut asked = partitions(&request.topics);
    if asked.all(|(topic, partition)| is_ongoing && stored.has_partition(topic, partition)) {
        return Ok(Answer::Now(added));
    }
    let value = stored.with_partitions(&request.topics, request.client_version, now_ms);
    if value.partitions() > TRANSACTION_PARTITIONS_MAX {
        return Err(ErrorCode::PolicyViolation);
    }
    let change = Change {
        value: Some(value),
        // Who begins a transaction has got the answer to what came before.
        last: None,
    };
    Ok(Answer::Stored(change, added))
}

/// Each partition by itself. A change under way does not matter: the leader looks again when it
/// appends.
pub(super) fn verify(
    request: &VerifyPartitions,
    stored: Option<&Stored>,
) -> Result<Answer, ErrorCode> {
    let producer = Producer {
        id: request.producer_id,
        epoch: request.producer_epoch,
    };
    let stored = open_to(producer, stored)?;
    let mut outcome = AddOutcome::all(&request.topics, ErrorCode::None);
    for (topic, partitions) in &mut outcome.topics {
        for (partition, error) in partitions {
            let is_in = stored.state == TransactionState::Ongoing
                && stored.has_partition(topic, *partition);
            if !is_in {
                *error = ErrorCode::TransactionAbortable;
            }
        }
    }
    Ok(Answer::Now(TransactionResponse::Add(outcome)))
}

/// The record of an id whose transaction `producer` may widen or begin.
fn open_to(producer: Producer, stored: Option<&Stored>) -> Result<&Stored, ErrorCode> {
    let stored = stored.ok_or(ErrorCode::InvalidProducerIdMapping)?;
    check_producer(stored, producer)?;
    if stored.state.is_prepared() {
        // TXN-3: the next transaction begins when this one is complete.
        return Err(ErrorCode::ConcurrentTransactions);
    }
    Ok(stored)
}

fn partitions(topics: &[(String, Vec<i32>)]) -> impl Iterator<Item = (&str, i32)> {
    topics
        .iter()
        .flat_map(|(topic, partitions)| partitions.iter().map(|p| (topic.as_str(), *p)))
}
