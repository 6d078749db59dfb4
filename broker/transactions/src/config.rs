//! Settings of the transaction coordinator.
//! It reads no file: the composition root fills the struct.

/// Transactional ids that one partition of `__transaction_state` holds.
pub const PARTITION_IDS_MAX: usize = 100_000;

/// Appends of one partition that have not reached the high watermark; past it clients retry.
pub const PARTITION_APPENDS_MAX: usize = 10_000;

/// Partitions of one transaction. Its record names them all: with more it would exceed what a
/// reader of the record reserves, and soon the largest batch of `__transaction_state`.
pub const TRANSACTION_PARTITIONS_MAX: usize = 40_000;

/// Appends of one partition under way above which unused ids are not forgotten yet: after a long
/// outage there may be many, and they are in no hurry.
pub const EXPIRY_APPENDS_MAX: usize = 1_000;

/// How long the engine waits before it stores again what it decided by itself (a completed
/// transaction, a transaction or an id that timed out) and could not store.
pub const STORE_AGAIN_MS: u64 = 250;

/// Settings of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionConfig {
    /// `transaction.max.timeout.ms`: the longest time a producer may ask for.
    pub max_timeout_ms: i32,
    /// `transactional.id.expiration.ms`: how long an id without a transaction is kept.
    pub id_expiration_ms: i64,
    /// How long an append may take to reach the high watermark before its client is told to try
    /// again. The append goes on.
    pub append_timeout_ms: u64,
    /// How long a partition whose leader could not write a marker is left alone.
    pub marker_retry_ms: u64,
    /// When an attempt that nobody answered is made again.
    pub marker_timeout_ms: u64,
}

impl Default for TransactionConfig {
    fn default() -> TransactionConfig {
        TransactionConfig {
            max_timeout_ms: 900_000,
            id_expiration_ms: 7 * 24 * 60 * 60 * 1_000,
            append_timeout_ms: 5_000,
            marker_retry_ms: 50,
            marker_timeout_ms: 5_000,
        }
    }
}
