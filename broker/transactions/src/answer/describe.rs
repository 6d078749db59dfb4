//! DescribeTransactions of one id.
//! It shows what is stored and not what is under way.

use kring_wire::ErrorCode;

use super::Answer;
use crate::response::{DescribedTransaction, TransactionResponse};
use crate::stored::Stored;

pub(super) fn describe(name: &str, stored: Option<&Stored>) -> Answer {
    let described = match stored {
        None => DescribedTransaction::refused(name, ErrorCode::TransactionalIdNotFound),
        Some(stored) => DescribedTransaction {
            error: ErrorCode::None,
            transactional_id: name.to_owned(),
            state: stored.state,
            timeout_ms: stored.timeout_ms,
            start_timestamp_ms: stored.started_ms,
            producer_id: stored.producer.id,
            producer_epoch: stored.producer.epoch,
            topics: stored
                .topics
                .iter()
                .map(|(topic, partitions)| (topic.clone(), partitions.iter().copied().collect()))
                .collect(),
        },
    };
    Answer::Now(TransactionResponse::Describe(described))
}
