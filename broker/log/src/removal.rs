//! Removes directories and files that nothing refers to any more, once the change that dropped
//! them is durable. It decides nothing: deletion, retention and recovery do.

use std::collections::{BTreeMap, VecDeque};

use kring_io::{DiskDone, DiskError, DiskOp, Effects};
use kring_wire::ids::TopicPartition;

use crate::Log;
use crate::journal::record::Change;
use crate::lsn::Lsn;
use crate::ops::Pending;
use crate::segment::{self, SegmentKey};
use crate::state::Leftovers;

/// Ends the name of a directory that is being removed, as Kafka's do.
pub(crate) const DELETED_SUFFIX: &str = "-delete";

#[derive(Debug)]
struct Removal {
    /// The group that must be durable first.
    after: Lsn,
    /// The partition's directory; no flush touches it meanwhile.
    dir: String,
    /// Whose files to close, and whether all of them.
    tp: Option<(TopicPartition, bool)>,
    /// The segments whose files go. Whoever reads or syncs one ends first, and a new file of the
    /// same name is another file.
    keys: Vec<SegmentKey>,
    ops: VecDeque<DiskOp>,
    started: bool,
}

/// All removals, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    next: u64,
    waiting: BTreeMap<u64, Removal>,
}

impl Removals {
    /// Whether something in this directory waits to be removed.
    pub(crate) fn blocks(&self, dir: &str) -> bool {
        self.waiting.values().any(|r| r.dir == dir)
    }

    fn add(&mut self, removal: Removal) {
        self.next += 1;
        self.waiting.insert(self.next, removal);
    }
}

impl Log {
    /// Removes what a change left behind, after the group `lsn`.
    pub(crate) fn remove_leftovers(&mut self, change: &Change, left: Leftovers, lsn: Lsn) {
        let tp = match change {
            Change::Delete { tp } => Some((*tp, true)),
            Change::Reset { tp, .. }
            | Change::StartAnew { tp, .. }
            | Change::StartAnewWithTransactions { tp, .. }
            | Change::Discard { tp, .. }
            | Change::LogStart { tp, .. }
            | Change::Compacted { tp, .. }
            | Change::CompactedWithMarkers { tp, .. } => Some((*tp, false)),
            _ => None,
        };
        if let Some(dir) = left.dir {
            self.remove_dir(dir, tp, lsn);
        }
        let dir = tp
            .and_then(|(tp, _)| self.state.partitions.get(&tp))
            .map(|p| p.dir.clone());
        if let (Some(dir), Some((tp, _))) = (dir, tp)
            && !left.segments.is_empty()
        {
            self.stats.removed_segments += left.segments.len() as u64;
            let ops = left
                .segments
                .iter()
                .map(|s| DiskOp::Remove {
                    path: segment::path(&dir, s.key(tp)),
                })
                .collect();
            self.removals.add(Removal {
                after: lsn,
                dir,
                tp: Some((tp, false)),
                keys: left.segments.iter().map(|s| s.key(tp)).collect(),
                ops,
                started: false,
            });
        }
    }

    /// Removes a directory: first away from its name, which another topic may take.
    pub(crate) fn remove_dir(
        &mut self,
        dir: String,
        tp: Option<(TopicPartition, bool)>,
        after: Lsn,
    ) {
        let mut ops = VecDeque::new();
        let mut doomed = dir.clone();
        if !dir.ends_with(DELETED_SUFFIX) {
            doomed = format!("{dir}.{:016x}{DELETED_SUFFIX}", self.random.next_u64());
            ops.push_back(DiskOp::Rename {
                from: dir.clone(),
                to: doomed.clone(),
            });
        }
        ops.push_back(DiskOp::Remove { path: doomed });
        self.removals.add(Removal {
            after,
            dir,
            tp,
            keys: Vec::new(),
            ops,
            started: false,
        });
    }

    /// Starts removals whose change is durable and whose directory no flush uses.
    pub(crate) fn start_removals(&mut self, out: &mut Effects) {
        let durable = self.durable_lsn();
        let ready: Vec<u64> = self
            .removals
            .waiting
            .iter()
            .filter(|(_, r)| !r.started && r.after <= durable)
            .filter(|(_, r)| self.flush.running.values().all(|job| job.dir != r.dir))
            .filter(|(_, r)| !r.keys.iter().any(|key| self.files.in_use(*key)))
            .map(|(number, _)| *number)
            .collect();
        for number in ready {
            let Some(removal) = self.removals.waiting.get_mut(&number) else {
                continue;
            };
            removal.started = true;
            if let Some((tp, all)) = removal.tp {
                let segments = self.state.partitions.get(&tp).filter(|_| !all);
                let going = &removal.keys;
                let keep = |key: SegmentKey| {
                    !going.contains(&key)
                        && segments.is_some_and(|p| {
                            p.active.base_offset == key.base_offset || p.segment(key).is_some()
                        })
                };
                for file in self.files.forget(tp, keep) {
                    self.ops.close(out, file);
                }
            }
            self.next_removal_op(number, out);
        }
    }

    fn next_removal_op(&mut self, number: u64, out: &mut Effects) {
        let Some(removal) = self.removals.waiting.get_mut(&number) else {
            return;
        };
        match removal.ops.pop_front() {
            Some(op) => self.op(out, op, Pending::Removal(number)),
            None => {
                self.removals.waiting.remove(&number);
            }
        }
    }

    pub(crate) fn removal_done(&mut self, number: u64, done: &DiskDone, out: &mut Effects) {
        match &done.result {
            // A partition that never was flushed has no directory.
            Ok(_) | Err(DiskError::NotFound { .. }) => {}
            Err(error) => {
                // Nothing refers to it any more; recovery looks for it again.
                tracing::warn!(%error, "removing old data failed");
            }
        }
        self.next_removal_op(number, out);
    }
}
