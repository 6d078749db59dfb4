//! Owned memory for disk operations, aligned for `O_DIRECT`.
//! It performs no I/O; a buffer moves into an operation and comes back with its completion.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Alignment of the first byte, and what direct writes round their length up to.
pub const ALIGNMENT_BYTES: usize = 4096;

/// A byte buffer whose first byte is aligned to [`ALIGNMENT_BYTES`]. It never grows past the
/// capacity it was made with, because growing would move it.
pub struct Buffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
    capacity: usize,
}

impl Buffer {
    /// An empty buffer that holds up to `capacity_bytes`.
    #[must_use]
    pub fn with_capacity(capacity_bytes: usize) -> Buffer {
        let memory = vec![0; capacity_bytes + ALIGNMENT_BYTES];
        let start = memory.as_ptr().align_offset(ALIGNMENT_BYTES);
        assert!(
            start <= ALIGNMENT_BYTES,
            "align_offset of u8 is below the alignment"
        );
        Buffer {
            memory,
            start,
            len: 0,
            capacity: capacity_bytes,
        }
    }

    /// A buffer of `len_bytes` zeros.
    #[must_use]
    pub fn zeroed(len_bytes: usize) -> Buffer {
        let mut buffer = Buffer::with_capacity(len_bytes);
        buffer.len = len_bytes;
        buffer
    }

    /// How many bytes it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many bytes can still be appended.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.capacity - self.len
    }

    /// Forgets the content, keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Shortens to `len_bytes`; a longer length is ignored.
    pub fn truncate(&mut self, len_bytes: usize) {
        self.len = self.len.min(len_bytes);
    }

    /// Appends; panics past the capacity, which the caller has checked with [`Buffer::remaining`].
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.remaining(),
            "append past the capacity of a buffer"
        );
        let at = self.start + self.len;
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends zeros until the length is a multiple of `multiple_bytes`.
    pub fn pad_to(&mut self, multiple_bytes: usize) {
        let padded = self.len.next_multiple_of(multiple_bytes);
        assert!(padded <= self.capacity, "pad past the capacity of a buffer");
        self.memory[self.start + self.len..self.start + padded].fill(0);
        self.len = padded;
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} of {} bytes)", self.len, self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_starts_aligned_and_keeps_what_was_appended() {
        for capacity in [1, 512, 4096, 70_000] {
            let mut buffer = Buffer::with_capacity(capacity);
            buffer.extend_from_slice(b"x");
            assert_eq!(buffer.as_ptr().align_offset(ALIGNMENT_BYTES), 0);
            assert_eq!(&*buffer, b"x");
            assert_eq!(buffer.remaining(), capacity - 1);
        }
    }

    #[test]
    fn padding_overwrites_what_an_earlier_use_left_behind() {
        let mut buffer = Buffer::with_capacity(8192);
        buffer.extend_from_slice(&[7; 5000]);
        buffer.clear();
        buffer.extend_from_slice(&[1; 10]);
        buffer.pad_to(4096);
        assert_eq!(buffer.len(), 4096);
        assert!(buffer[10..].iter().all(|b| *b == 0));
    }

    #[test]
    #[should_panic(expected = "past the capacity")]
    fn appending_past_the_capacity_is_refused() {
        Buffer::with_capacity(4).extend_from_slice(&[0; 5]);
    }
}
