//! Reads of segments: by offset for consumers that lag, by timestamp for look-ups.
//! Every batch it gives passed its checksum; what fails is reported, never served.

mod look;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use kring_io::{Buffer, DiskDone, DiskError, DiskOk, DiskOp, Effects, FileId, FileKind, Now};
use kring_wire::ids::Offset;

use crate::Log;
use crate::error::ReadError;
use crate::event::{LogEvent, Lookup, OffsetAndTimestamp, Read, ReadId};
use crate::log::describe;
use crate::lookup::Sought;
use crate::ops::Pending;
use crate::segment::files::{Acquired, Waiter};
use crate::segment::{self, SegmentKey};
use look::Step;

/// The smallest and the largest read that is not for one large batch.
const READ_BYTES_MIN: usize = 64 << 10;
const READ_BYTES_MAX: usize = 1 << 20;
/// Places at which consumers of one partition are remembered.
const CURSORS_MAX: usize = 8;

/// What a read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    Fetch {
        from: Offset,
        upto: Offset,
        max_bytes: usize,
    },
    Lookup(Sought),
}

#[derive(Debug)]
struct ColdRead {
    key: SegmentKey,
    generation: u64,
    path: String,
    goal: Goal,
    /// Where the next byte to look at lies.
    position: u64,
    /// What the segment holds; nothing behind it counts.
    segment_bytes: u64,
    /// Offset after its last batch.
    next_offset: Offset,
    /// Whether each batch begins where the one before ends.
    dense: bool,
    /// First offset that may come, so that a damaged header is noticed.
    at_least: Offset,
    read_bytes: usize,
    file: Option<FileId>,
}

/// All reads under way.
#[derive(Debug, Default)]
pub(crate) struct ColdReads {
    next: u64,
    running: BTreeMap<ReadId, ColdRead>,
}

/// Where readers of a partition stopped, so that they go on without a search.
#[derive(Debug, Default)]
pub(crate) struct Cursors(VecDeque<(Offset, SegmentKey, u64)>);

impl Cursors {
    /// The position of `offset` in a segment, if a reader stopped there.
    pub(crate) fn take(&mut self, offset: Offset, segment: SegmentKey) -> Option<u64> {
        let at = self
            .0
            .iter()
            .position(|(o, s, _)| *o == offset && *s == segment)?;
        self.0.remove(at).map(|(_, _, position)| position)
    }

    fn put(&mut self, offset: Offset, segment: SegmentKey, position: u64) {
        if self.0.len() == CURSORS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((offset, segment, position));
    }
}

impl Log {
    /// Begins a read at a position at or before what is wanted. `None`: too many are under way.
    pub(crate) fn begin_cold_read(
        &mut self,
        key: SegmentKey,
        position: u64,
        goal: Goal,
        out: &mut Effects,
    ) -> Option<ReadId> {
        if self.reads.running.len() >= self.config.cold_reads_max {
            return None;
        }
        let partition = self.state.partitions.get(&key.tp)?;
        let segment = partition.segment(key)?;
        let wanted = match goal {
            Goal::Fetch { max_bytes, .. } => max_bytes,
            Goal::Lookup(_) => READ_BYTES_MIN,
        };
        self.reads.next += 1;
        self.stats.cold_reads += 1;
        let id = ReadId(self.reads.next);
        let path = segment::path(&partition.dir, key);
        self.reads.running.insert(
            id,
            ColdRead {
                key,
                generation: partition.generation,
                path: path.clone(),
                goal,
                position,
                segment_bytes: segment.file_bytes,
                next_offset: segment.next_offset,
                dense: !segment.has_gaps,
                at_least: segment.base_offset,
                read_bytes: wanted.clamp(READ_BYTES_MIN, READ_BYTES_MAX),
                file: None,
            },
        );
        let ops = &mut self.ops;
        match self.files.acquire(key, Waiter::Read(id), || ops.new_file()) {
            Acquired::Open(_) => self.cold_read_open(id, out),
            Acquired::ToOpen(file) => {
                let open = DiskOp::Open {
                    file,
                    path,
                    kind: FileKind::Segment,
                    create: false,
                };
                self.op(out, open, Pending::OpenSegment(key));
            }
            Acquired::Wait => {}
        }
        Some(id)
    }

    /// The file is open.
    pub(crate) fn cold_read_open(&mut self, id: ReadId, out: &mut Effects) {
        if let Some(read) = self.reads.running.get_mut(&id) {
            read.file = self.files.get_mut(read.key).map(|f| f.file);
            self.read_on(id, out);
        }
    }

    fn read_on(&mut self, id: ReadId, out: &mut Effects) {
        let Some(read) = self.reads.running.get(&id) else {
            return;
        };
        let Some(file) = read.file else {
            return;
        };
        let left = read.segment_bytes.saturating_sub(read.position);
        let bytes = (read.read_bytes as u64).min(left) as usize;
        let op = DiskOp::Read {
            file,
            offset: read.position,
            buffer: Buffer::zeroed(bytes),
        };
        self.op(out, op, Pending::ColdRead(id));
    }

    /// Bytes came.
    pub(crate) fn cold_read_done(
        &mut self,
        _now: Now,
        id: ReadId,
        done: DiskDone,
        out: &mut Effects,
    ) {
        let (len, buffer) = match (done.result, done.buffer) {
            (Ok(DiskOk::Read { len }), Some(buffer)) => (len, buffer),
            (Err(error), _) => return self.cold_read_failed(id, &error, out),
            _ => return,
        };
        let Some(read) = self.reads.running.get_mut(&id) else {
            return;
        };
        let partition = self
            .state
            .partitions
            .get_mut(&read.key.tp)
            .filter(|p| p.generation == read.generation);
        let Some(partition) = partition else {
            return self.finish_read(id, Err(ReadError::Gone), out);
        };
        let bytes = Bytes::from_owner(buffer).slice(..len);
        match read.look(&bytes, &partition.epochs) {
            Step::Found(from, to, next_offset) => {
                let position = read.position + to as u64;
                partition.cursors.put(next_offset, read.key, position);
                let found = if from == to {
                    Vec::new()
                } else {
                    vec![bytes.slice(from..to)]
                };
                self.finish_read(id, Ok(Found::Batches(found)), out);
            }
            Step::Record(record) => self.finish_read(id, Ok(Found::Record(Some(record))), out),
            Step::More(position, read_bytes) => {
                read.position = position;
                read.read_bytes = read_bytes;
                self.read_on(id, out);
            }
            Step::Exhausted => self.exhausted(id, out),
            Step::Corrupt(position, reason) => {
                self.stats.corrupt_reads += 1;
                let (key, path) = (read.key, read.path.clone());
                self.note_damage(key, position, &reason);
                let error = ReadError::Corrupt {
                    path,
                    position,
                    reason,
                };
                self.finish_read(id, Err(error), out);
            }
        }
    }

    pub(crate) fn cold_read_failed(&mut self, id: ReadId, error: &DiskError, out: &mut Effects) {
        let (path, reason) = describe(error);
        if let Some(read) = self.reads.running.get(&id) {
            let (key, generation) = (read.key, read.generation);
            let partition = self.state.partitions.get(&key.tp);
            if partition.is_some_and(|p| p.generation == generation) {
                self.note_unreadable(key, error);
            }
        }
        self.finish_read(id, Err(ReadError::Disk { path, reason }), out);
    }

    /// The segment does not hold it: a look-up goes on behind it.
    fn exhausted(&mut self, id: ReadId, out: &mut Effects) {
        let Some(read) = self.reads.running.get(&id) else {
            return;
        };
        let sought = match read.goal {
            Goal::Lookup(sought) => sought,
            Goal::Fetch {
                upto, max_bytes, ..
            } => return self.fetch_behind(id, upto, max_bytes, out),
        };
        let tp = read.key.tp;
        let next = read.next_offset;
        let rest = Sought {
            from: sought.from.max(next),
            ..sought
        };
        // Room for the read that goes on in this one's place.
        let Some(read) = self.reads.running.remove(&id) else {
            return;
        };
        self.release_read(&read, out);
        match self.seek(tp, rest, out) {
            Lookup::Pending(continued) => {
                if let Some(read) = self.reads.running.remove(&continued) {
                    self.rename_read(continued, id, read);
                }
            }
            Lookup::Ready(record) => self.events.push(LogEvent::LookupDone {
                id,
                result: Ok(record),
            }),
            Lookup::Busy | Lookup::UnknownPartition => self.events.push(LogEvent::LookupDone {
                id,
                result: Err(ReadError::Gone),
            }),
        }
    }

    /// Compaction left a gap up to the end of the segment: what comes next is the answer.
    fn fetch_behind(&mut self, id: ReadId, upto: Offset, max_bytes: usize, out: &mut Effects) {
        let Some(read) = self.reads.running.remove(&id) else {
            return;
        };
        self.release_read(&read, out);
        match self.read(
            Now::default(),
            read.key.tp,
            read.next_offset,
            upto,
            max_bytes,
            out,
        ) {
            Read::Pending(continued) => {
                if let Some(read) = self.reads.running.remove(&continued) {
                    self.rename_read(continued, id, read);
                }
            }
            Read::Ready(batches) => self.events.push(LogEvent::ReadDone {
                id,
                result: Ok(batches),
            }),
            Read::OutOfRange { .. } | Read::Busy | Read::UnknownPartition => {
                self.events.push(LogEvent::ReadDone {
                    id,
                    result: Err(ReadError::Gone),
                });
            }
        }
    }

    fn rename_read(&mut self, from: ReadId, to: ReadId, read: ColdRead) {
        self.ops.rename_read(from, to);
        self.files.rename_waiter(read.key, from, to);
        self.reads.running.insert(to, read);
    }

    fn release_read(&mut self, read: &ColdRead, out: &mut Effects) {
        if read.file.is_some()
            && let Some(file) = self.files.release(read.key)
        {
            self.ops.close(out, file);
        }
    }

    fn finish_read(&mut self, id: ReadId, result: Result<Found, ReadError>, out: &mut Effects) {
        let Some(read) = self.reads.running.remove(&id) else {
            return;
        };
        self.release_read(&read, out);
        self.events.push(match (read.goal, result) {
            (Goal::Fetch { .. }, Ok(Found::Batches(batches))) => LogEvent::ReadDone {
                id,
                result: Ok(batches),
            },
            (Goal::Fetch { .. }, Ok(Found::Record(_))) => LogEvent::ReadDone {
                id,
                result: Ok(Vec::new()),
            },
            (Goal::Fetch { .. }, Err(error)) => LogEvent::ReadDone {
                id,
                result: Err(error),
            },
            (Goal::Lookup(_), Ok(Found::Record(record))) => LogEvent::LookupDone {
                id,
                result: Ok(record),
            },
            (Goal::Lookup(_), Ok(Found::Batches(_))) => LogEvent::LookupDone {
                id,
                result: Ok(None),
            },
            (Goal::Lookup(_), Err(error)) => LogEvent::LookupDone {
                id,
                result: Err(error),
            },
        });
    }
}

enum Found {
    Batches(Vec<Bytes>),
    Record(Option<OffsetAndTimestamp>),
}
