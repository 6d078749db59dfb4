//! Compaction of logs that keep the latest value of each key: reads complete segments, rewrites
//! them without what later records supersede, and puts one file in the place of several.
//! It never touches the active segment, nor anything that no checkpoint covers.

mod plan;
mod rewrite;
mod take;
mod transactions;

use std::time::Duration;

use bytes::Bytes;
use kring_io::{DiskDone, DiskError, DiskOk, DiskOp, Effects, FileKind, Instant, Now};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::log::describe;
use crate::ops::Pending;
use crate::segment::scan::{Found, SegmentScan};
use crate::segment::{self, Segment, SegmentKey};
use plan::{needs_compaction, plan};
use rewrite::Latest;
use take::Target;
use transactions::Ended;

/// Memory for the keys of one run; what does not fit is the next run's.
const KEYS_BYTES_MAX: usize = 64 << 20;
/// One write of rewritten batches.
const WRITE_BYTES: usize = 256 << 10;
/// After a run that failed.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// What a compaction waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CompactionStep {
    OpenSource,
    ReadSource,
    OpenTarget,
    CutTarget,
    WriteTarget,
    SyncTarget,
    SyncDir,
}

/// One run over one partition.
#[derive(Debug)]
pub(crate) struct Run {
    tp: TopicPartition,
    generation: u64,
    dir: String,
    latest: Latest,
    ended: Ended,
    /// Segments whose keys are still to be noted, the next one last.
    to_note: Vec<SegmentKey>,
    /// Groups of neighbours to rewrite, the next one last.
    groups: Vec<Vec<SegmentKey>>,
    /// Everything below was noted.
    noted_end: Offset,
    /// Tombstones in segments whose newest record is older are no longer needed.
    tombstones_before_ms: i64,
    scan: Option<SegmentScan>,
    /// The segment that is being read.
    source: Option<SegmentKey>,
    /// Of the group that is being rewritten, the next one last.
    rest_of_group: Vec<SegmentKey>,
    group: Vec<SegmentKey>,
    target: Option<Target>,
    drop_tombstones: bool,
}

/// The run under way, and when the next may begin.
#[derive(Debug, Default)]
pub(crate) struct Compactor {
    run: Option<Run>,
    not_before: Option<Instant>,
}

impl Log {
    /// Begins a run over the first partition that needs one.
    pub(crate) fn begin_compaction(&mut self, now: Now, out: &mut Effects) {
        if self.compactor.run.is_some()
            || self.compactor.not_before.is_some_and(|at| now.mono < at)
            || self.room.lacking().is_some()
        {
            return;
        }
        let dirtiest = self
            .state
            .partitions
            .iter()
            .find(|(_, partition)| needs_compaction(partition, now.wall_ms));
        let Some((tp, partition)) = dirtiest else {
            return;
        };
        self.compactor.run = Some(plan(*tp, partition, now.wall_ms));
        self.compact_on(now, out);
    }

    /// Goes on with whatever comes next.
    fn compact_on(&mut self, now: Now, out: &mut Effects) {
        let Some(run) = self.compactor.run.as_mut() else {
            return;
        };
        if run.scan.is_none() {
            if let Some(source) = run.next_to_note() {
                return self.scan_source(source, out);
            }
            if let Some(source) = run.rest_of_group.pop() {
                return self.scan_source(source, out);
            }
            if run.target.is_some() {
                return self.finish_target(out);
            }
            let Some(group) = run.groups.pop() else {
                self.compactor.run = None;
                return;
            };
            return self.begin_group(group, out);
        }
        self.scan_on(now, out);
    }

    fn scan_source(&mut self, source: SegmentKey, out: &mut Effects) {
        let Some(run) = self.compactor.run.as_mut() else {
            return;
        };
        let partition = self.state.partitions.get(&run.tp);
        let found = partition.and_then(|p| Some((p, p.segment(source)?)));
        let Some((partition, segment)) = found else {
            return self.abandon(None, out);
        };
        let file = self.ops.new_file();
        let path = segment::path(&run.dir, source);
        run.scan = Some(SegmentScan::new(file, segment, partition.epochs.clone()));
        run.source = Some(source);
        let open = DiskOp::Open {
            file,
            path,
            kind: FileKind::Segment,
            create: false,
        };
        self.op(out, open, Pending::Compaction(CompactionStep::OpenSource));
    }

    fn begin_group(&mut self, group: Vec<SegmentKey>, out: &mut Effects) {
        let Some(run) = self.compactor.run.as_mut() else {
            return;
        };
        let partition = self.state.partitions.get(&run.tp);
        let first = partition.and_then(|p| {
            let first = group.first()?;
            p.segment(*first)
        });
        let Some(first) = first else {
            return self.abandon(None, out);
        };
        let mut segment = Segment::new(first.base_offset, first.created_ms);
        segment.rewrites = first.rewrites + 1;
        let file = self.ops.new_file();
        let path = segment::path(&run.dir, segment.key(run.tp));
        run.drop_tombstones = first.max_timestamp_ms < run.tombstones_before_ms;
        run.rest_of_group = group.iter().rev().copied().collect();
        run.group = group;
        run.target = Some(Target {
            file,
            path: path.clone(),
            segment,
            parts: Vec::new(),
            parts_bytes: 0,
        });
        let open = DiskOp::Open {
            file,
            path,
            kind: FileKind::Segment,
            create: true,
        };
        self.op(out, open, Pending::Compaction(CompactionStep::OpenTarget));
    }

    /// Works through the bytes at hand.
    fn scan_on(&mut self, now: Now, out: &mut Effects) {
        let Some(run) = self.compactor.run.as_mut() else {
            return;
        };
        loop {
            let Some(scan) = run.scan.as_mut() else {
                return;
            };
            match scan.next() {
                Found::Batch(header, batch) => {
                    if let Err(reason) = run.take(&header, &batch) {
                        return self.abandon(Some(reason), out);
                    }
                    if run
                        .target
                        .as_ref()
                        .is_some_and(|t| t.parts_bytes >= WRITE_BYTES)
                    {
                        return self.write_target(out);
                    }
                }
                Found::Needs { offset, buffer } => {
                    let read = DiskOp::Read {
                        file: scan.file,
                        offset,
                        buffer,
                    };
                    return self.op(out, read, Pending::Compaction(CompactionStep::ReadSource));
                }
                Found::Corrupt(position, reason) => {
                    if let Some(source) = run.source {
                        self.note_damage(source, position, &reason);
                    }
                    return self.abandon(None, out);
                }
                Found::End => {
                    let file = scan.file;
                    run.scan = None;
                    self.ops.close(out, file);
                    return self.compact_on(now, out);
                }
            }
        }
    }

    fn write_target(&mut self, out: &mut Effects) {
        let Some(target) = self.compactor.run.as_mut().and_then(|r| r.target.as_mut()) else {
            return;
        };
        let write = DiskOp::WriteGather {
            file: target.file,
            offset: target.segment.file_bytes - target.parts_bytes as u64,
            parts: std::mem::take(&mut target.parts),
        };
        target.parts_bytes = 0;
        self.op(out, write, Pending::Compaction(CompactionStep::WriteTarget));
    }

    /// All segments of the group are read: makes the new file durable.
    fn finish_target(&mut self, out: &mut Effects) {
        let Some(target) = self.compactor.run.as_ref().and_then(|r| r.target.as_ref()) else {
            return;
        };
        if target.parts_bytes > 0 {
            return self.write_target(out);
        }
        let file = target.file;
        self.op(
            out,
            DiskOp::Sync { file },
            Pending::Compaction(CompactionStep::SyncTarget),
        );
    }

    /// A step is done.
    pub(crate) fn compaction_done(
        &mut self,
        now: Now,
        step: CompactionStep,
        done: DiskDone,
        out: &mut Effects,
    ) {
        let ok = match done.result {
            Ok(ok) => ok,
            Err(error) => return self.compaction_failed(step, &error, now, out),
        };
        let Some(run) = self.compactor.run.as_mut() else {
            return;
        };
        let next = Pending::Compaction;
        match (step, ok) {
            (CompactionStep::ReadSource, DiskOk::Read { len }) => {
                if let (Some(scan), Some(buffer)) = (run.scan.as_mut(), done.buffer) {
                    scan.filled(Bytes::from_owner(buffer).slice(..len));
                }
                self.compact_on(now, out);
            }
            (CompactionStep::OpenTarget, DiskOk::Opened { len: 1.. }) => {
                // A run that was interrupted left it behind.
                let file = run.target.as_ref().map(|t| t.file);
                if let Some(file) = file {
                    let cut = DiskOp::SetLen { file, len: 0 };
                    self.op(out, cut, next(CompactionStep::CutTarget));
                }
            }
            (CompactionStep::SyncTarget, _) => {
                let path = run.dir.clone();
                self.op(out, DiskOp::SyncDir { path }, next(CompactionStep::SyncDir));
            }
            (CompactionStep::SyncDir, _) => self.replace_group(now, out),
            _ => self.compact_on(now, out),
        }
    }

    /// The new file is durable: it takes the place of its sources, if they are still there.
    fn replace_group(&mut self, now: Now, out: &mut Effects) {
        let Some(run) = self.compactor.run.as_mut() else {
            return;
        };
        let Some(mut target) = run.target.take() else {
            return;
        };
        self.ops.close(out, target.file);
        let tp = run.tp;
        let sources: Vec<(Offset, u32)> = run
            .group
            .iter()
            .map(|key| (key.base_offset, key.rewrites))
            .collect();
        let partition = self
            .state
            .partitions
            .get(&tp)
            .filter(|p| p.generation == run.generation && p.has_segments(&sources));
        let last = sources
            .last()
            .and_then(|(base, _)| partition?.segments.iter().find(|s| s.base_offset == *base));
        let Some(last) = last else {
            run.target = Some(target);
            return self.abandon(None, out);
        };
        // Offsets at the end may be gone; the next segment begins where the last one ended.
        target.segment.has_gaps |= target.segment.next_offset != last.next_offset;
        target.segment.next_offset = last.next_offset;
        let cleaned_end = run.noted_end.min(last.next_offset);
        let change = run.replacement(sources, target.segment, cleaned_end);
        self.change(&change);
        self.stats.compacted_segments += 1;
        self.compact_on(now, out);
    }

    fn compaction_failed(
        &mut self,
        step: CompactionStep,
        error: &DiskError,
        now: Now,
        out: &mut Effects,
    ) {
        let gone = self.compactor.run.as_ref().is_none_or(|run| {
            let partition = self.state.partitions.get(&run.tp);
            partition.is_none_or(|p| p.generation != run.generation)
        });
        match (step, error) {
            // A failed sync says nothing about the file; the sources are still there.
            (_, DiskError::NoSpace { .. }) => {
                self.compactor.not_before = Some(now.mono + RETRY_AFTER)
            }
            _ if gone => {}
            (CompactionStep::OpenSource | CompactionStep::ReadSource, error) => {
                let source = self.compactor.run.as_ref().and_then(|run| run.source);
                if let Some(source) = source {
                    self.note_unreadable(source, error);
                }
                self.compactor.not_before = Some(now.mono + RETRY_AFTER);
            }
            _ => {
                let (path, reason) = describe(error);
                tracing::error!(path, reason, "compaction failed");
                self.compactor.not_before = Some(now.mono + RETRY_AFTER);
            }
        }
        self.abandon(None, out);
    }

    /// Ends the run; what is not replaced stays as it was.
    fn abandon(&mut self, reason: Option<String>, out: &mut Effects) {
        let Some(run) = self.compactor.run.take() else {
            return;
        };
        if let Some(reason) = reason {
            let tp = run.tp;
            tracing::error!(%tp, reason, "a segment cannot be compacted");
            self.stats.corrupt_reads += 1;
            if let Some(partition) = self.state.partitions.get_mut(&tp) {
                partition.compactable = false;
            }
        }
        if let Some(scan) = run.scan {
            self.ops.close(out, scan.file);
        }
        if let Some(target) = run.target {
            self.ops.close(out, target.file);
            let path = target.path;
            self.op(out, DiskOp::Remove { path }, Pending::Nothing);
        }
    }
}
