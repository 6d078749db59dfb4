//! Damage of segments: remembers which partitions have it, and drops a damaged copy when its owner
//! knows that nobody counts on it. It repairs nothing: replication fetches the data again.

use kring_io::{DiskError, Now};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::error::{AppendError, TruncateError};
use crate::event::LogEvent;
use crate::journal::record::Change;
use crate::log::describe;
use crate::lsn::Lsn;
use crate::segment::{self, SegmentKey};

impl Log {
    /// From where on the segments of a partition are damaged or cannot be read, if they are.
    #[must_use]
    pub fn damaged_from(&self, tp: TopicPartition) -> Option<Offset> {
        self.state.partitions.get(&tp)?.damage
    }

    /// Drops the damaged segment and everything after it, also below the high watermark, so that the
    /// leader's copy can take its place. Only for a replica of which the cluster's metadata says that
    /// it is neither in the ISR nor eligible to lead; everybody else must use [`Log::truncate`].
    /// Nothing when the partition is not damaged.
    ///
    /// # Errors
    /// [`TruncateError::UnknownPartition`] and [`TruncateError::Stopped`].
    pub fn discard_damaged(&mut self, _now: Now, tp: TopicPartition) -> Result<Lsn, TruncateError> {
        if let Err(AppendError::Stopped { reason }) = self.check_running() {
            return Err(TruncateError::Stopped { reason });
        }
        let partition = self
            .state
            .partitions
            .get(&tp)
            .ok_or(TruncateError::UnknownPartition(tp))?;
        let Some(from) = partition.damage else {
            return Ok(self.appended_lsn());
        };
        let (log_start, log_end) = (partition.log_start, partition.log_end);
        let (tail, dirty) = (partition.tail.bytes() as u64, partition.dirty_bytes);
        tracing::warn!(%tp, from, log_end, "drops its damaged copy, to fetch it again from the leader");
        let at = from.max(log_start);
        let lsn = self.change(&if from <= log_start {
            Change::Reset { tp, at }
        } else {
            Change::Discard { tp, to: from }
        });
        if lsn == Lsn::NEVER {
            return Ok(lsn);
        }
        self.cap_groups(tp, Some(at));
        if let Some(partition) = self.state.partitions.get(&tp) {
            self.stats.tail_bytes -= tail - partition.tail.bytes() as u64;
            self.stats.tail_dirty_bytes -= dirty - partition.dirty_bytes;
        }
        self.stats.damage_repaired += 1;
        self.count_damaged();
        Ok(lsn)
    }

    /// What lies in a segment is not what was written.
    pub(crate) fn note_damage(&mut self, key: SegmentKey, position: u64, reason: &str) {
        let Some(partition) = self.state.partitions.get_mut(&key.tp) else {
            return;
        };
        if partition.segment(key).is_none() {
            return;
        }
        let from = key.base_offset.max(partition.log_start);
        if partition.damage.is_some_and(|known| known <= from) {
            return;
        }
        partition.damage = Some(from);
        let (tp, path) = (key.tp, segment::path(&partition.dir, key));
        tracing::error!(
            %tp,
            path,
            position,
            reason,
            "a segment is damaged: it is not served from there on; another replica's copy will take its place. If it happens again, replace the disk"
        );
        self.stats.damage_found += 1;
        self.count_damaged();
        self.events.push(LogEvent::Damaged { tp, from });
    }

    /// A segment cannot be read: as good as damaged, unless it is only that it may not be read.
    pub(crate) fn note_unreadable(&mut self, key: SegmentKey, error: &DiskError) {
        if matches!(error, DiskError::Io { .. } | DiskError::NotFound { .. }) {
            let (_, reason) = describe(error);
            self.note_damage(key, 0, &reason);
        }
    }

    fn count_damaged(&mut self) {
        let damaged = self
            .state
            .partitions
            .values()
            .filter(|p| p.damage.is_some());
        self.stats.damaged_partitions = damaged.count() as u64;
    }
}
