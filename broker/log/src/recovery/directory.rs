//! Makes a new data directory, and opens the journal files of any.
//! It reads no journal.

use kring_io::{Buffer, DiskOp, Effects, FileKind, Now};

use super::{RecoveryStep, is_partition_dir};
use crate::Log;
use crate::checkpoint;
use crate::checkpoint::snapshot::{Segments, Snapshot};
use crate::event::LogFailure;
use crate::journal::block::Expected;
use crate::journal::replay::Scan;
use crate::journal::ring::{self, Position};
use crate::journal::zero::ZERO_CHUNK_BYTES;
use crate::lsn::Lsn;
use crate::ops::Pending;
use crate::state::State;

impl Log {
    /// No checkpoint is valid: that is right only where nothing was ever journaled.
    pub(super) fn begin_directory(&mut self, now: Now, out: &mut Effects) {
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
            let failure = LogFailure::NoCheckpoint { reason };
            if self.may_salvage() {
                self.salvage_nothing(now, &failure, out);
            } else {
                self.fail(failure);
            }
            return;
        }
        self.recovered.empty = true;
        recovery.number = 1;
        let mut state = State::default();
        let first = Snapshot::take(
            recovery.geometry,
            Position::default(),
            (Lsn(0), 0, 0),
            true,
            Segments::AsTheyAre,
            &mut state,
        );
        recovery.first = first.encode(1);
        let expected = Expected {
            epoch: 0,
            lsn: Lsn(1),
            prev_crc: 0,
        };
        let mut scan = Scan::new(recovery.geometry, Position::default(), expected);
        scan.clean = true;
        recovery.scan = Some(scan);
        self.write_first_checkpoint(out);
    }

    /// Writes the checkpoint with which the directory begins, or begins anew.
    pub(super) fn write_first_checkpoint(&mut self, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_ref() else {
            return;
        };
        let path = checkpoint::path(recovery.number);
        let file = self.ops.new_file();
        let open = DiskOp::Open {
            file,
            path,
            kind: FileKind::Meta,
            create: true,
        };
        self.op(out, open, Pending::Recovery(RecoveryStep::OpenFirst(file)));
    }

    /// The steps that make a new directory, one after the other. The journal files come after the
    /// first checkpoint is durable: a directory with a journal always has one.
    pub(super) fn directory_step(&mut self, now: Now, step: RecoveryStep, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        let next = Pending::Recovery;
        match step {
            RecoveryStep::OpenFirst(file) => {
                let bytes = std::mem::take(&mut recovery.first);
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
            RecoveryStep::SyncFirstDir => self.next_journal_file(now, out),
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

    pub(super) fn next_journal_file(&mut self, now: Now, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        let index = recovery.journal_files.len();
        // Only before anything was checkpointed may files be missing: the start was interrupted.
        let create = recovery.number <= 1 || self.recovered.salvaged;
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

    pub(super) fn zero_beginning(&mut self, now: Now, out: &mut Effects) {
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
}
