//! Walks all batches of a complete segment in order, each checked, in reads of bounded size.
//! It looks for nothing: readers that search are in `cold_read`.

use bytes::Bytes;
use kring_io::{Buffer, FileId};
use kring_wire::BatchHeader;
use kring_wire::batch::{HEADER_BYTES, check_crc};

/// One read, unless a batch is larger.
const READ_BYTES: u64 = 256 << 10;

/// What the walk needs or found.
#[derive(Debug)]
pub(super) enum Found {
    Batch(BatchHeader, Bytes),
    /// Read this and give it to [`SegmentScan::filled`].
    Needs {
        offset: u64,
        buffer: Buffer,
    },
    Corrupt(String),
    End,
}

/// A walk through a segment.
#[derive(Debug)]
pub(super) struct SegmentScan {
    pub(super) file: FileId,
    /// Where `bytes` begin in the file.
    position: u64,
    segment_bytes: u64,
    bytes: Bytes,
    /// How much the last read was to bring.
    asked: u64,
}

impl SegmentScan {
    pub(super) fn new(file: FileId, segment_bytes: u64) -> SegmentScan {
        SegmentScan {
            file,
            position: 0,
            segment_bytes,
            bytes: Bytes::new(),
            asked: 0,
        }
    }

    pub(super) fn filled(&mut self, bytes: Bytes) {
        self.bytes = bytes;
    }

    pub(super) fn next(&mut self) -> Found {
        let left = self.segment_bytes - self.position;
        if left == 0 {
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
        Found::Corrupt(format!("byte {}: {reason}", self.position))
    }
}
