//! Verifies segments at rest, one after the other and slowly, so that damage is found while other
//! replicas have what it hit. It reads through the page cache, and only what is written and referred to.

use std::time::Duration;

use bytes::Bytes;
use kring_io::{DiskDone, DiskOk, DiskOp, Effects, FileKind, Instant, Now};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::ops::Pending;
use crate::segment::scan::{Found, SegmentScan};
use crate::segment::{self, SegmentKey};

/// What the scrub waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScrubStep {
    Open,
    Read,
}

/// A segment that is being verified.
#[derive(Debug)]
struct Run {
    key: SegmentKey,
    generation: u64,
    scan: SegmentScan,
    /// A read or the opening is under way.
    waits: bool,
}

/// Where the pass is, and when it goes on.
#[derive(Debug, Default)]
pub(crate) struct Scrubber {
    run: Option<Run>,
    /// The last segment that was verified in this pass.
    after: Option<(TopicPartition, Offset)>,
    began: Instant,
    next_at: Option<Instant>,
}

impl Scrubber {
    /// When [`Log::scrub_on`] is due; `None` while the disk is awaited, or for ever.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.next_at
    }
}

impl Log {
    /// The first pass begins one interval after the start: what was read by recovery is not at rest.
    pub(crate) fn start_scrubbing(&mut self, now: Now) {
        let interval = Duration::from_millis(self.config.scrub_interval_ms);
        self.scrubber.began = now.mono;
        self.scrubber.next_at = (!interval.is_zero()).then(|| now.mono + interval);
    }

    /// Takes the next step, which is due.
    pub(crate) fn scrub_on(&mut self, now: Now, out: &mut Effects) {
        self.scrubber.next_at = None;
        if self.scrubber.run.is_some() {
            return self.scrub_batches(now, out);
        }
        if self.scrubber.after.is_none() {
            self.scrubber.began = now.mono;
        }
        let Some(key) = self.next_to_scrub() else {
            let interval = Duration::from_millis(self.config.scrub_interval_ms);
            self.scrubber.after = None;
            self.scrubber.next_at = Some((self.scrubber.began + interval).max(now.mono + STEP_MIN));
            self.stats.scrub_passes += 1;
            return;
        };
        self.scrubber.after = Some((key.tp, key.base_offset));
        let found = self.state.partitions.get(&key.tp);
        let found = found.and_then(|p| Some((p, p.segment(key)?)));
        let Some((partition, segment)) = found else {
            return;
        };
        let file = self.ops.new_file();
        let path = segment::path(&partition.dir, key);
        self.scrubber.run = Some(Run {
            key,
            generation: partition.generation,
            scan: SegmentScan::new(file, segment, partition.epochs.clone()),
            waits: true,
        });
        let open = DiskOp::Open {
            file,
            path,
            kind: FileKind::Segment,
            create: false,
        };
        self.op(out, open, Pending::Scrub(ScrubStep::Open));
    }

    /// The segment after the last one, in the order of partitions and offsets.
    fn next_to_scrub(&self) -> Option<SegmentKey> {
        let after = self.scrubber.after;
        let partitions = match after {
            Some((tp, _)) => self.state.partitions.range(tp..),
            None => self.state.partitions.range(..),
        };
        let whole = partitions.filter(|(_, p)| p.damage.is_none());
        let mut next = whole.filter_map(|(tp, p)| {
            let passed = |base_offset| after.is_some_and(|after| (*tp, base_offset) <= after);
            let at = p.segments.partition_point(|s| passed(s.base_offset));
            Some(p.segments.get(at)?.key(*tp))
        });
        next.next()
    }

    pub(crate) fn scrub_done(
        &mut self,
        now: Now,
        step: ScrubStep,
        done: DiskDone,
        out: &mut Effects,
    ) {
        let Some(run) = self.scrubber.run.as_mut() else {
            return;
        };
        run.waits = false;
        let len = match (step, done.result) {
            (ScrubStep::Read, Ok(DiskOk::Read { len })) => len,
            (_, Ok(_)) => return self.scrub_batches(now, out),
            (step, Err(error)) => {
                let key = run.key;
                if self.scrub_is_current() {
                    self.note_unreadable(key, &error);
                }
                return self.end_scrub_run(now, step == ScrubStep::Read, out);
            }
        };
        if let Some(buffer) = done.buffer {
            run.scan.filled(Bytes::from_owner(buffer).slice(..len));
        }
        self.stats.scrubbed_bytes += len as u64;
        // The next read waits, so that those who wait for the disk have it.
        let pause_ns =
            (len as u64).saturating_mul(1_000_000_000) / self.config.scrub_bytes_per_s.max(1);
        let pause = Duration::from_nanos(pause_ns).max(STEP_MIN);
        self.scrubber.next_at = Some(now.mono + pause);
    }

    fn scrub_batches(&mut self, now: Now, out: &mut Effects) {
        let current = self.scrub_is_current();
        let Some(run) = self.scrubber.run.as_mut() else {
            return;
        };
        if run.waits {
            return;
        }
        if !current {
            return self.end_scrub_run(now, true, out);
        }
        loop {
            match run.scan.next() {
                Found::Batch(..) => {}
                Found::Needs { offset, buffer } => {
                    run.waits = true;
                    let file = run.scan.file;
                    let read = DiskOp::Read {
                        file,
                        offset,
                        buffer,
                    };
                    return self.op(out, read, Pending::Scrub(ScrubStep::Read));
                }
                Found::Corrupt(position, reason) => {
                    let key = run.key;
                    self.note_damage(key, position, &reason);
                    return self.end_scrub_run(now, true, out);
                }
                Found::End => return self.end_scrub_run(now, true, out),
            }
        }
    }

    /// Whether the segment is still what it was when its verification began.
    fn scrub_is_current(&self) -> bool {
        self.scrubber.run.as_ref().is_some_and(|run| {
            let partition = self.state.partitions.get(&run.key.tp);
            partition
                .is_some_and(|p| p.generation == run.generation && p.segment(run.key).is_some())
        })
    }

    fn end_scrub_run(&mut self, now: Now, opened: bool, out: &mut Effects) {
        if let Some(run) = self.scrubber.run.take()
            && opened
        {
            self.ops.close(out, run.scan.file);
        }
        self.scrubber.next_at = Some(now.mono + STEP_MIN);
    }
}

/// Between two steps.
const STEP_MIN: Duration = Duration::from_millis(1);
