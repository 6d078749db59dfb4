//! From a data directory to a running log: the newer valid checkpoint, then the journal's chain
//! behind it. A new directory is made here too. It repairs nothing: a hole ends it, or is left out.

mod directory;
mod follow;
mod salvage;

use std::collections::BTreeSet;

use kring_io::disk::Entry;
use kring_io::{
    Buffer, DiskDone, DiskError, DiskOk, DiskOp, Effects, FileId, FileKind, Instant, Now,
};

use crate::Log;
use crate::checkpoint;
use crate::checkpoint::file::{self, SnapshotError};
use crate::checkpoint::snapshot::Snapshot;
use crate::event::LogFailure;
use crate::journal::block::Expected;
use crate::journal::replay::Scan;
use crate::journal::ring::{Geometry, Position};
use crate::log::{Phase, describe};
use crate::lsn::Lsn;
use crate::ops::Pending;
use crate::removal::DELETED_SUFFIX;

/// How often one piece that the device fails to give is asked for. What one error in passing would
/// take away for good is not given up at the first one: others may count on it, and may have lost
/// theirs. Reading changes nothing, so that asking again is safe, as a sync again is not.
const READS_MAX: u32 = 5;

/// What recovery waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecoveryStep {
    List,
    OpenCheckpoint(FileId),
    ReadCheckpoint(FileId),
    /// The checkpoint with which this run begins.
    OpenFirst(FileId),
    WriteFirst(FileId),
    SyncFirst(FileId),
    SyncFirstDir,
    OpenJournal(usize),
    SyncJournalDir,
    /// Zeros at the beginning of the first file.
    ZeroJournal,
    ReadJournal,
    /// A file of which blocks were replayed.
    SyncReplayed,
}

/// What recovery knows so far.
#[derive(Debug)]
pub(crate) struct Recovery {
    started: Instant,
    entries: Vec<Entry>,
    /// Checkpoint files still to read.
    unread: Vec<String>,
    best: Option<(u64, Snapshot<'static>)>,
    /// The bytes of the best one.
    best_bytes: Vec<u8>,
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
    /// Failed reads of the piece that is wanted now.
    failed_reads: u32,
    end: Option<Position>,
    /// The files of the blocks that were replayed, by their place in the ring.
    replayed: BTreeSet<usize>,
    /// The checkpoint with which this run begins: of a new directory, of what a salvage keeps of an
    /// old one, or the one that was read.
    first: Vec<u8>,
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
            best_bytes: Vec::new(),
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
            failed_reads: 0,
            end: None,
            replayed: BTreeSet::new(),
            first: Vec::new(),
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
            // Zeros save time only; a block that finds no room is tried again.
            Err(DiskError::NoSpace { .. }) if step == RecoveryStep::ZeroJournal => DiskOk::Done,
            // The same bytes are there already, and there is no room for another checkpoint either.
            Err(DiskError::NoSpace { .. })
                if matches!(step, RecoveryStep::WriteFirst(_)) && self.is_rewriting() =>
            {
                DiskOk::Done
            }
            Err(error) => {
                let bytes = done.buffer.map_or(0, |buffer| buffer.len());
                if !self.read_again(now, step, &error, bytes, out) {
                    self.recovery_failed(now, step, &error, out);
                }
                return;
            }
        };
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        recovery.failed_reads = 0;
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
                self.read_checkpoint(file, usize::try_from(len).unwrap_or(usize::MAX), out);
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
            (RecoveryStep::SyncReplayed, _) => self.sync_replayed(now, out),
            (step, _) => self.directory_step(now, step, out),
        }
    }

    /// Whether the checkpoint that is being written is the one that was read.
    fn is_rewriting(&self) -> bool {
        !self.recovered.empty && !self.recovered.salvaged
    }

    fn read_checkpoint(&mut self, file: FileId, bytes: usize, out: &mut Effects) {
        let read = DiskOp::Read {
            file,
            offset: 0,
            buffer: Buffer::zeroed(bytes),
        };
        let step = RecoveryStep::ReadCheckpoint(file);
        self.op(out, read, Pending::Recovery(step));
    }

    /// Asks once more for what the device did not give, if it was a read and not tried often enough.
    fn read_again(
        &mut self,
        now: Now,
        step: RecoveryStep,
        error: &DiskError,
        bytes: usize,
        out: &mut Effects,
    ) -> bool {
        let Some(recovery) = self.recovery.as_mut() else {
            return false;
        };
        recovery.failed_reads += 1;
        let failed = recovery.failed_reads;
        if !matches!(error, DiskError::Io { .. }) || failed >= READS_MAX {
            recovery.failed_reads = 0;
            return false;
        }
        match step {
            RecoveryStep::ReadCheckpoint(file) => self.read_checkpoint(file, bytes, out),
            RecoveryStep::ReadJournal => self.scan(now, out),
            _ => return false,
        }
        tracing::warn!(%error, failed, "a read failed and is tried again");
        true
    }

    fn recovery_failed(
        &mut self,
        now: Now,
        step: RecoveryStep,
        error: &DiskError,
        out: &mut Effects,
    ) {
        let (path, reason) = describe(error);
        let unreadable = matches!(error, DiskError::Io { .. });
        if let RecoveryStep::ReadCheckpoint(file) = step
            && unreadable
        {
            // As good as damaged: the other one may hold.
            self.ops.close(out, file);
            if let Some(recovery) = self.recovery.as_mut() {
                recovery.invalid.push(reason);
            }
            return self.next_checkpoint_file(now, out);
        }
        if step == RecoveryStep::ReadJournal && unreadable && self.may_salvage() {
            return self.salvage_journal(now, &LogFailure::Open { path, reason }, out);
        }
        self.fail(match step {
            RecoveryStep::WriteFirst(_)
            | RecoveryStep::SyncFirst(_)
            | RecoveryStep::SyncFirstDir
            | RecoveryStep::SyncJournalDir
            | RecoveryStep::ZeroJournal
            | RecoveryStep::SyncReplayed => LogFailure::Write { path, reason },
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
            None => self.begin_directory(now, out),
        }
    }

    /// Reads a checkpoint. Returns whether recovery may go on.
    fn take_checkpoint(&mut self, content: &[u8]) -> bool {
        let Some(recovery) = self.recovery.as_mut() else {
            return false;
        };
        match file::decode(content) {
            Ok((number, snapshot)) => {
                if recovery.best.as_ref().is_none_or(|(n, _)| *n < number) {
                    recovery.best = Some((number, snapshot));
                    recovery.best_bytes = content.to_vec();
                }
            }
            Err(SnapshotError::Invalid(reason)) => recovery.invalid.push(reason),
            Err(SnapshotError::OtherFormat(found)) => {
                let path = "checkpoint".to_owned();
                let read = file::OLDEST_FORMAT..=file::FORMAT;
                self.fail(LogFailure::other_format(path, found, &read));
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
        if recovery.geometry != snapshot.geometry {
            tracing::warn!(
                files = snapshot.geometry.files,
                file_bytes = snapshot.geometry.file_bytes,
                configured_files = recovery.geometry.files,
                configured_file_bytes = recovery.geometry.file_bytes,
                "the journal keeps the number and length of files that this data directory was made with; other ones need an empty directory"
            );
        }
        // The first checkpoint of this version makes the next recovery independent of the older format.
        self.checkpoint.wanted = snapshot.is_older;
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
                // Reads may show what a sync that failed, or a kill before it, never made durable,
                // and the next checkpoint overwrites the one before. So the same bytes are written
                // to the same place once more, which can spoil nothing, and synced.
                recovery.first = std::mem::take(&mut recovery.best_bytes);
                self.write_first_checkpoint(out);
            }
            Err(reason) => self.fail(LogFailure::NoCheckpoint { reason }),
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
