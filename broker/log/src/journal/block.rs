//! A commit group as bytes: the header that seals it, and the check that a block read back is the
//! one that belongs there. It reads and writes no file and looks into no record.
//!
//! ```text
//!  0 magic u32 | 4 format u16 | 6 flags u16 | 8 epoch u64 | 16 lsn u64 | 24 durable_lsn u64
//! 32 prev_crc u32 | 36 payload_bytes u32 | 40 records u32 | 44 crc32c u32 | 48 payload … zeros
//! ```
//! Little-endian. The CRC covers bytes 0..44 and the payload. Blocks begin and end at multiples of
//! 4096 bytes, and the last 4096 are their parity; `FORMAT.md` has the whole picture.

use crc_fast::{CrcAlgorithm, Digest};
use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::canary::{self, Canary};

use crate::lsn::Lsn;

/// "KRJB", read as a little-endian number.
pub(crate) const MAGIC: u32 = 0x424a_524b;
/// Version of blocks and records.
pub(crate) const FORMAT: u16 = 2;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 48;
/// Where the checksum stands, which it does not cover.
const CRC_AT: usize = 44;
const CRC: CrcAlgorithm = CrcAlgorithm::Crc32Iscsi;
/// Set on the first block of a run, the only one whose epoch may differ from the one before.
pub(crate) const FLAG_FIRST_OF_RUN: u16 = 1;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) flags: u16,
    /// Drawn at random by each run: blocks that a run left behind do not pass for the next one's.
    pub(crate) epoch: u64,
    pub(crate) lsn: Lsn,
    /// All groups up to this one were durable when the block was sealed: a valid block proves
    /// that its predecessors once were there.
    pub(crate) durable_lsn: Lsn,
    /// CRC of the block before.
    pub(crate) prev_crc: u32,
    pub(crate) payload_bytes: usize,
    pub(crate) records: u32,
    pub(crate) crc: u32,
}

/// Why bytes are not a block. What it means is for the reader of the chain to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockError {
    /// More bytes are needed: the whole block has so many.
    Short(usize),
    /// No block begins here.
    NoMagic,
    /// Written by a newer version.
    Format(u16),
    /// The length does not fit into the file.
    Length,
    /// The content is not what was sealed.
    Crc,
}

/// What the chain before a block demands of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) epoch: u64,
    pub(crate) lsn: Lsn,
    pub(crate) prev_crc: u32,
}

impl Expected {
    /// Whether a valid block continues the chain. LOG-4: one of an earlier life of the file fits
    /// neither the number nor the CRC of the block before, nor the epoch of the run.
    pub(crate) fn admits(&self, header: &BlockHeader) -> bool {
        if canary::is_on(Canary::StaleBlockAccepted) {
            return true;
        }
        header.lsn == self.lsn
            && header.prev_crc == self.prev_crc
            && (header.epoch == self.epoch || header.flags & FLAG_FIRST_OF_RUN != 0)
    }
}

/// Bytes a block of so much payload takes in the file, with its page of parity.
pub(crate) fn padded_bytes(payload_bytes: usize) -> usize {
    (HEADER_BYTES + payload_bytes).next_multiple_of(ALIGNMENT_BYTES) + ALIGNMENT_BYTES
}

/// Writes the header over the first bytes of `block`, which is the placeholder and the payload
/// without padding. Returns the CRC.
pub(crate) fn seal(block: &mut [u8], header: &BlockHeader) -> u32 {
    let payload_bytes =
        u32::try_from(block.len() - HEADER_BYTES).expect("a block fits into a journal file");
    block[0..4].copy_from_slice(&MAGIC.to_le_bytes());
    block[4..6].copy_from_slice(&FORMAT.to_le_bytes());
    block[6..8].copy_from_slice(&header.flags.to_le_bytes());
    block[8..16].copy_from_slice(&header.epoch.to_le_bytes());
    block[16..24].copy_from_slice(&header.lsn.0.to_le_bytes());
    block[24..32].copy_from_slice(&header.durable_lsn.0.to_le_bytes());
    block[32..36].copy_from_slice(&header.prev_crc.to_le_bytes());
    block[36..40].copy_from_slice(&payload_bytes.to_le_bytes());
    block[40..44].copy_from_slice(&header.records.to_le_bytes());
    let crc = checksum(block);
    block[44..48].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// Reads and verifies the block at the start of `bytes`, of which at most `room_bytes` may belong
/// to it.
pub(crate) fn open(bytes: &[u8], room_bytes: u64) -> Result<BlockHeader, BlockError> {
    let header = peek(bytes, room_bytes)?;
    let needed = HEADER_BYTES + header.payload_bytes;
    if bytes.len() < needed {
        return Err(BlockError::Short(needed));
    }
    if checksum(&bytes[..needed]) == header.crc || canary::is_on(Canary::TornBlockAccepted) {
        Ok(header)
    } else {
        Err(BlockError::Crc)
    }
}

/// As [`open`], without the checksum.
pub(crate) fn peek(bytes: &[u8], room_bytes: u64) -> Result<BlockHeader, BlockError> {
    if bytes.len() < HEADER_BYTES {
        return Err(BlockError::Short(HEADER_BYTES));
    }
    if u32_at(bytes, 0) != MAGIC {
        return Err(BlockError::NoMagic);
    }
    let format = u16::from_le_bytes([bytes[4], bytes[5]]);
    if format != FORMAT {
        return Err(BlockError::Format(format));
    }
    let payload_bytes = u32_at(bytes, 36) as usize;
    if padded_bytes(payload_bytes) as u64 > room_bytes {
        return Err(BlockError::Length);
    }
    Ok(BlockHeader {
        flags: u16::from_le_bytes([bytes[6], bytes[7]]),
        epoch: u64_at(bytes, 8),
        lsn: Lsn(u64_at(bytes, 16)),
        durable_lsn: Lsn(u64_at(bytes, 24)),
        prev_crc: u32_at(bytes, 32),
        payload_bytes,
        records: u32_at(bytes, 40),
        crc: u32_at(bytes, 44),
    })
}

fn checksum(block: &[u8]) -> u32 {
    let mut digest = Digest::new(CRC);
    digest.update(&block[..CRC_AT]);
    digest.update(&block[HEADER_BYTES..]);
    digest.finalize() as u32
}

/// The checksums that a block would have if it ended at each of `ends`, which rise from behind the
/// header on.
pub(crate) fn checksums(block: &[u8], ends: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut digest = Digest::new(CRC);
    digest.update(&block[..CRC_AT]);
    let mut from = HEADER_BYTES;
    let mut checksums = Vec::new();
    for end in ends {
        digest.update(&block[from..end]);
        from = end;
        checksums.push(digest.finalize() as u32);
    }
    checksums
}

/// The checksum of bytes inside of a payload.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    crc_fast::checksum(CRC, bytes) as u32
}

/// The checksum of bytes from that of their first part and that of the rest, which is so long.
pub(crate) fn join(first: u32, rest: u32, rest_bytes: usize) -> u32 {
    if rest_bytes == 0 {
        return first;
    }
    crc_fast::checksum_combine(CRC, first.into(), rest.into(), rest_bytes as u64) as u32
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BlockHeader {
        BlockHeader {
            flags: 0,
            epoch: 7,
            lsn: Lsn(3),
            durable_lsn: Lsn(2),
            prev_crc: 9,
            payload_bytes: 5,
            records: 1,
            crc: 0,
        }
    }

    fn block() -> Vec<u8> {
        let mut block = vec![0; HEADER_BYTES];
        block.extend_from_slice(b"hello");
        seal(&mut block, &header());
        block
    }

    #[test]
    fn a_sealed_block_reads_back() {
        let read = open(&block(), 8192).unwrap();
        assert_eq!(BlockHeader { crc: 0, ..read }, header());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..block().len() * 8 {
            let mut bad = block();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bad, 8192).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_length_beyond_the_file_is_refused_before_anything_is_read() {
        let mut bad = block();
        bad[36..40].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(open(&bad, 1 << 20), Err(BlockError::Length));
    }

    #[test]
    fn a_stale_block_does_not_continue_the_chain() {
        let read = open(&block(), 8192).unwrap();
        let expected = Expected {
            epoch: 7,
            lsn: Lsn(3),
            prev_crc: 9,
        };
        assert!(expected.admits(&read));
        assert!(
            !Expected {
                epoch: 8,
                ..expected
            }
            .admits(&read)
        );
        assert!(
            !Expected {
                lsn: Lsn(4),
                ..expected
            }
            .admits(&read)
        );
        assert!(
            !Expected {
                prev_crc: 1,
                ..expected
            }
            .admits(&read)
        );
    }
}
