//! Fetch (API key 1), versions 4 to 18; records leave as the parts they came in.
//! It holds no session and waits for nothing.

mod request;
mod response;

pub use request::{FetchPartition, FetchRequest, FetchTopic, ForgottenTopic};
pub use response::{
    AbortedTransaction, EpochEnd, FetchPartitionResponse, FetchResponse, FetchTopicResponse,
};

/// The API key.
pub const API_KEY: i16 = 1;

/// The oldest version.
pub const VERSION_MIN: i16 = 4;

/// The newest version.
pub const VERSION_MAX: i16 = 18;

/// Versions from here on are flexible (KIP-482).
pub const FLEXIBLE_FROM: i16 = 12;

/// Versions from here on know topics by id.
const TOPIC_ID_FROM: i16 = 13;

#[cfg(test)]
mod tests;
