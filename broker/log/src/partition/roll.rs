//! When a segment is closed: by size, by age, by the reach of its offsets.
//! It closes none; `Log::roll_if_due` journals that first.

use super::Partition;

impl Partition {
    /// Whether a batch of so many bytes begins a new segment.
    pub(crate) fn must_roll(&self, batch_bytes: usize, now_ms: i64) -> bool {
        let active = &self.active;
        active.bytes > 0
            && (active.bytes + batch_bytes as u64 > self.config.segment_bytes
                || now_ms.saturating_sub(active.created_ms).unsigned_abs()
                    >= self.segment_age_max_ms()
                    && now_ms > active.created_ms
                || self.log_end - active.base_offset > i64::from(i32::MAX))
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
