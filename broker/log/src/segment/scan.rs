//! Walks all batches of a segment in order, each checked, in reads of bounded size.
//! It looks for nothing: readers that search are in `cold_read`.

use bytes::Bytes;
use kring_io::{Buffer, FileId};
use kring_wire::BatchHeader;
use kring_wire::batch::{HEADER_BYTES, check_crc};
use kring_wire::ids::Offset;

use super::Segment;
use crate::partition::epochs::Epochs;

/// One read, unless a batch is larger.
const READ_BYTES: u64 = 256 << 10;

/// What the walk needs or found.
#[derive(Debug)]
pub(crate) enum Found {
    Batch(BatchHeader, Bytes),
    /// Read this and give it to [`SegmentScan::filled`].
    Needs {
        offset: u64,
        buffer: Buffer,
    },
    /// What lies at this byte is not what was written.
    Corrupt(u64, String),
    End,
}

/// A walk through a segment.
#[derive(Debug)]
pub(crate) struct SegmentScan {
    pub(crate) file: FileId,
    /// Where `bytes` begin in the file.
    position: u64,
    segment_bytes: u64,
    bytes: Bytes,
    /// How much the last read was to bring.
    asked: u64,
    /// Where the next batch begins, or, where compaction left gaps, from where on.
    due: Offset,
    dense: bool,
    /// Where the last batch ends, at most: compaction may have removed it.
    end: Offset,
    epochs: Epochs,
}

impl SegmentScan {
    /// A walk through what is written of a segment now.
    pub(crate) fn new(file: FileId, segment: &Segment, epochs: Epochs) -> SegmentScan {
        SegmentScan {
            file,
            position: 0,
            segment_bytes: segment.file_bytes,
            bytes: Bytes::new(),
            asked: 0,
            due: segment.base_offset,
            dense: !segment.has_gaps,
            end: segment.next_offset,
            epochs,
        }
    }

    pub(crate) fn filled(&mut self, bytes: Bytes) {
        self.bytes = bytes;
    }

    pub(crate) fn next(&mut self) -> Found {
        let left = self.segment_bytes - self.position;
        if left == 0 {
            if self.dense && self.due != self.end {
                return self.corrupt("the last batch is another");
            }
            return Found::End;
        }
        if self.bytes.len() < HEADER_BYTES {
            return self.more(READ_BYTES);
        }
        let header = match BatchHeader::peek(&self.bytes) {
            Ok(header) => header,
            Err(error) => return self.corrupt(&error.to_string()),
        };
        let total = header.total_bytes as u64;
        if total > left {
            return self.corrupt("a batch reaches beyond the segment");
        }
        if (self.bytes.len() as u64) < total {
            return self.more(total.max(READ_BYTES));
        }
        let batch = self.bytes.split_to(header.total_bytes);
        if let Err(error) = check_crc(&batch) {
            return self.corrupt(&error.to_string());
        }
        // The checksum covers neither the offset nor the epoch.
        let follows = if self.dense {
            header.base_offset == self.due
        } else {
            header.base_offset >= self.due
        };
        if !follows || header.next_offset() > self.end {
            return self.corrupt("the offset of a batch is another");
        }
        if !self.epochs.agree(header.leader_epoch, header.base_offset) {
            return self.corrupt("the leader epoch of a batch is another");
        }
        self.due = header.next_offset();
        self.position += total;
        Found::Batch(header, batch)
    }

    fn more(&mut self, bytes: u64) -> Found {
        let wanted = bytes.min(self.segment_bytes - self.position);
        if self.asked == self.position + wanted {
            return self.corrupt("the file ends before the segment does");
        }
        self.asked = self.position + wanted;
        Found::Needs {
            offset: self.position,
            buffer: Buffer::zeroed(wanted as usize),
        }
    }

    fn corrupt(&self, reason: &str) -> Found {
        Found::Corrupt(self.position, reason.to_owned())
    }
}
