//! Why records were not appended, in the words of the protocol.
//! It refuses nothing itself.

use kring_log::AppendError;
use kring_wire::ErrorCode;
use kring_wire::produce::RecordFault;

use super::append_error;
use super::refusals::Behind;

/// Why a partition's records were not appended.
pub(super) struct Refused {
    pub(super) error: ErrorCode,
    pub(super) message: Option<String>,
    pub(super) faults: Vec<RecordFault>,
}

impl Refused {
    pub(super) fn new(error: ErrorCode, message: impl Into<String>) -> Refused {
        Refused {
            message: Some(message.into()),
            ..Refused::from(error)
        }
    }

    /// Of a batch behind one that was refused: for a moment if that one was.
    pub(super) fn behind(behind: &Behind) -> Refused {
        let Behind {
            producer_id,
            sequence,
            refused,
            error,
            ..
        } = *behind;
        // What was not known a moment ago is known now: a client that hears of another leader looks, and sends again.
        let again = match error {
            ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId => {
                ErrorCode::NotLeaderOrFollower
            }
            error => error,
        };
        if again.is_retriable() {
            let message = format!(
                "sequence {sequence} of producer {producer_id} comes behind {refused}, which was refused with {error} a \
                 moment ago; send both again"
            );
            return Refused::new(again, message);
        }
        Refused::from(AppendError::OutOfOrderSequence {
            producer_id,
            sequence,
            expected: refused,
        })
    }

    /// Whether a batch behind it might be taken although this one was not: where the log refuses by
    /// what it knows of the producer, it knows the gap as well.
    pub(super) fn leaves_gap(&self) -> bool {
        !matches!(
            self.error,
            ErrorCode::OutOfOrderSequenceNumber | ErrorCode::InvalidProducerEpoch
        )
    }
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Refused {
        Refused {
            error,
            message: None,
            faults: Vec::new(),
        }
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Refused {
        // The client fails these alone and sends the others again (KIP-467).
        let faulty = match &error {
            AppendError::WithoutKey { records } => records.as_slice(),
            _ => &[],
        };
        let faults = faulty.iter().map(|index| RecordFault {
            index: *index,
            message: Some("the record has no key".to_owned()),
        });
        Refused {
            faults: faults.collect(),
            message: Some(error.to_string()),
            ..Refused::from(append_error::code(&error))
        }
    }
}
