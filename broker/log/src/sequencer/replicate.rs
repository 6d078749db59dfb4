//! The follower's append: batches come with their offsets and must go on exactly where the log
//! ends. Nothing is judged again that the leader judged, but every CRC is.

use bytes::Bytes;
use kring_io::Now;
use kring_wire::batch::check_crc;
use kring_wire::batches;
use kring_wire::ids::TopicPartition;

use super::check::{invalid, refused};
use crate::Log;
use crate::error::AppendError;
use crate::event::Appended;

impl Log {
    /// Appends batches that the leader made, as a follower: their offsets must go on where the log
    /// ends (compaction may have left gaps) and their CRCs must match. Either all batches are
    /// appended or none.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was appended then.
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
        self.roll_if_due(now, tp, records.len())?;
        let (Some(partition), Some(journal)) =
            (self.state.partitions.get_mut(&tp), self.journal.as_mut())
        else {
            return Err(AppendError::UnknownPartition(tp));
        };
        partition.push_shared(&records, &headers, now.wall_ms);
        let high_watermark = partition.high_watermark;
        let pushed = journal.push_batches(tp, high_watermark, &records, end);
        let log_start = partition.log_start;
        let lsn = self.or_full(pushed)?;
        self.note_appended(tp, headers.len(), records.len());
        Ok(Appended {
            base_offset,
            last_offset: end - 1,
            lsn,
            log_append_time_ms: -1,
            log_start,
            duplicate: false,
        })
    }
}
