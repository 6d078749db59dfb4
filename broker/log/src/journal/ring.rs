//! Where in the recycled journal files the next block goes, and how much room is left.
//! It knows positions only; it neither reads nor writes.

use serde::{Deserialize, Serialize};

/// A place in the journal: the how-manieth file since the beginning, and the byte in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Rises by one with every file that is begun, also when the file is a recycled one.
    pub(crate) file_seq: u64,
    /// Byte in the file.
    pub(crate) offset: u64,
}

/// Number and length of the journal files. Fixed when a data directory is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Geometry {
    pub(crate) file_bytes: u64,
    pub(crate) files: u32,
}

impl Geometry {
    /// Which file holds a position.
    pub(crate) fn index(&self, position: Position) -> usize {
        (position.file_seq % u64::from(self.files)) as usize
    }

    /// Bytes of all files.
    pub(crate) fn capacity_bytes(&self) -> u64 {
        self.file_bytes * u64::from(self.files)
    }
}

/// The path of a journal file.
pub(crate) fn path(index: usize) -> String {
    format!("journal-{index:04}.j")
}

/// The files as a ring: blocks go to `head`, files before `oldest` may be overwritten.
#[derive(Clone, Debug)]
pub(crate) struct Ring {
    pub(crate) geometry: Geometry,
    pub(crate) head: Position,
    /// The oldest file that recovery would read.
    pub(crate) oldest: Position,
}

impl Ring {
    /// Takes room for a block, in the next file if this one has too little. `None`: all files are
    /// needed by recovery, or fewer than `reserve` bytes would be left behind it.
    pub(crate) fn place(&mut self, bytes: u64, reserve: u64) -> Option<Position> {
        let mut at = self.head;
        if at.offset + bytes > self.geometry.file_bytes {
            at = Position {
                file_seq: at.file_seq + 1,
                offset: 0,
            };
        }
        let files = u64::from(self.geometry.files);
        // LOG-3: the next file still holds what recovery would read.
        let is_free = at.file_seq - self.oldest.file_seq < files;
        let is_last = at.file_seq + 1 - self.oldest.file_seq >= files;
        if !is_free || (is_last && at.offset + bytes + reserve > self.geometry.file_bytes) {
            return None;
        }
        self.head = Position {
            offset: at.offset + bytes,
            ..at
        };
        Some(at)
    }

    /// Whole files behind the current one that may be written.
    pub(crate) fn free_files(&self) -> u64 {
        let used = self.head.file_seq - self.oldest.file_seq + 1;
        u64::from(self.geometry.files).saturating_sub(used)
    }

    /// Bytes that blocks of up to `block_bytes` can still take: what is left at the end of a file
    /// may be too short for one.
    pub(crate) fn room_bytes(&self, block_bytes: u64) -> u64 {
        let here = self.geometry.file_bytes - self.head.offset;
        let per_file = self.geometry.file_bytes.saturating_sub(block_bytes);
        here.saturating_sub(block_bytes) + self.free_files() * per_file
    }

    /// Bytes between the oldest position and the head.
    pub(crate) fn used_bytes(&self) -> u64 {
        (self.head.file_seq - self.oldest.file_seq) * self.geometry.file_bytes + self.head.offset
            - self.oldest.offset.min(self.head.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Ring {
        Ring {
            geometry: Geometry {
                file_bytes: 16_384,
                files: 2,
            },
            head: Position::default(),
            oldest: Position::default(),
        }
    }

    #[test]
    fn a_block_that_does_not_fit_begins_the_next_file() {
        let mut ring = ring();
        assert_eq!(ring.place(12_288, 0), Some(Position::default()));
        let second = Position {
            file_seq: 1,
            offset: 0,
        };
        assert_eq!(ring.place(8192, 0), Some(second));
        assert_eq!(ring.geometry.index(second), 1);
    }

    #[test]
    fn a_file_is_written_again_only_when_a_checkpoint_covers_it() {
        let mut ring = ring();
        for _ in 0..2 {
            assert!(ring.place(16_384, 0).is_some());
        }
        assert_eq!(ring.free_files(), 0);
        assert_eq!(ring.place(4096, 0), None);
        ring.oldest.file_seq = 1;
        let again = ring.place(4096, 0).unwrap();
        assert_eq!((again.file_seq, ring.geometry.index(again)), (2, 0));
    }
}
