//! Kafka bytes: frames, headers, record batches, Produce and Fetch codecs, error codes and the caps on hostile input.
//! It holds no state and performs no I/O.

#![forbid(unsafe_code)]

pub mod batch;
pub mod bounds;
pub mod compress;
pub mod control;
pub mod decode;
pub mod encode;
pub mod error_code;
pub mod fetch;
pub mod frame;
pub mod header;
pub mod ids;
pub mod produce;
pub mod records;
pub mod varint;

mod batch_builder;
mod coordinator_partition;
#[cfg(test)]
mod golden;
mod leader_hint;
mod topic_ref;

pub use batch::{Attributes, BatchError, BatchHeader, Compression, TimestampType, batches};
pub use batch_builder::BatchBuilder;
pub use bounds::BoundsError;
pub use control::{ControlError, EndTxnMarker, TransactionOutcome};
pub use coordinator_partition::coordinator_partition;
pub use decode::{DecodeError, Decoder};
pub use error_code::ErrorCode;
pub use header::RequestHeader;
pub use ids::{LeaderEpoch, Offset, ProducerId, TopicId, TopicPartition};
pub use leader_hint::{CurrentLeader, NodeEndpoint};
pub use records::{Record, RecordError, RecordHeader, records};
pub use topic_ref::TopicRef;
