//! Time as engines see it: an argument, never a call.
//! It reads no clock; drivers and the simulator make these values.

use std::ops::Add;
use std::time::Duration;

/// Monotonic time in nanoseconds since an origin that the driver chooses (the start of the process
/// or of the simulation). Never compare instants of two processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// Time since `earlier`, zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, by: Duration) -> Instant {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(ns))
    }
}

/// Both clocks at the moment of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For time-outs and order within this process.
    pub mono: Instant,
    /// Milliseconds since the Unix epoch: record timestamps and retention. It may jump.
    pub wall_ms: i64,
}
