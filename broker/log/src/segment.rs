//! One segment file of a partition: how much of it is written, and what is known of its content.
//! It reads and writes nothing; `flush` appends to it and `cold_read` reads it.

pub(crate) mod files;
pub(crate) mod index;
mod open;
pub(crate) mod scan;

use kring_wire::BatchHeader;
use kring_wire::ids::{Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use index::SparseIndex;

/// Names a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentKey {
    pub(crate) tp: TopicPartition,
    pub(crate) base_offset: Offset,
    /// How often compaction has rewritten it.
    pub(crate) rewrites: u32,
}

/// What a segment needs to know of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchSpan {
    pub(crate) base_offset: Offset,
    pub(crate) next_offset: Offset,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) bytes: u64,
}

impl From<&BatchHeader> for BatchSpan {
    fn from(header: &BatchHeader) -> BatchSpan {
        BatchSpan {
            base_offset: header.base_offset,
            next_offset: header.next_offset(),
            max_timestamp_ms: header.max_timestamp_ms,
            bytes: header.total_bytes as u64,
        }
    }
}

/// What is written of a segment. Everything in it is committed and durable in the journal or here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Offset the file is named after.
    pub(crate) base_offset: Offset,
    /// How often compaction has rewritten it.
    pub(crate) rewrites: u32,
    /// Whether compaction left gaps between its offsets.
    pub(crate) has_gaps: bool,
    /// Offset after its last batch.
    pub(crate) next_offset: Offset,
    /// Bytes written.
    pub(crate) file_bytes: u64,
    /// Largest timestamp of its batches, −1 without batches.
    pub(crate) max_timestamp_ms: i64,
    /// Base of the first batch that has it.
    pub(crate) max_timestamp_offset: Offset,
    /// Leader's or follower's clock when it was begun.
    pub(crate) created_ms: i64,
    pub(crate) index: SparseIndex,
}

impl Segment {
    /// An empty segment.
    pub(crate) fn new(base_offset: Offset, created_ms: i64) -> Segment {
        Segment {
            base_offset,
            rewrites: 0,
            has_gaps: false,
            next_offset: base_offset,
            file_bytes: 0,
            max_timestamp_ms: -1,
            max_timestamp_offset: base_offset,
            created_ms,
            index: SparseIndex::default(),
        }
    }

    /// A batch is written at the end.
    pub(crate) fn written(&mut self, batch: &BatchSpan) {
        self.has_gaps |= batch.base_offset != self.next_offset;
        self.index
            .note(batch.base_offset, self.file_bytes, self.max_timestamp_ms);
        if batch.max_timestamp_ms > self.max_timestamp_ms {
            self.max_timestamp_ms = batch.max_timestamp_ms;
            self.max_timestamp_offset = batch.base_offset;
        }
        self.file_bytes += batch.bytes;
        self.next_offset = batch.next_offset;
    }
}

impl Segment {
    /// About the timestamp at `offset`: on the line between the two that are known around it.
    pub(crate) fn timestamp_near(&self, offset: Offset) -> i64 {
        let [before, after] = self.index.around(offset);
        let (to, to_ms) = after.unwrap_or((self.next_offset, self.max_timestamp_ms));
        let (from, from_ms) = before.unwrap_or((self.base_offset, self.created_ms.min(to_ms)));
        let span = (to - from).max(1);
        let part = (offset - from).clamp(0, span);
        // In 128 bits: a span of offsets times a span of time.
        let ms = i128::from(to_ms - from_ms) * i128::from(part) / i128::from(span);
        from_ms + i64::try_from(ms).unwrap_or(0)
    }

    /// Its name.
    pub(crate) fn key(&self, tp: TopicPartition) -> SegmentKey {
        SegmentKey {
            tp,
            base_offset: self.base_offset,
            rewrites: self.rewrites,
        }
    }
}

/// The path of a segment in its partition's directory: Kafka's name, and a number before the
/// suffix once compaction has rewritten it.
pub(crate) fn path(dir: &str, key: SegmentKey) -> String {
    let base_offset = key.base_offset;
    match key.rewrites {
        0 => format!("{dir}/{base_offset:020}.log"),
        rewrites => format!("{dir}/{base_offset:020}.{rewrites}.log"),
    }
}
