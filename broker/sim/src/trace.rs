//! The hash of everything that happened in a run: two runs of one seed must agree.
//! It is not cryptographic; it finds accidents, not forgeries.

use kring_io::Instant;

/// A hash over events, eight bytes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u64);

impl Default for Trace {
    fn default() -> Trace {
        Trace(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    /// Adds an event: when, what kind, to whom, with which bytes.
    pub fn add(&mut self, at: Instant, kind: u8, whom: i64, bytes: &[u8]) {
        self.word(at.0);
        self.word(u64::from(kind) << 56 ^ bytes.len() as u64);
        self.word(whom.cast_unsigned());
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.word(u64::from_le_bytes(
                word.try_into().expect("a chunk of eight has eight bytes"),
            ));
        }
        let mut last = [0; 8];
        last[..words.remainder().len()].copy_from_slice(words.remainder());
        self.word(u64::from_le_bytes(last));
    }

    /// The hash so far.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    /// A multiplication carries a difference upwards, the rotation brings it down again.
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}
