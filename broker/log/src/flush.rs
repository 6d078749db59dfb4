//! Moves committed, durable batches from memory to their segment files, lazily and in large
//! writes. It makes nothing durable: the checkpoint syncs what it refers to.

use std::collections::{BTreeMap, BTreeSet};

use kring_io::{Buffer, DiskDone, DiskError, DiskOp, Effects, FileId, FileKind, Now};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::ops::Pending;
use crate::partition::tail::TailSlice;
use crate::room::Need;
use crate::segment::files::{Acquired, Waiter};
use crate::segment::{self, SegmentKey};

/// One write to a segment is at most so long (or one batch).
const WRITE_BYTES_MAX: usize = 4 << 20;
/// Partitions that are written at once.
const FLUSHES_MAX: usize = 4;
/// The file in a partition's directory that names its topic, as Kafka writes it.
pub(crate) const METADATA_FILE: &str = "partition.metadata";

/// What a flush waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlushStep {
    MakeDir,
    OpenMetadata(FileId),
    WriteMetadata(FileId),
    SyncMetadata(FileId),
    /// Bytes of a former life behind what is known to be written are cut off.
    Cut,
    Write,
}

/// A partition's flush under way.
#[derive(Debug)]
pub(crate) struct FlushJob {
    pub(crate) dir: String,
    generation: u64,
    key: SegmentKey,
    /// The open file, once there is one.
    file: Option<FileId>,
    slice: Option<TailSlice>,
}

/// The file that takes unwritten batches: compaction rewrites only what is complete.
fn unwritten(tp: TopicPartition, base_offset: Offset) -> SegmentKey {
    SegmentKey {
        tp,
        base_offset,
        rewrites: 0,
    }
}

/// Which partitions have what to flush.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    /// Those with batches that no segment holds.
    pub(crate) dirty: BTreeSet<TopicPartition>,
    /// Those whose turn it is.
    pub(crate) due: BTreeSet<TopicPartition>,
    pub(crate) running: BTreeMap<TopicPartition, FlushJob>,
    /// Directories with names that no sync covers.
    pub(crate) unsynced_dirs: BTreeSet<String>,
}

impl Log {
    /// Begins flushes that are due, as many as may run.
    pub(crate) fn start_flushes(&mut self, now: Now, out: &mut Effects) {
        if self.room.waits(Need::Segments, now.mono) {
            return;
        }
        if self.flush.due.is_empty() && self.flush.running.is_empty() {
            // What did not fit was deleted meanwhile.
            self.disk_has_room(Need::Segments);
        }
        loop {
            if self.flush.running.len() >= FLUSHES_MAX {
                return;
            }
            let Some(tp) = self.next_due() else {
                return;
            };
            let Some(partition) = self.state.partitions.get(&tp) else {
                self.flush.due.remove(&tp);
                self.flush.dirty.remove(&tp);
                continue;
            };
            self.flush.due.remove(&tp);
            if partition.dirty_bytes == 0 {
                self.flush.dirty.remove(&tp);
            }
            if partition.flushed_end < partition.flush_limit() && partition.dirty_bytes > 0 {
                self.begin_flush(now, tp, out);
            }
        }
    }

    /// A partition whose turn it is and whose directory nobody else changes.
    fn next_due(&self) -> Option<TopicPartition> {
        let is_free = |tp: &&TopicPartition| {
            let dir = self.state.partitions.get(*tp).map(|p| p.dir.as_str());
            !self.flush.running.contains_key(*tp)
                && dir.is_none_or(|dir| !self.removals.blocks(dir))
        };
        self.flush.due.iter().find(is_free).copied()
    }

    fn begin_flush(&mut self, now: Now, tp: TopicPartition, out: &mut Effects) {
        let Some(partition) = self.state.partitions.get(&tp) else {
            return;
        };
        let job = FlushJob {
            dir: partition.dir.clone(),
            generation: partition.generation,
            key: unwritten(tp, partition.flushed_end),
            file: None,
            slice: None,
        };
        let (made, path) = (partition.dir_made, partition.dir.clone());
        self.flush.running.insert(tp, job);
        if made {
            self.flush_to_file(now, tp, out);
        } else {
            let pending = Pending::Flush(tp, FlushStep::MakeDir);
            self.op(out, DiskOp::CreateDir { path }, pending);
        }
    }

    /// The directory is there: takes what to write and asks for the file.
    fn flush_to_file(&mut self, now: Now, tp: TopicPartition, out: &mut Effects) {
        let Some(job) = self.flush.running.get_mut(&tp) else {
            return;
        };
        let slice = self
            .state
            .partitions
            .get_mut(&tp)
            .filter(|p| p.generation == job.generation)
            .map(|p| {
                p.tail
                    .slice(p.flushed_end, p.flush_limit(), WRITE_BYTES_MAX)
            })
            .filter(|slice| !slice.batches.is_empty());
        let Some(slice) = slice else {
            self.flush.running.remove(&tp);
            return;
        };
        let key = unwritten(tp, slice.segment);
        job.key = key;
        job.slice = Some(slice);
        let path = segment::path(&job.dir, key);
        let ops = &mut self.ops;
        match self
            .files
            .acquire(key, Waiter::Flush(tp), || ops.new_file())
        {
            Acquired::Open(_) => self.flush_file_open(now, tp, out),
            Acquired::ToOpen(file) => {
                let open = DiskOp::Open {
                    file,
                    path,
                    kind: FileKind::Segment,
                    create: true,
                };
                self.op(out, open, Pending::OpenSegment(key));
            }
            Acquired::Wait => {}
        }
    }

    /// The file is open.
    pub(crate) fn flush_file_open(&mut self, now: Now, tp: TopicPartition, out: &mut Effects) {
        let Some(job) = self.flush.running.get_mut(&tp) else {
            return;
        };
        let Some(open) = self.files.get_mut(job.key) else {
            return;
        };
        job.file = Some(open.file);
        let written = self
            .state
            .partitions
            .get(&tp)
            .filter(|p| p.generation == job.generation);
        let Some(partition) = written else {
            self.end_flush(tp, out);
            return;
        };
        let known = partition
            .segments
            .back()
            .filter(|s| s.base_offset == job.key.base_offset)
            .map_or(0, |s| s.file_bytes);
        if known == 0 {
            self.flush.unsynced_dirs.insert(job.dir.clone());
        }
        let file = open.file;
        if open.opened_bytes.is_some_and(|bytes| bytes > known) {
            open.opened_bytes = Some(known);
            let cut = DiskOp::SetLen { file, len: known };
            self.op(out, cut, Pending::Flush(tp, FlushStep::Cut));
        } else {
            self.flush_write(now, tp, out);
        }
    }

    fn flush_write(&mut self, _now: Now, tp: TopicPartition, out: &mut Effects) {
        let Some(job) = self.flush.running.get(&tp) else {
            return;
        };
        let partition = self
            .state
            .partitions
            .get(&tp)
            .filter(|p| p.generation == job.generation);
        let (Some(partition), Some(slice), Some(file)) = (partition, &job.slice, job.file) else {
            self.end_flush(tp, out);
            return;
        };
        let offset = partition
            .segments
            .back()
            .filter(|s| s.base_offset == job.key.base_offset)
            .map_or(0, |s| s.file_bytes);
        let write = DiskOp::WriteGather {
            file,
            offset,
            parts: slice.parts.clone(),
        };
        self.op(out, write, Pending::Flush(tp, FlushStep::Write));
    }

    /// A step is done.
    pub(crate) fn flush_done(
        &mut self,
        now: Now,
        tp: TopicPartition,
        step: FlushStep,
        done: DiskDone,
        out: &mut Effects,
    ) {
        if let Err(error) = done.result {
            return match (step, error) {
                // A failed sync says nothing about the file, whatever the reason.
                (FlushStep::SyncMetadata(_), error) => self.fail_write(&error),
                (FlushStep::WriteMetadata(file), error) => {
                    self.ops.close(out, file);
                    self.flush_failed(now, tp, &error, out);
                }
                (_, error) => self.flush_failed(now, tp, &error, out),
            };
        }
        let Some(job) = self.flush.running.get(&tp) else {
            return;
        };
        let next = |step| Pending::Flush(tp, step);
        match step {
            FlushStep::MakeDir => {
                let file = self.ops.new_file();
                let open = DiskOp::Open {
                    file,
                    path: format!("{}/{METADATA_FILE}", job.dir),
                    kind: FileKind::Meta,
                    create: true,
                };
                self.op(out, open, next(FlushStep::OpenMetadata(file)));
            }
            FlushStep::OpenMetadata(file) => {
                let text = format!("version: 0\ntopic_id: {}", tp.topic);
                let mut buffer = Buffer::with_capacity(text.len());
                buffer.extend_from_slice(text.as_bytes());
                let write = DiskOp::Write {
                    file,
                    offset: 0,
                    buffer,
                    durable: false,
                };
                self.op(out, write, next(FlushStep::WriteMetadata(file)));
            }
            FlushStep::WriteMetadata(file) => {
                self.op(
                    out,
                    DiskOp::Sync { file },
                    next(FlushStep::SyncMetadata(file)),
                );
            }
            FlushStep::SyncMetadata(file) => {
                self.ops.close(out, file);
                let dir = job.dir.clone();
                if let Some(partition) = self.state.partitions.get_mut(&tp) {
                    partition.dir_made = true;
                }
                self.flush.unsynced_dirs.insert(dir);
                self.flush.unsynced_dirs.insert(String::new());
                self.flush_to_file(now, tp, out);
            }
            FlushStep::Cut => self.flush_write(now, tp, out),
            FlushStep::Write => self.flush_written(tp, out),
        }
    }

    fn flush_written(&mut self, tp: TopicPartition, out: &mut Effects) {
        let Some(job) = self.flush.running.get_mut(&tp) else {
            return;
        };
        self.files.written(job.key);
        let slice = job.slice.take();
        let partition = self
            .state
            .partitions
            .get_mut(&tp)
            .filter(|p| p.generation == job.generation);
        if let (Some(partition), Some(slice)) = (partition, slice) {
            let bytes = slice.len_bytes() as u64;
            let created_ms = partition.active.created_ms;
            partition.flushed(slice.segment, created_ms, &slice.batches);
            self.stats.segment_written_bytes += bytes;
            self.stats.tail_dirty_bytes -= bytes;
            if partition.dirty_bytes >= self.config.segment_flush_bytes as u64
                || self.checkpoint.waits_for(tp, partition)
            {
                self.flush.due.insert(tp);
            }
        }
        self.disk_has_room(Need::Segments);
        self.end_flush(tp, out);
        self.evict_tails();
    }

    pub(crate) fn flush_failed(
        &mut self,
        now: Now,
        tp: TopicPartition,
        error: &DiskError,
        out: &mut Effects,
    ) {
        match error {
            // LOG-8: what had no room waits in memory and in the journal.
            DiskError::NoSpace { path } => {
                self.disk_full(now, Need::Segments, path.clone());
                self.flush.due.insert(tp);
                self.end_flush(tp, out);
            }
            // The partition was deleted while its directory was made.
            DiskError::NotFound { .. } if !self.state.partitions.contains_key(&tp) => {
                self.end_flush(tp, out);
            }
            error => self.fail_write(error),
        }
    }

    fn end_flush(&mut self, tp: TopicPartition, out: &mut Effects) {
        if let Some(job) = self.flush.running.remove(&tp)
            && job.file.is_some()
            && let Some(file) = self.files.release(job.key)
        {
            self.ops.close(out, file);
        }
    }
}
