//! Which partition needs compaction, and which of its segments are rewritten together.
//! It reads nothing.

use kring_wire::ids::TopicPartition;

use super::Run;
use super::rewrite::Latest;
use super::transactions::Ended;
use crate::partition::Partition;
use crate::segment::{Segment, SegmentKey};

/// A segment spans at most so many offsets, because Kafka's indexes hold the distance in 32 bits.
const OFFSETS_MAX: i64 = i32::MAX as i64;

/// Segments that may be rewritten: those before the first that holds a record too young for it, or one
/// of a transaction that is not at its end.
fn complete(partition: &Partition, now_ms: i64) -> impl Iterator<Item = &Segment> {
    let covered = |s: &&Segment| s.next_offset <= partition.checkpointed_end;
    let unstable = partition
        .transactions
        .first_unstable(partition.high_watermark);
    let stable = move |s: &&Segment| unstable.is_none_or(|offset| s.next_offset <= offset);
    let youngest_ms = now_ms.saturating_sub(partition.config.min_compaction_lag_ms);
    let lag = partition.config.min_compaction_lag_ms;
    let old_enough = move |s: &&Segment| {
        // Records without a timestamp are as old as their segment.
        let newest_ms = match s.max_timestamp_ms {
            ..0 => s.created_ms,
            timestamp_ms => timestamp_ms,
        };
        lag == 0 || newest_ms <= youngest_ms
    };
    partition
        .segments
        .iter()
        .filter(|s| partition.is_complete(s))
        .filter(covered)
        .take_while(stable)
        .take_while(old_enough)
}

/// Whether enough of a compacted log was never looked at, or something in it for too long.
pub(super) fn needs_compaction(partition: &Partition, now_ms: i64) -> bool {
    if !partition.config.compact || !partition.compactable || partition.damage.is_some() {
        return false;
    }
    let (mut all, mut dirty) = (0, 0);
    let overdue_ms = now_ms.saturating_sub(partition.config.max_compaction_lag_ms);
    for segment in complete(partition, now_ms) {
        all += segment.file_bytes;
        if segment.next_offset > partition.cleaned_end {
            dirty += segment.file_bytes;
            if segment.created_ms < overdue_ms {
                return true;
            }
        }
    }
    let needed = u64::from(partition.config.min_cleanable_dirty_per_mille);
    dirty > 0 && dirty * 1000 >= all * needed
}

/// A run over everything that may be rewritten.
pub(super) fn plan(tp: TopicPartition, partition: &Partition, now_ms: i64) -> Run {
    let source = |s: &Segment| s.key(tp);
    let mut to_note: Vec<SegmentKey> = complete(partition, now_ms)
        .filter(|s| s.next_offset > partition.cleaned_end)
        .map(source)
        .collect();
    to_note.reverse();
    let mut groups: Vec<Vec<SegmentKey>> = Vec::new();
    let mut bytes = 0;
    for segment in complete(partition, now_ms) {
        bytes += segment.file_bytes;
        match groups.last_mut() {
            Some(group)
                if bytes <= partition.config.segment_bytes
                    && segment.next_offset - group[0].base_offset <= OFFSETS_MAX =>
            {
                group.push(source(segment));
            }
            _ => {
                groups.push(vec![source(segment)]);
                bytes = segment.file_bytes;
            }
        }
    }
    groups.reverse();
    Run {
        tp,
        generation: partition.generation,
        dir: partition.dir.clone(),
        latest: Latest::default(),
        ended: Ended::of(partition, now_ms),
        to_note,
        groups,
        noted_end: partition.cleaned_end,
        tombstones_before_ms: now_ms.saturating_sub(partition.config.delete_retention_ms),
        scan: None,
        source: None,
        rest_of_group: Vec::new(),
        group: Vec::new(),
        target: None,
        drop_tombstones: false,
    }
}
