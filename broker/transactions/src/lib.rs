//! The transaction coordinator: producers with a transactional id, their transactions, and the records of both.
//! It speaks no wire protocol, does no I/O and writes no marker: it says which ones leaders must write.
//!
//! [`Transactions`] is an engine of the form `step(now, event, out)`. Each partition of
//! `__transaction_state` has two layers. The *committed* layer is a function of the records below
//! the high watermark and is kept by every replica, which makes each follower a warm standby. The
//! *live* layer (who waits for what, which markers are missing, deadlines) exists only where the
//! partition's leader is, begins from the committed layer, and is dropped on
//! [`TransactionEvent::Resign`].
//!
//! Both protocols are served: that of KIP-98 ([`TransactionVersion::V1`]), and that of KIP-890 in
//! which each end of a transaction raises the producer's epoch ([`TransactionVersion::V2`]).

#![forbid(unsafe_code)]

mod answer;
mod committed;
pub mod config;
mod engine;
mod event;
mod live;
mod markers;
mod partition;
mod record;
mod request;
mod response;
mod state;
mod step;
mod stored;
mod wakes;

pub use config::TransactionConfig;
pub use engine::{Transactions, TransactionsStats};
pub use event::{
    Append, LoadedRecord, MarkerId, Token, TransactionEvent, TransactionOut, WriteMarker,
};
pub use record::RecordError;
pub use request::{
    AddPartitions, EndTransaction, InitProducer, TransactionRequest, VerifyPartitions,
};
pub use response::{
    AddOutcome, DescribedTransaction, EndOutcome, InitOutcome, ListedTransaction,
    TransactionResponse,
};
pub use state::{TransactionState, TransactionVersion};
