//! What a run does with each batch: first notes its keys, then keeps what is the latest.
//! It reads and writes nothing.

use bytes::Bytes;
use kring_io::FileId;
use kring_wire::BatchHeader;

use super::rewrite::{Rest, retain};
use super::{KEYS_BYTES_MAX, Run};
use crate::segment::{BatchSpan, Segment, SegmentKey};

/// The file that takes the place of a group of segments.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) file: FileId,
    pub(super) path: String,
    pub(super) segment: Segment,
    pub(super) parts: Vec<Bytes>,
    pub(super) parts_bytes: usize,
}

impl Run {
    /// The next segment whose keys have room.
    pub(super) fn next_to_note(&mut self) -> Option<SegmentKey> {
        if self.target.is_some() || self.latest.bytes() >= KEYS_BYTES_MAX {
            self.to_note.clear();
        }
        self.to_note.pop()
    }

    pub(super) fn take(&mut self, header: &BatchHeader, batch: &Bytes) -> Result<(), String> {
        let Some(target) = self.target.as_mut() else {
            self.noted_end = header.next_offset();
            return self.latest.note(header, batch);
        };
        let (latest, drop_tombstones) = (&self.latest, self.drop_tombstones);
        let rest = retain(header, batch, |record| {
            latest.is_latest(record) && !(drop_tombstones && record.value.is_none())
        })?;
        match rest {
            Rest::All => target.put(header, batch.clone()),
            Rest::Some(smaller) => {
                let header = BatchHeader::parse(&smaller).map_err(|e| e.to_string())?;
                target.put(&header, smaller);
            }
            Rest::None => {}
        }
        Ok(())
    }
}

impl Target {
    fn put(&mut self, header: &BatchHeader, batch: Bytes) {
        self.segment.written(&BatchSpan::from(header));
        self.parts_bytes += batch.len();
        self.parts.push(batch);
    }
}
