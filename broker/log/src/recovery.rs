//! From a data directory to a running log: the newer valid checkpoint, then the journal's chain
//! behind it. A new directory is made here too. It repairs nothing: a hole ends it.

use kring_io::disk::Entry;
use kring_io::{
    Buffer, DiskDone, DiskError, DiskOk, DiskOp, Effects, FileId, FileKind, Instant, Now,
};

use crate::Log;
use crate::checkpoint::{self, snapshot};
use crate::event::{LogEvent, LogFailure, Recovered};
use crate::journal::block::{self, Expected};
use crate::journal::record::{self, Change, Record};
use crate::journal::replay::{Next, Scan};
use crate::journal::ring::{self, Geometry, Position, Ring};
use crate::journal::zero::{ZERO_CHUNK_BYTES, Zeroing};
use crate::journal::{Chain, Journal};
use crate::log::{Phase, describe, micros};
use crate::lsn::Lsn;
use crate::ops::Pending;
use crate::partition::dir_name;
use crate::removal::DELETED_SUFFIX;
use crate::state::State;
use snapshot::{Snapshot, SnapshotError};

/// What recovery waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecoveryStep {
    List,
    OpenCheckpoint(FileId),
    ReadCheckpoint(FileId),
    /// Of a new directory: the first checkpoint.
    OpenFirst(FileId),
    WriteFirst(FileId),
    SyncFirst(FileId),
    SyncFirstDir,
    OpenJournal(usize),
    SyncJournalDir,
    /// Zeros at the beginning of the first file.
    ZeroJournal,
    ReadJournal,
}

/// What recovery knows so far.
#[derive(Debug)]
pub(crate) struct Recovery {
    started: Instant,
    entries: Vec<Entry>,
    /// Checkpoint files still to read.
    unread: Vec<String>,
    best: Option<(u64, Snapshot)>,
    /// What was wrong with checkpoints that cannot be used.
    invalid: Vec<String>,
    number: u64,
    geometry: Geometry,
    journal_files: Vec<FileId>,
    journal_lens: Vec<u64>,
    zeros_left: usize,
    /// Where the chain begins: what the checkpoint covers.
    begin: Position,
    covered: Lsn,
    covered_crc: u32,
    scan: Option<Scan>,
    end: Option<Position>,
}

impl Log {
    /// Begins recovery. It ends with [`LogEvent::Recovered`] or [`LogEvent::Failed`].
    pub fn start(&mut self, now: Now, out: &mut Effects) {
        assert_eq!(self.phase, Phase::New, "a log is started once");
        self.phase = Phase::Recovering;
        self.recovery = Some(Recovery {
            started: now.mono,
            entries: Vec::new(),
            unread: Vec::new(),
            best: None,
            invalid: Vec::new(),
            number: 0,
            geometry: Geometry {
                file_bytes: self.config.journal_file_bytes,
                files: self.config.journal_files.max(2),
            },
            journal_files: Vec::new(),
            journal_lens: Vec::new(),
            zeros_left: 0,
            begin: Position::default(),
            covered: Lsn(0),
            covered_crc: 0,
            scan: None,
            end: None,
        });
        let path = String::new();
        self.op(
            out,
            DiskOp::List { path },
            Pending::Recovery(RecoveryStep::List),
        );
    }

    /// A step is done.
    pub(crate) fn recovery_done(
        &mut self,
        now: Now,
        step: RecoveryStep,
        done: DiskDone,
        out: &mut Effects,
    ) {
        let ok = match done.result {
            Ok(ok) => ok,
            Err(error) => return self.recovery_failed(step, &error),
        };
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        match (step, ok) {
            (RecoveryStep::List, DiskOk::Listed(entries)) => {
                recovery.entries = entries;
                recovery.unread = (0..2)
                    .map(checkpoint::path)
                    .filter(|p| recovery.entries.iter().any(|e| e.name == *p))
                    .collect();
                self.next_checkpoint_file(now, out);
            }
            (RecoveryStep::OpenCheckpoint(file), DiskOk::Opened { len }) => {
                let read = DiskOp::Read {
                    file,
                    offset: 0,
                    buffer: Buffer::zeroed(usize::try_from(len).unwrap_or(usize::MAX)),
                };
                let step = RecoveryStep::ReadCheckpoint(file);
                self.op(out, read, Pending::Recovery(step));
            }
            (RecoveryStep::ReadCheckpoint(file), DiskOk::Read { len }) => {
                self.ops.close(out, file);
                let content = done.buffer.as_deref().map_or(&[][..], |b| &b[..len]);
                if self.take_checkpoint(content) {
                    self.next_checkpoint_file(now, out);
                }
            }
            (RecoveryStep::ReadJournal, DiskOk::Read { len }) => {
                if let (Some(scan), Some(buffer)) = (recovery.scan.as_mut(), &done.buffer) {
                    scan.filled(&buffer[..len], buffer.len());
                }
                self.scan(now, out);
            }
            (RecoveryStep::OpenJournal(index), DiskOk::Opened { len }) => {
                recovery.journal_lens[index] = len;
                self.next_journal_file(now, out);
            }
            (step, _) => self.directory_step(now, step, out),
        }
    }

    fn recovery_failed(&mut self, step: RecoveryStep, error: &DiskError) {
        let (path, reason) = describe(error);
        self.fail(match step {
            RecoveryStep::WriteFirst(_)
            | RecoveryStep::SyncFirst(_)
            | RecoveryStep::SyncFirstDir
            | RecoveryStep::SyncJournalDir
            | RecoveryStep::ZeroJournal => LogFailure::Write { path, reason },
            _ => LogFailure::Open { path, reason },
        });
    }

    fn next_checkpoint_file(&mut self, now: Now, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        if let Some(path) = recovery.unread.pop() {
            let file = self.ops.new_file();
            let open = DiskOp::Open {
                file,
                path,
                kind: FileKind::Meta,
                create: false,
            };
            let step = RecoveryStep::OpenCheckpoint(file);
            self.op(out, open, Pending::Recovery(step));
            return;
        }
        match recovery.best.take() {
            Some((number, snapshot)) => self.restore(now, number, snapshot, out),
            None => self.begin_directory(out),
        }
    }

    /// Reads a checkpoint. Returns whether recovery may go on.
    fn take_checkpoint(&mut self, content: &[u8]) -> bool {
        let Some(recovery) = self.recovery.as_mut() else {
            return false;
        };
        match snapshot::decode(content) {
            Ok((number, snapshot)) => {
                if recovery.best.as_ref().is_none_or(|(n, _)| *n < number) {
                    recovery.best = Some((number, snapshot));
                }
            }
            Err(SnapshotError::Invalid(reason)) => recovery.invalid.push(reason),
            Err(SnapshotError::Newer(found)) => {
                self.fail(LogFailure::NewerFormat {
                    path: "checkpoint".to_owned(),
                    found,
                    supported: snapshot::FORMAT,
                });
                return false;
            }
        }
        true
    }

    fn restore(&mut self, now: Now, number: u64, snapshot: Snapshot, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        recovery.number = number;
        recovery.geometry = snapshot.geometry;
        recovery.begin = snapshot.position;
        recovery.covered = snapshot.lsn;
        recovery.covered_crc = snapshot.crc;
        let expected = Expected {
            epoch: snapshot.epoch,
            lsn: snapshot.lsn.next(),
            prev_crc: snapshot.crc,
        };
        let mut scan = Scan::new(snapshot.geometry, snapshot.position, expected);
        scan.clean = snapshot.clean;
        recovery.scan = Some(scan);
        match snapshot.restore(now.wall_ms) {
            Ok(state) => {
                self.state = state;
                self.next_journal_file(now, out);
            }
            Err(reason) => self.fail(LogFailure::NoCheckpoint { reason }),
        }
    }

    /// No checkpoint is valid: that is right only where nothing was ever journaled.
    fn begin_directory(&mut self, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        let old = recovery
            .entries
            .iter()
            .find(|e| e.name.starts_with("journal-") || is_partition_dir(e));
        if let Some(old) = old {
            let mut reason = format!("{} is there", old.name);
            for invalid in &recovery.invalid {
                reason = format!("{reason}; of a checkpoint: {invalid}");
            }
            self.fail(LogFailure::NoCheckpoint { reason });
            return;
        }
        self.recovered.empty = true;
        recovery.number = 1;
        let file = self.ops.new_file();
        let open = DiskOp::Open {
            file,
            path: checkpoint::path(1),
            kind: FileKind::Meta,
            create: true,
        };
        self.op(out, open, Pending::Recovery(RecoveryStep::OpenFirst(file)));
    }

    /// The steps that make a new directory, one after the other. The journal files come after the
    /// first checkpoint is durable: a directory with a journal always has one.
    fn directory_step(&mut self, now: Now, step: RecoveryStep, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        let next = Pending::Recovery;
        match step {
            RecoveryStep::OpenFirst(file) => {
                let covered = (Lsn(0), 0, 0);
                let first = Snapshot::take(
                    recovery.geometry,
                    Position::default(),
                    covered,
                    true,
                    &mut State::default(),
                );
                let bytes = first.encode(1);
                let mut buffer = Buffer::with_capacity(bytes.len());
                buffer.extend_from_slice(&bytes);
                let write = DiskOp::Write {
                    file,
                    offset: 0,
                    buffer,
                    durable: false,
                };
                self.op(out, write, next(RecoveryStep::WriteFirst(file)));
            }
            RecoveryStep::WriteFirst(file) => {
                self.op(
                    out,
                    DiskOp::Sync { file },
                    next(RecoveryStep::SyncFirst(file)),
                );
            }
            RecoveryStep::SyncFirst(file) => {
                self.ops.close(out, file);
                let path = String::new();
                self.op(
                    out,
                    DiskOp::SyncDir { path },
                    next(RecoveryStep::SyncFirstDir),
                );
            }
            RecoveryStep::SyncFirstDir => {
                let expected = Expected {
                    epoch: 0,
                    lsn: Lsn(1),
                    prev_crc: 0,
                };
                let mut scan = Scan::new(recovery.geometry, Position::default(), expected);
                scan.clean = true;
                recovery.scan = Some(scan);
                self.next_journal_file(now, out);
            }
            RecoveryStep::SyncJournalDir => self.zero_beginning(now, out),
            RecoveryStep::ZeroJournal => {
                recovery.zeros_left -= 1;
                if recovery.zeros_left == 0 {
                    self.scan(now, out);
                }
            }
            step => unreachable!("{step:?} gives something and is taken before"),
        }
    }

    fn next_journal_file(&mut self, now: Now, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        let index = recovery.journal_files.len();
        // Only before anything was checkpointed may files be missing: the start was interrupted.
        let create = recovery.number <= 1;
        if index == recovery.geometry.files as usize {
            if create {
                let path = String::new();
                let step = RecoveryStep::SyncJournalDir;
                self.op(out, DiskOp::SyncDir { path }, Pending::Recovery(step));
            } else {
                self.scan(now, out);
            }
            return;
        }
        let file = self.ops.new_file();
        recovery.journal_files.push(file);
        recovery.journal_lens.push(0);
        let open = DiskOp::Open {
            file,
            path: ring::path(index),
            kind: FileKind::Journal,
            create,
        };
        let step = RecoveryStep::OpenJournal(index);
        self.op(out, open, Pending::Recovery(step));
    }

    fn zero_beginning(&mut self, now: Now, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        let until = self
            .config
            .journal_zeroed_at_start_bytes
            .min(recovery.geometry.file_bytes);
        let mut at = recovery.journal_lens[0].next_multiple_of(4096);
        let mut writes = Vec::new();
        while at < until {
            let bytes = ZERO_CHUNK_BYTES.min(until - at);
            writes.push(DiskOp::Write {
                file: recovery.journal_files[0],
                offset: at,
                buffer: Buffer::zeroed(bytes as usize),
                durable: true,
            });
            at += bytes;
        }
        recovery.journal_lens[0] = recovery.journal_lens[0].max(at);
        recovery.zeros_left = writes.len();
        if writes.is_empty() {
            self.scan(now, out);
        }
        for write in writes {
            self.op(out, write, Pending::Recovery(RecoveryStep::ZeroJournal));
        }
    }

    /// Follows the chain as far as the bytes at hand allow.
    fn scan(&mut self, now: Now, out: &mut Effects) {
        loop {
            let Some(recovery) = self.recovery.as_mut() else {
                return;
            };
            if self.recovered.empty {
                recovery.end = Some(recovery.begin);
                self.finish_recovery(now, out);
                return;
            }
            let Some(scan) = recovery.scan.as_mut() else {
                return;
            };
            match scan.next() {
                Next::Read {
                    index,
                    offset,
                    bytes,
                } => {
                    let read = DiskOp::Read {
                        file: recovery.journal_files[index],
                        offset,
                        buffer: Buffer::zeroed(bytes),
                    };
                    self.op(out, read, Pending::Recovery(RecoveryStep::ReadJournal));
                    return;
                }
                Next::Block {
                    header,
                    mut payload,
                    at,
                } => {
                    self.recovered.replayed_groups += 1;
                    self.recovered.replayed_bytes += payload.len() as u64;
                    if let Err(reason) = self.replay_block(now, header.records, &mut payload) {
                        let path = self.journal_path(at);
                        let lsn = header.lsn;
                        self.fail(LogFailure::Replay { path, lsn, reason });
                        return;
                    }
                }
                Next::End { at } => {
                    recovery.end = Some(at);
                    self.finish_recovery(now, out);
                    return;
                }
                Next::Hole {
                    at,
                    lsn,
                    proof_lsn,
                    proof_index,
                    proof_offset,
                } => {
                    let path = self.journal_path(at);
                    let proof = ring::path(proof_index);
                    self.fail(LogFailure::Hole {
                        path,
                        position: at.offset,
                        lsn,
                        reason: format!(
                            "block {proof_lsn} in {proof} at byte {proof_offset} was written after it"
                        ),
                    });
                    return;
                }
                Next::NewerFormat { index, format } => {
                    self.fail(LogFailure::NewerFormat {
                        path: ring::path(index),
                        found: format,
                        supported: block::FORMAT,
                    });
                    return;
                }
            }
        }
    }

    fn journal_path(&self, at: Position) -> String {
        let geometry = self.recovery.as_ref().map(|r| r.geometry);
        geometry.map_or(String::new(), |g| ring::path(g.index(at)))
    }

    fn replay_block(
        &mut self,
        now: Now,
        records: u32,
        payload: &mut bytes::Bytes,
    ) -> Result<(), String> {
        for index in 0..records {
            let record = record::take(payload)
                .ok_or_else(|| format!("record {index} of {records} is none"))?;
            let clean = record == Record::Change(Change::Clean);
            if let Some(scan) = self.recovery.as_mut().and_then(|r| r.scan.as_mut()) {
                scan.clean = clean;
            }
            self.state.replay(record, now.wall_ms)?;
        }
        Ok(())
    }

    /// The state is complete: the journal goes on with the first block of this run.
    fn finish_recovery(&mut self, now: Now, out: &mut Effects) {
        let Some(recovery) = self.recovery.take() else {
            return;
        };
        let (Some(scan), Some(end)) = (recovery.scan, recovery.end) else {
            return;
        };
        self.recovered.clean = scan.clean;
        self.recovered.duration_us = micros(recovery.started, now.mono);
        let ring = Ring {
            geometry: recovery.geometry,
            head: end,
            oldest: recovery.begin,
        };
        let mut lens = recovery.journal_lens;
        for len in &mut lens {
            // A length that is no multiple of a block's alignment was torn.
            *len = (*len / 4096 * 4096).min(recovery.geometry.file_bytes);
        }
        self.stats.journal_capacity_bytes = ring.geometry.capacity_bytes();
        self.stats.journal_used_bytes = ring.used_bytes();
        let expected = scan.expected();
        let chain = Chain {
            lsn: Lsn(expected.lsn.0 - 1),
            crc: expected.prev_crc,
        };
        let zeroing = Zeroing::new(lens, recovery.geometry.file_bytes);
        let mut journal = Journal::new(
            ring,
            zeroing,
            recovery.journal_files,
            self.random.next_u64(),
            chain,
            self.config.commit_group_bytes_max,
            self.config.commit_groups_in_flight,
        );
        self.checkpoint
            .resume(recovery.number, recovery.covered, now.mono);
        for (tp, partition) in &self.state.partitions {
            self.stats.tail_bytes += partition.tail.bytes() as u64;
            self.stats.tail_dirty_bytes += partition.dirty_bytes;
            if partition.dirty_bytes > 0 {
                self.flush.dirty.insert(*tp);
            }
        }
        self.remove_orphans(&recovery.entries);
        if journal.push_change(&Change::Start).is_err() {
            self.journal_full();
            return;
        }
        self.journal = Some(journal);
        self.phase = Phase::Starting;
        self.submit(now, out);
    }

    /// The first block of this run is durable.
    pub(crate) fn started(&mut self, now: Now, out: &mut Effects) {
        self.phase = Phase::Running;
        self.stats.recovery_us = self.recovered.duration_us;
        // The next recovery need not repeat this one's work.
        self.checkpoint.wanted = self.recovered.empty || self.recovered.replayed_groups > 1;
        self.start_timers(now, out);
        let recovered: Recovered = self.recovered;
        self.events.push(LogEvent::Recovered(recovered));
    }

    /// Removes directories that the journal knows to be dropped, or that hold nothing that the
    /// checkpoint refers to: what was in those is in memory and in the journal.
    fn remove_orphans(&mut self, entries: &[Entry]) {
        let mut wanted = std::collections::BTreeSet::new();
        for (tp, partition) in &self.state.partitions {
            if partition.dir_made {
                wanted.insert(dir_name(&partition.topic_name, *tp));
            }
        }
        for entry in entries.iter().filter(|e| is_partition_dir(e)) {
            if !wanted.contains(&entry.name) {
                self.remove_dir(entry.name.clone(), None, Lsn(0));
            }
        }
    }
}

/// Whether a directory is a partition's, or one on its way out.
fn is_partition_dir(entry: &Entry) -> bool {
    let number = entry.name.rsplit_once('-').map(|(_, n)| n);
    entry.is_dir
        && (entry.name.ends_with(DELETED_SUFFIX)
            || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())))
}
