//! Requests to the transaction coordinator as plain structs, free of versions of the wire protocol.
//! It checks nothing; each request's handler does.

use crate::TransactionVersion;
use crate::stored::{LAST_EPOCH, Producer};

/// A request about one transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionRequest {
    /// InitProducerId → [`crate::TransactionResponse::Init`], when the epoch is stored.
    Init(InitProducer),
    /// AddPartitionsToTxn of a client (versions 0–3), AddOffsetsToTxn, or a leader's for a client
    /// of [`TransactionVersion::V2`] → [`crate::TransactionResponse::Add`], when that is stored.
    Add(AddPartitions),
    /// AddPartitionsToTxn with `verifyOnly` → [`crate::TransactionResponse::Add`]; changes nothing.
    Verify(VerifyPartitions),
    /// EndTxn → [`crate::TransactionResponse::End`], when the outcome is stored.
    End(EndTransaction),
    /// DescribeTransactions of one id → [`crate::TransactionResponse::Describe`].
    Describe(String),
}

/// InitProducerId with a transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitProducer {
    /// The transactional id.
    pub transactional_id: String,
    /// How long a transaction may be open.
    pub timeout_ms: i32,
    /// The producer id that the producer has and wants to go on with (KIP-360), −1 of a new one.
    pub producer_id: i64,
    /// The epoch to `producer_id`, −1 of a new producer.
    pub producer_epoch: i16,
    /// A producer id that nobody has; it may go unused. Below 0: none was to be had.
    pub fresh_producer_id: i64,
}

/// Partitions to add to a transaction, which begins with the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartitions {
    /// The transactional id.
    pub transactional_id: String,
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Topics and partitions, of which the caller knows that they exist.
    pub topics: Vec<(String, Vec<i32>)>,
    /// How the client's transactions work.
    pub client_version: TransactionVersion,
}

/// A leader's question whether partitions are in the ongoing transaction (KIP-890).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyPartitions {
    /// The transactional id.
    pub transactional_id: String,
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Topics and partitions.
    pub topics: Vec<(String, Vec<i32>)>,
}

/// EndTxn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndTransaction {
    /// The transactional id.
    pub transactional_id: String,
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Commit, or else abort.
    pub commit: bool,
    /// How the client's transactions work.
    pub client_version: TransactionVersion,
    /// A producer id that nobody has; it may go unused. See [`EndTransaction::may_need_producer_id`].
    pub fresh_producer_id: Option<i64>,
}

impl InitProducer {
    /// The producer that the request goes on with.
    pub(crate) fn expected(&self) -> Option<Producer> {
        (self.producer_id >= 0).then_some(Producer {
            id: self.producer_id,
            epoch: self.producer_epoch,
        })
    }
}

impl EndTransaction {
    /// Whether the answer may have to name another producer id, because the epochs of this one
    /// are used up. Without a `fresh_producer_id` it is then `COORDINATOR_NOT_AVAILABLE`.
    #[must_use]
    pub fn may_need_producer_id(&self) -> bool {
        self.client_version == TransactionVersion::V2 && self.producer_epoch >= LAST_EPOCH
    }

    pub(crate) fn producer(&self) -> Producer {
        Producer {
            id: self.producer_id,
            epoch: self.producer_epoch,
        }
    }
}

impl TransactionRequest {
    /// The transactional id it is about, which decides the partition.
    #[must_use]
    pub fn transactional_id(&self) -> &str {
        match self {
            TransactionRequest::Init(r) => &r.transactional_id,
            TransactionRequest::Add(r) => &r.transactional_id,
            TransactionRequest::Verify(r) => &r.transactional_id,
            TransactionRequest::End(r) => &r.transactional_id,
            TransactionRequest::Describe(transactional_id) => transactional_id,
        }
    }
}
