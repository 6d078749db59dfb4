//! Follows the chain of blocks from a checkpoint to its end, and looks behind the end for proof
//! that more was durable: then the end is a hole, not a torn tail. A block of which one page is
//! damaged is mended and belongs to the chain.
//! It asks for bytes and gives blocks; it reads no file and applies no record.

use bytes::Bytes;
use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::canary::{self, Canary};

use super::block::{self, BlockError, BlockHeader, Expected};
use super::parity;
use super::ring::{Geometry, Position};
use crate::lsn::Lsn;

/// Bytes asked for at once.
const READ_BYTES: u64 = 4 << 20;
/// So much behind the end is searched for later blocks: a bounded start matters more than to tell
/// apart damage of so much that the log ends in it. The first blocks of all other files are looked
/// at in any case.
const PROOF_BYTES_MAX: u64 = 32 << 20;
/// The same where the last block says that the journal was closed in order.
const PROOF_BYTES_AFTER_CLEAN: u64 = 8 << 20;

/// A block whose first page is damaged, and with it its length, is found if it is no longer.
const MENDED_BYTES_MAX: u64 = 8 << 20;

/// What the scan needs or found.
#[derive(Debug)]
pub(crate) enum Next {
    /// Read so many bytes and give them to [`Scan::filled`].
    Read {
        index: usize,
        offset: u64,
        bytes: usize,
    },
    /// The next block of the chain.
    Block {
        header: BlockHeader,
        payload: Bytes,
        at: Position,
        /// A page of it was damaged.
        mended: bool,
    },
    /// The chain ends here and nothing speaks against it.
    End { at: Position },
    /// The block `lsn` that belongs to `at` is damaged; the block at `proof` shows it was durable.
    Hole {
        at: Position,
        lsn: Lsn,
        proof_lsn: Lsn,
        proof_index: usize,
        proof_offset: u64,
    },
    /// A block of another format.
    OtherFormat { index: usize, format: u16 },
}

/// Bytes of a file that were read.
#[derive(Debug, Default)]
struct Window {
    index: usize,
    start: u64,
    bytes: Vec<u8>,
    /// Nothing follows in the file.
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// At the next block of the chain.
    Chain,
    /// The block is not at its place: perhaps it began the next file.
    NextFile { tail: Position },
    /// Searching the rest of the file, from `offset` on.
    Rest { tail: Position, offset: u64 },
    /// Looking at the first block of the files other than the tail's.
    Others { tail: Position, step: usize },
}

/// The state of a scan.
#[derive(Debug)]
pub(crate) struct Scan {
    geometry: Geometry,
    /// Files from this one on belong to the chain.
    oldest_seq: u64,
    at: Position,
    expected: Expected,
    window: Window,
    phase: Phase,
    /// Whether the last block closed the journal in order.
    pub(crate) clean: bool,
    /// Where the next block of the chain begins and does not verify: its write was under way.
    pub(crate) torn: Option<Position>,
}

enum Look {
    Block(BlockHeader),
    /// The wanted one without its damage.
    Mended(BlockHeader, Vec<u8>),
    NotOne,
    NeedsMore,
    Other(u16),
}

impl Scan {
    /// A scan for the block `expected` at `at`.
    pub(crate) fn new(geometry: Geometry, at: Position, expected: Expected) -> Scan {
        Scan {
            geometry,
            oldest_seq: at.file_seq,
            at,
            expected,
            window: Window {
                index: geometry.index(at),
                start: at.offset,
                ..Window::default()
            },
            phase: Phase::Chain,
            clean: false,
            torn: None,
        }
    }

    /// Where the chain ends as far as it was followed.
    pub(crate) fn at(&self) -> Position {
        self.at
    }

    /// What the block after the last one must say.
    pub(crate) fn expected(&self) -> Expected {
        self.expected
    }

    /// Takes the bytes that were asked for; fewer mean the end of the file.
    pub(crate) fn filled(&mut self, bytes: &[u8], asked: usize) {
        self.window.bytes.extend_from_slice(bytes);
        self.window.ended = bytes.len() < asked;
    }

    /// Goes on until something is needed or found.
    pub(crate) fn next(&mut self) -> Next {
        loop {
            let next = match self.phase {
                Phase::Chain => self.chain(),
                Phase::NextFile { tail } => self.next_file(tail),
                Phase::Rest { tail, offset } => self.rest(tail, offset),
                Phase::Others { tail, step } => self.others(tail, step),
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    fn chain(&mut self) -> Option<Next> {
        let (index, offset) = (self.geometry.index(self.at), self.at.offset);
        match self.look_for_next(index, offset) {
            Look::Block(header) if self.expected.admits(&header) => {
                let from = (offset - self.window.start) as usize;
                let payload = payload_of(&self.window.bytes[from..], &header);
                Some(self.take(header, payload, false))
            }
            Look::Mended(header, block) => {
                let payload = payload_of(&block, &header);
                Some(self.take(header, payload, true))
            }
            Look::NeedsMore => Some(self.read_more()),
            Look::Other(format) => Some(Next::OtherFormat { index, format }),
            Look::Block(_) | Look::NotOne => {
                self.torn = self.is_torn(offset).then_some(self.at);
                self.phase = Phase::NextFile { tail: self.at };
                None
            }
        }
    }

    fn take(&mut self, header: BlockHeader, payload: Bytes, mended: bool) -> Next {
        let at = self.at;
        self.at.offset += block::padded_bytes(header.payload_bytes) as u64;
        self.expected = Expected {
            epoch: header.epoch,
            lsn: header.lsn.next(),
            prev_crc: header.crc,
        };
        Next::Block {
            header,
            payload,
            at,
            mended,
        }
    }

    /// [`Scan::look`], which also finds the next block of the chain where one page of it is damaged
    /// (LOG-9).
    fn look_for_next(&mut self, index: usize, offset: u64) -> Look {
        let seen = self.look(index, offset);
        // A valid block of another life has taken the place as a whole: nothing of it is mended.
        if matches!(seen, Look::Block(_) | Look::NeedsMore) || canary::is_on(Canary::DamagedTailCut)
        {
            return seen;
        }
        let room = self.geometry.file_bytes - offset;
        if room < block::padded_bytes(0) as u64 {
            return seen;
        }
        let from = (offset - self.window.start) as usize;
        let bytes = self.window.bytes.get(from..).unwrap_or_default();
        let header = block::peek(bytes, room).ok();
        let claimed = header.map_or(0, |header| block::padded_bytes(header.payload_bytes) as u64);
        let wanted = room.min(MENDED_BYTES_MAX.max(claimed));
        if (bytes.len() as u64) < wanted && !self.window.ended {
            return self.needs_more(offset);
        }
        let mended = parity::mend(bytes, room, |header| self.expected.admits(header));
        let block = mended.and_then(|block| Some((block::peek(&block, room).ok()?, block)));
        block.map_or(seen, |(header, block)| Look::Mended(header, block))
    }

    /// Whether the bytes that were just looked at begin as the next block of the chain does.
    fn is_torn(&self, offset: u64) -> bool {
        let from = (offset - self.window.start) as usize;
        let bytes = self.window.bytes.get(from..).unwrap_or_default();
        let header = block::peek(bytes, self.geometry.file_bytes - offset);
        header.is_ok_and(|header| self.expected.admits(&header))
    }

    fn next_file(&mut self, tail: Position) -> Option<Next> {
        let begin = Position {
            file_seq: tail.file_seq + 1,
            offset: 0,
        };
        let behind = Phase::Rest {
            tail,
            offset: tail.offset,
        };
        if begin.file_seq - self.oldest_seq >= u64::from(self.geometry.files) {
            self.phase = behind;
            return None;
        }
        let index = self.geometry.index(begin);
        match self.look_for_next(index, 0) {
            Look::Block(header) | Look::Mended(header, _) if self.expected.admits(&header) => {
                self.at = begin;
                self.phase = Phase::Chain;
                None
            }
            Look::NeedsMore => Some(self.read_more()),
            Look::Other(format) => Some(Next::OtherFormat { index, format }),
            Look::Block(_) | Look::Mended(..) | Look::NotOne => {
                self.phase = behind;
                None
            }
        }
    }

    /// LOG-5: what follows the chain is a tail that is cut, unless a valid block in it says that the
    /// missing one was durable.
    fn rest(&mut self, tail: Position, offset: u64) -> Option<Next> {
        let index = self.geometry.index(tail);
        let limit = if self.clean {
            PROOF_BYTES_AFTER_CLEAN
        } else {
            PROOF_BYTES_MAX
        };
        let past = offset + ALIGNMENT_BYTES as u64 > self.geometry.file_bytes
            || offset - tail.offset > limit;
        if past {
            self.phase = Phase::Others { tail, step: 1 };
            return None;
        }
        match self.look(index, offset) {
            Look::Block(header) if self.proves(&header) => {
                Some(self.hole(tail, header.lsn, index, offset))
            }
            Look::NeedsMore => Some(self.read_more()),
            _ => {
                self.phase = Phase::Rest {
                    tail,
                    offset: offset + ALIGNMENT_BYTES as u64,
                };
                None
            }
        }
    }

    fn others(&mut self, tail: Position, step: usize) -> Option<Next> {
        let files = self.geometry.files as usize;
        if step >= files {
            return Some(Next::End { at: tail });
        }
        let index = (self.geometry.index(tail) + step) % files;
        match self.look(index, 0) {
            Look::Block(header) if self.proves(&header) => {
                Some(self.hole(tail, header.lsn, index, 0))
            }
            Look::NeedsMore => Some(self.read_more()),
            _ => {
                self.phase = Phase::Others {
                    tail,
                    step: step + 1,
                };
                None
            }
        }
    }

    fn proves(&self, header: &BlockHeader) -> bool {
        header.durable_lsn >= self.expected.lsn
    }

    fn hole(&self, at: Position, proof_lsn: Lsn, proof_index: usize, proof_offset: u64) -> Next {
        Next::Hole {
            at,
            lsn: self.expected.lsn,
            proof_lsn,
            proof_index,
            proof_offset,
        }
    }

    /// What lies at a place, as far as it was read.
    fn look(&mut self, index: usize, offset: u64) -> Look {
        let end = self.window.start + self.window.bytes.len() as u64;
        if self.window.index != index || offset < self.window.start || offset > end {
            self.window = Window {
                index,
                start: offset,
                ..Window::default()
            };
        }
        let room = self.geometry.file_bytes.saturating_sub(offset);
        if room < ALIGNMENT_BYTES as u64 {
            return Look::NotOne;
        }
        let from = (offset - self.window.start) as usize;
        match block::open(&self.window.bytes[from..], room) {
            Ok(header) => Look::Block(header),
            Err(BlockError::Short(_)) if self.window.ended => Look::NotOne,
            Err(BlockError::Short(_)) => self.needs_more(offset),
            Err(BlockError::Format(format)) if format > 0 => Look::Other(format),
            Err(_) => Look::NotOne,
        }
    }

    fn needs_more(&mut self, offset: u64) -> Look {
        // What lies before is not looked at again.
        let from = (offset - self.window.start) as usize;
        self.window.bytes.drain(..from);
        self.window.start = offset;
        Look::NeedsMore
    }

    fn read_more(&self) -> Next {
        let offset = self.window.start + self.window.bytes.len() as u64;
        let left = self.geometry.file_bytes.saturating_sub(offset);
        Next::Read {
            index: self.window.index,
            offset,
            bytes: READ_BYTES.min(left) as usize,
        }
    }
}

fn payload_of(block: &[u8], header: &BlockHeader) -> Bytes {
    Bytes::copy_from_slice(&block[block::HEADER_BYTES..][..header.payload_bytes])
}
