//! Which data is old or large enough to go (`retention.ms`, `retention.bytes`), and which
//! producers are forgotten. It removes whole segments, by moving the log start.

use kring_io::Now;
use kring_io::canary::{self, Canary};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::journal::record::Change;
use crate::partition::Partition;
use crate::segment::Segment;

impl Log {
    /// Moves the start of every log past what retention gives up.
    pub(crate) fn apply_retention(&mut self, now: Now) {
        let mut rolls: Vec<TopicPartition> = Vec::new();
        let mut starts: Vec<(TopicPartition, Offset)> = Vec::new();
        for (tp, partition) in &mut self.state.partitions {
            partition.expire_producers(now.wall_ms);
            if !partition.config.delete {
                continue;
            }
            if active_expired(partition, now.wall_ms) {
                rolls.push(*tp);
            }
            let start = retained_from(partition, now.wall_ms).min(partition.high_watermark);
            if start > partition.log_start {
                starts.push((*tp, start));
            }
        }
        for tp in rolls {
            let base_offset = self.state.partitions[&tp].log_end;
            self.change(&Change::Roll {
                tp,
                base_offset,
                created_ms: now.wall_ms,
            });
        }
        for (tp, start) in starts {
            self.set_log_start(now, tp, start);
        }
    }
}

/// Whether everything in the active segment is too old, so that it may go with the others.
fn active_expired(partition: &Partition, now_ms: i64) -> bool {
    let active = partition.segments.back().filter(|s| {
        s.base_offset == partition.active.base_offset && s.next_offset == partition.log_end
    });
    active.is_some_and(|s| expired(partition, s, now_ms))
}

fn expired(partition: &Partition, segment: &Segment, now_ms: i64) -> bool {
    let retention_ms = if canary::is_on(Canary::RetentionEarly) {
        partition.config.retention_ms / 10
    } else {
        partition.config.retention_ms
    };
    // Records without a timestamp are as old as their segment.
    let newest_ms = match segment.max_timestamp_ms {
        ..0 => segment.created_ms,
        timestamp_ms => timestamp_ms,
    };
    retention_ms >= 0 && now_ms.saturating_sub(newest_ms) > retention_ms
}

/// The first offset that stays. The active segment always stays.
fn retained_from(partition: &Partition, now_ms: i64) -> Offset {
    let mut from = partition.log_start;
    let mut size = partition.state().size_bytes;
    let retention_bytes = u64::try_from(partition.config.retention_bytes).unwrap_or(u64::MAX);
    for segment in &partition.segments {
        let complete = partition.is_complete(segment);
        let too_large = size.saturating_sub(segment.file_bytes) >= retention_bytes;
        let too_old = expired(partition, segment, now_ms);
        if !(complete && (too_large || too_old)) {
            break;
        }
        size -= segment.file_bytes;
        from = from.max(segment.next_offset);
    }
    from
}
