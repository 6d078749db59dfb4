//! What both sides need in a step: time, settings, the log and the place for wishes.
//! It decides nothing.

use std::time::Duration;

use kring_io::{BrokerId, Instant, Now};

use crate::log::Log;
use crate::{ReplicaOut, ReplicationConfig};

pub(crate) struct Context<'a> {
    pub(crate) id: BrokerId,
    pub(crate) config: &'a ReplicationConfig,
    pub(crate) now: Now,
    pub(crate) log: &'a mut Log,
    pub(crate) out: &'a mut ReplicaOut,
}

impl Context<'_> {
    /// The instant `ms` milliseconds from now.
    pub(crate) fn after_ms(&self, ms: u64) -> Instant {
        self.now.mono + Duration::from_millis(ms)
    }

    /// Wishes to be woken at `at`, or earlier.
    pub(crate) fn wake_at(&mut self, at: Instant) {
        let earlier = self.out.wake_at.map_or(at, |known| known.min(at));
        self.out.wake_at = Some(earlier);
    }
}
