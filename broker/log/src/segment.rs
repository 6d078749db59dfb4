//! One segment file of a partition: how much of it is written, and what is known of its content.
//! It reads and writes nothing; `flush` appends to it and `cold_read` reads it.

pub(crate) mod files;
pub(crate) mod index;

use kring_wire::ids::{Offset, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::partition::tail::TailBatch;
use index::SparseIndex;

/// Names a segment: its partition and first offset.
pub(crate) type SegmentKey = (TopicPartition, Offset);

/// What is written of a segment. Everything in it is committed and durable in the journal or here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Offset the file is named after.
    pub(crate) base_offset: Offset,
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
            next_offset: base_offset,
            file_bytes: 0,
            max_timestamp_ms: -1,
            max_timestamp_offset: base_offset,
            created_ms,
            index: SparseIndex::default(),
        }
    }

    /// A batch is written at the end.
    pub(crate) fn written(&mut self, batch: &TailBatch) {
        self.index
            .note(batch.base_offset, self.file_bytes, self.max_timestamp_ms);
        if batch.max_timestamp_ms > self.max_timestamp_ms {
            self.max_timestamp_ms = batch.max_timestamp_ms;
            self.max_timestamp_offset = batch.base_offset;
        }
        self.file_bytes += batch.len as u64;
        self.next_offset = batch.next_offset;
    }
}

/// The path of a segment in its partition's directory.
pub(crate) fn path(dir: &str, base_offset: Offset) -> String {
    format!("{dir}/{base_offset:020}.log")
}
