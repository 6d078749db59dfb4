//! What an operator and a topic may set about the log, with Kafka's names where Kafka has one.
//! It checks nothing against other components and knows no file of configuration.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the records of one batch may decompress to where the log looks at them, in bytes.
pub const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// Settings of the broker's one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Length of a journal file in bytes, a multiple of 4096. Zeroed once, then recycled.
    pub journal_file_bytes: u64,
    /// How many journal files are recycled in turn, at least 2.
    pub journal_files: u32,
    /// How many bytes of the first journal file are zeroed before the broker serves.
    pub journal_zeroed_at_start_bytes: u64,
    /// A commit group is closed when it holds this many bytes.
    pub commit_group_bytes_max: usize,
    /// How many commit groups may be on their way to the disk at once.
    pub commit_groups_in_flight: usize,
    /// Journal bytes after which a checkpoint is taken.
    pub checkpoint_bytes: u64,
    /// Milliseconds after which a checkpoint is taken when anything changed.
    pub checkpoint_interval_ms: u64,
    /// Milliseconds after which appended data is moved from memory to its segment.
    pub segment_flush_interval_ms: u64,
    /// Data of one partition that is moved to its segment without waiting for the interval, in bytes.
    pub segment_flush_bytes: usize,
    /// Memory for recently appended data of all partitions, in bytes. What is not yet in a segment
    /// stays in memory even above it; appends are refused at twice this size.
    pub tail_cache_bytes: usize,
    /// The largest value of [`crate::Log::put_state`] in bytes.
    pub state_value_bytes_max: usize,
    /// How many segment files are held open.
    pub open_segments_max: usize,
    /// How many reads of segments may be under way at once.
    pub cold_reads_max: usize,
    /// Milliseconds between two looks for data that retention removes
    /// (`log.retention.check.interval.ms`).
    pub retention_check_interval_ms: u64,
    /// Milliseconds between the beginnings of two passes in which every segment is read and verified
    /// (`kring.scrub.interval.ms`). 0: never.
    pub scrub_interval_ms: u64,
    /// So much is read in a second of a pass, in bytes, at most.
    pub scrub_bytes_per_s: u64,
    /// Milliseconds between two attempts to move data to a segment after the disk was full.
    pub full_disk_retry_ms: u64,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            journal_file_bytes: 128 << 20,
            journal_files: 4,
            journal_zeroed_at_start_bytes: 16 << 20,
            commit_group_bytes_max: 1 << 20,
            commit_groups_in_flight: 2,
            checkpoint_bytes: 128 << 20,
            checkpoint_interval_ms: 60_000,
            segment_flush_interval_ms: 10_000,
            segment_flush_bytes: 1 << 20,
            tail_cache_bytes: 128 << 20,
            state_value_bytes_max: 16 << 20,
            open_segments_max: 256,
            cold_reads_max: 64,
            retention_check_interval_ms: 60_000,
            scrub_interval_ms: 86_400_000,
            scrub_bytes_per_s: 16 << 20,
            full_disk_retry_ms: 1_000,
        }
    }
}

/// What a batch's timestamps mean (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimestampType {
    /// The producer's clock, kept as it came.
    #[default]
    CreateTime,
    /// The leader's clock at the append.
    LogAppendTime,
}

/// Settings of one partition's log; a change is journaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TopicLogConfig {
    /// `segment.bytes`.
    pub segment_bytes: u64,
    /// `segment.ms`: age in milliseconds at which the active segment is closed.
    pub segment_ms: u64,
    /// `retention.ms`; −1 keeps for ever.
    pub retention_ms: i64,
    /// `retention.bytes` of one partition; −1 keeps everything.
    pub retention_bytes: i64,
    /// `max.message.bytes`: the largest batch in bytes.
    pub max_message_bytes: usize,
    /// `cleanup.policy` holds `compact`: every record needs a key.
    pub compact: bool,
    /// `cleanup.policy` holds `delete`.
    pub delete: bool,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far behind the leader's clock a timestamp may lie.
    pub before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far ahead of the leader's clock a timestamp may lie.
    pub after_max_ms: i64,
    /// `producer.id.expiration.ms`: silence after which a producer is forgotten.
    pub producer_id_expiration_ms: i64,
    /// `delete.retention.ms`: how long a compacted log keeps a tombstone.
    pub delete_retention_ms: i64,
    /// `min.cleanable.dirty.ratio` in per mille.
    pub min_cleanable_dirty_per_mille: u32,
    // The rest is not journaled: the owner sets it again at each start, and until then nothing is
    // rolled or compacted.
    /// `segment.jitter.ms`: by how much `segment_ms` is shortened at most, differently for each segment.
    #[serde(skip)]
    pub segment_jitter_ms: u64,
    /// `min.compaction.lag.ms`: younger records are not compacted away.
    #[serde(skip)]
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: older records are compacted however little there is of them.
    #[serde(skip, default = "forever")]
    pub max_compaction_lag_ms: i64,
}

fn forever() -> i64 {
    i64::MAX
}

impl Default for TopicLogConfig {
    fn default() -> TopicLogConfig {
        TopicLogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            retention_ms: 7 * 24 * 3_600_000,
            retention_bytes: -1,
            max_message_bytes: 1_048_588,
            compact: false,
            delete: true,
            timestamp_type: TimestampType::CreateTime,
            before_max_ms: i64::MAX,
            after_max_ms: 3_600_000,
            producer_id_expiration_ms: 86_400_000,
            delete_retention_ms: 86_400_000,
            min_cleanable_dirty_per_mille: 500,
            segment_jitter_ms: 0,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: forever(),
        }
    }
}

/// Why settings of the log cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{key} = {value} is not allowed: {allowed}")]
pub struct LogConfigError {
    /// The setting.
    pub key: &'static str,
    /// Its value.
    pub value: u64,
    /// What is allowed.
    pub allowed: String,
}

impl LogConfig {
    /// Checks that the settings fit together.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), LogConfigError> {
        let refuse = |key, value, allowed| {
            Err(LogConfigError {
                key,
                value,
                allowed,
            })
        };
        let file_bytes = self.journal_file_bytes;
        let group_bytes = self.commit_group_bytes_max as u64;
        if self.journal_files < 2 {
            let allowed = "at least 2 files take turns".to_owned();
            return refuse("journal_files", self.journal_files.into(), allowed);
        }
        if !file_bytes.is_multiple_of(4096) || file_bytes > u64::from(u32::MAX) {
            let allowed = "a multiple of 4096 below 4 GiB".to_owned();
            return refuse("journal_file_bytes", file_bytes, allowed);
        }
        if group_bytes == 0 || group_bytes > file_bytes / 8 {
            let allowed = format!("1 to an eighth of journal_file_bytes = {file_bytes}");
            return refuse("commit_group_bytes_max", group_bytes, allowed);
        }
        let value_bytes = self.state_value_bytes_max as u64;
        if value_bytes > file_bytes / 2 {
            let allowed = format!("at most half of journal_file_bytes = {file_bytes}");
            return refuse("state_value_bytes_max", value_bytes, allowed);
        }
        if self.commit_groups_in_flight == 0 {
            return refuse("commit_groups_in_flight", 0, "at least 1".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_fit_together_are_named() {
        assert_eq!(LogConfig::default().check(), Ok(()));
        let config = LogConfig {
            commit_group_bytes_max: 64 << 20,
            ..LogConfig::default()
        };
        assert_eq!(
            config.check().unwrap_err().to_string(),
            "commit_group_bytes_max = 67108864 is not allowed: 1 to an eighth of journal_file_bytes = 134217728"
        );
    }
}
