//! The page of parity at the end of each block, and how a damaged page of a block is mended with it.
//! It neither reads nor writes a file, and which block belongs where is for its caller to say.
//!
//! Why: that a block was durable is known from the blocks behind it, and behind the last one there is
//! none. Were damage of the last durable block taken for a write that was never finished, a broker
//! would come back with less than it acknowledged and not know it. When all brokers lose power in
//! one moment, that one could be elected before a whole one is back, partitions as well as the
//! metadata quorum, and two of three copies of a record say nothing against the third's silence. So
//! one damaged page does not end the chain, whether its block is the last one or not. A write that
//! was not finished and lacks one page is completed in the same way, which harms nobody: it is what
//! the broker wanted to write, and nobody was told that it is not there.

use kring_io::buffer::ALIGNMENT_BYTES;

use super::block::{self, BlockHeader, HEADER_BYTES};

/// What is mended at once: a disk writes and loses whole pages.
const PAGE_BYTES: usize = ALIGNMENT_BYTES;

type Page = [u8; PAGE_BYTES];

/// The complement of the exclusive or of all pages of a padded block. The complement, because else
/// the parity of one page would be that page again, and a stretch of zeros would be its own parity.
pub(crate) fn of(block: &[u8]) -> Page {
    let mut parity = [0xff; PAGE_BYTES];
    for page in block.chunks_exact(PAGE_BYTES) {
        fold(&mut parity, page);
    }
    parity
}

/// The padded block, without its parity, that `bytes` begin with, if all that is wrong with it is one
/// page. At most `room_bytes` may belong to it; `admits` says whether a header is the wanted one's.
pub(crate) fn mend(
    bytes: &[u8],
    room_bytes: u64,
    admits: impl Fn(&BlockHeader) -> bool,
) -> Option<Vec<u8>> {
    let header = block::peek(bytes, room_bytes).ok().filter(&admits);
    header
        .and_then(|header| mend_later_page(bytes, &header))
        .or_else(|| mend_first_page(bytes, room_bytes, admits))
}

/// The first page says how long the block is, so that all lengths are tried.
fn mend_first_page(
    bytes: &[u8],
    room_bytes: u64,
    admits: impl Fn(&BlockHeader) -> bool,
) -> Option<Vec<u8>> {
    let mut first = [0xff; PAGE_BYTES];
    for (nth, page) in bytes.chunks_exact(PAGE_BYTES).enumerate().skip(1) {
        fold(&mut first, page);
        let header = block::peek(&first, room_bytes).ok();
        let block_bytes = nth * PAGE_BYTES;
        let fits = header.is_some_and(|header| {
            admits(&header) && block::padded_bytes(header.payload_bytes) == block_bytes + PAGE_BYTES
        });
        if fits {
            let mut mended = bytes[..block_bytes].to_vec();
            mended[..PAGE_BYTES].copy_from_slice(&first);
            if block::open(&mended, room_bytes).is_ok() {
                return Some(mended);
            }
        }
    }
    None
}

/// The header holds: the damaged page is the one whose correction makes the checksum fit. The
/// checksums of what lies before and behind it are put together, not computed anew for each page.
fn mend_later_page(bytes: &[u8], header: &BlockHeader) -> Option<Vec<u8>> {
    let block_bytes = block::padded_bytes(header.payload_bytes) - PAGE_BYTES;
    let covered = HEADER_BYTES + header.payload_bytes;
    let block = bytes.get(..block_bytes)?;
    let mut error: Page = bytes.get(block_bytes..)?.first_chunk().copied()?;
    fold(&mut error, &of(block));
    if error == [0; PAGE_BYTES] {
        return None;
    }
    let pages = block_bytes / PAGE_BYTES;
    let end_of = |page: usize| covered.min((page + 1) * PAGE_BYTES);
    let before: Vec<u32> = block::checksums(block, (0..pages).map(end_of));
    let (mut behind, mut behind_bytes) = (0, 0);
    for page in (1..pages).rev() {
        let begin = page * PAGE_BYTES;
        let bytes_here = end_of(page) - begin;
        let mut corrected: Page = *block[begin..].first_chunk()?;
        fold(&mut corrected, &error);
        let (here, padding) = corrected.split_at(bytes_here);
        let until = block::join(before[page - 1], block::crc(here), bytes_here);
        let zeros = padding.iter().all(|byte| *byte == 0);
        if zeros && block::join(until, behind, behind_bytes) == header.crc {
            let mut mended = block.to_vec();
            mended[begin..begin + PAGE_BYTES].copy_from_slice(&corrected);
            return Some(mended);
        }
        let here = block::crc(&block[begin..begin + bytes_here]);
        behind = block::join(here, behind, behind_bytes);
        behind_bytes += bytes_here;
    }
    None
}

fn fold(into: &mut Page, page: &[u8]) {
    for (byte, other) in into.iter_mut().zip(page) {
        *byte ^= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lsn::Lsn;

    const ROOM_BYTES: u64 = 1 << 20;

    /// A block as it lies on the disk, its parity at the end, and how many bytes of it the checksum
    /// covers.
    fn on_disk(payload_bytes: usize) -> (Vec<u8>, usize) {
        let mut block = vec![0; HEADER_BYTES];
        block.extend((0..payload_bytes).map(|n| (n * 7 + n / 251) as u8));
        let header = BlockHeader {
            flags: 0,
            epoch: 7,
            lsn: Lsn(3),
            durable_lsn: Lsn(2),
            prev_crc: 9,
            payload_bytes,
            records: 1,
            crc: 0,
        };
        block::seal(&mut block, &header);
        let covered = block.len();
        block.resize(covered.next_multiple_of(PAGE_BYTES), 0);
        let parity = of(&block);
        block.extend_from_slice(&parity);
        assert_eq!(block.len(), block::padded_bytes(payload_bytes));
        (block, covered)
    }

    fn mended(bytes: &[u8]) -> Option<Vec<u8>> {
        mend(bytes, ROOM_BYTES, |header| {
            header.lsn == Lsn(3) && header.prev_crc == 9
        })
    }

    /// Lengths around the ends of pages.
    const PAYLOADS: [usize; 7] = [1, 4047, 4048, 4049, 8144, 8145, 20_000];

    #[test]
    fn any_one_page_is_mended_whatever_became_of_it() {
        for payload_bytes in PAYLOADS {
            let (whole, _) = on_disk(payload_bytes);
            let block = &whole[..whole.len() - PAGE_BYTES];
            for page in 0..block.len() / PAGE_BYTES {
                let range = page * PAGE_BYTES..(page + 1) * PAGE_BYTES;
                let mut zeros = whole.clone();
                zeros[range.clone()].fill(0);
                let mut noise = whole.clone();
                for (nth, byte) in noise[range.clone()].iter_mut().enumerate() {
                    *byte ^= (nth * 31 + 1) as u8;
                }
                let mut other = whole.clone();
                // A page of another block: misdirected, or what was there before.
                other[range].copy_from_slice(&on_disk(1).0[..PAGE_BYTES]);
                for mut bad in [zeros, noise, other] {
                    if bad == whole {
                        continue;
                    }
                    // What follows on the disk is an earlier life's.
                    bad.extend_from_slice(&on_disk(5000).0);
                    let what = format!("page {page} of {payload_bytes} bytes");
                    assert_eq!(mended(&bad).as_deref(), Some(block), "{what}");
                }
            }
        }
    }

    #[test]
    fn any_flipped_bit_of_the_header_is_mended() {
        let (whole, _) = on_disk(5000);
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = whole.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let block = &whole[..whole.len() - PAGE_BYTES];
            assert_eq!(mended(&bad).as_deref(), Some(block), "bit {bit}");
        }
    }

    #[test]
    fn what_lacks_two_pages_is_no_block() {
        for payload_bytes in [4049, 20_000] {
            let (whole, covered) = on_disk(payload_bytes);
            let pages = whole.len() / PAGE_BYTES;
            for one in 0..pages {
                for two in one + 1..pages {
                    let mut bad = whole.clone();
                    for page in [one, two] {
                        bad[page * PAGE_BYTES..(page + 1) * PAGE_BYTES].fill(0);
                    }
                    assert!(covered > PAGE_BYTES);
                    assert_eq!(mended(&bad), None, "{one} {two} of {payload_bytes}");
                }
            }
        }
    }

    #[test]
    fn no_block_is_made_of_zeros_of_another_block_or_of_too_few_bytes() {
        assert_eq!(mended(&[0; 16 * PAGE_BYTES]), None);
        assert_eq!(mended(&[]), None);
        let (whole, _) = on_disk(9000);
        let mut bad = whole.clone();
        bad[5] ^= 1;
        for cut in [1, PAGE_BYTES, whole.len() - HEADER_BYTES] {
            assert_eq!(mended(&bad[..whole.len() - cut]), None, "{cut}");
        }
        let stranger = mend(&bad, ROOM_BYTES, |header| header.lsn == Lsn(4));
        assert_eq!(stranger, None);
    }
}
