//! Takes checkpoints: the state as of a block, made durable once all segments it refers to are.
//! Then the journal before that block may be overwritten. What is in it is `snapshot`'s.

pub(crate) mod file;
pub(crate) mod snapshot;

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::canary::{self, Canary};
use kring_io::{Buffer, DiskDone, DiskError, DiskOp, Effects, FileId, FileKind, Instant, Now};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::journal::ring::Position;
use crate::log::{Phase, micros};
use crate::lsn::Lsn;
use crate::ops::Pending;
use crate::partition::Partition;
use crate::room::Need;
use crate::segment::SegmentKey;
use snapshot::{Segments, Snapshot};

/// The file of a checkpoint is a multiple of so many bytes long.
const PADDING_BYTES: usize = 16 << 10;

/// What a checkpoint waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckpointStep {
    /// A segment is durable up to this write.
    SyncSegment(SegmentKey, u64),
    SyncSegmentDir,
    Open(FileId),
    Write(FileId),
    Sync(FileId),
    SyncDir(FileId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Flushing,
    Syncing { left: usize },
    Writing,
}

/// A checkpoint under way.
#[derive(Debug)]
struct Run {
    number: u64,
    lsn: Lsn,
    /// The group that must be durable before the checkpoint may replace the one before.
    after: Lsn,
    position: Position,
    file: Vec<u8>,
    /// Whether what it waits for is on its way.
    flushing: bool,
    /// How far segments must be written, as of a generation of the partition.
    targets: BTreeMap<TopicPartition, (u64, Offset)>,
    /// How far it says that compacted partitions are written.
    compacted: Vec<(TopicPartition, u64, Offset)>,
    progress: Progress,
    started: Instant,
}

/// When checkpoints were and will be taken.
#[derive(Debug, Default)]
pub(crate) struct Checkpointer {
    /// Number of the last one.
    pub(crate) number: u64,
    /// What the last one covers.
    pub(crate) lsn: Lsn,
    last_at: Instant,
    /// Take one at the next group boundary.
    pub(crate) wanted: bool,
    running: Option<Run>,
}

/// The path of a checkpoint: two files take turns, so that one is always whole.
pub(crate) fn path(number: u64) -> String {
    format!("checkpoint-{}", number % 2)
}

impl Checkpointer {
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the checkpoint under way needs more of a partition in segments.
    pub(crate) fn waits_for(&self, tp: TopicPartition, partition: &Partition) -> bool {
        self.running.as_ref().is_some_and(|run| {
            run.flushing
                && run.targets.get(&tp).is_some_and(|(generation, target)| {
                    *generation == partition.generation && partition.flushed_end < *target
                })
        })
    }

    /// Continues after the checkpoint that recovery began with.
    pub(crate) fn resume(&mut self, number: u64, lsn: Lsn, now: Instant) {
        self.number = number;
        self.lsn = lsn;
        self.last_at = now;
    }

    /// When the next one is due by time.
    pub(crate) fn due_at(&self, interval_ms: u64) -> Instant {
        self.last_at + Duration::from_millis(interval_ms)
    }
}

impl Log {
    /// Takes the state as of now, when a checkpoint is due.
    pub(crate) fn begin_checkpoint_if_due(&mut self, now: Now) {
        if self.checkpoint.running.is_some()
            || !matches!(
                self.phase,
                Phase::MakingRoom | Phase::Running | Phase::Stopping
            )
            || self.room.waits(Need::Checkpoint, now.mono)
        {
            return;
        }
        let Some(journal) = self.journal.as_mut() else {
            return;
        };
        let changed = journal.appended() > self.checkpoint.lsn;
        let by_time = now.mono >= self.checkpoint.due_at(self.config.checkpoint_interval_ms);
        let threshold = self
            .config
            .checkpoint_bytes
            .min(journal.ring.geometry.capacity_bytes() / 4);
        let by_size = journal.ring.used_bytes() >= threshold
            || !journal.admits(2 * self.config.commit_group_bytes_max);
        if !(self.checkpoint.wanted || changed && (by_time || by_size)) {
            return;
        }
        if journal.seal().is_err() {
            self.journal_full();
            return;
        }
        let chain = journal.chain();
        let position = journal.ring.head;
        if canary::is_on(Canary::JournalReusedEarly) {
            journal.ring.oldest = position;
        }
        let snapshot = Snapshot::take(
            journal.ring.geometry,
            position,
            (chain.lsn, chain.crc, journal.epoch()),
            false,
            Segments::Written,
            &mut self.state,
        );
        let number = self.checkpoint.number + 1;
        let file = snapshot.encode(number);
        let ends = snapshot.partitions.iter().map(|p| (p.tp(), p.flushed_end));
        let ends: Vec<(TopicPartition, Offset)> = ends.collect();
        let mut targets = BTreeMap::new();
        let mut compacted = Vec::new();
        for (tp, flushed_end) in ends {
            let partition = &self.state.partitions[&tp];
            if partition.config.compact {
                compacted.push((tp, partition.generation, flushed_end));
            }
            if flushed_end > partition.flushed_end {
                targets.insert(tp, (partition.generation, flushed_end));
            }
        }
        self.checkpoint.wanted = false;
        self.checkpoint.running = Some(Run {
            number,
            lsn: chain.lsn,
            after: chain.lsn,
            position,
            file,
            flushing: targets.is_empty(),
            targets,
            compacted,
            progress: Progress::Flushing,
            started: now.mono,
        });
    }

    /// Goes on with the checkpoint under way.
    pub(crate) fn advance_checkpoint(&mut self, now: Now, out: &mut Effects) {
        let (durable, appended) = (self.durable_lsn(), self.appended_lsn());
        let Some(run) = self.checkpoint.running.as_mut() else {
            return;
        };
        if run.progress != Progress::Flushing || durable < run.after {
            return;
        }
        if !run.flushing {
            run.flushing = true;
            self.flush.due.extend(run.targets.keys().copied());
            self.start_flushes(now, out);
            return;
        }
        let partitions = &self.state.partitions;
        while let Some(first) = run.targets.first_entry() {
            let (generation, target) = *first.get();
            let same = partitions
                .get(first.key())
                .filter(|p| p.generation == generation);
            match same {
                Some(partition) if partition.flushed_end < target => return,
                Some(_) => {}
                // Its segments were dropped and never will be written: the checkpoint that refers
                // to them holds only together with the change that dropped them.
                None => run.after = appended,
            }
            first.remove();
        }
        if durable < run.after {
            return;
        }
        let unsynced = if canary::is_on(Canary::CheckpointBeforeSegments) {
            Vec::new()
        } else {
            self.files.acquire_unsynced()
        };
        let dirs = std::mem::take(&mut self.flush.unsynced_dirs);
        run.progress = Progress::Syncing {
            left: unsynced.len() + dirs.len(),
        };
        let nothing = unsynced.is_empty() && dirs.is_empty();
        for (key, file, written) in unsynced {
            let step = CheckpointStep::SyncSegment(key, written);
            self.op(out, DiskOp::Sync { file }, Pending::Checkpoint(step));
        }
        for path in dirs {
            let step = CheckpointStep::SyncSegmentDir;
            self.op(out, DiskOp::SyncDir { path }, Pending::Checkpoint(step));
        }
        if nothing {
            self.open_checkpoint(out);
        }
    }

    fn open_checkpoint(&mut self, out: &mut Effects) {
        let Some(run) = self.checkpoint.running.as_mut() else {
            return;
        };
        run.progress = Progress::Writing;
        let file = self.ops.new_file();
        let open = DiskOp::Open {
            file,
            path: path(run.number),
            kind: FileKind::Meta,
            create: true,
        };
        self.op(out, open, Pending::Checkpoint(CheckpointStep::Open(file)));
    }

    /// A step is done.
    pub(crate) fn checkpoint_done(
        &mut self,
        now: Now,
        step: CheckpointStep,
        done: DiskDone,
        out: &mut Effects,
    ) {
        if let Err(error) = done.result
            && !canary::is_on(Canary::SyncErrorIgnored)
        {
            self.checkpoint_failed(now, step, &error, out);
            return;
        }
        let next = |step| Pending::Checkpoint(step);
        match step {
            CheckpointStep::SyncSegment(key, written) => {
                self.files.synced(key, written);
                if let Some(file) = self.files.release(key) {
                    self.ops.close(out, file);
                }
                self.checkpoint_synced(out);
            }
            CheckpointStep::SyncSegmentDir => self.checkpoint_synced(out),
            CheckpointStep::Open(file) => {
                let Some(run) = self.checkpoint.running.as_mut() else {
                    return;
                };
                let bytes = std::mem::take(&mut run.file);
                self.stats.checkpoint_bytes = bytes.len() as u64;
                // Longer than needed: a checkpoint that is a little larger than the last one of
                // this file fits although the disk is full.
                let padded = (bytes.len() + bytes.len() / 4).next_multiple_of(PADDING_BYTES);
                let mut buffer = Buffer::zeroed(padded);
                buffer[..bytes.len()].copy_from_slice(&bytes);
                let write = DiskOp::Write {
                    file,
                    offset: 0,
                    buffer,
                    durable: false,
                };
                self.op(out, write, next(CheckpointStep::Write(file)));
            }
            CheckpointStep::Write(file) if canary::is_on(Canary::CheckpointUnsynced) => {
                self.ops.close(out, file);
                self.checkpoint_durable(now);
            }
            CheckpointStep::Write(file) => {
                self.op(out, DiskOp::Sync { file }, next(CheckpointStep::Sync(file)));
            }
            CheckpointStep::Sync(file) => {
                let path = String::new();
                let step = CheckpointStep::SyncDir(file);
                self.op(out, DiskOp::SyncDir { path }, next(step));
            }
            CheckpointStep::SyncDir(file) => {
                self.ops.close(out, file);
                self.checkpoint_durable(now);
            }
        }
    }

    fn checkpoint_synced(&mut self, out: &mut Effects) {
        if let Some(run) = self.checkpoint.running.as_mut()
            && let Progress::Syncing { left } = &mut run.progress
        {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.open_checkpoint(out);
            }
        }
    }

    fn checkpoint_durable(&mut self, now: Now) {
        let Some(run) = self.checkpoint.running.take() else {
            return;
        };
        for (tp, generation, end) in run.compacted {
            let partition = self.state.partitions.get_mut(&tp);
            if let Some(partition) = partition.filter(|p| p.generation == generation) {
                partition.checkpointed_end = end;
            }
        }
        self.checkpoint.number = run.number;
        self.checkpoint.lsn = run.lsn;
        self.checkpoint.last_at = now.mono;
        self.disk_has_room(Need::Checkpoint);
        self.stats.checkpoints += 1;
        self.stats.checkpoint_last_us = micros(run.started, now.mono);
        if let Some(journal) = self.journal.as_mut() {
            journal.ring.oldest = run.position;
            self.stats.journal_used_bytes = journal.ring.used_bytes();
        }
    }

    /// A full disk delays the checkpoint; the one before still holds. Anything else ends the log.
    fn checkpoint_failed(
        &mut self,
        now: Now,
        step: CheckpointStep,
        error: &DiskError,
        out: &mut Effects,
    ) {
        match (step, error) {
            // The directory was deleted meanwhile.
            (CheckpointStep::SyncSegmentDir, DiskError::NotFound { .. }) => {
                self.checkpoint_synced(out);
            }
            (CheckpointStep::Open(_) | CheckpointStep::Write(_), DiskError::NoSpace { path }) => {
                if let CheckpointStep::Write(file) = step {
                    self.ops.close(out, file);
                }
                self.checkpoint.running = None;
                self.checkpoint.wanted = true;
                self.disk_full(now, Need::Checkpoint, path.clone());
            }
            _ => self.fail_write(error),
        }
    }
}
