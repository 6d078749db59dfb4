//! What brokers tell each other about transactions.
//! It is not Kafka's protocol; who may speak it has proven to be a broker of this cluster.

use bytes::Bytes;
use kring_transactions::{AddPartitions, TransactionRequest, TransactionVersion, VerifyPartitions};
use serde::{Deserialize, Serialize};

/// A run of a broker. What an earlier run of the same broker asked is no answer for this one.
pub(super) type Run = [u8; 16];

/// Topics with their partitions.
pub(crate) type Topics = Vec<(String, Vec<i32>)>;

/// A message. New kinds come at the end: a broker of an older version drops what it does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// A leader asks the coordinator.
    Ask {
        run: Run,
        id: u64,
        question: Question,
    },
    /// The coordinator's answer: Kafka's error code of each partition.
    Answer {
        run: Run,
        id: u64,
        topics: Vec<(String, Vec<(i32, i16)>)>,
    },
    /// The coordinator ends a transaction in partitions that the receiver leads.
    Write { run: Run, id: u64, marker: Marker },
    /// The end is committed in a partition, or why not.
    Written {
        run: Run,
        id: u64,
        topic: String,
        partition: i32,
        error: i16,
    },
}

/// Whether partitions are part of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    /// They are made part of it (transactions v2); else it is only looked at.
    pub(crate) adds: bool,
    pub(crate) transactional_id: String,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) topics: Topics,
}

impl Question {
    /// As the engine is asked.
    pub(super) fn request(self) -> TransactionRequest {
        let Question {
            adds,
            transactional_id,
            producer_id,
            producer_epoch,
            topics,
        } = self;
        if adds {
            TransactionRequest::Add(AddPartitions {
                transactional_id,
                producer_id,
                producer_epoch,
                topics,
                client_version: TransactionVersion::V2,
            })
        } else {
            TransactionRequest::Verify(VerifyPartitions {
                transactional_id,
                producer_id,
                producer_epoch,
                topics,
            })
        }
    }
}

/// The end of a transaction, and where it is to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    pub(super) producer_id: i64,
    pub(super) producer_epoch: i16,
    pub(super) coordinator_epoch: i32,
    pub(super) commit: bool,
    /// The marker's epoch is that of the producer's next transaction.
    pub(super) raises_epoch: bool,
    pub(super) topics: Topics,
}

impl Message {
    pub(super) fn encode(&self) -> Bytes {
        let encoded = postcard::to_allocvec(self);
        encoded.expect("these types always serialize").into()
    }

    /// None for what this version does not understand.
    pub(super) fn decode(bytes: &[u8]) -> Option<Message> {
        postcard::from_bytes(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was_and_an_unknown_one_is_none() {
        let message = Message::Write {
            run: [7; 16],
            id: 9,
            marker: Marker {
                producer_id: 1,
                producer_epoch: 2,
                coordinator_epoch: 3,
                commit: true,
                raises_epoch: false,
                topics: vec![("t".to_owned(), vec![0, 4])],
            },
        };
        assert_eq!(Message::decode(&message.encode()), Some(message));
        assert_eq!(Message::decode(&[9, 0]), None);
        assert_eq!(Message::decode(&[]), None);
    }
}
