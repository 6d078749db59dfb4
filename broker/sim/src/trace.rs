//! The hash of everything that happened in a run: two runs of one seed must agree.
//! It is not cryptographic; it finds accidents, not forgeries.

use kring_io::Instant;

/// FNV-1a over events.
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
        self.bytes(&at.0.to_be_bytes());
        self.bytes(&[kind]);
        self.bytes(&whom.to_be_bytes());
        self.bytes(bytes);
    }

    /// The hash so far.
    #[must_use]
    pub fn value(self) -> u64 {
        self.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
