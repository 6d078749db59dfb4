//! How far each group coordinated here is behind, by partition and by topic.
//! How that developed is in `history`, which adds it.

use kring_groups::CommittedEntry;
use kring_wire::{Offset, TopicPartition};

use super::ends::End;
use crate::broker::Broker;

/// A committed offset of a group that this broker coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOffsetMetrics {
    /// The group.
    pub group: String,
    /// Name of the topic.
    pub topic: String,
    /// Number of the partition.
    pub partition: i32,
    /// The next record the group reads.
    pub offset: Offset,
    /// Committed records it has not read; none while the partition's end is not known here.
    pub lag_records: Option<i64>,
    /// About when the first of these was written, in milliseconds since the Unix epoch.
    pub unread_since_ms: Option<i64>,
    /// Of these, the ones that are gone from the log.
    pub lost_records: i64,
    /// By how many records the lag grew within the window; none before the first sample.
    pub growth_records: Option<i64>,
    /// There was something to read for the whole window and the committed offset did not move.
    pub stalled: bool,
}

/// What a group that this broker coordinates has committed of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupTopicMetrics {
    /// The group.
    pub group: String,
    /// Name of the topic.
    pub topic: String,
    /// Sum over the partitions whose end is known here.
    pub lag_records: i64,
    /// Partitions whose end is not known here.
    pub unknown_partitions: u64,
    /// About when the first unread record was written, in milliseconds since the Unix epoch.
    pub unread_since_ms: Option<i64>,
    /// Sum over the partitions.
    pub lost_records: i64,
    /// By how many records the sum grew within the window; none before the first sample.
    pub growth_records: Option<i64>,
    /// The sum grew in both halves of the window.
    pub growing: bool,
    /// Partitions that are stalled, of those that are told one by one.
    pub stalled_partitions: u64,
}

impl GroupTopicMetrics {
    /// About how long the first unread record has been waiting. Records without a timestamp are not known to wait.
    #[must_use]
    pub fn waited_ms(&self, wall_ms: i64) -> i64 {
        waited_ms(self.unread_since_ms, wall_ms)
    }
}

impl GroupOffsetMetrics {
    /// The same, of one partition.
    #[must_use]
    pub fn waited_ms(&self, wall_ms: i64) -> i64 {
        waited_ms(self.unread_since_ms, wall_ms)
    }
}

fn waited_ms(since_ms: Option<i64>, wall_ms: i64) -> i64 {
    since_ms.map_or(0, |since_ms| (wall_ms - since_ms).max(0))
}

/// Every group that this broker coordinates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LagReport {
    /// The first partitions, in a fixed order.
    pub(crate) partitions: Vec<GroupOffsetMetrics>,
    /// All topics, in the same order.
    pub(crate) topics: Vec<GroupTopicMetrics>,
    /// Partitions that are in the sums of `topics` only.
    pub(crate) partitions_left_out: u64,
}

impl LagReport {
    fn add(&mut self, row: GroupOffsetMetrics, partitions_max: usize) {
        let same = |sum: &GroupTopicMetrics| sum.group == row.group && sum.topic == row.topic;
        if !self.topics.last().is_some_and(same) {
            self.topics.push(GroupTopicMetrics {
                group: row.group.clone(),
                topic: row.topic.clone(),
                ..GroupTopicMetrics::default()
            });
        }
        let sum = self.topics.last_mut().expect("one was just made sure of");
        sum.lag_records += row.lag_records.unwrap_or(0);
        sum.unknown_partitions += u64::from(row.lag_records.is_none());
        sum.lost_records += row.lost_records;
        let both = [sum.unread_since_ms, row.unread_since_ms];
        sum.unread_since_ms = both.into_iter().flatten().min();
        if self.partitions.len() < partitions_max {
            self.partitions.push(row);
        } else {
            self.partitions_left_out += 1;
        }
    }
}

impl Broker {
    /// The lag as it is now, without its history.
    pub(super) fn lag_now(&self) -> LagReport {
        let mut report = LagReport::default();
        for entry in self.groups.committed_offsets() {
            let row = self.measured(&entry);
            report.add(row, self.config.metrics_group_partitions_max);
        }
        report
    }

    fn measured(&self, entry: &CommittedEntry<'_>) -> GroupOffsetMetrics {
        let offset = entry.committed.offset;
        let end = self
            .committed_in(entry)
            .and_then(|tp| self.end_here(tp, offset).or(self.lag.ends.of(tp, offset)));
        GroupOffsetMetrics {
            group: entry.group_id.to_owned(),
            topic: entry.topic.to_owned(),
            partition: entry.partition,
            offset,
            lag_records: end.map(|end| (end.high_watermark - offset).max(0)),
            unread_since_ms: end.and_then(|end| end.unread_since_ms),
            lost_records: end.map_or(0, |end| (end.log_start - offset).max(0)),
            growth_records: None,
            stalled: false,
        }
    }

    /// The partition that an offset is committed for, as long as it exists.
    pub(super) fn committed_in(&self, entry: &CommittedEntry<'_>) -> Option<TopicPartition> {
        let topic = self.image().topic_by_name(entry.topic)?;
        Some(TopicPartition::new(topic.id, entry.partition))
    }

    /// The end of a partition that has a replica here, for a reader that stands at `offset`.
    pub(super) fn end_here(&self, tp: TopicPartition, offset: Offset) -> Option<End> {
        let state = self.log.state(tp)?;
        let first = offset.max(state.log_start);
        let unread = first < state.high_watermark;
        Some(End {
            log_start: state.log_start,
            high_watermark: state.high_watermark,
            unread_since_ms: unread.then(|| self.log.timestamp_near(tp, first)).flatten(),
        })
    }
}
