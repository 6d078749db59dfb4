//! Room on the disk and in memory: what lacks it, when that is tried again, and what makes room.
//! Admission of appends is the sequencer's.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::{Effects, Instant, Now};

use crate::Log;
use crate::ops::Pending;

/// What may lack room on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// A part of the journal that was never written.
    Journal,
    /// Segments and the directories of partitions.
    Segments,
    /// A checkpoint that is larger than the one before.
    Checkpoint,
}

#[derive(Debug)]
struct Lack {
    path: String,
    retry_at: Instant,
}

/// What lacks room now. Appends are refused as long as anything does.
#[derive(Debug, Default)]
pub(crate) struct Room(BTreeMap<Need, Lack>);

impl Room {
    /// A file that could not grow, if there is one.
    pub(crate) fn lacking(&self) -> Option<&str> {
        self.0.values().next().map(|lack| lack.path.as_str())
    }

    /// Whether it is too early to try again.
    pub(crate) fn waits(&self, need: Need, now: Instant) -> bool {
        self.0.get(&need).is_some_and(|lack| now < lack.retry_at)
    }

    /// When something is tried again next; what was due before is under way.
    pub(crate) fn retry_at(&self, now: Instant) -> Option<Instant> {
        let later = self.0.values().map(|lack| lack.retry_at);
        later.filter(|at| *at > now).min()
    }
}

impl Log {
    /// LOG-8: appends are refused until this can be written again; the journal keeps what is there.
    pub(crate) fn disk_full(&mut self, now: Now, need: Need, path: String) {
        if self.room.0.is_empty() {
            tracing::error!(
                path,
                "the disk is full: appends are refused until space returns, reads go on; free space or raise the volume"
            );
            self.stats.disk_full_times += 1;
        }
        let retry_at = now.mono + Duration::from_millis(self.config.full_disk_retry_ms);
        self.room.0.insert(need, Lack { path, retry_at });
        self.stats.disk_full = true;
    }

    /// This could be written, or need not be any more.
    pub(crate) fn disk_has_room(&mut self, need: Need) {
        if self.room.0.remove(&need).is_some() && self.room.0.is_empty() {
            tracing::info!("the disk has room again: appends are taken");
            self.stats.disk_full = false;
        }
    }

    /// Writes the blocks again for which there was no room, when it is time.
    pub(crate) fn write_refused_blocks(&mut self, now: Now, out: &mut Effects) {
        let Some(journal) = self.journal.as_mut() else {
            return;
        };
        if !journal.lacks_room() || self.room.waits(Need::Journal, now.mono) {
            return;
        }
        for (lsn, write) in journal.write_refused(now.mono) {
            self.ops.submit(out, write, Pending::Journal(lsn));
        }
    }

    /// Drops recently written data from memory when there is too much of it: of each partition the oldest, as much as
    /// its part of the whole, so that the consumers of none are sent to the disk alone.
    pub(crate) fn evict_tails(&mut self) {
        let limit = self.config.tail_cache_bytes as u64;
        let all = self.stats.tail_bytes;
        if all <= limit {
            return;
        }
        let wanted = all - limit + limit / 8;
        for partition in self.state.partitions.values_mut() {
            let held = partition.tail.bytes() as u128;
            let part = (held * u128::from(wanted)).div_ceil(u128::from(all));
            let freed = partition.tail.evict(partition.flushed_end, part as usize);
            self.stats.tail_bytes -= freed as u64;
        }
    }
}
