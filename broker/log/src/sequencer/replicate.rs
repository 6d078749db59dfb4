//! The follower's append: batches come with their offsets and must go on exactly where the log
//! ends. Nothing is judged again that the leader judged, but every CRC is.

use bytes::Bytes;
use kring_io::Now;
use kring_wire::batch::check_crc;
use kring_wire::ids::TopicPartition;
use kring_wire::{BatchHeader, EndTxnMarker, batches};

use super::check::{invalid, refused};
use crate::error::AppendError;
use crate::event::Appended;
use crate::{Log, Lsn};

impl Log {
    /// Appends batches that the leader made, as a follower: their offsets must go on where the log
    /// ends (compaction may have left gaps) and their CRCs must match. Either all batches of
    /// one segment are appended or none.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was appended then, but where the journal is full between two segments.
    pub fn append_replicated(
        &mut self,
        now: Now,
        tp: TopicPartition,
        records: Bytes,
    ) -> Result<Appended, AppendError> {
        self.check_running()?;
        let partition = self
            .state
            .partitions
            .get(&tp)
            .ok_or(AppendError::UnknownPartition(tp))?;
        let base_offset = partition.log_end;
        let mut headers = Vec::new();
        let mut end = base_offset;
        let mut last_epoch = partition.epochs.last();
        for batch in batches(&records) {
            let (header, bytes) = batch.map_err(refused)?;
            check_crc(&bytes).map_err(refused)?;
            if header.base_offset < end {
                return Err(AppendError::NotContiguous {
                    base_offset: header.base_offset,
                    log_end: end,
                });
            }
            if header.leader_epoch < last_epoch {
                return Err(AppendError::FencedEpoch {
                    epoch: header.leader_epoch,
                    current: last_epoch,
                });
            }
            // What a marker ends is read from it at each replay.
            EndTxnMarker::parse(&header, &bytes).map_err(|e| invalid(&e.to_string()))?;
            last_epoch = header.leader_epoch;
            end = header.next_offset();
            headers.push(header);
        }
        let Some(first) = headers.first() else {
            return Err(invalid("there is no batch"));
        };
        if first.base_offset != base_offset && !partition.config.compact {
            return Err(AppendError::NotContiguous {
                base_offset: first.base_offset,
                log_end: base_offset,
            });
        }
        self.check_room(records.len())?;
        let mut appended = Appended {
            base_offset,
            last_offset: end - 1,
            lsn: Lsn::NEVER,
            log_append_time_ms: -1,
            log_start: partition.log_start,
            duplicate: false,
        };
        let (mut headers, mut records) = (headers.as_slice(), records);
        while !headers.is_empty() {
            let together;
            (together, headers) = self.split_at_roll(now, tp, headers, records.len())?;
            let bytes = together.iter().map(|header| header.total_bytes).sum();
            appended.lsn = self.push_replicated(now, tp, together, records.split_to(bytes))?;
        }
        Ok(appended)
    }

    /// The batches that go to one segment, and the others.
    fn split_at_roll<'a>(
        &self,
        now: Now,
        tp: TopicPartition,
        headers: &'a [BatchHeader],
        bytes: usize,
    ) -> Result<(&'a [BatchHeader], &'a [BatchHeader]), AppendError> {
        let partition = self.state.partitions.get(&tp);
        let partition = partition.ok_or(AppendError::UnknownPartition(tp))?;
        Ok(headers.split_at(partition.batches_of_one_segment(headers, bytes, now.wall_ms)))
    }

    fn push_replicated(
        &mut self,
        now: Now,
        tp: TopicPartition,
        headers: &[BatchHeader],
        records: Bytes,
    ) -> Result<Lsn, AppendError> {
        if let Some(first) = headers.first() {
            self.roll_if_due(now, tp, first, records.len())?;
        }
        let (Some(partition), Some(journal)) =
            (self.state.partitions.get_mut(&tp), self.journal.as_mut())
        else {
            return Err(AppendError::UnknownPartition(tp));
        };
        partition.push_shared(&records, headers, now.wall_ms);
        let high_watermark = partition.high_watermark;
        let end = partition.log_end;
        let pushed = journal.push_batches(tp, high_watermark, &records, end);
        let lsn = self.or_full(pushed)?;
        self.note_appended(tp, headers.len(), records.len());
        Ok(lsn)
    }
}
