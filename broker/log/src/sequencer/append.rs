//! The leader's append: one batch is checked, recognised if it came before, given its offsets,
//! and put into the partition's tail and the open commit group.

use bytes::Bytes;
use kring_io::Now;
use kring_io::canary::{self, Canary};
use kring_wire::BatchHeader;
use kring_wire::batch::{assign, set_log_append_time};
use kring_wire::ids::{LeaderEpoch, TopicPartition};

use super::check::{check_produced, refused};
use crate::Log;
use crate::config::TimestampType;
use crate::error::AppendError;
use crate::event::Appended;
use crate::journal::record::BATCHES_OVERHEAD_BYTES;
use crate::partition::Partition;
use crate::partition::producers::{AppendedBatch, Verdict};

impl Log {
    /// Appends one batch of a client as the leader of `epoch`: checks it, recognises duplicates of idempotent
    /// producers, assigns offsets. `records` holds exactly one batch, as Produce from version 3 on. It may be part of
    /// a transaction, which it then opens or continues.
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
        let partition = self.led(tp, epoch)?;
        let header = check_produced(&partition.config, &records, now.wall_ms)?;
        // The CRC was checked; what remains wrong with a header is wrong with the client.
        if let Verdict::Duplicate(first) = partition.check_batch(&header)?
            && !canary::is_on(Canary::DuplicateAppended)
        {
            self.stats.duplicate_batches += 1;
            return Ok(self.duplicate(tp, first));
        }
        let log_append_time_ms = match partition.config.timestamp_type {
            TimestampType::CreateTime => -1,
            TimestampType::LogAppendTime => now.wall_ms,
        };
        self.push_as_leader(now, tp, epoch, &header, &records, log_append_time_ms)
    }

    /// The partition, where it takes appends of the leader of `epoch`.
    pub(super) fn led(
        &self,
        tp: TopicPartition,
        epoch: LeaderEpoch,
    ) -> Result<&Partition, AppendError> {
        self.check_running()?;
        let partition = self.state.partitions.get(&tp);
        let partition = partition.ok_or(AppendError::UnknownPartition(tp))?;
        let current = partition.epochs.last();
        if epoch < current {
            return Err(AppendError::FencedEpoch { epoch, current });
        }
        Ok(partition)
    }

    /// Gives a batch that was checked its offsets, and puts it into the tail and the open group. A
    /// `log_append_time_ms` of −1 leaves it the timestamps it has.
    pub(super) fn push_as_leader(
        &mut self,
        now: Now,
        tp: TopicPartition,
        epoch: LeaderEpoch,
        header: &BatchHeader,
        records: &Bytes,
        log_append_time_ms: i64,
    ) -> Result<Appended, AppendError> {
        self.check_room(records.len())?;
        self.roll_if_due(now, tp, header, records.len())?;
        let (Some(partition), Some(journal)) =
            (self.state.partitions.get_mut(&tp), self.journal.as_mut())
        else {
            return Err(AppendError::UnknownPartition(tp));
        };
        let base_offset = partition.log_end;
        let high_watermark = partition.high_watermark;
        let (header, bytes) = partition.push(records, now.wall_ms, |copy| {
            assign(copy, base_offset, epoch);
            if log_append_time_ms >= 0 {
                set_log_append_time(copy, log_append_time_ms);
            }
            BatchHeader::parse(copy)
                .map_err(refused)
                .expect("the batch was parsed before its offsets were assigned")
        });
        let pushed = journal.push_batches(tp, high_watermark, bytes, header.next_offset());
        let log_start = partition.log_start;
        let lsn = self.or_full(pushed)?;
        self.note_appended(tp, 1, records.len());
        Ok(Appended {
            base_offset,
            last_offset: header.last_offset(),
            lsn,
            log_append_time_ms,
            log_start,
            duplicate: false,
        })
    }

    fn duplicate(&self, tp: TopicPartition, first: AppendedBatch) -> Appended {
        let partition = &self.state.partitions[&tp];
        // A batch above the durable end lies in some group up to the open one.
        let lsn = if first.last_offset < partition.durable_end {
            self.durable_lsn()
        } else {
            self.appended_lsn()
        };
        Appended {
            base_offset: first.base_offset,
            last_offset: first.last_offset,
            lsn,
            log_append_time_ms: match partition.config.timestamp_type {
                TimestampType::CreateTime => -1,
                TimestampType::LogAppendTime => first.timestamp_ms,
            },
            log_start: partition.log_start,
            duplicate: true,
        }
    }

    /// Whether an append of so many bytes is taken now.
    ///
    /// # Errors
    /// [`AppendError::Overloaded`], [`AppendError::MessageTooLarge`] and [`AppendError::StorageFull`] where
    /// the journal, the memory or the disk has no room, [`AppendError::Stopped`] during recovery.
    pub fn check_room(&self, bytes: usize) -> Result<(), AppendError> {
        let Some(journal) = self.journal.as_ref() else {
            return Err(AppendError::Stopped {
                reason: "recovery is under way",
            });
        };
        if let Some(path) = self.room.lacking() {
            return Err(AppendError::StorageFull {
                path: path.to_owned(),
            });
        }
        let limit_bytes = journal.record_bytes_max() - BATCHES_OVERHEAD_BYTES;
        if bytes > limit_bytes {
            return Err(AppendError::MessageTooLarge { bytes, limit_bytes });
        }
        let dirty_bytes = self.stats.tail_dirty_bytes;
        let memory_full = dirty_bytes > 2 * self.config.tail_cache_bytes as u64;
        if memory_full || !journal.admits(bytes + BATCHES_OVERHEAD_BYTES) {
            return Err(AppendError::Overloaded {
                waiting_bytes: dirty_bytes + journal.waiting_bytes(),
            });
        }
        Ok(())
    }
}
