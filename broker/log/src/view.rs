//! What can be seen of the log without changing it.
//! Reads of batches are `read` and `lookup`.

use std::ops::Bound;

use bytes::Bytes;
use kring_io::Instant;
use kring_wire::ids::{LeaderEpoch, Offset, ProducerId, TopicPartition};

use crate::Log;
use crate::event::{AbortedTransaction, OngoingTransaction, PartitionState, ProducerState};
use crate::journal::Journal;
use crate::log::Phase;
use crate::lsn::Lsn;
use crate::stats::LogStats;

impl Log {
    /// Whether recovery has ended well and no failure came since.
    #[must_use]
    pub fn recovered(&self) -> bool {
        matches!(
            self.phase,
            Phase::Running | Phase::Stopping | Phase::Stopped
        )
    }

    /// Whether the run before ended with an orderly [`Log::shutdown`] (or the directory was new).
    #[must_use]
    pub fn clean_start(&self) -> bool {
        self.recovered.clean
    }

    /// Whether recovery left out what the disk had lost of what was durable.
    #[must_use]
    pub fn salvaged(&self) -> bool {
        self.recovered.salvaged
    }

    /// All partitions, in order.
    pub fn partitions(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.state.partitions.keys().copied()
    }

    /// Whether there is a log of this partition.
    #[must_use]
    pub fn contains(&self, tp: TopicPartition) -> bool {
        self.state.partitions.contains_key(&tp)
    }

    /// Where a partition's log stands.
    #[must_use]
    pub fn state(&self, tp: TopicPartition) -> Option<PartitionState> {
        self.state.partitions.get(&tp).map(|p| p.state())
    }

    /// Whether the log remembers batches of this idempotent producer, so that it recognises a gap
    /// before the next one.
    #[must_use]
    pub fn knows_producer(&self, tp: TopicPartition, producer_id: ProducerId) -> bool {
        let partition = self.state.partitions.get(&tp);
        partition.is_some_and(|p| p.producers.knows(producer_id))
    }

    /// What a replica whose log begins at `at` cannot learn from it of idempotent producers and of their
    /// transactions, for [`Log::reset`]: a few kilobytes for each hundred producers, at most five hundred of them and
    /// five thousand open transactions. Empty where there is nothing to tell.
    #[must_use]
    pub fn producers_below(&self, tp: TopicPartition, at: Offset) -> Bytes {
        let Some(partition) = self.state.partitions.get(&tp) else {
            return Bytes::new();
        };
        let producers = partition.producers.below(at);
        let transactions = partition.transactions.below(at);
        if producers.is_empty() && transactions.is_empty() {
            return Bytes::new();
        }
        let encoded = if transactions.is_empty() {
            postcard::to_allocvec(&producers)
        } else {
            postcard::to_allocvec(&(&producers, &transactions))
        };
        encoded.expect("these types always serialize").into()
    }

    /// The aborted transactions of which records may lie from `from` up to `upto`, in the order of their first
    /// offsets: what a consumer that reads only what is committed is told with these records. To be asked in the
    /// same step in which they were read.
    #[must_use]
    pub fn aborted_transactions(
        &self,
        tp: TopicPartition,
        from: Offset,
        upto: Offset,
    ) -> Vec<AbortedTransaction> {
        let partition = self.state.partitions.get(&tp);
        partition.map_or(Vec::new(), |p| p.transactions.aborted(from, upto))
    }

    /// The transaction that a producer has open in a partition.
    #[must_use]
    pub fn transaction_of(
        &self,
        tp: TopicPartition,
        producer_id: ProducerId,
    ) -> Option<OngoingTransaction> {
        self.state.partitions.get(&tp)?.transaction_of(producer_id)
    }

    /// The producers that a partition knows, in the order of their ids; none where it is not on this broker.
    #[must_use]
    pub fn producer_states(&self, tp: TopicPartition) -> Vec<ProducerState> {
        let partition = self.state.partitions.get(&tp);
        partition.map_or(Vec::new(), |p| p.producer_states())
    }

    /// The largest epoch in the log that is not above `epoch`, and the offset at which it ends, as
    /// Kafka's OffsetForLeaderEpoch. `None` when there is no such epoch.
    #[must_use]
    pub fn epoch_end(
        &self,
        tp: TopicPartition,
        epoch: LeaderEpoch,
    ) -> Option<(LeaderEpoch, Offset)> {
        let partition = self.state.partitions.get(&tp)?;
        partition.epochs.end_of(epoch, partition.log_end)
    }

    /// The leader epoch of the record at `offset`, −1 when none is known there.
    #[must_use]
    pub fn epoch_at(&self, tp: TopicPartition, offset: Offset) -> LeaderEpoch {
        let partition = self.state.partitions.get(&tp);
        let partition = partition.filter(|p| offset < p.log_end);
        partition.map_or(-1, |p| p.epochs.at(offset))
    }

    /// About when the record at `offset` was written, by timestamps, in milliseconds since the Unix
    /// epoch: that of its batch where it is in memory, else between those that an index knows around
    /// it. `None` outside of the log and where nothing has a timestamp. It reads no disk.
    #[must_use]
    pub fn timestamp_near(&self, tp: TopicPartition, offset: Offset) -> Option<i64> {
        let partition = self.state.partitions.get(&tp)?;
        if !(partition.log_start..partition.log_end).contains(&offset) {
            return None;
        }
        let mut tail = partition.tail.batches_from(partition.tail.start());
        let in_memory = tail.find(|(_, batch)| batch.next_offset > offset);
        let timestamp_ms = match in_memory {
            Some((_, batch)) if batch.base_offset <= offset => batch.max_timestamp_ms,
            _ => {
                let segments = &partition.segments;
                let at = segments.partition_point(|s| s.next_offset <= offset);
                segments.get(at)?.timestamp_near(offset)
            }
        };
        (timestamp_ms >= 0).then_some(timestamp_ms)
    }

    /// A value of [`Log::put_state`].
    #[must_use]
    pub fn state_value(&self, key: &[u8]) -> Option<&Bytes> {
        self.state.values.get(key)
    }

    /// All values whose key begins with `prefix`, in the order of the keys.
    pub fn state_range<'a>(
        &'a self,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a Bytes)> + 'a {
        self.state
            .values
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.as_ref(), value))
    }

    /// The group that holds the last change.
    #[must_use]
    pub fn appended_lsn(&self) -> Lsn {
        self.journal.as_ref().map_or(Lsn(0), Journal::appended)
    }

    /// All groups up to this one survive power loss.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.journal.as_ref().map_or(Lsn(0), Journal::durable)
    }

    /// Whether producers should be held back, because the disk does not keep up.
    #[must_use]
    pub fn under_pressure(&self) -> bool {
        let waiting = self.journal.as_ref().map_or(0, Journal::waiting_bytes);
        let dirty = self.stats.tail_dirty_bytes > self.config.tail_cache_bytes as u64;
        let groups = 8 * self.config.commit_group_bytes_max as u64;
        let room = self
            .journal
            .as_ref()
            .is_some_and(|j| j.admits(4 * self.config.commit_group_bytes_max));
        dirty || waiting > groups || !room
    }

    /// Since when the disk has owed the completion of a journal write; `None` when it owes none.
    /// A disk that hangs answers late or never, without an error.
    #[must_use]
    pub fn disk_awaited_since(&self) -> Option<Instant> {
        self.journal.as_ref().and_then(Journal::awaited_since)
    }

    /// Counters for metrics.
    #[must_use]
    pub fn stats(&self) -> &LogStats {
        &self.stats
    }
}
