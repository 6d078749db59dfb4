//! Disk operations under way, each with what its completion is for.
//! It carries nothing out and decides nothing.

use std::collections::BTreeMap;

use kring_io::{DiskOp, Effects, FileId, OpId};
use kring_wire::ids::TopicPartition;

use crate::checkpoint::CheckpointStep;
use crate::compaction::CompactionStep;
use crate::event::ReadId;
use crate::flush::FlushStep;
use crate::lsn::Lsn;
use crate::recovery::RecoveryStep;
use crate::scrub::ScrubStep;
use crate::segment::SegmentKey;

/// What a completion is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// The block of a group.
    Journal(Lsn),
    /// Zeros behind the journal's head.
    Zero,
    /// Nothing depends on it.
    Nothing,
    Recovery(RecoveryStep),
    OpenSegment(SegmentKey),
    /// A sync before a file is closed: up to this write.
    SyncExcess(SegmentKey, u64),
    Flush(TopicPartition, FlushStep),
    ColdRead(ReadId),
    Checkpoint(CheckpointStep),
    Compaction(CompactionStep),
    Scrub(ScrubStep),
    /// Of the removal with this number.
    Removal(u64),
}

/// Gives out names and remembers what they are for.
#[derive(Debug, Default)]
pub(crate) struct Ops {
    next_op: u64,
    next_file: u64,
    pending: BTreeMap<OpId, Pending>,
}

impl Ops {
    pub(crate) fn new_file(&mut self) -> FileId {
        self.next_file += 1;
        FileId(self.next_file)
    }

    pub(crate) fn submit(&mut self, out: &mut Effects, op: DiskOp, pending: Pending) {
        self.next_op += 1;
        let id = OpId(self.next_op);
        self.pending.insert(id, pending);
        out.disk.push((id, op));
    }

    pub(crate) fn close(&mut self, out: &mut Effects, file: FileId) {
        self.submit(out, DiskOp::Close { file }, Pending::Nothing);
    }

    /// A read goes on under another name.
    pub(crate) fn rename_read(&mut self, from: ReadId, to: ReadId) {
        for pending in self.pending.values_mut() {
            if *pending == Pending::ColdRead(from) {
                *pending = Pending::ColdRead(to);
            }
        }
    }

    pub(crate) fn take(&mut self, id: OpId) -> Option<Pending> {
        self.pending.remove(&id)
    }
}
