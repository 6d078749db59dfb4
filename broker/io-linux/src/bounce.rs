//! Aligned memory through which scattered parts go to the disk past the page cache, and how a write divides into pages.
//! It writes nothing itself.
//!
//! Why: the kernel copies into the page cache byte by byte where source and destination do not lie alike (`rep movsb`;
//! records of 1 MiB cost 1.4 s of processor time a GB), and takes, dirties and gives back a page for each 4 KiB. One
//! copy here costs a tenth of that. Who reads what was just written reads it from the tail in memory.

use bytes::Bytes;
use kring_io::Buffer;
use kring_io::buffer::ALIGNMENT_BYTES;

/// What is copied and written at once: what a processor's cache holds.
const BOUNCE_BYTES: usize = 512 << 10;

/// The memory, made when it is first used.
#[derive(Debug, Default)]
pub(crate) struct Bounce {
    buffer: Option<Buffer>,
}

impl Bounce {
    /// Calls `write` with one stretch of the parts after the other, each with its distance from the first.
    pub(crate) fn each<E>(
        &mut self,
        parts: &[Bytes],
        mut write: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let buffer = self
            .buffer
            .get_or_insert_with(|| Buffer::with_capacity(BOUNCE_BYTES));
        buffer.clear();
        let mut at = 0;
        for part in parts {
            let mut rest = &part[..];
            while !rest.is_empty() {
                let (copied, later) = rest.split_at(rest.len().min(buffer.remaining()));
                buffer.extend_from_slice(copied);
                rest = later;
                if buffer.remaining() == 0 {
                    write(at, buffer)?;
                    at += buffer.len() as u64;
                    buffer.clear();
                }
            }
        }
        if buffer.is_empty() {
            return Ok(());
        }
        write(at, buffer)
    }
}

/// How a write divides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Bytes that go into a page which was begun before.
    pub(crate) begun_bytes: usize,
    /// Bytes of whole pages after those; what follows begins a page.
    pub(crate) pages_bytes: usize,
}

impl Plan {
    /// Of `len` bytes at `offset`.
    pub(crate) fn of(offset: u64, len: usize) -> Plan {
        let to_page = offset.next_multiple_of(ALIGNMENT_BYTES as u64) - offset;
        // Below a page.
        let begun_bytes = (to_page as usize).min(len);
        Plan {
            begun_bytes,
            pages_bytes: (len - begun_bytes) / ALIGNMENT_BYTES * ALIGNMENT_BYTES,
        }
    }
}

/// The parts before and behind the `at`th byte.
pub(crate) fn split(parts: Vec<Bytes>, at: usize) -> (Vec<Bytes>, Vec<Bytes>) {
    let mut left = at;
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    for mut part in parts {
        let taken = left.min(part.len());
        left -= taken;
        let first = part.split_to(taken);
        if !first.is_empty() {
            before.push(first);
        }
        if !part.is_empty() {
            behind.push(part);
        }
    }
    (before, behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_divides_into_the_rest_of_a_page_whole_pages_and_the_begin_of_one() {
        let plan = |offset, len| {
            let plan = Plan::of(offset, len);
            (plan.begun_bytes, plan.pages_bytes)
        };
        assert_eq!(plan(0, 10_000), (0, 8192));
        assert_eq!(plan(1, 4095), (4095, 0));
        assert_eq!(plan(4095, 8193), (1, 8192));
        assert_eq!(plan(4096, 100), (0, 0));
        assert_eq!(plan(100, 100), (100, 0));
    }

    #[test]
    fn parts_are_split_between_any_two_bytes() {
        let parts: Vec<Bytes> = vec!["ab".into(), "".into(), "cde".into()];
        for at in 0..=5 {
            let (before, behind) = split(parts.clone(), at);
            assert_eq!(before.concat(), b"abcde"[..at]);
            assert_eq!(behind.concat(), b"abcde"[at..]);
        }
    }

    #[test]
    fn stretches_are_aligned_in_memory_and_follow_each_other() {
        let parts: Vec<Bytes> = (0..40_u8)
            .map(|n| vec![n; usize::from(n) * 1009].into())
            .collect();
        let mut bounce = Bounce::default();
        for _ in 0..2 {
            let mut seen = Vec::new();
            let all = bounce.each(&parts, |at, bytes| {
                assert_eq!(at, seen.len() as u64);
                assert_eq!(bytes.as_ptr().align_offset(ALIGNMENT_BYTES), 0);
                seen.extend_from_slice(bytes);
                Ok::<(), ()>(())
            });
            assert_eq!(all, Ok(()));
            assert_eq!(seen, parts.concat());
        }
    }
}
