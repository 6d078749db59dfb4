//! A log of one partition that is small enough to be part of a searched state: records in memory, records on disk.
//! It has the real log's rules for replication, and neither files nor time.

use std::collections::VecDeque;

use bytes::Bytes;
use kring_io::{Effects, Now};
use kring_log::{AppendError, Lsn, PartitionState, Read, TruncateError};
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

/// Bytes of a record on the way.
const RECORD_BYTES: usize = 3;

/// A batch of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) value: u8,
}

/// Something that is on its way to disk. A crash keeps the first ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Change {
    /// With the high watermark of that moment, as the journal has it.
    Append(Record, Offset),
    Truncate(Offset),
    Reset,
}

/// The log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    memory: Vec<Record>,
    disk: Vec<Record>,
    disk_high_watermark: Offset,
    changes: VecDeque<Change>,
    durable_end: Offset,
    high_watermark: Offset,
    /// A bug: what is in memory is called durable.
    durable_too_early: bool,
}

impl Log {
    pub(crate) fn state(&self, _tp: TopicPartition) -> Option<PartitionState> {
        Some(PartitionState {
            log_start: 0,
            log_end: self.end(),
            durable_end: if self.durable_too_early {
                self.end()
            } else {
                self.durable_end
            },
            high_watermark: self.high_watermark,
            last_stable_offset: self.high_watermark,
            last_epoch: self.memory.last().map_or(-1, |record| record.epoch),
            size_bytes: 0,
        })
    }

    pub(crate) fn epoch_end(
        &self,
        _tp: TopicPartition,
        epoch: LeaderEpoch,
    ) -> Option<(LeaderEpoch, Offset)> {
        let end = self.memory.partition_point(|record| record.epoch <= epoch);
        let last = self.memory[..end].last()?;
        Some((last.epoch, end as Offset))
    }

    pub(crate) fn read(
        &self,
        _now: Now,
        _tp: TopicPartition,
        from: Offset,
        upto: Offset,
        max_bytes: usize,
        _io: &mut Effects,
    ) -> Read {
        let upto = upto.min(self.end());
        let records = (from..upto).map(|offset| {
            let record = self.memory[offset as usize];
            Bytes::from(vec![offset as u8, record.epoch as u8, record.value])
        });
        // A first batch goes whole.
        let count = (max_bytes / RECORD_BYTES).max(1);
        Read::Ready(records.take(count).collect())
    }

    pub(crate) fn check_room(&self, _bytes: usize) -> Result<(), AppendError> {
        Ok(())
    }

    pub(crate) fn append_replicated(
        &mut self,
        _now: Now,
        _tp: TopicPartition,
        records: Bytes,
    ) -> Result<(), AppendError> {
        for record in records.chunks(RECORD_BYTES) {
            let (base_offset, epoch) = (Offset::from(record[0]), LeaderEpoch::from(record[1]));
            let log_end = self.end();
            if base_offset != log_end {
                return Err(AppendError::NotContiguous {
                    base_offset,
                    log_end,
                });
            }
            let current = self.memory.last().map_or(-1, |record| record.epoch);
            if epoch < current {
                return Err(AppendError::FencedEpoch { epoch, current });
            }
            let value = record[2];
            self.append(Record { epoch, value });
        }
        Ok(())
    }

    pub(crate) fn truncate(
        &mut self,
        _now: Now,
        _tp: TopicPartition,
        to: Offset,
    ) -> Result<(), TruncateError> {
        let high_watermark = self.high_watermark;
        if to < high_watermark {
            return Err(TruncateError::BelowHighWatermark { to, high_watermark });
        }
        self.memory.truncate(to as usize);
        self.durable_end = self.durable_end.min(to);
        self.changes.push_back(Change::Truncate(to));
        Ok(())
    }

    /// No producer is idempotent here.
    pub(crate) fn producers_below(&self, _tp: TopicPartition, _at: Offset) -> Bytes {
        Bytes::new()
    }

    pub(crate) fn reset(&mut self, _tp: TopicPartition, at: Offset, _producers: &[u8]) {
        assert_eq!(at, 0, "no log of the model begins later");
        self.memory.clear();
        (self.durable_end, self.high_watermark) = (0, 0);
        self.changes.push_back(Change::Reset);
    }

    pub(crate) fn set_high_watermark(&mut self, _tp: TopicPartition, to: Offset) -> bool {
        let to = to.min(self.end());
        let moved = to > self.high_watermark;
        self.high_watermark = self.high_watermark.max(to);
        moved
    }

    /// Only new starts of the log wait for these, and there are none.
    pub(crate) fn appended_lsn(&self) -> Lsn {
        Lsn(0)
    }

    pub(crate) fn durable_lsn(&self) -> Lsn {
        Lsn(0)
    }

    pub(crate) fn set_log_start(&mut self, _now: Now, _tp: TopicPartition, _offset: Offset) {
        unreachable!("no log of the model begins later");
    }
}

/// What the model does with it.
impl Log {
    pub(crate) fn new(durable_too_early: bool) -> Log {
        Log {
            durable_too_early,
            ..Log::default()
        }
    }

    pub(crate) fn end(&self) -> Offset {
        self.memory.len() as Offset
    }

    pub(crate) fn append(&mut self, record: Record) {
        self.memory.push(record);
        let change = Change::Append(record, self.high_watermark);
        self.changes.push_back(change);
    }

    pub(crate) fn memory(&self) -> &[Record] {
        &self.memory
    }

    /// What survives a crash in any case.
    pub(crate) fn disk(&self) -> &[Record] {
        &self.disk
    }

    pub(crate) fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    pub(crate) fn changes_under_way(&self) -> usize {
        self.changes.len()
    }

    /// All that is under way reaches the disk.
    pub(crate) fn flush(&mut self) {
        self.keep(self.changes.len());
        self.durable_end = self.end();
    }

    /// Of the changes under way the first reach the disk; then the log is read back from there.
    pub(crate) fn lose_power(&mut self, kept: usize) {
        self.keep(kept);
        self.changes.clear();
        self.read_back();
    }

    /// The disk forgets its last record, although it was durable.
    pub(crate) fn lose_last_record(&mut self) {
        self.disk.pop();
        self.read_back();
    }

    /// A bug: what was appended and is not known to be committed goes.
    pub(crate) fn truncate_to_high_watermark(&mut self) {
        let to = self.high_watermark;
        self.memory.truncate(to as usize);
        self.durable_end = self.durable_end.min(to);
        self.changes.push_back(Change::Truncate(to));
    }

    fn read_back(&mut self) {
        self.memory.clone_from(&self.disk);
        self.durable_end = self.end();
        self.high_watermark = self.disk_high_watermark.min(self.end());
    }

    fn keep(&mut self, changes: usize) {
        for change in self.changes.drain(..changes) {
            match change {
                Change::Append(record, high_watermark) => {
                    self.disk.push(record);
                    self.disk_high_watermark = self.disk_high_watermark.max(high_watermark);
                }
                Change::Truncate(to) => self.disk.truncate(to as usize),
                Change::Reset => {
                    self.disk.clear();
                    self.disk_high_watermark = 0;
                }
            }
        }
    }
}
