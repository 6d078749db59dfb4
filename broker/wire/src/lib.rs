//! Kafka bytes: frames, headers, record batches, Produce and Fetch codecs, error codes and the caps on hostile input.
//! It holds no state and performs no I/O.

#![forbid(unsafe_code)]

pub mod batch;
pub mod decode;
pub mod encode;
pub mod error_code;
pub mod ids;
pub mod records;
pub mod varint;

mod batch_builder;

pub use batch::{Attributes, BatchError, BatchHeader, Compression, TimestampType, batches};
pub use batch_builder::BatchBuilder;
pub use decode::{DecodeError, Decoder};
pub use error_code::ErrorCode;
pub use ids::{LeaderEpoch, Offset, ProducerId, TopicId, TopicPartition};
pub use records::{Record, RecordError, RecordHeader, records};
