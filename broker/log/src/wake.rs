//! What the log does by time: lazy flushes, retention, zeros behind the journal's head.
//! It runs no timer; it wishes to be stepped and looks what is due.

use std::time::Duration;

use kring_io::{Buffer, DiskOp, Effects, Instant, Now};

use crate::Log;
use crate::event::LogEvent;
use crate::log::Phase;
use crate::ops::Pending;
use crate::room::Need;

/// Between two parts of the journal that are zeroed: leaves the disk to those who wait for it.
const ZERO_INTERVAL: Duration = Duration::from_millis(5);

/// When something is due next.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    flush_at: Option<Instant>,
    retention_at: Option<Instant>,
    zero_at: Option<Instant>,
}

impl Log {
    pub(crate) fn start_timers(&mut self, now: Now, out: &mut Effects) {
        let retention = Duration::from_millis(self.config.retention_check_interval_ms);
        self.timers.retention_at = Some(now.mono + retention);
        self.timers.zero_at = Some(now.mono);
        self.start_scrubbing(now);
        self.wish_wake(now, out);
    }

    /// Runs what is due: flush of tails, checkpoint, retention. Harmless when nothing is.
    pub fn on_wake(&mut self, now: Now, out: &mut Effects, events: &mut Vec<LogEvent>) {
        if self.phase == Phase::Running {
            let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now.mono);
            if is_due(self.timers.flush_at) {
                self.timers.flush_at = None;
                self.flush.due.extend(self.flush.dirty.iter().copied());
            }
            if is_due(self.timers.retention_at) {
                let retention = Duration::from_millis(self.config.retention_check_interval_ms);
                self.timers.retention_at = Some(now.mono + retention);
                self.apply_retention(now);
                self.begin_compaction(now, out);
            }
            if is_due(self.timers.zero_at) {
                self.zero_next(now, out);
            }
            if is_due(self.scrubber.next_at()) {
                self.scrub_on(now, out);
            }
        }
        self.submit(now, out);
        events.append(&mut self.events);
    }

    fn zero_next(&mut self, now: Now, out: &mut Effects) {
        self.timers.zero_at = None;
        let Some(journal) = self.journal.as_mut() else {
            return;
        };
        let head = journal.ring.geometry.index(journal.ring.head);
        if let Some(part) = journal.zeroing.next(head) {
            let write = DiskOp::Write {
                file: journal.file(part.index),
                offset: part.offset,
                buffer: Buffer::zeroed(part.bytes as usize),
                durable: true,
            };
            self.op(out, write, Pending::Zero);
            self.timers.zero_at = Some(now.mono + ZERO_INTERVAL);
        } else if journal.zeroing.is_under_way() {
            self.timers.zero_at = Some(now.mono + ZERO_INTERVAL);
        }
    }

    /// Says when the log must be stepped next.
    pub(crate) fn wish_wake(&mut self, now: Now, out: &mut Effects) {
        // Whatever the phase: what waits for room on the disk is tried again.
        if let Some(at) = self.room.retry_at(now.mono) {
            out.wake_at(at);
        }
        if self.phase != Phase::Running {
            return;
        }
        if self.timers.flush_at.is_none() && !self.flush.dirty.is_empty() {
            let interval = Duration::from_millis(self.config.segment_flush_interval_ms);
            self.timers.flush_at = Some(now.mono + interval);
        }
        let changed = self.appended_lsn() > self.checkpoint.lsn;
        let may_begin =
            !self.checkpoint.is_running() && !self.room.waits(Need::Checkpoint, now.mono);
        let checkpoint_at = (changed && may_begin)
            .then(|| self.checkpoint.due_at(self.config.checkpoint_interval_ms));
        let wishes = [
            self.timers.flush_at,
            self.timers.retention_at,
            self.timers.zero_at,
            checkpoint_at,
            self.scrubber.next_at(),
        ];
        for at in wishes.into_iter().flatten() {
            out.wake_at(at.max(now.mono));
        }
    }
}
