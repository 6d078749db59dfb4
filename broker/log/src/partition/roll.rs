//! When a segment is closed: by size, by age, by the time its records span, by the reach of its offsets.
//! It closes none; `Log::roll_if_due` journals that first.

use kring_wire::BatchHeader;

use super::Partition;

impl Partition {
    /// Whether batches of so many bytes, the first of them `first`, begin a new segment.
    pub(crate) fn must_roll(&self, first: &BatchHeader, bytes: usize, now_ms: i64) -> bool {
        let active = &self.active;
        if active.bytes == 0 {
            return false;
        }
        let age_max_ms = self.segment_age_max_ms();
        active.bytes + bytes as u64 > self.config.segment_bytes
            || spans(active.first_timestamp_ms, first, age_max_ms)
            || now_ms.saturating_sub(active.created_ms).unsigned_abs() >= age_max_ms
                && now_ms > active.created_ms
            || self.log_end - active.base_offset > i64::from(i32::MAX)
    }

    /// How many of these batches go to one segment before the time that its records span is too long. A
    /// replica that was behind gets records of hours at once, and what is old must not stay as long as what is new.
    pub(crate) fn batches_of_one_segment(
        &self,
        headers: &[BatchHeader],
        bytes: usize,
        now_ms: i64,
    ) -> usize {
        let Some((first, others)) = headers.split_first() else {
            return 0;
        };
        let begins = self.active.bytes == 0 || self.must_roll(first, bytes, now_ms);
        let first_ms = if begins {
            first.max_timestamp_ms
        } else {
            self.active.first_timestamp_ms
        };
        let age_max_ms = self.segment_age_max_ms();
        let together = others
            .iter()
            .take_while(|header| !spans(first_ms, header, age_max_ms));
        1 + together.count()
    }

    /// At which age the active segment is closed. Differs between partitions and segments by up to
    /// the jitter, and is the same each time it is asked for.
    fn segment_age_max_ms(&self) -> u64 {
        let config = &self.config;
        let mut age_ms = config.segment_ms;
        if config.compact {
            // Only closed segments are compacted.
            age_ms = age_ms.min(config.max_compaction_lag_ms.unsigned_abs());
        }
        let jitter_ms = config.segment_jitter_ms.min(age_ms);
        if jitter_ms > 0 {
            let base = self.active.base_offset.to_le_bytes();
            // FNV-1a: any spread will do.
            let hash = self
                .dir
                .bytes()
                .chain(base)
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
            age_ms -= hash % jitter_ms;
        }
        age_ms.max(1)
    }
}

/// Whether records from `first_ms`, the largest timestamp of the first batch, to this batch span `age_max_ms`
/// or more; as in Apache Kafka (`LogSegment.shouldRoll`).
fn spans(first_ms: i64, header: &BatchHeader, age_max_ms: u64) -> bool {
    let span_ms = header.max_timestamp_ms.saturating_sub(first_ms);
    first_ms >= 0 && u64::try_from(span_ms).is_ok_and(|ms| ms >= age_max_ms)
}

#[cfg(test)]
mod tests {
    use kring_wire::ids::{TopicId, TopicPartition};

    use crate::config::TopicLogConfig;

    use super::*;

    fn age_max_ms(partition: i32, config: &TopicLogConfig) -> u64 {
        let tp = TopicPartition::new(TopicId([1; 16]), partition);
        Partition::new(tp, "orders", config.clone()).segment_age_max_ms()
    }

    #[test]
    fn jitter_spreads_the_end_of_segments_and_never_makes_them_older() {
        let config = TopicLogConfig {
            segment_ms: 1_000,
            segment_jitter_ms: 300,
            ..TopicLogConfig::default()
        };
        let ages: Vec<u64> = (0..50).map(|p| age_max_ms(p, &config)).collect();
        assert!(
            ages.iter().all(|age| (701..=1_000).contains(age)),
            "{ages:?}"
        );
        let different: std::collections::BTreeSet<&u64> = ages.iter().collect();
        assert!(different.len() > 25, "{ages:?}");
        assert_eq!(age_max_ms(7, &config), ages[7], "always the same");
        let without = TopicLogConfig {
            segment_jitter_ms: 0,
            ..config
        };
        assert_eq!(age_max_ms(7, &without), 1_000);
    }

    #[test]
    fn a_compacted_segment_is_closed_in_time_for_its_largest_lag() {
        let config = TopicLogConfig {
            compact: true,
            segment_ms: 1_000,
            max_compaction_lag_ms: 10,
            ..TopicLogConfig::default()
        };
        assert_eq!(age_max_ms(0, &config), 10);
    }
}
