//! The log as its owner sees it.
//! It only forwards; what the methods do is in the modules named after their verbs.

use bytes::Bytes;
use kring_io::{DiskDone, Effects, Now};
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

use crate::config::{LogConfig, TopicLogConfig};
use crate::error::{AppendError, TruncateError};
use crate::event::{Appended, LogEvent, Lookup, PartitionState, Read, TimestampQuery};
use crate::lsn::Lsn;
use crate::stats::LogStats;

/// The log of one broker: all its partitions and the small durable state of the other engines.
///
/// The owner calls [`Log::start`], passes every completion to [`Log::on_disk`], calls
/// [`Log::on_wake`] when the wished time has come and [`Log::submit`] at the end of each step.
pub struct Log {
    stats: LogStats,
}

#[allow(unused_variables)]
impl Log {
    /// A log that has touched nothing yet. `seed` makes its identifiers.
    #[must_use]
    pub fn new(config: LogConfig, seed: u64) -> Log {
        unimplemented!()
    }

    /// Begins recovery. It ends with [`LogEvent::Recovered`] or [`LogEvent::Failed`].
    pub fn start(&mut self, now: Now, out: &mut Effects) {
        unimplemented!()
    }

    /// Takes a completion.
    pub fn on_disk(
        &mut self,
        now: Now,
        done: DiskDone,
        out: &mut Effects,
        events: &mut Vec<LogEvent>,
    ) {
        unimplemented!()
    }

    /// Runs what is due: flush of tails, checkpoint, retention. Harmless when nothing is.
    pub fn on_wake(&mut self, now: Now, out: &mut Effects, events: &mut Vec<LogEvent>) {
        unimplemented!()
    }

    /// Submits the open commit group as far as the number in flight allows. To be called at the end
    /// of each step; without it appends wait.
    pub fn submit(&mut self, now: Now, out: &mut Effects) {
        unimplemented!()
    }

    /// Whether recovery has ended well and no failure came since.
    #[must_use]
    pub fn recovered(&self) -> bool {
        unimplemented!()
    }

    /// Whether the run before ended with an orderly [`Log::shutdown`] (or the directory was new).
    #[must_use]
    pub fn clean_start(&self) -> bool {
        unimplemented!()
    }

    /// Refuses further changes, moves everything to segments, takes a checkpoint, marks the journal
    /// clean; then [`LogEvent::Stopped`].
    pub fn shutdown(&mut self, now: Now, out: &mut Effects) {
        unimplemented!()
    }

    /// Makes an empty log; nothing when there is one. `topic_name` is only for the directory's name.
    pub fn create(&mut self, tp: TopicPartition, topic_name: &str, config: TopicLogConfig) {
        unimplemented!()
    }

    /// Changes the settings; nothing when they are the same or the partition is unknown.
    pub fn configure(&mut self, tp: TopicPartition, config: TopicLogConfig) {
        unimplemented!()
    }

    /// Removes the log and its files.
    pub fn delete(&mut self, tp: TopicPartition) {
        unimplemented!()
    }

    /// All partitions, in order.
    pub fn partitions(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        std::iter::empty()
    }

    /// Whether there is a log of this partition.
    #[must_use]
    pub fn contains(&self, tp: TopicPartition) -> bool {
        unimplemented!()
    }

    /// Where a partition's log stands.
    #[must_use]
    pub fn state(&self, tp: TopicPartition) -> Option<PartitionState> {
        unimplemented!()
    }

    /// Appends one batch as the leader of `epoch`: checks it, recognises duplicates of idempotent
    /// producers, assigns offsets. `records` holds exactly one batch, as Produce from version 3 on.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was appended then.
    pub fn append(
        &mut self,
        now: Now,
        tp: TopicPartition,
        epoch: LeaderEpoch,
        records: Bytes,
    ) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// Appends batches that the leader made, as a follower: their offsets must go on where the log
    /// ends and their CRCs must match. Either all batches are appended or none.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was appended then.
    pub fn append_replicated(
        &mut self,
        now: Now,
        tp: TopicPartition,
        records: Bytes,
    ) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// Removes everything from `to` on, with its epochs and producer state. Of a follower only.
    /// Truncating at or beyond the end changes nothing.
    ///
    /// # Errors
    /// [`TruncateError::BelowHighWatermark`] and the others; nothing was removed then.
    pub fn truncate(
        &mut self,
        now: Now,
        tp: TopicPartition,
        to: Offset,
    ) -> Result<Lsn, TruncateError> {
        unimplemented!()
    }

    /// Empties the log and lets it start anew at `at`: of a follower whose log ends before the
    /// leader's begins.
    pub fn reset(&mut self, tp: TopicPartition, at: Offset) {
        unimplemented!()
    }

    /// Raises (or, before a leader is known, sets) the high watermark, at most to the log's end.
    /// Returns whether it moved. It is made durable with later appends and checkpoints.
    pub fn set_high_watermark(&mut self, tp: TopicPartition, high_watermark: Offset) -> bool {
        unimplemented!()
    }

    /// Removes everything below `offset`, at most up to the high watermark. Durable with the
    /// current group; [`LogEvent::LogStartMoved`] follows.
    pub fn set_log_start(&mut self, now: Now, tp: TopicPartition, offset: Offset) {
        unimplemented!()
    }

    /// The largest epoch in the log that is not above `epoch`, and the offset at which it ends, as
    /// Kafka's OffsetForLeaderEpoch. `None` when there is no such epoch.
    #[must_use]
    pub fn epoch_end(
        &self,
        tp: TopicPartition,
        epoch: LeaderEpoch,
    ) -> Option<(LeaderEpoch, Offset)> {
        unimplemented!()
    }

    /// Whole batches from the one that holds `from`, ending at or before `upto`: as many as
    /// `max_bytes` allows, and at least one when there is one.
    pub fn read(
        &mut self,
        now: Now,
        tp: TopicPartition,
        from: Offset,
        upto: Offset,
        max_bytes: usize,
        out: &mut Effects,
    ) -> Read {
        unimplemented!()
    }

    /// Looks for a record by its timestamp below `upto`.
    pub fn lookup_timestamp(
        &mut self,
        now: Now,
        tp: TopicPartition,
        query: TimestampQuery,
        upto: Offset,
        out: &mut Effects,
    ) -> Lookup {
        unimplemented!()
    }

    /// Sets or removes a value of another engine's durable state. It is kept whole in memory and in
    /// every checkpoint; durable with the returned group.
    pub fn put_state(&mut self, key: Vec<u8>, value: Option<Bytes>) -> Lsn {
        unimplemented!()
    }

    /// A value of [`Log::put_state`].
    #[must_use]
    pub fn state_value(&self, key: &[u8]) -> Option<&Bytes> {
        unimplemented!()
    }

    /// All values whose key begins with `prefix`, in the order of the keys.
    pub fn state_range<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a Bytes)> + 'a {
        std::iter::empty()
    }

    /// The group that holds the last change.
    #[must_use]
    pub fn appended_lsn(&self) -> Lsn {
        unimplemented!()
    }

    /// All groups up to this one survive power loss.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        unimplemented!()
    }

    /// Whether producers should be held back, because the disk does not keep up.
    #[must_use]
    pub fn under_pressure(&self) -> bool {
        unimplemented!()
    }

    /// Counters for metrics.
    #[must_use]
    pub fn stats(&self) -> &LogStats {
        &self.stats
    }
}
