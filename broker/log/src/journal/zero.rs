//! Which parts of the journal files were never written, and which part to zero next: overwriting
//! what was really written needs no metadata commit, and costs a third.
//! It never names a part that holds, or is about to hold, a block.

/// One write of zeros is at most so long.
pub(crate) const ZERO_CHUNK_BYTES: u64 = 1 << 20;

/// A part to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ZeroPart {
    pub(crate) index: usize,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

/// How far each file was written, by blocks or zeros.
#[derive(Clone, Debug)]
pub(crate) struct Zeroing {
    written_bytes: Vec<u64>,
    file_bytes: u64,
    under_way: Option<ZeroPart>,
    stopped: bool,
}

impl Zeroing {
    /// Files that have these lengths.
    pub(crate) fn new(written_bytes: Vec<u64>, file_bytes: u64) -> Zeroing {
        Zeroing {
            written_bytes,
            file_bytes,
            under_way: None,
            stopped: false,
        }
    }

    /// A block will be written up to `end`: nothing below is zeroed any more.
    pub(crate) fn written(&mut self, index: usize, end: u64) {
        let known = &mut self.written_bytes[index];
        *known = (*known).max(end);
    }

    /// Whether a block that ends at `end` must wait, because zeros are on their way to its place.
    pub(crate) fn blocks(&self, index: usize, end: u64) -> bool {
        self.under_way
            .is_some_and(|part| part.index == index && end > part.offset)
    }

    /// The next part, first of file `first`, then of those after it. One at a time.
    pub(crate) fn next(&mut self, first: usize) -> Option<ZeroPart> {
        if self.under_way.is_some() || self.stopped {
            return None;
        }
        let files = self.written_bytes.len();
        let index = (0..files)
            .map(|i| (first + i) % files)
            .find(|i| self.written_bytes[*i] < self.file_bytes)?;
        let offset = self.written_bytes[index];
        let part = ZeroPart {
            index,
            offset,
            bytes: ZERO_CHUNK_BYTES.min(self.file_bytes - offset),
        };
        self.under_way = Some(part);
        Some(part)
    }

    /// Whether a part is being zeroed.
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The part is zeroed.
    pub(crate) fn done(&mut self) {
        if let Some(part) = self.under_way.take() {
            self.written(part.index, part.offset + part.bytes);
        }
    }

    /// The part could not be zeroed; zeroing saves time only, so that it ends here.
    pub(crate) fn stop(&mut self) {
        self.under_way = None;
        self.stopped = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_never_go_where_a_block_is() {
        let mut zeroing = Zeroing::new(vec![0, 0], 2 * ZERO_CHUNK_BYTES);
        zeroing.written(0, 4096);
        let part = zeroing.next(0).unwrap();
        assert_eq!((part.index, part.offset), (0, 4096));
        assert!(zeroing.blocks(0, 8192));
        assert!(!zeroing.blocks(0, 4096));
        assert!(!zeroing.blocks(1, 8192));
        assert_eq!(zeroing.next(0), None);
        zeroing.done();
        zeroing.written(0, 2 * ZERO_CHUNK_BYTES);
        assert_eq!(zeroing.next(0).unwrap().index, 1);
    }
}
