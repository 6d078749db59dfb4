//! What may be set about replication, with Kafka's names where Kafka has one.
//! It checks nothing against other components.

use serde::{Deserialize, Serialize};

/// Settings of all partitions' replication on a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplicationConfig {
    /// `replica.lag.time.max.ms`: a follower that has not caught up for this long leaves the ISR.
    pub replica_lag_time_max_ms: u64,
    /// `replica.fetch.response.max.bytes`: record bytes in one answer to a follower.
    pub fetch_bytes_max: usize,
    /// `replica.fetch.max.bytes`: record bytes of one partition in one answer; a first batch goes whole.
    pub partition_fetch_bytes_max: usize,
    /// `replica.fetch.wait.max.ms`: how long a leader holds a fetch that it has nothing for. It is the
    /// heartbeat of a pair of brokers; records never wait for it.
    pub fetch_wait_ms: u64,
    /// How long after `fetch_wait_ms` a follower waits for the answer before it begins a new session.
    pub fetch_grace_ms: u64,
    /// How long a leader holds back an answer that would tell only of a high watermark, so that the
    /// next records take it along.
    pub high_watermark_linger_ms: u64,
    /// `replica.fetch.backoff.ms`: pause of a partition after its fetch failed.
    pub fetch_backoff_ms: u64,
    /// Pause before a refused or unanswered ISR change is proposed again.
    pub isr_retry_ms: u64,
}

impl Default for ReplicationConfig {
    fn default() -> ReplicationConfig {
        ReplicationConfig {
            replica_lag_time_max_ms: 10_000,
            fetch_bytes_max: 10 << 20,
            partition_fetch_bytes_max: 1 << 20,
            fetch_wait_ms: 1_000,
            fetch_grace_ms: 1_000,
            high_watermark_linger_ms: 2,
            fetch_backoff_ms: 500,
            isr_retry_ms: 500,
        }
    }
}
