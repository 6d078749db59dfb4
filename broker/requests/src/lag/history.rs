//! How lags developed within a window, from samples.
//! It reads no clock and measures nothing; who samples gives both.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kring_io::Instant;
use kring_wire::Offset;

use super::report::{GroupOffsetMetrics, GroupTopicMetrics, LagReport};

/// The samples of a window, by group and topic.
#[derive(Debug, Default)]
pub(super) struct History {
    groups: BTreeMap<String, BTreeMap<String, OfTopic>>,
}

#[derive(Debug, Default)]
struct OfTopic {
    lag: Trend,
    growing: bool,
    partitions: BTreeMap<i32, OfPartition>,
}

#[derive(Debug, Default)]
struct OfPartition {
    lag: Trend,
    offset: Offset,
    /// Since when there was something to read and the offset did not move.
    stuck_since: Option<Instant>,
    stalled: bool,
}

/// A number over time: the samples of the window, and the last one before it.
#[derive(Debug, Default)]
struct Trend(VecDeque<(Instant, i64)>);

impl Trend {
    fn push(&mut self, now: Instant, value: i64, window: Duration) {
        self.0.push_back((now, value));
        while self
            .0
            .get(1)
            .is_some_and(|(at, _)| now.since(*at) >= window)
        {
            self.0.pop_front();
        }
    }

    /// Within the window, or since it is known.
    fn growth(&self) -> Option<i64> {
        let ((_, first), (_, last)) = (self.0.front()?, self.0.back()?);
        Some(last - first)
    }

    /// Whether it grew in both halves of a whole window: a leap that is being worked off did not.
    fn grows(&self, window: Duration) -> bool {
        let (Some((first_at, first)), Some((last_at, last))) = (self.0.front(), self.0.back())
        else {
            return false;
        };
        let half = |(at, _): &&(Instant, i64)| last_at.since(*at) >= window / 2;
        let middle = self.0.iter().rev().find(half);
        last_at.since(*first_at) >= window
            && middle.is_some_and(|(_, middle)| last > middle && middle > first)
    }
}

impl OfPartition {
    fn sample(&mut self, now: Instant, window: Duration, row: &GroupOffsetMetrics) {
        let Some(lag) = row.lag_records else {
            // What is not known for a while is begun anew.
            *self = OfPartition::default();
            return;
        };
        let known = !self.lag.0.is_empty();
        let moved = known && self.offset != row.offset;
        let since = self.stuck_since.filter(|_| !moved).unwrap_or(now);
        self.stuck_since = (lag > 0).then_some(since);
        self.stalled = self
            .stuck_since
            .is_some_and(|since| now.since(since) >= window);
        self.offset = row.offset;
        self.lag.push(now, lag, window);
    }
}

impl History {
    /// Takes a sample. What is not in it is forgotten; of the topics, too, no more than `max` are remembered.
    pub(super) fn sample(
        &mut self,
        now: Instant,
        window: Duration,
        report: &LagReport,
        max: usize,
    ) {
        let mut before = std::mem::take(&mut self.groups);
        let mut rows = report.partitions.iter().peekable();
        for sum in report.topics.iter().take(max) {
            let topics = before.get_mut(&sum.group);
            let mut was = topics
                .and_then(|topics| topics.remove(&sum.topic))
                .unwrap_or_default();
            // A sum that lacks a part would seem to have shrunk.
            if sum.unknown_partitions == 0 {
                was.lag.push(now, sum.lag_records, window);
                was.growing = was.lag.grows(window);
            }
            let mut known = std::mem::take(&mut was.partitions);
            while let Some(row) = rows.next_if(|row| is_of(row, sum)) {
                let mut partition = known.remove(&row.partition).unwrap_or_default();
                partition.sample(now, window, row);
                was.partitions.insert(row.partition, partition);
            }
            let topics = self.groups.entry(sum.group.clone()).or_default();
            topics.insert(sum.topic.clone(), was);
        }
    }

    /// Adds to a report what is known up to the last sample.
    pub(super) fn tell(&self, report: &mut LagReport) {
        let mut rows = report.partitions.iter_mut().peekable();
        for sum in &mut report.topics {
            let topics = self.groups.get(&sum.group);
            let known = topics.and_then(|topics| topics.get(&sum.topic));
            if let Some(known) = known {
                sum.growth_records = known.lag.growth();
                sum.growing = known.growing;
            }
            while let Some(row) = rows.next_if(|row| is_of(row, sum)) {
                let Some(partition) = known.and_then(|known| known.partitions.get(&row.partition))
                else {
                    continue;
                };
                row.growth_records = partition.lag.growth();
                // Who has moved since the sample is not stalled.
                row.stalled = partition.stalled
                    && partition.offset == row.offset
                    && row.lag_records != Some(0);
                sum.stalled_partitions += u64::from(row.stalled);
            }
        }
    }
}

fn is_of(row: &GroupOffsetMetrics, sum: &GroupTopicMetrics) -> bool {
    row.group == sum.group && row.topic == sum.topic
}

#[cfg(test)]
mod tests;
