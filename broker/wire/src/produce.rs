//! Produce (API key 0), versions 0 to 13, without copying the records.
//! It validates no batch: `batch` and the log do.

mod request;
mod response;

pub use request::{ProducePartition, ProduceRequest, ProduceTopic};
pub use response::{ProducePartitionResponse, ProduceResponse, ProduceTopicResponse, RecordFault};

/// The API key.
pub const API_KEY: i16 = 0;

/// The oldest version read. Kafka 4 serves from 3 but advertises 0, because librdkafka below 2.11
/// picks its compression by it (KAFKA-18659); a client that does send 0 to 2 sends a record format
/// that the log refuses with its own error.
pub const VERSION_MIN: i16 = 0;

/// The newest version.
pub const VERSION_MAX: i16 = 13;

/// Versions from here on are flexible (KIP-482).
pub const FLEXIBLE_FROM: i16 = 9;

/// Versions from here on know topics by id.
const TOPIC_ID_FROM: i16 = 13;

#[cfg(test)]
mod tests;
