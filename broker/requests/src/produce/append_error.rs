//! What a refusal of the log is called on the wire.
//! The texts for people are the log's own.

use kring_log::AppendError;
use kring_wire::ErrorCode;

/// Kafka's code of a refusal.
pub(crate) fn code(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::UnknownPartition(_) => ErrorCode::UnknownTopicOrPartition,
        AppendError::CorruptRecord { .. } => ErrorCode::CorruptMessage,
        AppendError::InvalidRecord { .. } | AppendError::WithoutKey { .. } => {
            ErrorCode::InvalidRecord
        }
        AppendError::UnsupportedFormat { .. } => ErrorCode::UnsupportedForMessageFormat,
        AppendError::MessageTooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::InvalidTimestamp { .. } => ErrorCode::InvalidTimestamp,
        AppendError::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::InvalidTxnState { .. } => ErrorCode::InvalidTxnState,
        AppendError::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
        AppendError::FencedEpoch { .. } | AppendError::NotContiguous { .. } => {
            ErrorCode::NotLeaderOrFollower
        }
        // Retriable on every client; the journal has room again within milliseconds.
        AppendError::Overloaded { .. } => ErrorCode::RequestTimedOut,
        AppendError::StorageFull { .. } | AppendError::Stopped { .. } => {
            ErrorCode::KafkaStorageError
        }
    }
}
