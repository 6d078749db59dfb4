//! Answers of the transaction coordinator as plain structs, and the answer that carries nothing but an error.
//! What a version of the wire protocol says otherwise is for the caller, which knows the version.

use kring_wire::ErrorCode;

use crate::{TransactionRequest, TransactionState};

/// The answer to a [`TransactionRequest`], of the same name but for Verify, whose answer is that of
/// Add.
///
/// A fenced producer gets `PRODUCER_FENCED`; versions of the protocol that do not know it
/// (InitProducerId below 4, AddPartitionsToTxn, AddOffsetsToTxn and EndTxn below 2) say
/// `INVALID_PRODUCER_EPOCH` instead (KIP-588).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionResponse {
    /// To InitProducerId.
    Init(InitOutcome),
    /// To AddPartitionsToTxn, AddOffsetsToTxn and a leader's question.
    Add(AddOutcome),
    /// To EndTxn.
    End(EndOutcome),
    /// To DescribeTransactions of one id.
    Describe(DescribedTransaction),
}

/// To InitProducerId.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitOutcome {
    /// Whether it worked.
    pub error: ErrorCode,
    /// The producer id, −1 with an error.
    pub producer_id: i64,
    /// Its epoch, −1 with an error.
    pub producer_epoch: i16,
}

/// To AddPartitionsToTxn: the topics and partitions of the request, in its order. AddOffsetsToTxn,
/// which adds one, has its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOutcome {
    /// Topics, and whether it worked for each of their partitions.
    pub topics: Vec<(String, Vec<(i32, ErrorCode)>)>,
}

/// To EndTxn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOutcome {
    /// Whether it worked.
    pub error: ErrorCode,
    /// With which the producer goes on (version 5); −1 with an error and for
    /// [`crate::TransactionVersion::V1`].
    pub producer_id: i64,
    /// As `producer_id`.
    pub producer_epoch: i16,
}

/// To DescribeTransactions of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedTransaction {
    /// `TRANSACTIONAL_ID_NOT_FOUND` of an unknown id; everything else then says nothing.
    pub error: ErrorCode,
    /// The transactional id.
    pub transactional_id: String,
    /// Its state.
    pub state: TransactionState,
    /// How long a transaction may be open.
    pub timeout_ms: i32,
    /// When the ongoing transaction, or the last one, began, in milliseconds since the Unix epoch;
    /// −1 without one.
    pub start_timestamp_ms: i64,
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Topics and partitions of the ongoing transaction, in order.
    pub topics: Vec<(String, Vec<i32>)>,
}

/// A transactional id in ListTransactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedTransaction<'a> {
    /// The transactional id.
    pub transactional_id: &'a str,
    /// Its producer.
    pub producer_id: i64,
    /// Its state.
    pub state: TransactionState,
    /// As [`DescribedTransaction::start_timestamp_ms`].
    pub start_timestamp_ms: i64,
}

impl InitOutcome {
    /// A refusal.
    #[must_use]
    pub fn refused(error: ErrorCode) -> InitOutcome {
        InitOutcome {
            error,
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl AddOutcome {
    /// `error` for every partition.
    #[must_use]
    pub fn all(topics: &[(String, Vec<i32>)], error: ErrorCode) -> AddOutcome {
        let outcome = |(topic, partitions): &(String, Vec<i32>)| {
            let partitions = partitions.iter().map(|p| (*p, error)).collect();
            (topic.clone(), partitions)
        };
        AddOutcome {
            topics: topics.iter().map(outcome).collect(),
        }
    }
}

impl EndOutcome {
    /// An answer without a producer: a refusal, or one to a client of the first version.
    #[must_use]
    pub fn plain(error: ErrorCode) -> EndOutcome {
        EndOutcome {
            error,
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl DescribedTransaction {
    /// A refusal.
    #[must_use]
    pub fn refused(transactional_id: &str, error: ErrorCode) -> DescribedTransaction {
        DescribedTransaction {
            error,
            transactional_id: transactional_id.to_owned(),
            state: TransactionState::Dead,
            timeout_ms: 0,
            start_timestamp_ms: -1,
            producer_id: -1,
            producer_epoch: -1,
            topics: Vec::new(),
        }
    }
}

impl TransactionResponse {
    /// The answer to `request` that says nothing but `error`; also for a broker that must refuse
    /// before the engine sees the request.
    #[must_use]
    pub fn refused(request: &TransactionRequest, error: ErrorCode) -> TransactionResponse {
        match request {
            TransactionRequest::Init(_) => TransactionResponse::Init(InitOutcome::refused(error)),
            TransactionRequest::Add(r) => {
                TransactionResponse::Add(AddOutcome::all(&r.topics, error))
            }
            TransactionRequest::Verify(r) => {
                TransactionResponse::Add(AddOutcome::all(&r.topics, error))
            }
            TransactionRequest::End(_) => TransactionResponse::End(EndOutcome::plain(error)),
            TransactionRequest::Describe(transactional_id) => TransactionResponse::Describe(
                DescribedTransaction::refused(transactional_id, error),
            ),
        }
    }

    /// The answer after its append failed with `error`: what had worked has not.
    pub(crate) fn failed(self, error: ErrorCode) -> TransactionResponse {
        let error = error_for_client(error);
        match self {
            TransactionResponse::Init(_) => TransactionResponse::Init(InitOutcome::refused(error)),
            TransactionResponse::Add(mut outcome) => {
                for (_, partitions) in &mut outcome.topics {
                    partitions.iter_mut().for_each(|(_, was)| *was = error);
                }
                TransactionResponse::Add(outcome)
            }
            TransactionResponse::End(_) => TransactionResponse::End(EndOutcome::plain(error)),
            // Nothing of it is ever stored.
            TransactionResponse::Describe(described) => TransactionResponse::Describe(described),
        }
    }
}

/// What a client is told when its append failed with `error`, as Kafka maps it
/// (`TransactionStateManager.appendTransactionToLog`).
fn error_for_client(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut
        | ErrorCode::CoordinatorNotAvailable => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::KafkaStorageError
        | ErrorCode::NotCoordinator => ErrorCode::NotCoordinator,
        _ => ErrorCode::UnknownServerError,
    }
}
