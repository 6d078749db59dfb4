//! Room on the disk and in memory: what happens when one of them is full.
//! Admission of appends is the sequencer's.

use kring_io::Now;

use crate::Log;

impl Log {
    /// Appends are refused until something can be written again; the journal keeps what is there.
    pub(crate) fn disk_full(&mut self, now: Now, path: String) {
        if self.flush.full_path.is_none() {
            tracing::warn!(
                path,
                "the disk is full: appends are refused until space returns"
            );
        }
        let retry = std::time::Duration::from_millis(self.config.full_disk_retry_ms);
        self.flush.full_path = Some(path);
        self.flush.retry_at = Some(now.mono + retry);
        self.stats.disk_full = true;
    }

    pub(super) fn disk_has_room(&mut self) {
        self.flush.full_path = None;
        self.flush.retry_at = None;
        self.stats.disk_full = false;
    }

    /// Drops recently written data from memory when there is too much of it.
    pub(crate) fn evict_tails(&mut self) {
        let limit = self.config.tail_cache_bytes as u64;
        if self.stats.tail_bytes <= limit {
            return;
        }
        let mut wanted = (self.stats.tail_bytes - limit + limit / 8) as usize;
        for partition in self.state.partitions.values_mut() {
            if wanted == 0 {
                return;
            }
            let freed = partition.tail.evict(partition.flushed_end, wanted);
            self.stats.tail_bytes -= freed as u64;
            wanted = wanted.saturating_sub(freed);
        }
    }
}
