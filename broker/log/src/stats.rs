//! Counters of the log for metrics.
//! It computes no rates and keeps no history.

/// What the log counted since it started. Sizes are in bytes, times in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Batches appended by leaders and followers.
    pub appended_batches: u64,
    /// Bytes of these batches.
    pub appended_bytes: u64,
    /// Commit groups that became durable.
    pub groups: u64,
    /// Journal bytes written, with padding.
    pub journal_written_bytes: u64,
    /// Journal bytes that no checkpoint covers yet.
    pub journal_used_bytes: u64,
    /// Bytes the journal can take in all.
    pub journal_capacity_bytes: u64,
    /// Duration of the last durable journal write.
    pub flush_last_us: u64,
    /// Longest durable journal write.
    pub flush_max_us: u64,
    /// Sum over all durable journal writes.
    pub flush_total_us: u64,
    /// Checkpoints made durable.
    pub checkpoints: u64,
    /// Duration of the last checkpoint.
    pub checkpoint_last_us: u64,
    /// Length of the last checkpoint.
    pub checkpoint_bytes: u64,
    /// Memory held by recently appended data.
    pub tail_bytes: u64,
    /// Part of it that no segment holds yet.
    pub tail_dirty_bytes: u64,
    /// Bytes written to segments.
    pub segment_written_bytes: u64,
    /// Reads that needed the disk.
    pub cold_reads: u64,
    /// Reads whose bytes failed their checksum.
    pub corrupt_reads: u64,
    /// Times that a partition was found to be damaged or not readable.
    pub damage_found: u64,
    /// Times that a damaged copy was dropped, to be fetched again from the leader.
    pub damage_repaired: u64,
    /// Partitions that are damaged now.
    pub damaged_partitions: u64,
    /// Bytes of segments that were verified at rest.
    pub scrubbed_bytes: u64,
    /// Passes over all segments that ended.
    pub scrub_passes: u64,
    /// Segments removed by retention, deletion and truncation.
    pub removed_segments: u64,
    /// Segments that compaction wrote.
    pub compacted_segments: u64,
    /// Duplicates of idempotent producers answered with the first offset.
    pub duplicate_batches: u64,
    /// Duration of recovery.
    pub recovery_us: u64,
    /// Whether something cannot be written because the disk is full: appends are refused.
    pub disk_full: bool,
    /// How often that began.
    pub disk_full_times: u64,
}
