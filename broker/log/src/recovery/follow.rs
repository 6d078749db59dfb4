//! Follows the journal behind the checkpoint, and begins this run where it ends.
//! What continues the chain and what is a hole is `replay`'s to say.

use kring_io::disk::Entry;
use kring_io::{Buffer, DiskOp, Effects, Now};

use super::{RecoveryStep, is_partition_dir};
use crate::Log;
use crate::event::{LogEvent, LogFailure, Recovered};
use crate::journal::block;
use crate::journal::record::{self, Change, Record};
use crate::journal::replay::Next;
use crate::journal::ring::{self, Position, Ring};
use crate::journal::zero::Zeroing;
use crate::journal::{Chain, Journal};
use crate::log::{Phase, micros};
use crate::lsn::Lsn;
use crate::ops::Pending;
use crate::partition::dir_name;

impl Log {
    /// Follows the chain as far as the bytes at hand allow.
    pub(super) fn scan(&mut self, now: Now, out: &mut Effects) {
        loop {
            let Some(recovery) = self.recovery.as_mut() else {
                return;
            };
            if self.recovered.empty || self.recovered.salvaged {
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
                    mended,
                } => {
                    recovery.replayed.insert(recovery.geometry.index(at));
                    if mended {
                        self.note_mended(at, header.lsn);
                    }
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
                    self.sync_replayed(now, out);
                    return;
                }
                end => return self.refuse(now, &end, out),
            }
        }
    }

    /// Syncs the next file of which blocks were replayed, then goes on. Reads may show a block that a process wrote
    /// and that was killed before the disk made it durable; this run counts all of them as durable.
    pub(super) fn sync_replayed(&mut self, now: Now, out: &mut Effects) {
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        match recovery.replayed.pop_first() {
            Some(index) => {
                let file = recovery.journal_files[index];
                let step = RecoveryStep::SyncReplayed;
                self.op(out, DiskOp::Sync { file }, Pending::Recovery(step));
            }
            None => self.finish_recovery(now, out),
        }
    }

    /// The chain ends where it must not.
    fn refuse(&mut self, now: Now, end: &Next, out: &mut Effects) {
        match end {
            Next::Hole {
                at,
                lsn,
                proof_lsn,
                proof_index,
                proof_offset,
            } => {
                let proof = ring::path(*proof_index);
                let failure = LogFailure::Hole {
                    path: self.journal_path(*at),
                    position: at.offset,
                    lsn: *lsn,
                    reason: format!(
                        "block {proof_lsn} in {proof} at byte {proof_offset} was written after it"
                    ),
                };
                if self.may_salvage() {
                    self.salvage_journal(now, &failure, out);
                } else {
                    self.fail(failure);
                }
            }
            Next::OtherFormat { index, format } => {
                let path = ring::path(*index);
                let read = block::FORMAT..=block::FORMAT;
                self.fail(LogFailure::other_format(path, *format, &read));
            }
            Next::Read { .. } | Next::Block { .. } | Next::End { .. } => {}
        }
    }

    fn note_mended(&mut self, at: Position, lsn: Lsn) {
        self.recovered.mended_groups += 1;
        tracing::warn!(
            path = self.journal_path(at),
            position = at.offset,
            block = lsn.0,
            "a damaged page of a block of the journal was restored from the block's parity, so that nothing is lost. If it happens again, replace the disk"
        );
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
        if let Some(torn) = scan.torn.filter(|torn| *torn == end) {
            tracing::warn!(
                path = ring::path(recovery.geometry.index(torn)),
                position = torn.offset,
                block = scan.expected().lsn.0,
                "cut: the journal's last block was being written when the broker stopped, so nothing of it was acknowledged"
            );
        }
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
        self.find_orphans(recovery.entries);
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
        // The next recovery need not repeat this one's work.
        self.checkpoint.wanted |= self.recovered.empty || self.recovered.replayed_groups > 1;
        let scarce = self.journal.as_ref().is_some_and(|journal| {
            let group_bytes = self.config.commit_group_bytes_max;
            !self.recovered.empty && !journal.admits(2 * group_bytes)
        });
        if !scarce {
            self.run(now, out);
            return;
        }
        // LOG-10: with the others' changes on top the journal could be full before the checkpoint is there, and
        // so it would be in each run that follows.
        tracing::info!("the journal is almost full: takes a checkpoint before it goes on");
        self.checkpoint.wanted = true;
        self.phase = Phase::MakingRoom;
    }

    /// Goes on after the checkpoint that made room, or where the disk has no room for one: reads are served even so.
    pub(crate) fn run_if_room_was_made(&mut self, now: Now, out: &mut Effects) {
        let under_way = self.checkpoint.wanted || self.checkpoint.is_running();
        if self.phase == Phase::MakingRoom && (!under_way || self.room.lacking().is_some()) {
            self.run(now, out);
        }
    }

    fn run(&mut self, now: Now, out: &mut Effects) {
        self.phase = Phase::Running;
        self.stats.recovery_us = self.recovered.duration_us;
        self.start_timers(now, out);
        let recovered: Recovered = self.recovered;
        self.events.push(LogEvent::Recovered(recovered));
    }

    /// Removes directories that the journal knows to be dropped, or that hold nothing that the
    /// checkpoint refers to: what was in those is in memory and in the journal. After a salvage they
    /// stay until [`Log::drop_untrusted`].
    fn find_orphans(&mut self, entries: Vec<Entry>) {
        let mut wanted = std::collections::BTreeSet::new();
        for (tp, partition) in &self.state.partitions {
            if partition.dir_made {
                wanted.insert(dir_name(&partition.topic_name, *tp));
            }
        }
        let orphans = entries
            .into_iter()
            .filter(|e| is_partition_dir(e) && !wanted.contains(&e.name));
        if self.is_untrusted() {
            self.untrusted = orphans.collect();
            return;
        }
        for entry in orphans.collect::<Vec<Entry>>() {
            self.remove_dir(entry.name, None, Lsn(0));
        }
    }
}
