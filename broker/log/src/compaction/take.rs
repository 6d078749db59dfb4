//! What a run does with each batch: first notes its keys, then keeps what is the latest. What was
//! aborted supersedes nothing and is not kept.
//! It reads and writes nothing.

use bytes::Bytes;
use kring_io::FileId;
use kring_wire::BatchHeader;
use kring_wire::ids::Offset;

use super::rewrite::{Rest, retain};
use super::{KEYS_BYTES_MAX, Run};
use crate::journal::record::Change;
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
        let aborted = self.ended.is_aborted(header);
        let Some(target) = self.target.as_mut() else {
            self.noted_end = header.next_offset();
            return if aborted {
                Ok(())
            } else {
                self.latest.note(header, batch)
            };
        };
        if aborted {
            return Ok(());
        }
        if header.attributes.is_control() {
            if self.ended.keeps_control(header, batch) {
                target.put(header, batch.clone());
            }
            return Ok(());
        }
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
            Rest::None => return Ok(()),
        }
        self.ended.kept(header);
        Ok(())
    }
}

impl Run {
    /// The change that puts a rewritten segment in the place of its sources.
    pub(super) fn replacement(
        &self,
        sources: Vec<(Offset, u32)>,
        segment: Segment,
        cleaned_end: Offset,
    ) -> Change {
        let tp = self.tp;
        match self.ended.cleaned(segment.next_offset) {
            None => Change::Compacted {
                tp,
                sources,
                segment,
                cleaned_end,
            },
            Some(markers) => Change::CompactedWithMarkers {
                tp,
                sources,
                segment,
                cleaned_end,
                markers,
            },
        }
    }
}

impl Target {
    fn put(&mut self, header: &BatchHeader, batch: Bytes) {
        self.segment.written(&BatchSpan::from(header));
        self.parts_bytes += batch.len();
        self.parts.push(batch);
    }
}
