//! Where in a segment some of its offsets and timestamps lie: a place to begin a search.
//! It is bounded: a larger segment has wider gaps, not more entries.

use kring_wire::ids::Offset;
use serde::{Deserialize, Serialize};

/// Entries of one segment; at the cap every second one goes and the gaps double.
const ENTRIES_MAX: usize = 256;
/// The smallest gap.
const GAP_BYTES_MIN: u64 = 16 << 10;

/// A batch, where it begins, and the largest timestamp before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct IndexEntry {
    base_offset: Offset,
    position: u64,
    max_timestamp_before_ms: i64,
}

/// A sparse index of a segment by offset and by time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SparseIndex {
    entries: Vec<IndexEntry>,
    gap_bytes: u64,
}

impl Default for SparseIndex {
    fn default() -> SparseIndex {
        SparseIndex {
            entries: Vec::new(),
            gap_bytes: GAP_BYTES_MIN,
        }
    }
}

impl SparseIndex {
    /// A batch is appended at `position`. The beginning needs no entry.
    pub(crate) fn note(&mut self, base_offset: Offset, position: u64, max_timestamp_before: i64) {
        let last = self.entries.last().map_or(0, |e| e.position);
        if position < last + self.gap_bytes {
            return;
        }
        self.entries.push(IndexEntry {
            base_offset,
            position,
            max_timestamp_before_ms: max_timestamp_before,
        });
        if self.entries.len() > ENTRIES_MAX {
            let mut keep = false;
            self.entries.retain(|_| {
                keep = !keep;
                keep
            });
            self.gap_bytes *= 2;
        }
    }

    /// A position at or before the batch that holds `offset`.
    pub(crate) fn before_offset(&self, offset: Offset) -> u64 {
        let after = self.entries.partition_point(|e| e.base_offset <= offset);
        self.entries[..after].last().map_or(0, |e| e.position)
    }

    /// The entries around `offset`: of each the offset and the largest timestamp before it.
    pub(crate) fn around(&self, offset: Offset) -> [Option<(Offset, i64)>; 2] {
        let after = self.entries.partition_point(|e| e.base_offset <= offset);
        let point =
            |entry: Option<&IndexEntry>| entry.map(|e| (e.base_offset, e.max_timestamp_before_ms));
        [
            point(self.entries[..after].last()),
            point(self.entries.get(after)),
        ]
    }

    /// A position at or before the first batch with a timestamp of at least `timestamp_ms`.
    pub(crate) fn before_timestamp(&self, timestamp_ms: i64) -> u64 {
        let after = self
            .entries
            .partition_point(|e| e.max_timestamp_before_ms < timestamp_ms);
        self.entries[..after].last().map_or(0, |e| e.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_begin_at_or_before_what_they_look_for() {
        let mut index = SparseIndex::default();
        let batch_bytes = 1000;
        for i in 0..20_000_i64 {
            index.note(i * 10, i as u64 * batch_bytes, (i - 1) * 5);
        }
        assert!(index.entries.len() <= ENTRIES_MAX);
        for i in [0, 1, 16, 17, 9_999, 19_999_i64] {
            let exact = i as u64 * batch_bytes;
            for found in [
                index.before_offset(i * 10 + 3),
                index.before_timestamp(i * 5),
            ] {
                assert!(
                    found <= exact && exact - found <= 2 * index.gap_bytes,
                    "{i}"
                );
            }
        }
    }
}
