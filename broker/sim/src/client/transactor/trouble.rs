//! What a transactional producer makes of an error: again, another coordinator, an abort, or another process.
//! It knows no request.

use kring_wire::ErrorCode;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// The same again, a little later.
    Again,
    /// The same again, of the coordinator or leader that there is then.
    Elsewhere,
    /// The transaction can only be aborted.
    Abort,
    /// The process cannot go on: another one is active, or was thought to be.
    Over,
    /// No client should be told that.
    Strange,
}

/// What an error asks for; none where there is none.
pub(super) fn of(code: Option<ErrorCode>) -> Option<Trouble> {
    Some(match code {
        Some(ErrorCode::None) => return None,
        Some(
            ErrorCode::ConcurrentTransactions
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::RequestTimedOut
            | ErrorCode::UnstableOffsetCommit
            | ErrorCode::OperationNotAttempted
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::KafkaStorageError,
        ) => Trouble::Again,
        Some(
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::BrokerNotAvailable
            | ErrorCode::NetworkException,
        ) => Trouble::Elsewhere,
        Some(ErrorCode::TransactionAbortable) => Trouble::Abort,
        // Also of a transaction that has taken too long.
        Some(
            ErrorCode::ProducerFenced
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidTxnState
            | ErrorCode::InvalidProducerIdMapping,
        ) => Trouble::Over,
        _ => Trouble::Strange,
    })
}
